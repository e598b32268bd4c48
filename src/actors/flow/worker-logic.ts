import type { ActorLogic, ActorScope, AnyActorRef } from 'xstate';
import type { TroupeEvent } from '../../events/events.ts';
import type { JobStatus, WorkerStatus } from '../../flow/contract.ts';
import { toMachine } from '../../machines/chart.ts';
import { workerChart, workerTable } from '../../machines/worker.ts';
import type { AnySystem } from '../chart-logic.ts';
import type { PauseInfo } from '../settings.ts';
import type { FlowWorker } from './flow-worker.ts';

/** What the snapshot of a worker's actor shows. */
export interface WorkerView {
  readonly workerId: string | undefined;
  readonly status: WorkerStatus;
  /** How many jobs are in each status; of the final ones, how many have come there so far. */
  readonly jobs: Readonly<Partial<Record<JobStatus, number>>>;
  /** The questions of its routines that wait for a person. */
  readonly pauses: readonly PauseInfo[];
}

interface WorkerSnapshotBase {
  readonly value: WorkerStatus;
  readonly context: WorkerView;
  /** Of a persisted snapshot: what the worker held, from which a restored one goes on. */
  readonly past: unknown;
}

/** The snapshot of a worker's actor: its output are the states of its routines, by name. */
export type WorkerSnapshot =
  | (WorkerSnapshotBase & {
      readonly status: 'active' | 'stopped';
      readonly output: undefined;
      readonly error: undefined;
    })
  | (WorkerSnapshotBase & {
      readonly status: 'done';
      readonly output: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
      readonly error: undefined;
    })
  | (WorkerSnapshotBase & { readonly status: 'error'; readonly output: undefined; readonly error: unknown });

/** What may be sent to a worker's actor. */
export type WorkerCommand =
  | {
      readonly type: 'post';
      readonly routine: string;
      readonly slot: string;
      readonly data: unknown;
      readonly jobId?: string | undefined;
      readonly metadata?: Readonly<Record<string, unknown>> | undefined;
    }
  | { readonly type: 'pause'; readonly reason?: unknown }
  | { readonly type: 'resume' }
  | { readonly type: 'respond'; readonly key: string; readonly value: unknown; readonly jobId?: string }
  | { readonly type: 'drain' }
  | { readonly type: 'cancel'; readonly reason?: unknown };

/** Actor logic of a worker. */
export type WorkerLogic = ActorLogic<WorkerSnapshot, WorkerCommand, undefined, AnySystem, TroupeEvent> & {
  /** Inspectors draw an actor's chart from here. */
  readonly config: unknown;
};

/** What a worker tells its own actor: a move of its chart, or that something else is to be shown. */
type WorkerSignal =
  | { readonly type: 'OPEN' | 'PAUSE' | 'RESUME' | 'DRAIN' | 'UPDATE' }
  | { readonly type: 'STOP' | 'FAIL'; readonly error?: unknown };

/** A worker with its actor. */
export interface SeatedWorker {
  readonly worker: FlowWorker;
  /** Posts for somebody who does not wait; it does not reject. */
  post(command: WorkerCommand & { readonly type: 'post' }): Promise<void>;
  jobs(): WorkerView['jobs'];
}

/** What a worker's actor gives whoever makes the worker. */
export interface WorkerSeat {
  readonly self: AnyActorRef;
  readonly emit: (event: TroupeEvent) => void;
}

type Scope = ActorScope<WorkerSnapshot, WorkerCommand | WorkerSignal, AnySystem, TroupeEvent>;

const CONFIG = toMachine(workerChart).config;

const SIGNALS: ReadonlySet<string> = new Set<WorkerSignal['type']>([
  'OPEN',
  'PAUSE',
  'RESUME',
  'DRAIN',
  'UPDATE',
  'STOP',
  'FAIL',
]);

/** The chart of a worker as actor logic; `make` makes the worker of an actor that starts, from what another has held. */
export function createWorkerLogic(make: (past: unknown, seat: WorkerSeat) => SeatedWorker): WorkerLogic {
  const bySelf = new WeakMap<object, SeatedWorker>();
  const bySnapshot = new WeakMap<object, SeatedWorker>();
  const moved = (snapshot: WorkerSnapshot, signal: WorkerSignal, { self }: Scope): WorkerSnapshot => {
    const seated = bySelf.get(self);
    const next = afterSignal(snapshot, signal, seated);
    if (seated !== undefined) bySnapshot.set(next, seated);
    return next;
  };
  const logic: ActorLogic<WorkerSnapshot, WorkerCommand | WorkerSignal, undefined, AnySystem, TroupeEvent> & {
    config: unknown;
  } = {
    config: CONFIG,
    getInitialSnapshot: () => initialSnapshot(undefined),
    getPersistedSnapshot: (snapshot) => persisted(snapshot, bySnapshot.get(snapshot)),
    restoreSnapshot: (given) => {
      const snapshot = given as WorkerSnapshot; // it was made by `persisted`
      return snapshot.status === 'active' ? initialSnapshot(snapshot.past) : snapshot;
    },
    start: (snapshot, scope) => {
      if (snapshot.status !== 'active') return;
      const { self } = scope;
      bySelf.set(self, make(snapshot.past, { self, emit: (event) => scope.emit(event) }));
    },
    transition: (snapshot, event, scope) => {
      if (snapshot.status !== 'active') return snapshot;
      if (isSignal(event)) return moved(snapshot, event, scope);
      const seated = bySelf.get(scope.self);
      if (seated === undefined) return snapshot;
      const type: string = event.type;
      if (type === 'xstate.stop') {
        void seated.worker.stop({ reason: 'The actor was stopped' });
        return { ...snapshot, status: 'stopped', output: undefined, error: undefined };
      }
      queueMicrotask(() => obey(seated, event));
      return snapshot;
    },
  };
  return logic as unknown as WorkerLogic; // the signals are our own
}

function isSignal(event: { readonly type: string }): event is WorkerSignal {
  return SIGNALS.has(event.type);
}

function obey(seated: SeatedWorker, command: WorkerCommand): void {
  const { worker } = seated;
  switch (command.type) {
    case 'post':
      void seated.post(command);
      break;
    case 'pause':
      void worker.pause(command.reason);
      break;
    case 'resume':
      worker.resume();
      break;
    case 'respond':
      void respond(worker, command);
      break;
    case 'drain':
      void worker.stop({ drain: true });
      break;
    case 'cancel':
      void worker.stop({ reason: command.reason, isCancel: true });
      break;
    default:
  }
}

async function respond(
  worker: FlowWorker,
  { key, value, jobId }: WorkerCommand & { readonly type: 'respond' },
): Promise<void> {
  try {
    await worker.respond(key, value, jobId === undefined ? undefined : worker.state.jobs.get(jobId));
  } catch (error) {
    // There is no caller to tell: the question stays open, and the log says why.
    worker.settings.logger.warn({ err: error, key }, 'An answer was not taken');
  }
}

function initialSnapshot(past: unknown): WorkerSnapshot {
  const { value } = workerTable.initial;
  const context = viewOf(value, undefined);
  return { status: 'active', value, context, past, output: undefined, error: undefined };
}

function afterSignal(
  snapshot: WorkerSnapshot,
  signal: WorkerSignal,
  seated: SeatedWorker | undefined,
): WorkerSnapshot {
  const { value: before } = snapshot;
  const value =
    signal.type === 'UPDATE' ? before : workerTable.next({ value: before, context: {} }, signal.type).value;
  const base = { value, context: viewOf(value, seated), past: undefined };
  if (!workerTable.isFinal(value)) return { ...base, status: 'active', output: undefined, error: undefined };
  const error = 'error' in signal ? signal.error : undefined;
  if (value === 'failed' || error !== undefined)
    return { ...base, status: 'error', output: undefined, error };
  return { ...base, status: 'done', output: seated?.worker.state.allStates() ?? {}, error: undefined };
}

function viewOf(status: WorkerStatus, seated: SeatedWorker | undefined): WorkerView {
  if (seated === undefined) return { workerId: undefined, status, jobs: {}, pauses: [] };
  const { id, pauses } = seated.worker;
  return { workerId: id, status, jobs: seated.jobs(), pauses };
}

/** Of a live worker what it holds goes with it. */
function persisted(snapshot: WorkerSnapshot, seated: SeatedWorker | undefined): WorkerSnapshot {
  const pauses = snapshot.context.pauses.map(({ schema: _schema, ...pause }) => pause);
  const context = { ...snapshot.context, pauses };
  const past = snapshot.status === 'active' ? (seated?.worker.snapshot() ?? snapshot.past) : undefined;
  return { ...snapshot, context, past };
}
