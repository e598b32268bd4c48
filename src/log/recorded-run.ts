import {
  isEndMessage,
  isInvocationMessage,
  type EndMessage,
  type InvocationMessage,
  type LogMessage,
  type RequestCreationMessage,
  type RunContinueMessage,
  type RunEndMessage,
  type RunStartMessage,
} from './messages.ts';

/** What a log says of one invocation, as far as another execution needs it. */
export interface RecordedInvocation {
  readonly creation: RequestCreationMessage;
  /** The places in the log of its creation, and of its end; -1 where it was in flight. */
  readonly index: number;
  endIndex: number;
  /** How it ended; undefined where it was in flight. */
  end: EndMessage | undefined;
  /** The last attempt that was begun, or is due. */
  attempt: number;
  /** The place in the log at which that attempt began. */
  attemptIndex: number;
  /** Whether that attempt was begun. */
  hasBegun: boolean;
  /** When that attempt is due, in ms since the epoch, where it waits for it. */
  dueAt: number | undefined;
  /** Whether its last attempt called, asked or wrote anything. */
  hasActed: boolean;
}

/** The log of a workflow that goes on, or has ended: what was undone by going on again is left out. */
export class RecordedRun {
  readonly messages: readonly LogMessage[];
  readonly start: RunStartMessage;
  /** How it ended; undefined where it has not. */
  readonly end: RunEndMessage | undefined;
  readonly invocations: readonly RecordedInvocation[];

  /**
   * `invocations`: where they are known, and nothing of the log is undone.
   *
   * @throws a RangeError when the messages are no log of a run.
   */
  constructor(messages: readonly LogMessage[], invocations?: readonly RecordedInvocation[]) {
    this.messages = invocations === undefined ? withoutUndone(wholePart(messages)) : messages;
    const [start] = this.messages;
    if (start?.type !== 'RunStart') throw new RangeError('A log begins with the start of its run');
    this.start = start;
    this.end = this.messages.findLast((message) => message.type === 'RunEnd');
    this.invocations = invocations ?? readInvocations(this.messages);
  }

  /** The log with a message that says that it goes on. */
  continuedBy(message: RunContinueMessage): RecordedRun {
    const isUndoing = this.end !== undefined || message.reopened.length > 0;
    return new RecordedRun([...this.messages, message], isUndoing ? undefined : this.invocations);
  }

  /** The answers that were kept for questions, and not used yet. */
  get keptAnswers(): ReadonlyMap<string, unknown> {
    const kept = new Map<string, unknown>();
    for (const message of this.messages) {
      if (message.type === 'AnswerKept') kept.set(message.key, message.value);
      else if (message.type === 'InterruptResolved') kept.delete(message.key);
    }
    return kept;
  }

  /** The fatal failure that was to end the run, where it had no time to. */
  get fatal(): { readonly error: unknown } | undefined {
    return this.messages.findLast((message) => message.type === 'FatalFailure');
  }

  /** The keys of the questions that were answered. */
  *answeredKeys(): Generator<string, void> {
    for (const message of this.messages) if (message.type === 'InterruptResolved') yield message.key;
  }

  /** How many steps there are. */
  get steps(): number {
    return this.messages.filter((message) => message.type === 'RequestCreation' || isEnd(message)).length;
  }

  /** The log as it was after a step. */
  messagesAt(step: number): readonly LogMessage[] {
    let steps = -1;
    const next = this.messages.findIndex((message) => {
      if (message.type === 'RequestCreation' || isEnd(message)) steps += 1;
      return steps > step;
    });
    return next === -1 ? this.messages : this.messages.slice(0, next);
  }

  /**
   * What ran last and led to the end of the run, and so has to run again: from the root down, failures that nobody had
   * handled, and what was stopped with them.
   */
  reopened(): readonly number[] {
    const [root] = this.invocations;
    // A graph only puts together again what it had come to; the body of a node would act again.
    if (this.end === undefined) return root?.end !== undefined && root.creation.kind === 'graph' ? [0] : [];
    return new Reopening(this).ordinals;
  }
}

function isEnd(message: LogMessage): message is EndMessage {
  return isInvocationMessage(message) && isEndMessage(message);
}

/** Of a log of which steps were removed the rest does not hold together: its beginning and its result do. */
function wholePart(messages: readonly LogMessage[]): readonly LogMessage[] {
  const [start] = messages;
  if (start?.type !== 'RunStart' || start.durable?.isShortened !== true) return messages;
  return messages.filter((message) => !isInvocationMessage(message) || message.ordinal === 0);
}

/** Without what later executions have undone: the ends of what ran again, and of the run. */
function withoutUndone(messages: readonly LogMessage[]): readonly LogMessage[] {
  if (!messages.some((message) => message.type === 'RunContinue')) return messages;
  let kept: LogMessage[] = [];
  let hasEnded = false;
  for (const message of messages) {
    if (message.type === 'RunContinue' && (hasEnded || message.reopened.length > 0)) {
      kept = undone(kept, new Set(message.reopened));
      hasEnded = false;
    } else if (message.type === 'RunEnd') hasEnded = true;
    kept.push(message);
  }
  return kept;
}

/** A log without the ends of these invocations, and of the run. */
export function undone(messages: readonly LogMessage[], reopened: ReadonlySet<number>): LogMessage[] {
  return messages.filter((message) => {
    if (message.type === 'RunEnd') return false;
    if (!isInvocationMessage(message) || !reopened.has(message.ordinal)) return true;
    return !isEndMessage(message) && message.type !== 'FatalFailure' && message.type !== 'NodeLeftOut';
  });
}

function readInvocations(messages: readonly LogMessage[]): readonly RecordedInvocation[] {
  const invocations: RecordedInvocation[] = [];
  // By the index: a log may be long, and an iterator of entries takes as long as what is done with them.
  for (let index = 0; index < messages.length; index += 1) {
    const message = messages[index] as LogMessage; // below the length
    // What runs again has all of its attempts again.
    if (message.type === 'RunContinue')
      for (const ordinal of message.reopened)
        Object.assign(invocations[ordinal] ?? {}, { attempt: 1, hasBegun: false, dueAt: undefined });
    else if (message.type === 'RequestCreation') addInvocation(invocations, message, index);
    else if (isInvocationMessage(message)) {
      const invocation = invocations[message.ordinal];
      if (invocation === undefined) throw new RangeError(`There is no invocation ${message.ordinal}`);
      follow(invocation, message, index);
    }
  }
  return invocations;
}

function addInvocation(
  invocations: RecordedInvocation[],
  creation: RequestCreationMessage,
  index: number,
): void {
  invocations.push({
    creation,
    index,
    end: undefined,
    endIndex: -1,
    attempt: 1,
    attemptIndex: index,
    hasBegun: false,
    dueAt: undefined,
    hasActed: false,
  });
  const caller = invocations[creation.source];
  if (caller !== undefined) caller.hasActed = true;
}

function follow(invocation: RecordedInvocation, message: InvocationMessage, index: number): void {
  if (isEndMessage(message)) {
    invocation.end = message;
    invocation.endIndex = index;
  } else if (message.type === 'NodeStart') {
    invocation.hasBegun = true;
    invocation.dueAt = undefined;
  } else if (message.type === 'NodeRetry') {
    const { attempt, time, delayMs } = message;
    const dueAt = time + delayMs;
    Object.assign(invocation, {
      attempt: attempt + 1,
      attemptIndex: index,
      hasBegun: false,
      dueAt,
      hasActed: false,
    });
  } else if (message.type === 'Interrupt' || message.type === 'ContextWrite') invocation.hasActed = true;
}

/** Finds what led to the end of a run. */
class Reopening {
  readonly ordinals: number[] = [];
  readonly #run: RecordedRun;
  readonly #children = new Map<number, number[]>();
  readonly #positions = new Map<LogMessage, number>();
  /** The texts of the errors that led to the end. */
  readonly #causes = new Set<string>();

  constructor(run: RecordedRun) {
    this.#run = run;
    for (const [position, message] of run.messages.entries()) this.#positions.set(message, position);
    for (const { creation } of run.invocations) {
      const siblings = this.#children.get(creation.source);
      if (siblings === undefined) this.#children.set(creation.source, [creation.ordinal]);
      else siblings.push(creation.ordinal);
    }
    this.#addCauses(run.end?.error);
    this.#reopen(0);
  }

  #reopen(root: number): void {
    const due = [root];
    // The list grows while it is walked: below what runs again, more does.
    for (const ordinal of due) {
      this.ordinals.push(ordinal);
      const invocation = this.#run.invocations[ordinal];
      if (invocation === undefined) continue;
      const { end } = invocation;
      // Of one that succeeded, what it called was handled; it runs again only as the root of a completed run.
      if (end === undefined || end.type === 'RequestSuccess') continue;
      this.#addCauses(end.error);
      for (const child of this.#children.get(ordinal) ?? [])
        if (this.#ledToEnd(child, invocation)) due.push(child);
    }
  }

  #ledToEnd(ordinal: number, caller: RecordedInvocation): boolean {
    const invocation = this.#run.invocations[ordinal];
    const end = invocation?.end;
    if (invocation === undefined || end === undefined || end.type === 'RequestSuccess') return false;
    // In a graph nobody handles a failure.
    if (caller.creation.kind === 'graph') return true;
    if (this.#position(invocation.creation) < caller.attemptIndex) return false;
    if (end.type === 'RequestCancelled') return this.#wasStoppedWith(end, caller);
    if (this.#causes.has(textOf(end.error)) && this.#isLastOfItsKind(end, caller)) return true;
    return this.#wasLastTold(end, caller);
  }

  /** Whether its caller did nothing more after it but fail: then it failed because of it, whatever it made of it. */
  #wasLastTold(end: EndMessage, { creation: { ordinal }, end: callerEnd }: RecordedInvocation): boolean {
    if (callerEnd?.type !== 'RequestFailure') return false;
    for (let at = this.#position(end) + 1; at < this.#position(callerEnd); at += 1) {
      const message = this.#run.messages[at];
      if (message !== undefined && isInvocationMessage(message) && this.#concerns(message, ordinal))
        return false;
    }
    return true;
  }

  /** Whether an invocation did something, or was told of what it had called. */
  #concerns(message: InvocationMessage, ordinal: number): boolean {
    if (message.ordinal === ordinal) return true;
    const isOfCall = message.type === 'RequestCreation' || isEndMessage(message);
    if (!isOfCall || message.type === 'RequestCancelled') return false;
    return this.#run.invocations[message.ordinal]?.creation.source === ordinal;
  }

  /** Whether it was stopped in one go with its caller, or because that had failed. */
  #wasStoppedWith(end: EndMessage, { end: callerEnd }: RecordedInvocation): boolean {
    if (callerEnd === undefined) return true;
    for (let at = this.#position(callerEnd) - 1; at >= 0; at -= 1) {
      const message = this.#run.messages[at];
      if (message === end) return true;
      if (message === undefined || !isInvocationMessage(message) || message.type !== 'RequestCancelled')
        return false;
    }
    return false;
  }

  /** Of equal failures only the last one can have been unhandled. */
  #isLastOfItsKind(end: EndMessage, { creation }: RecordedInvocation): boolean {
    const text = 'error' in end ? textOf(end.error) : '';
    return !(this.#children.get(creation.ordinal) ?? []).some((sibling) => {
      const other = this.#run.invocations[sibling]?.end;
      if (other === undefined || other === end || other.type === 'RequestSuccess') return false;
      return textOf(other.error) === text && this.#position(other) > this.#position(end);
    });
  }

  #position(message: LogMessage): number {
    return this.#positions.get(message) ?? -1;
  }

  /** An error, what caused it, and why it was stopped. */
  #addCauses(error: unknown): void {
    const due = [error];
    // The list grows while it is walked: behind each error come those that it was made of.
    for (const each of due) {
      this.#causes.add(textOf(each));
      if (typeof each !== 'object' || each === null || due.length > MAX_CAUSES) continue;
      const errors: unknown = each instanceof AggregateError ? each.errors : [];
      const behind: unknown[] = [Reflect.get(each, 'cause'), Reflect.get(each, 'reason')];
      if (Array.isArray(errors)) behind.push(...(errors as unknown[]));
      due.push(...behind.filter((one) => one !== undefined && !due.includes(one)));
    }
  }
}

const MAX_CAUSES = 1_000;

/** What tells one error from another: where it was made as well as what it says. */
function textOf(error: unknown): string {
  return error instanceof Error ? `${error.name} ${error.message} ${error.stack ?? ''}` : String(error);
}
