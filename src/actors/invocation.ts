import { createActor, type Actor, type AnyActorRef } from 'xstate';
import type { NodeId, RequestId } from '../ids.ts';
import type { StoredValue } from '../log/codec.ts';
import { invocationChart, type InvocationCounts, type InvocationState } from '../machines/invocation.ts';
import type { AnyNode, NodeContext } from '../nodes/contract.ts';
import type { TimerHandle } from '../clock.ts';
import { CancelledError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { BodyListener } from './body.ts';
import { CallPlaces, type CallStep } from './call-places.ts';
import type { Deadline } from './deadline.ts';
import { Table } from './table.ts';
import { fromChart, type ChartEvent, type ChartLogic } from './chart-logic.ts';
import type { ContextScope } from './context-store.ts';
import type { CoordinatorSeat } from './coordinator-actor.ts';

/** The events that move an invocation's chart. */
export type InvocationEvent =
  | 'START'
  | 'RETRY'
  | 'ASK'
  | 'ANSWER'
  | 'WITHDRAW'
  | 'SUCCEED'
  | 'FAIL'
  | 'CANCEL'
  | 'TIME_OUT';

/** The events that end an invocation. */
export type EndEvent = 'SUCCEED' | 'FAIL' | 'CANCEL' | 'TIME_OUT';

/** The actor logic of an invocation: its chart, run from the table. */
export const invocationLogic: ChartLogic<InvocationState, InvocationEvent, InvocationCounts> =
  fromChart(invocationChart);

/** Hears how an attempt went. */
export interface AttemptListener {
  onChunk(attempt: Attempt, chunk: unknown, index: number): void;
  onReturn(attempt: Attempt, value: unknown): void;
  onThrow(attempt: Attempt, error: unknown): void;
}

/** One attempt at a node's body. Once it is closed, whatever the body still does changes nothing. */
export class Attempt implements BodyListener {
  readonly invocation: Invocation;
  /** Counts from 1. */
  readonly number: number;
  /** Whether the body may still act: call, write, ask. */
  isOpen = true;
  /** The attempt's time limit, where the node has one. */
  deadline: Deadline | undefined;
  readonly #listener: AttemptListener;
  #controller: AbortController | undefined;
  #isClosed = false;
  #isHeld = false;
  #reason: unknown;
  #chunks = 0;

  constructor(invocation: Invocation, number: number, listener: AttemptListener) {
    this.invocation = invocation;
    this.number = number;
    this.#listener = listener;
  }

  /** The signal, made when a body first asks for it: most never do, and a signal costs more than all the rest of a call. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#isClosed) this.#abort(this.#controller);
    return this.#controller.signal;
  }

  /** Stops it for good and fires the signal, also after a normal end (without a reason), so that leaked work stops. */
  close(reason?: unknown): void {
    this.isOpen = false;
    this.deadline?.clear();
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#reason = reason;
    if (this.#controller !== undefined) this.#abort(this.#controller);
  }

  /** Stops the attempt's time while a person is waited for. */
  holdDeadline(isHeld: boolean): void {
    if (isHeld === this.#isHeld) return;
    this.#isHeld = isHeld;
    if (isHeld) this.deadline?.hold();
    else this.deadline?.release();
  }

  #abort(controller: AbortController): void {
    if (!controller.signal.aborted)
      controller.abort(this.#reason ?? new CancelledError('The attempt has ended'));
  }

  emitChunk(chunk: unknown): void {
    if (!this.isOpen) return;
    this.#listener.onChunk(this, chunk, this.#chunks);
    this.#chunks += 1;
  }

  onChunk(chunk: unknown): void {
    this.emitChunk(chunk);
  }

  onReturn(value: unknown): void {
    if (this.isOpen) this.#listener.onReturn(this, value);
  }

  onThrow(error: unknown): void {
    if (this.isOpen) this.#listener.onThrow(this, error);
  }

  isStopped(): boolean {
    return !this.isOpen;
  }
}

/** What makes an invocation. */
export interface InvocationOptions {
  readonly ordinal: number;
  readonly requestId: RequestId;
  readonly nodeId: NodeId;
  readonly node: AnyNode;
  readonly input: unknown;
  /** The input as it is in the log. */
  readonly recordedInput: unknown;
  readonly parent: Invocation | undefined;
  readonly scope: ContextScope;
  /** Whether the caller waits on the stack, so that nothing may be asynchronous. */
  readonly isSync: boolean;
  readonly createdAt: number;
}

/** How a request ended, for whoever waits for it. */
export type Outcome =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly error: unknown };

/** Who is told how a request ended. */
export interface OutcomeListener {
  settle(outcome: Outcome): void;
}

/** What others ask of a graph that runs. */
export interface GraphView {
  /** The most runs of one node within one loop. */
  readonly maxIterations: number;
  /** Everything that was produced so far, by name. */
  readonly produced: Record<string, unknown>;
  /** The key, outside of the graph, of a question that is asked inside of it. */
  keyOutside(key: string): string;
  /** The keys for which answers were given up front, and not used yet. */
  readonly answerKeys: Iterable<string>;
  /** Takes the answer that was given up front for a key, if one was: each answers one question. */
  takeAnswer(key: string): { readonly value: unknown } | undefined;
}

/** What an activation of a routine makes of its invocation. */
export interface ActivationSeat {
  /** Unique in its worker, also when it is begun again elsewhere. */
  readonly id: number;
  /** Where it goes on: with which attempt, and when, in ms since the epoch. */
  readonly resumption: { readonly attempt: number; readonly at: number } | undefined;
  /** The context that its body gets. */
  contextFor(attempt: Attempt): NodeContext | undefined;
  /** A logger that keeps what is written for the jobs that the activation works for. */
  loggerOver(logger: Logger): Logger;
}

/** What is kept of an invocation's creation besides, so that it is found again. */
export interface DurableCreation {
  readonly place: { readonly key?: string; readonly hasScope?: boolean };
  readonly input: StoredValue | undefined;
}

/** The live side of one node invocation: its actor, its attempt, and who waits for it. Dropped when it has ended. */
export class Invocation {
  readonly ordinal: number;
  readonly requestId: RequestId;
  readonly nodeId: NodeId;
  readonly node: AnyNode;
  readonly input: unknown;
  readonly recordedInput: unknown;
  readonly parent: Invocation | undefined;
  readonly scope: ContextScope;
  readonly isSync: boolean;
  readonly createdAt: number;
  /** How many invocations stand above it. */
  readonly depth: number;
  attempt: Attempt | undefined;
  startedAt: number | undefined;
  /** What the body gave, while children of it still run. */
  bodyOutcome: Outcome | undefined;
  /** How it ended. */
  outcome: Outcome | undefined;
  /** Until the next attempt. */
  backoff: TimerHandle | undefined;
  /** When that is, in ms since the epoch. */
  backoffUntil = 0;
  /** Whether it takes one of the run's places. */
  holdsSlot = false;
  /** What it goes on with when it has its place again. */
  waitingForSlot: (() => void)[] | undefined;
  /** Calls whose input is still being checked; they count as children. */
  callsInCheck = 0;
  /** Whether it is being stopped, and must not begin anything any more. */
  isStopping = false;
  /** Questions that wait for a person. */
  openQuestions = 0;
  /** Whether it could go on by itself: no child, no person is waited for. */
  isActive = false;
  /** Whether it, or anything below it, has asked a question. */
  hasAsked = false;
  /** Whether its result came from the cache. */
  isFromCache = false;
  /** Of a graph: how far it is. */
  graph: GraphView | undefined;
  /** Of a routine. */
  activation: ActivationSeat | undefined;
  /** Undoes what watches it. */
  onEnd: (() => void) | undefined;
  /** Of a durable workflow. */
  durable: DurableCreation | undefined;
  /**
   * Of a durable workflow: which of its caller's calls it is. Other than the ordinal it is the same in every process, also
   * when what was running at the same time was in another order.
   */
  step: CallStep | undefined;
  /** How often it has called what, in which attempt. */
  #calls: { readonly attempt: number; readonly counts: CallPlaces<number> } | undefined;
  readonly #actor: Actor<typeof invocationLogic>;
  // Most invocations call nothing.
  #children: Table<number, Invocation> | undefined;
  #listener: OutcomeListener | undefined;
  #settled: Outcome | undefined;

  constructor(options: InvocationOptions, seat: Pick<CoordinatorSeat, 'ref' | 'isNamed'>) {
    this.ordinal = options.ordinal;
    this.requestId = options.requestId;
    this.nodeId = options.nodeId;
    this.node = options.node;
    this.input = options.input;
    this.recordedInput = options.recordedInput;
    this.parent = options.parent;
    this.scope = options.scope;
    this.isSync = options.isSync;
    this.createdAt = options.createdAt;
    this.depth = options.parent === undefined ? 0 : options.parent.depth + 1;
    const parent = seat.ref;
    this.#actor = createActor(invocationLogic, seat.isNamed ? { parent, id: options.requestId } : { parent });
    this.#actor.start();
  }

  get ref(): AnyActorRef {
    return this.#actor;
  }

  /** The step of what it calls next: counted, as its calls must be told apart. */
  nextStep(name: string, key: string | undefined): CallStep {
    const attempt = this.attempt?.number ?? 1;
    if (this.#calls?.attempt !== attempt) this.#calls = { attempt, counts: new CallPlaces() };
    const { counts } = this.#calls;
    const before = counts.get(name, key) ?? 0;
    counts.set(name, key, before + 1);
    return key === undefined ? { attempt, before, name } : { attempt, before, key };
  }

  /** The state of its chart, which is its status. */
  get status(): InvocationState {
    return this.#actor.getSnapshot().value;
  }

  get hasEnded(): boolean {
    return this.#actor.getSnapshot().status === 'done';
  }

  /** Whether it does no work of its own, and so takes no place. */
  get isContainer(): boolean {
    return this.node.kind === 'graph';
  }

  /** Whether it waits for something that it called. */
  get hasLiveCalls(): boolean {
    return this.callsInCheck > 0 || (this.#children !== undefined && this.#children.size > 0);
  }

  /** What it called and has not ended, oldest first. */
  get children(): Iterable<Invocation> {
    return this.#children?.values() ?? [];
  }

  /** Itself and everything below it, parents before children. */
  subtree(): Invocation[] {
    const order: Invocation[] = [this];
    // The list grows while it is walked: each one's children come behind it.
    for (const invocation of order) for (const child of invocation.children) order.push(child);
    return order;
  }

  addChild(child: Invocation): void {
    this.#children ??= new Table();
    this.#children.add(child.ordinal, child);
  }

  removeChild(child: Invocation): void {
    this.#children?.delete(child.ordinal);
  }

  /** Sends an event to the actor; false when the chart has no way for it from here. */
  move(type: InvocationEvent, output?: unknown): boolean {
    const before = this.#actor.getSnapshot();
    if (before.status === 'done') return false;
    const event: ChartEvent<InvocationEvent> = { type, output };
    this.#actor.send(event);
    return this.#actor.getSnapshot() !== before;
  }

  /** Tells a listener once, when the caller is to know how it ended. */
  onSettled(listener: OutcomeListener): void {
    if (this.#settled === undefined) this.#listener = listener;
    else listener.settle(this.#settled);
  }

  /** Tells whoever waits. */
  settle(outcome: Outcome): void {
    this.#settled = outcome;
    this.#listener?.settle(outcome);
    this.#listener = undefined;
  }
}
