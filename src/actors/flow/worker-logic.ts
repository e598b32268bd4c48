import type { ActorLogic, ActorScope, AnyActorRef } from 'xstate';
import type { WorkerStatus } from '../../flow/contract.ts';
import type { TroupeEvent } from '../../events/events.ts';
import { toMachine } from '../../machines/chart.ts';
import { workerChart, workerTable } from '../../machines/worker.ts';
import type { AnySystem } from '../chart-logic.ts';
import type { PauseInfo } from '../settings.ts';
import type { FlowWorker } from './flow-worker.ts';

/** What the snapshot of a worker's actor shows. */
export interface WorkerView {
  readonly workerId: string | undefined;
  readonly status: WorkerStatus;
  /** The questions of its routines that wait for a person. */
  readonly pauses: readonly PauseInfo[];
}

interface WorkerSnapshotBase {
  readonly value: WorkerStatus;
  readonly context: WorkerView;
  /** What a restored actor goes on from. */
  readonly input: unknown;
}

/** The snapshot of a worker's actor: its output are the states of its routines, by name. */
export type WorkerSnapshot =
  | (WorkerSnapshotBase & {
      readonly status: 'active' | 'stopped';
      readonly output: undefined;
      readonly error: undefined;
    })
  | (WorkerSnapshotBase & { readonly status: 'done'; readonly output: unknown; readonly error: undefined })
  | (WorkerSnapshotBase & { readonly status: 'error'; readonly output: undefined; readonly error: unknown });

/** What a worker tells its own actor: a move of its chart, or that something else is to be shown. */
export type WorkerSignal =
  | { readonly type: 'OPEN' | 'PAUSE' | 'RESUME' | 'DRAIN' | 'UPDATE' }
  | { readonly type: 'STOP' | 'FAIL'; readonly error?: unknown };

/** Actor logic of a worker; `Command` is what others may send to it. */
export type WorkerLogic<Command extends { readonly type: string }, Input> = ActorLogic<
  WorkerSnapshot,
  Command,
  Input,
  AnySystem,
  TroupeEvent
> & {
  /** Inspectors draw an actor's chart from here. */
  readonly config: unknown;
};

type Scope = ActorScope<WorkerSnapshot, { readonly type: string }, AnySystem, TroupeEvent>;

/** What a logic leaves to whoever makes workers. */
export interface WorkerMaker {
  /** The worker of an actor that starts. */
  make(input: unknown, seat: { self: AnyActorRef; emit: (event: TroupeEvent) => void }): FlowWorker;
  /** Something that others have sent. */
  onCommand?(worker: FlowWorker, command: { readonly type: string }): void;
  /** What of a worker is kept, to go on from. */
  persist?(worker: FlowWorker): unknown;
}

const CONFIG = toMachine(workerChart).config;

/** The chart of a worker as actor logic. */
export function createWorkerLogic(maker: WorkerMaker): ActorLogic<
  WorkerSnapshot,
  { readonly type: string },
  unknown,
  AnySystem,
  TroupeEvent
> & {
  readonly config: unknown;
} {
  const workers = new WeakMap<object, FlowWorker>();
  const begin = (snapshot: WorkerSnapshot, { self, emit }: Scope): void => {
    const worker = maker.make(snapshot.input, { self, emit: (event) => emit(event) });
    workers.set(self, worker);
  };
  return {
    config: CONFIG,
    getInitialSnapshot: (_scope, input) => initialSnapshot(input),
    getPersistedSnapshot: (snapshot) => snapshot,
    start: (snapshot, scope) => {
      if (snapshot.status === 'active') begin(snapshot, scope);
    },
    transition: (snapshot, event, { self }) => {
      if (snapshot.status !== 'active') return snapshot;
      const worker = workers.get(self);
      if (isSignal(event)) return moved(snapshot, event, worker);
      if (event.type === 'xstate.stop') {
        void worker?.stop({ reason: 'The actor was stopped' });
        return { ...snapshot, status: 'stopped', output: undefined, error: undefined };
      }
      if (worker !== undefined) maker.onCommand?.(worker, event);
      return snapshot;
    },
  };
}

const SIGNALS: ReadonlySet<string> = new Set<WorkerSignal['type']>([
  'OPEN',
  'PAUSE',
  'RESUME',
  'DRAIN',
  'UPDATE',
  'STOP',
  'FAIL',
]);

function isSignal(event: { readonly type: string }): event is WorkerSignal {
  return SIGNALS.has(event.type);
}

function initialSnapshot(input: unknown): WorkerSnapshot {
  const value = workerTable.initial.value;
  const context: WorkerView = { workerId: undefined, status: value, pauses: [] };
  return { status: 'active', value, context, input, output: undefined, error: undefined };
}

function moved(
  snapshot: WorkerSnapshot,
  event: WorkerSignal,
  worker: FlowWorker | undefined,
): WorkerSnapshot {
  const value =
    event.type === 'UPDATE'
      ? snapshot.value
      : workerTable.next({ value: snapshot.value, context: {} }, event.type).value;
  const pauses = worker?.pauses ?? [];
  const context: WorkerView = { workerId: worker?.id, status: value, pauses };
  const { input } = snapshot;
  const base = { value, context, input };
  if (value === 'failed' && event.type === 'FAIL')
    return { ...base, status: 'error', output: undefined, error: event.error };
  if (value === 'stopped')
    return { ...base, status: 'done', output: worker?.state.allStates() ?? {}, error: undefined };
  return { ...base, status: 'active', output: undefined, error: undefined };
}
