import { afterThisTurn, type Clock } from '../clock.ts';
import { cloneData, recordOf } from '../clone.ts';
import type { InvocationIds } from '../ids.ts';
import type { AnyNode } from '../nodes/contract.ts';
import type { Redactor } from '../redact.ts';
import type { CallStep } from './call-places.ts';
import type { CoordinatorSeat } from './coordinator-actor.ts';
import type { ContextScope } from './context-store.ts';
import { CancelledError } from '../errors.ts';
import {
  Invocation,
  type ActivationSeat,
  type DurableCreation,
  type EndEvent,
  type Outcome,
  type OutcomeListener,
} from './invocation.ts';
import type { Journal, StoredFields } from './journal.ts';
import type { RecordedCall, Replay } from './replay.ts';
import type { BadEnd, Reporter } from './reporter.ts';
import type { Slots } from './slots.ts';
import { Table } from './table.ts';
import { spendAnswer } from './up-front-answers.ts';

/** How an invocation is to end. */
export interface Ending {
  readonly invocation: Invocation;
  readonly event: EndEvent;
  /** The output, or the error. */
  readonly value: unknown;
  /** What the body's signal says, where it is not a normal end. */
  readonly signalReason?: unknown;
}

/** What the coordinator leaves to others. */
export interface CoordinatorHost {
  /** An invocation has its place, and is to run. */
  onStarted(invocation: Invocation): void;
  /** A body has failed, and its children have run to their end. */
  onBodyFailed(invocation: Invocation, error: unknown): void;
  /** The invocation's open questions are void. */
  withdrawQuestions(invocation: Invocation): void;
  /** An invocation has ended, however. */
  onEnded(invocation: Invocation): void;
  /** An invocation has failed for good, or timed out. */
  onFailed(invocation: Invocation, error: unknown): void;
  onRootEnded(event: EndEvent, outcome: Outcome): void;
  /** Nothing can go on by itself. */
  onIdle(): void;
  /** Something can, after nothing could. */
  onBusy(): void;
  /** An invocation has its place again. */
  onResumed?(invocation: Invocation): void;
}

/** What a coordinator needs. */
export interface CoordinatorOptions {
  readonly ids: InvocationIds;
  readonly reporter: Reporter;
  readonly clock: Clock;
  readonly slots: Slots | undefined;
  readonly redact: Redactor | undefined;
  readonly actor: CoordinatorSeat;
  readonly host: CoordinatorHost;
  /** Of a durable workflow. */
  readonly journal: Journal | undefined;
  /** Whether calls are told from each other by their places, which are the same in every execution. */
  readonly isKeyed: boolean;
  /** Of one that goes on. */
  readonly replay: Replay | undefined;
}

/** What a new invocation needs. */
export interface CallRequest {
  readonly node: AnyNode;
  readonly input: unknown;
  readonly parent: Invocation | undefined;
  readonly scope: ContextScope;
  readonly isSync: boolean;
  /** By which it is found again. */
  readonly key?: string | undefined;
  /** Cancels it. */
  readonly signal?: AbortSignal | undefined;
  /** Why it cannot run. */
  readonly failure?: { readonly error: unknown } | undefined;
  /** Of a routine. */
  readonly activation?: ActivationSeat | undefined;
  /** See {@link Invocation.step}. */
  step?: CallStep | undefined;
}

// A chain of calls that start each other goes on in a new turn after so many, so that its depth does not end at the stack's.
const STACKED_STARTS = 32;

/** Tracks the invocations of one run: creates them, gives them places, ends them, stops subtrees. */
export class Coordinator {
  readonly #options: CoordinatorOptions;
  readonly #slots: Slots | undefined;
  readonly #actor: CoordinatorSeat;
  readonly #live = new Table<number, Invocation>();
  #created = 0;
  #active = 0;

  constructor(options: CoordinatorOptions) {
    this.#options = options;
    this.#slots = options.slots;
    this.#actor = options.actor;
    this.#created = options.replay?.record.invocations.length ?? 0;
  }

  /** Whether nothing can go on by itself. */
  get isIdle(): boolean {
    return this.#active === 0;
  }

  /** The live invocation of a request id. */
  find(requestId: string): Invocation | undefined {
    return this.#live.get(this.#options.ids.ordinalOfRequest(requestId));
  }

  /** Something that counts as work until it is given back: meanwhile the run is not idle. */
  occupy(): () => void {
    this.#active += 1;
    return () => {
      this.#active -= 1;
      if (this.#active === 0) this.#options.host.onIdle();
    };
  }

  /** Makes an invocation and starts it; what was recorded of one in its place is given instead, in its turn. */
  open(request: CallRequest, listener: OutcomeListener): void {
    const { replay } = this.#options;
    const recorded = this.#recordedOf(request);
    if (recorded?.end !== undefined) this.#recall(recorded, request, listener);
    else if (recorded === undefined && replay?.isActive === true && request.parent !== undefined)
      this.#postpone(request, listener);
    else this.#openNow(request, listener, recorded);
  }

  /** As `open`, on the stack. */
  openSync(request: CallRequest): Outcome | undefined {
    const recorded = this.#recordedOf(request);
    if (recorded?.end !== undefined) return outcomeOf(recorded);
    const invocation = this.#create(request, recorded);
    this.#startOrFail(invocation, request);
    return invocation.outcome;
  }

  /** What was recorded in the place of a request; undefined for a new one. */
  #recordedOf(request: CallRequest): RecordedCall | undefined {
    const { parent: caller, node, input, key } = request;
    const { isKeyed, replay } = this.#options;
    if (isKeyed) request.step ??= caller?.nextStep(node.name, key);
    return replay?.take({ caller, node, input, key });
  }

  #openNow(request: CallRequest, listener: OutcomeListener, recorded?: RecordedCall): Invocation {
    const invocation = this.#create(request, recorded);
    if (request.signal !== undefined) this.#cancelOn(request.signal, invocation);
    const { replay } = this.#options;
    if (recorded?.isHeld === true)
      replay?.hold(undefined, 'starts', () => this.#startOrFail(invocation, request));
    else this.#startOrFail(invocation, request);
    invocation.onSettled(listener);
    return invocation;
  }

  /** The root of the run. */
  openRoot(request: CallRequest): Invocation {
    return this.#create(request, this.#recordedOf(request));
  }

  #startOrFail(invocation: Invocation, { failure }: CallRequest): void {
    const error = failure ?? this.#unstorable.get(invocation);
    if (error === undefined) this.start(invocation);
    else this.end({ invocation, event: 'FAIL', value: error.error });
  }

  #cancelOn(signal: AbortSignal, invocation: Invocation): void {
    const onAbort = (): void => {
      const error = new CancelledError(signal.reason);
      this.stop(invocation, { error, signalReason: error });
    };
    const forget = (): void => signal.removeEventListener('abort', onAbort);
    invocation.onEnd = forget;
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
  }

  /** Gives a recorded result in its turn; meanwhile it counts as a call of its caller. */
  #recall(recorded: RecordedCall, { parent, isSync }: CallRequest, listener: OutcomeListener): void {
    const outcome = outcomeOf(recorded);
    if (parent !== undefined)
      for (const key of this.#options.replay?.questionsOf(recorded.ordinal) ?? []) spendAnswer(parent, key);
    if (parent === undefined || isSync) {
      listener.settle(outcome);
      return;
    }
    this.#options.replay?.whenDue(
      recorded.ordinal,
      this.#waitingFor(parent, () => listener.settle(outcome)),
    );
  }

  /** Puts a call off that was not recorded, until all that was has been given out. */
  #postpone(request: CallRequest, listener: OutcomeListener): void {
    const { parent } = request;
    if (parent === undefined) return;
    const goOn = this.#waitingFor(parent, () => this.#openNow(request, listener));
    // A call with a key is told by it, in whatever order it comes.
    const caller = request.key === undefined ? parent : undefined;
    this.#options.replay?.hold(caller, `calls "${request.node.name}"`, goOn);
  }

  /** Makes the caller wait until the function that is returned is called. */
  #waitingFor(caller: Invocation, goOn: () => void): () => void {
    caller.callsInCheck += 1;
    this.recount(caller);
    return () => {
      caller.callsInCheck -= 1;
      this.recount(caller);
      if (caller.hasEnded || caller.isStopping) return;
      this.resume(caller, goOn);
      this.endIfDrained(caller);
    };
  }

  /** Puts an invocation on record, pending; of one that was recorded, it goes on where it was. */
  #create(request: CallRequest, recorded?: RecordedCall): Invocation {
    const { node, input, parent, scope, isSync } = request;
    const { ids, clock, reporter, replay } = this.#options;
    const ordinal = recorded?.ordinal ?? this.#created;
    if (recorded === undefined) this.#created += 1;
    const requestId = ids.requestId(ordinal);
    const invocation = new Invocation(
      {
        ordinal,
        requestId,
        nodeId: ids.nodeId(ordinal),
        node,
        input,
        recordedInput: reporter.recordedInput(request),
        parent,
        scope,
        isSync,
        createdAt: recorded?.creation.time ?? clock.now(),
      },
      this.#actor,
    );
    invocation.step = request.step;
    invocation.activation = request.activation;
    this.#actor.onCall(requestId, node.name);
    this.#live.add(ordinal, invocation);
    replay?.enter(invocation);
    if (recorded === undefined) {
      this.#makeDurable(invocation, request.key);
      reporter.created(invocation);
    }
    parent?.addChild(invocation);
    this.recount(invocation);
    // A caller that waits on the stack keeps its place: its callee works in it.
    if (parent !== undefined && !isSync) this.recount(parent, true);
    return invocation;
  }

  /** Starts a pending invocation as soon as there is a place for it. */
  start(invocation: Invocation): void {
    const { parent } = invocation;
    if (invocation.isSync || this.#slots === undefined) {
      this.#begin(invocation);
      return;
    }
    if (invocation.isContainer) {
      if (parent !== undefined) this.yieldSlot(parent);
      this.#begin(invocation);
      return;
    }
    // A caller hands its place to its callee: what was begun goes on before anything else begins.
    if (parent?.holdsSlot === true && parent.hasLiveCalls) {
      parent.holdsSlot = false;
      invocation.holdsSlot = true;
      this.#begin(invocation);
      return;
    }
    this.#slots.acquire(() => {
      invocation.holdsSlot = true;
      this.#begin(invocation);
    }, false);
  }

  /** Calls `goOn` when the invocation has its place again after it waited for a child, a person or a delay. */
  resume(invocation: Invocation, goOn: () => void): void {
    const slots = this.#slots;
    const needsSlot =
      slots !== undefined &&
      invocation.isActive &&
      !invocation.holdsSlot &&
      !invocation.isSync &&
      !invocation.isContainer;
    if (!needsSlot || invocation.bodyOutcome !== undefined) {
      goOn();
      return;
    }
    // One place is enough for all that it goes on with: with a second one it would wait for itself.
    const waiting = (invocation.waitingForSlot ??= []);
    if (waiting.push(goOn) > 1) return;
    slots.acquire(() => {
      invocation.waitingForSlot = undefined;
      // Meanwhile it may have ended, or called something again.
      if (invocation.isActive && !invocation.holdsSlot) invocation.holdsSlot = true;
      else slots.release();
      for (const next of waiting) next();
      this.#options.host.onResumed?.(invocation);
    }, true);
  }

  /** Gives an invocation's place to others while it waits. */
  yieldSlot(invocation: Invocation): void {
    if (!invocation.holdsSlot) return;
    invocation.holdsSlot = false;
    this.#slots?.release();
  }

  #unstorable = new WeakMap<Invocation, { readonly error: unknown }>();

  /** Makes the creation of an invocation ready to be stored; one whose input cannot be will not run. */
  #makeDurable(invocation: Invocation, key: string | undefined): void {
    const { journal } = this.#options;
    if (journal === undefined) return;
    const { parent, scope, node, input } = invocation;
    const place: DurableCreation['place'] = {
      ...(key === undefined ? {} : { key }),
      ...(parent === undefined || parent.scope === scope ? {} : { hasScope: true }),
    };
    try {
      invocation.durable = { place, input: journal.prepare(input, node.name) };
    } catch (error) {
      invocation.durable = { place, input: undefined };
      this.#unstorable.set(invocation, { error });
    }
  }

  /** Ends an invocation; what had ended stays as it is. */
  end(ending: Ending): void {
    const { journal } = this.#options;
    const { invocation, event, value } = ending;
    let fields: StoredFields;
    if (journal !== undefined && event === 'SUCCEED' && !invocation.hasEnded) {
      try {
        fields = { output: journal.prepare(value, invocation.node.name) };
      } catch (error) {
        this.#end({ invocation, event: 'FAIL', value: error });
        return;
      }
    }
    this.#end(ending, fields);
  }

  #end({ invocation, event, value, signalReason }: Ending, fields?: StoredFields): void {
    const { host, clock, redact } = this.#options;
    const wasPending = invocation.status === 'pending';
    const recorded = event === 'SUCCEED' ? recordOf(value) : undefined;
    // Whoever inspects the system sees the event's output.
    if (!invocation.move(event, redact === undefined ? recorded : redact(recorded, 'output'))) return;
    if (invocation.backoff !== undefined) clock.clearTimeout(invocation.backoff);
    if (invocation.attempt !== undefined) {
      invocation.attempt.close(signalReason);
      host.withdrawQuestions(invocation);
    }
    const outcome = this.#report(invocation, { event, wasPending, value, recorded, fields });
    invocation.outcome = outcome;
    invocation.onEnd?.();
    host.onEnded(invocation);
    if (event === 'FAIL' || event === 'TIME_OUT') host.onFailed(invocation, value);
    this.#leave(invocation, outcome);
    if (invocation.parent === undefined) host.onRootEnded(event, outcome);
  }

  /** Stops an invocation with everything below it, or only what is below it: children before parents. */
  stop(
    top: Invocation,
    how: { readonly error: unknown; readonly signalReason: unknown; readonly isTopKept?: boolean },
  ): void {
    const order = top.subtree();
    if (how.isTopKept === true) order.shift();
    // First nothing may act any more, then each is ended: an abort listener cannot start anything new.
    for (const invocation of order) {
      invocation.isStopping = true;
      if (invocation.attempt !== undefined) invocation.attempt.isOpen = false;
      invocation.bodyOutcome = undefined;
    }
    for (const invocation of order.toReversed()) {
      this.end({ invocation, event: 'CANCEL', value: how.error, signalReason: how.signalReason });
    }
  }

  /** To be called when an invocation's waiting for calls or people has changed. Who waits gives its place up, unless it hands it on. */
  recount(invocation: Invocation, handsSlotOn = false): void {
    const isActive = !invocation.hasEnded && !invocation.hasLiveCalls && invocation.openQuestions === 0;
    if (isActive === invocation.isActive) return;
    invocation.isActive = isActive;
    this.#active += isActive ? 1 : -1;
    if (!isActive && !invocation.hasEnded && !handsSlotOn) this.yieldSlot(invocation);
    if (this.#active === 0) this.#options.host.onIdle();
    else if (isActive && this.#active === 1) this.#options.host.onBusy();
  }

  /** Ends a caller whose body has ended, once it waits for no call any more. */
  endIfDrained(caller: Invocation): void {
    const isDrained = (): boolean =>
      caller.bodyOutcome !== undefined && !caller.hasLiveCalls && !caller.hasEnded;
    if (!isDrained()) return;
    // What it called may be followed by another call, which is on its way in this turn.
    afterThisTurn(() => {
      const { bodyOutcome } = caller;
      if (bodyOutcome === undefined || !isDrained()) return;
      if (bodyOutcome.ok) this.end({ invocation: caller, event: 'SUCCEED', value: bodyOutcome.value });
      else this.#options.host.onBodyFailed(caller, bodyOutcome.error);
    });
  }

  #begin(invocation: Invocation): void {
    const isDeep = !invocation.isSync && invocation.depth > 0 && invocation.depth % STACKED_STARTS === 0;
    if (isDeep) queueMicrotask(() => this.#beginNow(invocation));
    else this.#beginNow(invocation);
  }

  #beginNow(invocation: Invocation): void {
    if (!invocation.isStopping && invocation.move('START')) this.#options.host.onStarted(invocation);
    else this.yieldSlot(invocation); // it was cancelled while it waited for its place
  }

  #report(
    invocation: Invocation,
    how: {
      event: EndEvent;
      wasPending: boolean;
      value: unknown;
      recorded: unknown;
      fields: StoredFields;
    },
  ): Outcome {
    const { reporter } = this.#options;
    const { event, wasPending, value, recorded, fields } = how;
    if (event === 'SUCCEED') {
      reporter.succeeded(invocation, recorded, fields);
      return { ok: true, value };
    }
    reporter.endedBadly(invocation, badEnd(event, wasPending), value);
    return { ok: false, error: value };
  }

  /** Takes an ended invocation out, and tells its caller. */
  #leave(invocation: Invocation, outcome: Outcome): void {
    const { parent } = invocation;
    this.#live.delete(invocation.ordinal);
    this.recount(invocation);
    this.yieldSlot(invocation);
    if (parent === undefined) {
      invocation.settle(outcome);
      return;
    }
    parent.removeChild(invocation);
    this.recount(parent);
    if (invocation.isSync) {
      invocation.settle(outcome);
      return;
    }
    const { journal } = this.#options;
    const goOn = (): void => {
      this.resume(parent, () => invocation.settle(outcome));
      this.endIfDrained(parent);
    };
    // A graph only decides what is next, which shows nothing; a body may act on what it gets.
    if (journal === undefined || parent.isContainer) goOn();
    else journal.after(goOn);
  }
}

/** What the caller of a recorded call gets: its own copy, as the record must not change. */
function outcomeOf({ end }: RecordedCall): Outcome {
  if (end === undefined || end.type === 'RequestSuccess') return { ok: true, value: cloneData(end?.output) };
  return { ok: false, error: end.error };
}

function badEnd(event: EndEvent, wasPending: boolean): BadEnd {
  if (event === 'CANCEL') return 'RequestCancelled';
  if (event === 'TIME_OUT') return 'RequestTimedOut';
  // What fails before its body runs was never made.
  return wasPending ? 'RequestCreationFailure' : 'RequestFailure';
}
