import { isDeepStrictEqual } from 'node:util';
import { afterThisTurn } from '../clock.ts';
import { cloneData } from '../clone.ts';
import { GraphChangedError } from '../errors.ts';
import type {
  ContextWriteMessage,
  EndMessage,
  InterruptMessage,
  LogMessage,
  RequestCreationMessage,
} from '../log/messages.ts';
import { isEndMessage } from '../log/messages.ts';
import type { RecordedInvocation, RecordedRun } from '../log/recorded-run.ts';
import type { AnyNode } from '../nodes/contract.ts';
import { decodeValue, encodeAnyValue } from '../stored-value.ts';
import { CallPlaces } from './call-places.ts';
import type { ContextScope } from './context-store.ts';
import type { Attempt, Invocation } from './invocation.ts';
import { ReplayActs, type RecordedQuestion } from './replay-acts.ts';

/** A call that was recorded: the ordinal that it has, and how it ended, unless it was in flight. */
export interface RecordedCall {
  readonly ordinal: number;
  readonly creation: RequestCreationMessage;
  readonly end: EndMessage | undefined;
  /** Whether it is to run only when everything recorded has been given out. */
  readonly isHeld: boolean;
}

/** What is called, to be looked up. */
export interface CallPlace {
  readonly caller: Invocation | undefined;
  readonly node: AnyNode;
  readonly input: unknown;
  readonly key: string | undefined;
}

/** Who is told how a replay goes. */
export interface ReplayHost {
  /** Everything that was recorded has been given out. */
  onReplayed(): void;
  /** What runs is not what was recorded. */
  onChanged(error: GraphChangedError): void;
}

/** The calls of one name, or with one key. */
interface Place {
  readonly ordinals: number[];
  taken: number;
}

/** Writes into a scope, or deletes from it. */
type ApplyWrite = (scope: ContextScope) => void;

/** One thing that has to be given out, or seen to be asked for, in its turn. */
type Step =
  | RequestCreationMessage
  | EndMessage
  | { readonly type: 'write'; readonly apply: ApplyWrite; readonly owner: number }
  | { readonly type: 'question'; readonly question: RecordedQuestion; readonly message: InterruptMessage }
  | { readonly type: 'answer'; readonly question: RecordedQuestion };

interface HeldAct {
  readonly caller: number;
  /** What it does, in words. */
  readonly what: string;
  readonly act: () => void;
}

/**
 * Brings a workflow back to where it was: what was in flight runs again, and what it calls, asks and writes is answered
 * from the log, in the order of the log. A body that awaits only what it called goes the same way again.
 */
export class Replay {
  readonly record: RecordedRun;
  readonly #host: ReplayHost;
  readonly #acts = new ReplayActs();
  /** Of each caller that runs again its calls, by key or name, oldest first. */
  readonly #places = new Map<number, CallPlaces<Place>>();
  /** Whether it was called again, by ordinal. */
  readonly #claimed: boolean[];
  readonly #asked = new Map<number, string[]>();
  readonly #scopes = new Map<number, ContextScope>();
  /** What goes into the scope of an invocation when it runs again, and not in the turn of a step. */
  readonly #writes = new Map<number, ApplyWrite[]>();
  /** What waits for its turn, by ordinal. */
  readonly #deliveries: ((() => void) | undefined)[];
  /** What ended before it was called again. */
  readonly #late = new Set<number>();
  /** Of each caller what it has called since and not been given yet. */
  readonly #lateCalls = new Map<number, number[]>();
  readonly #steps: Step[] = [];
  #position = 0;
  #awaited = -1;
  #held: HeldAct[] = [];
  #isActive = true;

  constructor(record: RecordedRun, host: ReplayHost) {
    this.record = record;
    this.#host = host;
    const { length } = record.invocations;
    this.#claimed = Array.from({ length }, () => false);
    this.#deliveries = Array.from({ length });
    record.messages.forEach((message, index) => this.#read(message, index));
  }

  /** Whether there is still something to be given out. */
  get isActive(): boolean {
    return this.#isActive;
  }

  /** The invocations that were in flight and that nobody has called again. */
  get unclaimed(): readonly number[] {
    const found: number[] = [];
    for (let ordinal = 0; ordinal < this.record.invocations.length; ordinal += 1)
      if (this.#isLive(ordinal) && this.#claimed[ordinal] !== true) found.push(ordinal);
    return found;
  }

  /** Begins to give out, when what the root does at once is done. */
  begin(): void {
    afterThisTurn(this.#advance);
  }

  /** Nothing more is given out. */
  stop(): void {
    this.#isActive = false;
    this.#held = [];
  }

  /**
   * The record of a call; undefined for a new one.
   *
   * @throws {@link GraphChangedError} when another node or input was recorded there.
   */
  take(place: CallPlace): RecordedCall | undefined {
    const ordinal = this.#find(place);
    const invocation = ordinal === undefined ? undefined : this.record.invocations[ordinal];
    if (ordinal === undefined || invocation === undefined) return undefined;
    const { creation, end } = invocation;
    const { caller, node } = place;
    if (caller !== undefined) {
      const what = `Node "${caller.node.name}" called "${creation.name}"`;
      if (creation.name !== node.name || creation.kind !== node.kind)
        throw this.changed(`${what} where it now calls "${node.name}"`);
      if (caller.node.kind !== 'graph' && !isSame(creation.input, place.input))
        throw this.changed(`${what} with another input than now`);
    }
    this.#claimed[ordinal] = true;
    const isHeld = this.#isActive && ordinal > 0 && !invocation.hasActed && node.kind !== 'graph';
    return { ordinal, creation, end, isHeld };
  }

  /** Calls back in its turn; soon, where its turn has passed. */
  whenDue(ordinal: number, deliver: () => void): void {
    this.#deliveries[ordinal] = deliver;
    if (this.#isActive && !this.#late.has(ordinal)) return;
    const caller = this.#callerOf(ordinal);
    const due = this.#lateCalls.get(caller);
    due?.push(ordinal);
    if (due !== undefined) return;
    this.#lateCalls.set(caller, [ordinal]);
    afterThisTurn(() => this.#deliverLate(caller));
  }

  /** To a caller that comes late, too, results come in the order of the log, each in a turn of its own. */
  #deliverLate(caller: number): void {
    const due = this.#lateCalls.get(caller) ?? [];
    const endIndex = (ordinal: number): number => this.record.invocations[ordinal]?.endIndex ?? -1;
    due.sort((a, b) => endIndex(a) - endIndex(b));
    const next = due.shift();
    if (next === undefined) {
      this.#lateCalls.delete(caller);
      return;
    }
    const deliver = this.#deliveries[next];
    this.#deliveries[next] = undefined;
    deliver?.();
    afterThisTurn(() => this.#deliverLate(caller));
  }

  /** Puts off something that was not recorded until everything recorded has been given out. */
  hold(caller: Invocation | undefined, what: string, act: () => void): void {
    this.#held.push({ caller: caller?.ordinal ?? -1, what, act });
  }

  /** An invocation runs again: what was written before goes into its scope. */
  enter({ ordinal, scope }: Invocation): void {
    if (!this.#isLive(ordinal)) return;
    this.#scopes.set(ordinal, scope);
    for (const apply of this.#writes.get(ordinal) ?? []) apply(scope);
    this.#writes.delete(ordinal);
  }

  /** The keys of the questions that were asked by a call that has ended, or below it. */
  questionsOf(ordinal: number): readonly string[] {
    return this.#asked.get(ordinal) ?? [];
  }

  /** The attempt with which an invocation goes on; 1 for a new one. */
  attemptOf({ ordinal }: Pick<Invocation, 'ordinal'>): number {
    return this.#isLive(ordinal) ? (this.record.invocations[ordinal]?.attempt ?? 1) : 1;
  }

  /** Whether it was recorded that an attempt was begun. */
  hasBegun({ invocation }: Attempt): boolean {
    return (
      this.#isAttemptRecorded(invocation) && this.record.invocations[invocation.ordinal]?.hasBegun === true
    );
  }

  /** How long the attempt with which an invocation goes on still has to wait, in ms. */
  delayOf({ ordinal }: Invocation, now: number): number {
    const dueAt = this.#isLive(ordinal) ? this.record.invocations[ordinal]?.dueAt : undefined;
    return dueAt === undefined ? 0 : Math.max(dueAt - now, 0);
  }

  /** The record of a question; undefined for a new one. */
  takeQuestion(asker: Invocation, key: string): RecordedQuestion | undefined {
    return this.#isAttemptRecorded(asker) ? this.#acts.takeQuestion(asker.ordinal, key) : undefined;
  }

  /** Whether a write into the context was recorded. */
  takeWrite(writer: Invocation, key: string): boolean {
    return this.#isAttemptRecorded(writer) && this.#acts.takeWrite(writer.ordinal, key);
  }

  /** Whether it was recorded that a node of a graph was left out. */
  takeLeftOut(graph: Invocation, name: string): boolean {
    return this.#isAttemptRecorded(graph) && this.#acts.takeLeftOut(graph.ordinal, name);
  }

  /** The error for a definition that does not do what was recorded. */
  changed(what: string): GraphChangedError {
    const error = new GraphChangedError(`The workflow goes another way than it was recorded: ${what}`, {
      hint: 'Run it with the code that it began with, or begin another with `fork`. Where the order of calls is not always the same, give each a `key`.',
    });
    // The call that does not fit fails with it as well; nothing of that is to be written.
    this.#host.onChanged(error);
    return error;
  }

  #read(message: LogMessage, index: number): void {
    if (!('ordinal' in message)) return;
    const isCreation = message.type === 'RequestCreation';
    const owner = isCreation || isEndMessage(message) ? this.#callerOf(message.ordinal) : message.ordinal;
    const isRecorded = this.#isLive(owner) && this.#isOfLastAttempt(owner, message, index);
    if (message.type === 'ContextWrite') {
      if (isRecorded) this.#acts.addWrite(message);
      else this.#readWrite(message, index);
    } else if (!isRecorded) this.#readQuestion(message);
    else if (isCreation) {
      this.#addPlace(message);
      this.#steps.push(message);
    } else if (isEndMessage(message)) this.#steps.push(message);
    else {
      const question = this.#acts.add(message);
      if (question === undefined) return;
      if (message.type === 'Interrupt') this.#steps.push({ type: 'question', question, message });
      else this.#steps.push({ type: 'answer', question });
    }
  }

  #readQuestion(message: LogMessage): void {
    if (message.type !== 'Interrupt') return;
    let { ordinal } = message;
    while (ordinal !== -1 && !this.#isLive(this.#callerOf(ordinal))) ordinal = this.#callerOf(ordinal);
    const asked = this.#asked.get(ordinal);
    if (asked === undefined) this.#asked.set(ordinal, [message.key]);
    else asked.push(message.key);
  }

  /** Calls of an earlier attempt are not made again. */
  #isOfLastAttempt(owner: number, message: LogMessage, index: number): boolean {
    const { attemptIndex = -1 } = this.record.invocations[owner] ?? {};
    if (!('ordinal' in message) || message.ordinal === owner) return index > attemptIndex;
    return (this.record.invocations[message.ordinal]?.index ?? -1) > attemptIndex;
  }

  #callerOf(ordinal: number): number {
    return this.record.invocations[ordinal]?.creation.source ?? -1;
  }

  #isLive(ordinal: number): boolean {
    const invocation = this.record.invocations[ordinal];
    return invocation !== undefined && invocation.end === undefined;
  }

  #isAttemptRecorded({ ordinal, attempt }: Invocation): boolean {
    return this.#isLive(ordinal) && attempt?.number === this.record.invocations[ordinal]?.attempt;
  }

  #addPlace({ source, key, name, ordinal }: RequestCreationMessage): void {
    let places = this.#places.get(source);
    if (places === undefined) this.#places.set(source, (places = new CallPlaces()));
    const place = places.get(name, key);
    if (place === undefined) places.set(name, key, { ordinals: [ordinal], taken: 0 });
    else place.ordinals.push(ordinal);
  }

  /** A call's place: the key or the name, and how many of those its caller has made before. */
  #find({ caller, node, key }: CallPlace): number | undefined {
    if (caller === undefined) return 0;
    if (!this.#isAttemptRecorded(caller)) return undefined;
    const place = this.#places.get(caller.ordinal)?.get(node.name, key);
    if (place === undefined) return undefined;
    place.taken += 1;
    return place.ordinals[place.taken - 1];
  }

  /** A write by something that does not run again: it goes into the scope of what runs again above it. */
  #readWrite({ ordinal: writer, key, isDelete, value }: ContextWriteMessage, index: number): void {
    let owner = writer;
    while (owner !== -1 && !this.#isLive(owner)) {
      const invocation: RecordedInvocation | undefined = this.record.invocations[owner];
      // A scope of its own ended with it.
      if (invocation?.creation.hasScope === true) return;
      owner = this.#callerOf(owner);
    }
    const apply: ApplyWrite = (scope) => (isDelete ? scope.remove(key) : scope.write(key, cloneData(value)));
    // The attempt that goes on finds what earlier ones have written.
    if (index < (this.record.invocations[owner]?.attemptIndex ?? -1)) this.#putOff(owner, apply);
    else this.#steps.push({ type: 'write', apply, owner });
  }

  #putOff(owner: number, apply: ApplyWrite): void {
    const writes = this.#writes.get(owner);
    if (writes === undefined) this.#writes.set(owner, [apply]);
    else writes.push(apply);
  }

  readonly #advance = (): void => {
    for (; this.#position < this.#steps.length && this.#isActive; this.#position += 1) {
      const step = this.#steps[this.#position];
      if (step === undefined || !this.#perform(step)) return;
    }
    if (!this.#isActive) return;
    // What has just gone on asks its questions in this turn.
    if (this.#awaited !== this.#position) {
      this.#awaited = this.#position;
      afterThisTurn(this.#advance);
      return;
    }
    this.#isActive = false;
    const held = this.#held;
    this.#held = [];
    this.#host.onReplayed();
    for (const { act } of held) act();
  };

  /** Whether the next step may follow at once; else it will, in another turn. */
  #perform(step: Step): boolean {
    switch (step.type) {
      case 'RequestCreation': {
        const { ordinal, source, name } = step;
        return this.#claimed[ordinal] === true || this.#awaitTurn(source, `called "${name}"`);
      }
      case 'question': {
        const { ordinal, key } = step.message;
        return step.question.isAsked || this.#awaitTurn(ordinal, `asked "${key}"`);
      }
      case 'write': {
        const scope = this.#scopes.get(step.owner);
        // It comes late to its calls: what was written below it waits for it.
        if (scope === undefined) this.#putOff(step.owner, step.apply);
        else step.apply(scope);
        return true;
      }
      case 'answer': {
        step.question.isDue = true;
        if (step.question.deliver === undefined) return true;
        step.question.deliver();
        return this.#inNextTurn();
      }
      default:
        return this.#deliver(step);
    }
  }

  #deliver({ ordinal }: EndMessage): boolean {
    const deliver = this.#deliveries[ordinal];
    if (deliver === undefined) {
      this.#late.add(ordinal);
      return true;
    }
    // What its caller came late for was earlier, and comes first.
    const due = this.#lateCalls.get(this.#callerOf(ordinal));
    if (due !== undefined) {
      due.push(ordinal);
      return true;
    }
    this.#deliveries[ordinal] = undefined;
    deliver();
    // A graph has gone on when this returns; a body goes on in this turn, and its next call comes before the next result.
    const caller = this.record.invocations[this.#callerOf(ordinal)];
    return caller?.creation.kind === 'graph' || this.#inNextTurn();
  }

  /** Something has its turn: it is done now, or whoever did it awaits something that was not recorded. */
  #awaitTurn(actor: number, what: string): boolean {
    if (this.#awaited !== this.#position) {
      this.#awaited = this.#position;
      afterThisTurn(this.#advance);
      return false;
    }
    const other = this.#held.find(({ caller }) => caller === actor);
    if (other === undefined) return true;
    const name = this.record.invocations[actor]?.creation.name ?? '';
    this.changed(`Node "${name}" ${what} where it now ${other.what}`);
    return false;
  }

  #inNextTurn(): false {
    this.#position += 1;
    afterThisTurn(this.#advance);
    return false;
  }
}

/** Whether an input is what was recorded; it may have lost its class, as the recorded one has. */
function isSame(recorded: unknown, given: unknown): boolean {
  return (
    isDeepStrictEqual(recorded, given) || isDeepStrictEqual(recorded, decodeValue(encodeAnyValue(given)))
  );
}
