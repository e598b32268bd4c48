/**
 * The core of Troupe: nodes, the runner, events and errors.
 *
 * @module
 */
export { fromGraph, fromNode, type EmbeddingOptions } from './runner/embedding.ts';
export { createRunner } from './runner/create-runner.ts';
export type { RunArguments, Runner } from './runner/runner.ts';
export type { Capabilities, RunnerInfo } from './runner/runner-info.ts';
export type { ForkOptions, ResumeOptions } from './runner/workflow-options.ts';
export type { RunHandle } from './runner/run-handle.ts';
export type { RunResult } from './runner/result.ts';
export type { InputName, MapInput, MapOptions } from './runner/map-options.ts';
export type { MapFailure, MapResult, MapStatus } from './runner/map-result.ts';
export type { MapItemResult, MapItems } from './runner/map-iter.ts';
export type { ArrowTable } from './runner/map-table.ts';
export type { RunnerOptions, RunOptions, SharedOptions } from './runner/options.ts';
export { machineNode, type MachineNodeDefinition } from './actors/machine-node.ts';
export type { RunCommand, RunLogic, RunSnapshot, RunView } from './actors/run-logic.ts';
export type { ErrorPolicy, InterruptHandler, PauseInfo } from './actors/settings.ts';
export type { Inspector } from './actors/inspector.ts';
export { node, type NamedOutputs, type NodeDefinition, type SpecOf } from './nodes/node.ts';
export { input, type InputOptions } from './nodes/input.ts';
export {
  END,
  ifElse,
  route,
  type Decision,
  type GateNode,
  type GatePolicies,
  type GateSpec,
} from './nodes/gates.ts';
export {
  interrupt,
  type InterruptDefinition,
  type InterruptNode,
  type InterruptSpec,
} from './nodes/interrupt.ts';
export { graph } from './graph/graph.ts';
export type * from './graph/types.ts';
export type { NodeStatus } from './log/graph-status.ts';
export { inject } from './nodes/inject.ts';
export { broadcast, call, callBatch, callSync, context, currentRun } from './nodes/ambient.ts';
export type {
  AnyNode,
  BatchList,
  BatchOptions,
  BodyInput,
  CachePolicy,
  CallArguments,
  CallInput,
  CallOptions,
  GateSettings,
  InputDeclaration,
  InputDeclarations,
  InterruptOptions,
  Node,
  NodeContext,
  NodeKind,
  NodePolicies,
  NodeSpec,
  OutputOf,
  QuestionSettings,
  RetryPolicy,
  RunContext,
  Target,
} from './nodes/contract.ts';
export { ExecutionInfo, type ExecutionGraph, type ExecutionInfoJSON } from './log/execution-info.ts';
export type { Forest, NodeForest, RequestForest } from './log/forest.ts';
export type { NodeRecord, RequestRecord } from './log/records.ts';
export type { Stamp } from './log/message-log.ts';
export type { RequestStatus, RunStatus } from './log/messages.ts';
export type * from './events/events.ts';
export { jsonLines } from './events/json-lines.ts';
export { progress, type ProgressOptions, type ProgressStream } from './events/progress.ts';
export * from './errors.ts';
export type { Cache, CacheEntryOptions, CacheLookupOptions } from './cache/cache.ts';
export type { Checkpointer } from './checkpoint/checkpointer.ts';
export type { Clock, TimerHandle } from './clock.ts';
export type { NodeId, RequestId, RunId } from './ids.ts';
export type { Logger, LogLevel, LogMethod } from './logger.ts';
export type { RedactOption } from './redact.ts';
