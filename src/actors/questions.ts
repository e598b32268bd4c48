import type { StandardSchemaV1 } from '@standard-schema/spec';
import { cloneData, recordOf } from '../clone.ts';
import { CancelledError, InterruptAlreadyResolvedError, UnknownResponseError } from '../errors.ts';
import { runOutside } from '../nodes/ambient.ts';
import type { InterruptOptions } from '../nodes/contract.ts';
import { isStandardSchema } from '../nodes/input.ts';
import { validate } from '../nodes/resolve-input.ts';
import { assertKnownOptions, expected } from '../nodes/validate.ts';
import type { Attempt } from './invocation.ts';
import type { Invocation } from './invocation.ts';
import type { Journal, StoredFields } from './journal.ts';
import type { RecordedQuestion } from './replay-acts.ts';
import type { Replay } from './replay.ts';
import type { Reporter } from './reporter.ts';
import { keyAtRoot, keyOutsideOf } from './up-front-answers.ts';
import type { InterruptHandler, PauseInfo } from './settings.ts';

interface Question {
  readonly key: string;
  readonly attempt: Attempt;
  readonly value: unknown;
  /** The name of the node that asks. */
  readonly node: string;
  readonly path: readonly string[];
  readonly schema: StandardSchemaV1 | undefined;
  /** Whether a handler is at work on it, so that no person is waited for. */
  readonly isHandled: boolean;
  readonly answer: (value: unknown) => void;
  readonly fail: (error: unknown) => void;
  /** Whether it is written, so that whoever answers may see it. */
  isShown: boolean;
  /** Of one that was asked by an earlier execution. */
  readonly recorded: RecordedQuestion | undefined;
}

/** What is asked, and in whose name. */
interface Asking {
  readonly value: unknown;
  readonly options: InterruptOptions;
  readonly origin: { readonly node: string; readonly path: readonly string[] } | undefined;
  readonly recorded: RecordedQuestion | undefined;
}

/** What asking and answering changes elsewhere in the run. */
export interface QuestionHost {
  /** Of a durable workflow. */
  readonly journal: Journal | undefined;
  /** Of one that goes on. */
  readonly replay: Replay | undefined;
  /** Something answers that must be told to whoever runs it. */
  onTrouble(error: unknown, key: string): void;
  /** The invocation waits for a person, or no longer does. */
  onWaitingChanged(invocation: Invocation): void;
  /** Calls `goOn` when the invocation may go on. */
  resume(invocation: Invocation, goOn: () => void): void;
}

/** The questions of one run: asked by bodies, answered by people and handlers. */
export class Questions {
  readonly #reporter: Reporter;
  readonly #handlers: Readonly<Record<string, InterruptHandler>>;
  readonly #host: QuestionHost;
  // Most runs ask nothing.
  #open: Set<Question> | undefined;
  #answeredKeys: Set<string> | undefined;
  /** Answers for questions that have not been asked. */
  #kept: Map<string, unknown> | undefined;

  constructor(reporter: Reporter, handlers: Readonly<Record<string, InterruptHandler>>, host: QuestionHost) {
    this.#reporter = reporter;
    this.#handlers = handlers;
    this.#host = host;
  }

  /** Whether any question waits for a person. */
  get isWaiting(): boolean {
    for (const question of this.#open ?? []) if (!question.isHandled) return true;
    return false;
  }

  /** The questions that wait for a person, oldest first. */
  get pauses(): readonly PauseInfo[] {
    return [...(this.#open ?? [])]
      .filter((question) => !question.isHandled && question.isShown)
      .map(({ key, attempt, node, path, value, schema }) => ({
        key,
        node,
        path,
        value,
        requestId: attempt.invocation.requestId,
        ...(schema === undefined ? {} : { schema }),
      }));
  }

  /** Asks; in the name of a node below the one that asks, where its run is another. */
  ask(
    attempt: Attempt,
    value: unknown,
    options: InterruptOptions = {},
    origin?: { readonly node: string; readonly path: readonly string[] },
  ): Promise<unknown> {
    const { invocation } = attempt;
    checkOptions(invocation, options);
    const ownKey = options.key ?? invocation.node.name;
    const { replay } = this.#host;
    const recorded = replay?.takeQuestion(invocation, keyOutsideOf(invocation.parent, ownKey));
    if (recorded === undefined && replay?.isActive === true) {
      const what = `asks "${ownKey}"`;
      return this.#later(attempt, what, () => this.#askNow(attempt, { value, options, origin, recorded }));
    }
    return this.#askNow(attempt, { value, options, origin, recorded });
  }

  /** Asks what was not recorded when all that was has been given out. */
  #later(attempt: Attempt, what: string, ask: () => Promise<unknown>): Promise<unknown> {
    const asked = new Promise<unknown>((resolve, reject) => {
      this.#host.replay?.hold(attempt.invocation, what, () => {
        if (attempt.isOpen) ask().then(resolve, reject);
        else reject(new CancelledError('The attempt that asked has ended'));
      });
    });
    asked.catch(() => undefined); // a body that no longer listens is not an unhandled rejection
    return asked;
  }

  #askNow(attempt: Attempt, { value, options, origin, recorded }: Asking): Promise<unknown> {
    const { invocation } = attempt;
    const { key, answer } = keyAtRoot(invocation, options.key ?? invocation.node.name);
    const fields =
      recorded === undefined ? this.#reporter.ready('value', value, invocation.node.name) : undefined;
    const isResolved = recorded?.resolution !== undefined;
    const handler = Object.hasOwn(this.#handlers, key) ? this.#handlers[key] : undefined;
    const answered = new Promise<unknown>((resolve, reject) => {
      const question: Question = {
        key,
        attempt,
        value: recordOf(value),
        node: origin?.node ?? invocation.node.name,
        path: Object.freeze([...pathOf(invocation), ...(origin?.path.slice(1) ?? [])]),
        schema: options.schema,
        isHandled: isResolved || handler !== undefined || answer !== undefined,
        answer: resolve,
        fail: reject,
        isShown: false,
        recorded,
      };
      this.#openQuestion(question, fields);
      if (isResolved) this.#recall(question);
      else if (answer !== undefined) this.#close(question, answer.value);
      else if (handler !== undefined) this.#whenWritten(() => this.#handle(question, handler, value));
      else this.#answerFromKept(question);
    });
    answered.catch(() => undefined); // a body that no longer listens is not an unhandled rejection
    return answered;
  }

  /**
   * Answers the oldest open question of a key, of those askers who are meant.
   *
   * @throws {@link UnknownResponseError}, {@link InterruptAlreadyResolvedError}, {@link InvalidInputError}; the question stays open.
   */
  async respond(key: string, value: unknown, isMeant?: (asker: Invocation) => boolean): Promise<void> {
    const question = this.#find(key, isMeant);
    // Only an asynchronous schema takes time, in which another answer may come first.
    const accepted: unknown =
      question.schema === undefined
        ? value
        : await validate(question.schema, value, `The answer to "${key}"`);
    if (this.#open?.has(question) !== true) throw alreadyResolved(key);
    this.#close(question, accepted);
  }

  /** Whether a question of a key waits for a person. */
  isAsked(key: string): boolean {
    for (const question of this.#open ?? []) if (question.key === key && !question.isHandled) return true;
    return false;
  }

  /** A question of a key was answered by an earlier execution. */
  noteAnswered(key: string): void {
    (this.#answeredKeys ??= new Set()).add(key);
  }

  /** Keeps an answer for the next question of a key. */
  keep(key: string, value: unknown): void {
    (this.#kept ??= new Map()).set(key, value);
  }

  /** Takes back what an attempt asked, because it has ended. */
  withdraw(attempt: Attempt): void {
    for (const question of this.#open ?? []) {
      if (question.attempt !== attempt) continue;
      this.#open?.delete(question);
      if (!question.isHandled) attempt.invocation.openQuestions -= 1;
      question.fail(new CancelledError('The attempt that asked has ended'));
    }
  }

  /** Answers as it was recorded, in its turn. */
  #recall(question: Question): void {
    const { recorded, key } = question;
    if (recorded?.resolution === undefined) return;
    const { resolution } = recorded;
    const deliver = (): void => {
      if (this.#open?.delete(question) !== true) return;
      const { invocation } = question.attempt;
      invocation.move('ANSWER');
      if (!('value' in resolution)) {
        this.#host.resume(invocation, () => question.fail(resolution.error));
        return;
      }
      (this.#answeredKeys ??= new Set()).add(key);
      this.#host.resume(invocation, () => question.answer(cloneData(resolution.value)));
    };
    if (recorded.isDue) queueMicrotask(deliver);
    else recorded.deliver = deliver;
  }

  /** Answers with what was given before it was asked; what the schema refuses is told, and the question stays open. */
  #answerFromKept(question: Question): void {
    const { key } = question;
    if (this.#kept?.has(key) !== true) return;
    const value = this.#kept.get(key);
    this.#kept.delete(key);
    this.respond(key, value).catch((error: unknown) => this.#host.onTrouble(error, key));
  }

  /** Whoever answers sees the question, so it has to be written first. */
  #whenWritten(act: () => void): void {
    const { journal } = this.#host;
    if (journal === undefined) act();
    else journal.after(act);
  }

  #openQuestion(question: Question, fields: StoredFields): void {
    const { invocation } = question.attempt;
    (this.#open ??= new Set()).add(question);
    for (let each: Invocation | undefined = invocation; each !== undefined; each = each.parent)
      each.hasAsked = true;
    invocation.move('ASK');
    if (!question.isHandled) invocation.openQuestions += 1;
    const isRecorded = question.recorded !== undefined;
    if (!isRecorded || !question.isHandled)
      this.#reporter.asked(invocation, question, { isRecorded, fields });
    this.#whenWritten(() => (question.isShown = true));
    this.#host.onWaitingChanged(invocation);
  }

  #handle(question: Question, handler: InterruptHandler, value: unknown): void {
    void runOutside(async () => {
      try {
        const given = await handler(value);
        const accepted =
          question.schema === undefined
            ? given
            : await validate(question.schema, given, `The handler's answer to "${question.key}"`);
        if (this.#open?.has(question) === true) this.#close(question, accepted);
      } catch (error) {
        if (this.#open?.has(question) === true) this.#giveUp(question, error);
      }
    });
  }

  #giveUp(question: Question, error: unknown): void {
    const { key, attempt } = question;
    this.#open?.delete(question);
    attempt.invocation.move('ANSWER');
    this.#reporter.withdrawn(attempt.invocation, { key, error, open: this.#countOpen(attempt) });
    this.#host.resume(attempt.invocation, () => question.fail(error));
  }

  #countOpen(attempt: Attempt): number {
    let count = 0;
    for (const question of this.#open ?? []) if (question.attempt === attempt) count += 1;
    return count;
  }

  #close(question: Question, value: unknown): void {
    const { key, attempt, isHandled } = question;
    const { invocation } = attempt;
    const fields = this.#reporter.ready('value', value, question.node);
    this.#open?.delete(question);
    (this.#answeredKeys ??= new Set()).add(key);
    invocation.move('ANSWER');
    if (!isHandled) invocation.openQuestions -= 1;
    const open = this.#countOpen(attempt);
    this.#reporter.answered(invocation, { key, value: recordOf(value), open }, fields);
    this.#host.onWaitingChanged(invocation);
    this.#whenWritten(() => this.#host.resume(invocation, () => question.answer(value)));
  }

  #find(key: string, isMeant: (asker: Invocation) => boolean = () => true): Question {
    let found: Question | undefined;
    for (const question of this.#open ?? []) {
      if (!isMeant(question.attempt.invocation)) continue;
      if (question.key === key && (found === undefined || (found.isHandled && !question.isHandled)))
        found = question;
    }
    if (found !== undefined) return found;
    throw this.#notOpen(key);
  }

  #notOpen(key: string): Error {
    if (this.#answeredKeys?.has(key) === true) return alreadyResolved(key);
    const keys = [...new Set(this.pauses.map((pause) => pause.key))];
    return new UnknownResponseError(`No question "${key}" is open`, {
      hint:
        keys.length === 0
          ? 'No question is open at all.'
          : `Open: ${keys.map((each) => `"${each}"`).join(', ')}.`,
    });
  }
}

function alreadyResolved(key: string): InterruptAlreadyResolvedError {
  return new InterruptAlreadyResolvedError(`The question "${key}" was answered before`, {
    hint: 'The first answer counts.',
  });
}

function checkOptions(invocation: Invocation, options: unknown): void {
  assertKnownOptions('interrupt', options, ['key', 'schema']);
  const { key, schema }: { key?: unknown; schema?: unknown } = options;
  const what = `of a question of node "${invocation.node.name}"`;
  if (key !== undefined && (typeof key !== 'string' || key === ''))
    throw expected(`\`key\` ${what}`, 'a text that is not empty', key);
  if (schema !== undefined && !isStandardSchema(schema))
    throw expected(`\`schema\` ${what}`, 'a Standard Schema', schema);
}

function pathOf(invocation: Invocation): readonly string[] {
  const path: string[] = [];
  for (let each: Invocation | undefined = invocation; each !== undefined; each = each.parent)
    path.push(each.node.name);
  return path.toReversed();
}
