import type { ActorLogic, ActorScope, AnyActorRef } from 'xstate';
import { toMachine } from '../machines/chart.ts';
import { runChart, runTable } from '../machines/run.ts';
import type { TroupeEvent } from '../events/events.ts';
import { CancelledError } from '../errors.ts';
import type { RunId } from '../ids.ts';
import type { RunStatus } from '../log/messages.ts';
import type { AnySystem } from './chart-logic.ts';
import { redactKeyed, type Redactor } from '../redact.ts';
import { namedOutputs } from './reporter.ts';
import type { Run } from './run.ts';
import type { PauseInfo } from './settings.ts';

/** What the snapshot of a run's actor shows. */
export interface RunView {
  readonly runId: RunId | undefined;
  readonly status: RunStatus;
  /** The questions that wait for a person. */
  readonly pauses: readonly PauseInfo[];
  /** What was produced, by name. */
  readonly outputs: Readonly<Record<string, unknown>>;
}

interface RunSnapshotBase {
  readonly value: RunStatus;
  readonly context: RunView;
  /** What the actor was given, from which a restored one starts anew. */
  readonly input: unknown;
}

/** The snapshot of a run's actor: its output is the run's answer, a failure or a cancel its error. */
export type RunSnapshot<Answer = unknown> =
  | (RunSnapshotBase & {
      readonly status: 'active' | 'stopped';
      readonly output: undefined;
      readonly error: undefined;
    })
  | (RunSnapshotBase & { readonly status: 'done'; readonly output: Answer; readonly error: undefined })
  | (RunSnapshotBase & { readonly status: 'error'; readonly output: undefined; readonly error: unknown });

/** What a parent may send to a run's actor. */
export type RunCommand =
  | { readonly type: 'respond'; readonly key: string; readonly value: unknown }
  | { readonly type: 'cancel'; readonly reason?: unknown };

const STATUSES = {
  PAUSE: 'paused',
  RESUME: 'running',
  COMPLETE: 'completed',
  FAIL: 'failed',
  CANCEL: 'cancelled',
  TIME_OUT: 'timedOut',
} as const;

/** A move of the run's chart. */
interface Move {
  readonly type: keyof typeof STATUSES;
  readonly output?: unknown;
  readonly error?: unknown;
}

/** What a run's actor gets from the run itself: a move, news of its questions, or that its input was refused. */
type RunSignal = Move | { readonly type: 'UPDATE' } | { readonly type: 'REJECT'; readonly error: unknown };

/** Actor logic that runs something of ours. */
export type RunLogic<Input, Answer> = ActorLogic<
  RunSnapshot<Answer>,
  RunCommand,
  Input,
  AnySystem,
  TroupeEvent
> & {
  /** Inspectors draw an actor's chart from here. */
  readonly config: unknown;
};

/** What a run's actor gives the one who makes the run. */
export interface RunSeat {
  readonly self: AnyActorRef;
  readonly emit: (event: TroupeEvent) => void;
}

/** Readies the run of an actor that starts; a promise where the input is checked asynchronously. */
export type MakeRun<Input> = (input: Input, seat: RunSeat) => (() => Run) | Promise<() => Run>;

type Scope = ActorScope<RunSnapshot, RunCommand, AnySystem, TroupeEvent>;

const CONFIG = toMachine(runChart).config;

/** Where a logic finds the runs of its actors: no inspector that has an actor finds its run, which knows what is redacted. */
export interface RunStore {
  get(self: object): Run | undefined;
  set(self: object, run: Run): unknown;
}

/** The store of a logic that serves one actor only. */
export function singleRun(): RunStore {
  let only: Run | undefined;
  return { get: () => only, set: (_self, run) => (only = run) };
}

/** The chart of a run as actor logic; `make` says which run an actor's input means. */
export function createRunLogic<Input, Answer>(
  make: MakeRun<Input>,
  runs: RunStore = new WeakMap<object, Run>(),
): RunLogic<Input, Answer> {
  const logic: ActorLogic<RunSnapshot, RunCommand | RunSignal, Input, AnySystem, TroupeEvent> & {
    config: unknown;
  } = {
    config: CONFIG,
    getInitialSnapshot: (_scope, input) => initialSnapshot(input),
    getPersistedSnapshot: persisted,
    restoreSnapshot: (snapshot) => restored(snapshot as RunSnapshot), // it was made by `persisted`
    start: (snapshot, scope) => {
      if (snapshot.status === 'active') begin(make, snapshot.input as Input, { scope, runs });
    },
    transition: (snapshot, event, scope) => {
      const run = runs.get(scope.self);
      switch (event.type) {
        case 'respond':
          void respond(run, event);
          return snapshot;
        case 'cancel':
          if (run === undefined)
            return ended(snapshot, { type: 'CANCEL', error: new CancelledError(event.reason) });
          run.cancel(event.reason);
          return snapshot;
        default:
          return next(snapshot, event, run);
      }
    },
  };
  return logic as unknown as RunLogic<Input, Answer>; // the answer's type is the node's; the signals are our own
}

function initialSnapshot(input: unknown): RunSnapshot {
  const context: RunView = { runId: undefined, status: 'running', pauses: [], outputs: {} };
  return { status: 'active', value: 'running', context, input, output: undefined, error: undefined };
}

function begin<Input>(
  make: MakeRun<Input>,
  input: Input,
  { scope, runs }: { scope: Scope; runs: RunStore },
): void {
  const self: AnyActorRef = scope.self;
  const seat: RunSeat = {
    self,
    emit: (event) => scope.emit(event),
  };
  const start = (build: () => Run): void => {
    // It may have been stopped while its input was checked.
    const { status }: { status: string } = self.getSnapshot();
    if (status === 'active') runs.set(self, build());
  };
  const made = make(input, seat);
  if (made instanceof Promise)
    made.then(start, (error: unknown) => {
      const { status }: { status: string } = self.getSnapshot();
      if (status === 'active') self.send({ type: 'REJECT', error });
    });
  else start(made);
}

async function respond(
  run: Run | undefined,
  { key, value }: { readonly key: string; readonly value: unknown },
): Promise<void> {
  try {
    await run?.respond(key, value);
  } catch (error) {
    // There is no caller to tell: the question stays open, and the log says why.
    run?.settings.logger.warn({ err: error, key }, 'An answer was not taken');
  }
}

function next(snapshot: RunSnapshot, event: RunSignal, run: Run | undefined): RunSnapshot {
  if (snapshot.status !== 'active') return snapshot;
  switch (event.type) {
    case 'PAUSE':
    case 'RESUME':
    case 'COMPLETE':
    case 'FAIL':
    case 'CANCEL':
    case 'TIME_OUT':
      return moved(snapshot, event, run);
    case 'UPDATE':
      return { ...snapshot, context: viewOf(snapshot.value, run) };
    case 'REJECT':
      return ended(snapshot, { type: 'FAIL', error: event.error });
    default:
      return fromXState(snapshot, event, run);
  }
}

/** What XState itself sends: the parent's stop, and ends of our own children. */
function fromXState(
  snapshot: RunSnapshot,
  event: { readonly type: string; readonly error?: unknown },
  run: Run | undefined,
): RunSnapshot {
  if (event.type === 'xstate.stop') {
    run?.cancel('The actor was stopped');
    return { ...snapshot, status: 'stopped', output: undefined, error: undefined };
  }
  if (event.type.startsWith('xstate.error.actor.')) run?.onDefect(event.error);
  return snapshot;
}

function moved(snapshot: RunSnapshot, event: Move, run: Run | undefined): RunSnapshot {
  const position = runTable.next({ value: snapshot.value, context: {} }, event.type);
  if (position.value === snapshot.value) return snapshot;
  if (runTable.isFinal(position.value)) return ended(snapshot, event, run);
  return { ...snapshot, value: position.value, context: viewOf(position.value, run) };
}

function viewOf(status: RunStatus, run: Run | undefined): RunView {
  const redact = redactorOf(run);
  const pauses = (run?.pauses ?? []).map((pause) =>
    redact === undefined
      ? pause
      : { ...pause, value: redactKeyed(redact, { path: 'value', key: pause.key }, pause.value) },
  );
  return { runId: run?.settings.runId, status, pauses, outputs: shownOutputs(run, run?.produced ?? {}) };
}

function shownOutputs(run: Run | undefined, outputs: RunView['outputs']): RunView['outputs'] {
  return (redactorOf(run)?.(outputs, 'outputs') ?? outputs) as RunView['outputs']; // a record stays one
}

/** What a parent needs, it gets as it is; whoever inspects a runner sees what may be seen. */
function redactorOf(run: Run | undefined): Redactor | undefined {
  return run?.settings.emit === undefined ? run?.settings.redact : undefined;
}

function ended(snapshot: RunSnapshot, event: Move, run?: Run): RunSnapshot {
  const status = STATUSES[event.type];
  const isDone = status === 'completed';
  const named = isDone && run !== undefined ? namedOutputs(run.target, event.output) : (run?.produced ?? {});
  const outputs = shownOutputs(run, named);
  const context: RunView = { runId: run?.settings.runId, status, pauses: [], outputs };
  const { input } = snapshot;
  if (isDone)
    return { value: status, context, input, status: 'done', output: event.output, error: undefined };
  return { value: status, context, input, status: 'error', output: undefined, error: event.error };
}

function persisted(snapshot: RunSnapshot): RunSnapshot {
  const pauses = snapshot.context.pauses.map(({ schema: _schema, ...pause }) => pause);
  return { ...snapshot, context: { ...snapshot.context, pauses } };
}

/** A run that had ended stays as it was; one that had not starts anew from its input. */
function restored(snapshot: RunSnapshot): RunSnapshot {
  return snapshot.status === 'active' ? initialSnapshot(snapshot.input) : snapshot;
}
