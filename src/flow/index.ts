/**
 * Flows: long-lived routines with slots and activation policies, the workers that run them, and the jobs that are posted
 * to them.
 *
 * @module
 */
export { flow } from './flow.ts';
export { flowFromJSON, type FlowSources } from './flow-from-json.ts';
export { routine, type RoutineDefinition } from './routine.ts';
export { event, slot, type SlotOptions } from './slot.ts';
export {
  allSlotsReady,
  batchSize,
  custom,
  immediate,
  timeInterval,
  type Activation,
  type AskAgain,
  type Policy,
  type PolicyOptions,
  type PolicyView,
  type SlotView,
  type Verdict,
} from './policies.ts';
export {
  aggregator,
  type AggregatorEvents,
  type AggregatorOptions,
  type Completeness,
  type Incomplete,
  type OneOfEach,
} from './ready-made/aggregator.ts';
export { batcher, type BatcherOptions } from './ready-made/batcher.ts';
export { debouncer, type DebouncerOptions } from './ready-made/debouncer.ts';
export { filter, type FilterEvents } from './ready-made/filter.ts';
export { mapRoutine } from './ready-made/map-routine.ts';
export {
  router,
  type Passing,
  type Route,
  type Routed,
  type RouterEvents,
  type RouterOptions,
} from './ready-made/router.ts';
export { schemaGate, type GateEvents, type GateIssue, type RefusedValue } from './ready-made/schema-gate.ts';
export { splitter, type Pieces } from './ready-made/splitter.ts';
export type { InputOptions, InputSlot, ReadyMadeOptions, StepContext } from './ready-made/options.ts';
export type * from './contract.ts';
export type * from './flow-types.ts';
export { createRuntime } from '../runner/flow/create-runtime.ts';
export type { RuntimeOptions } from '../runner/flow/runtime-options.ts';
export type { MessageMetrics, RoutineMetrics, RuntimeMetrics, SlotMetrics } from '../runner/flow/metrics.ts';
export type * from '../runner/flow/runtime.ts';
export { fromFlow, type FlowEmbeddingOptions } from '../runner/flow/from-flow.ts';
export type { WorkerCommand, WorkerLogic, WorkerSnapshot, WorkerView } from '../actors/flow/worker-logic.ts';
