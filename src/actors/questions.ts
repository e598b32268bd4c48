import type { StandardSchemaV1 } from '@standard-schema/spec';
import { recordOf } from '../clone.ts';
import { CancelledError, InterruptAlreadyResolvedError, UnknownResponseError } from '../errors.ts';
import { runOutside } from '../nodes/ambient.ts';
import type { InterruptOptions } from '../nodes/contract.ts';
import { isStandardSchema } from '../nodes/input.ts';
import { validate } from '../nodes/resolve-input.ts';
import { assertKnownOptions, expected } from '../nodes/validate.ts';
import type { Attempt } from './invocation.ts';
import type { Invocation } from './invocation.ts';
import type { Reporter } from './reporter.ts';
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
}

/** What asking and answering changes elsewhere in the run. */
export interface QuestionHost {
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
      .filter((question) => !question.isHandled)
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
    const { key, answer } = keyAtRoot(invocation, options.key ?? invocation.node.name);
    const handler = Object.hasOwn(this.#handlers, key) ? this.#handlers[key] : undefined;
    const answered = new Promise<unknown>((resolve, reject) => {
      const question: Question = {
        key,
        attempt,
        value: recordOf(value),
        node: origin?.node ?? invocation.node.name,
        path: Object.freeze([...pathOf(invocation), ...(origin?.path.slice(1) ?? [])]),
        schema: options.schema,
        isHandled: handler !== undefined || answer !== undefined,
        answer: resolve,
        fail: reject,
      };
      this.#openQuestion(question);
      if (answer !== undefined) this.#close(question, answer.value);
      else if (handler !== undefined) this.#handle(question, handler, value);
    });
    answered.catch(() => undefined); // a body that no longer listens is not an unhandled rejection
    return answered;
  }

  /**
   * Answers the oldest open question of a key.
   *
   * @throws {@link UnknownResponseError}, {@link InterruptAlreadyResolvedError}, {@link InvalidInputError}; the question stays open.
   */
  async respond(key: string, value: unknown): Promise<void> {
    const question = this.#find(key);
    // Only an asynchronous schema takes time, in which another answer may come first.
    const accepted: unknown =
      question.schema === undefined
        ? value
        : await validate(question.schema, value, `The answer to "${key}"`);
    if (this.#open?.has(question) !== true) throw alreadyResolved(key);
    this.#close(question, accepted);
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

  #openQuestion(question: Question): void {
    const { invocation } = question.attempt;
    (this.#open ??= new Set()).add(question);
    for (let each: Invocation | undefined = invocation; each !== undefined; each = each.parent)
      each.hasAsked = true;
    invocation.move('ASK');
    if (!question.isHandled) invocation.openQuestions += 1;
    this.#reporter.asked(invocation, question);
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
    this.#open?.delete(question);
    (this.#answeredKeys ??= new Set()).add(key);
    invocation.move('ANSWER');
    if (!isHandled) invocation.openQuestions -= 1;
    this.#reporter.answered(invocation, { key, value: recordOf(value), open: this.#countOpen(attempt) });
    this.#host.onWaitingChanged(invocation);
    this.#host.resume(invocation, () => question.answer(value));
  }

  #find(key: string): Question {
    let found: Question | undefined;
    for (const question of this.#open ?? []) {
      if (question.key === key && (found === undefined || (found.isHandled && !question.isHandled)))
        found = question;
    }
    if (found !== undefined) return found;
    if (this.#answeredKeys?.has(key) === true) throw alreadyResolved(key);
    const keys = [...new Set(this.pauses.map((pause) => pause.key))];
    throw new UnknownResponseError(`No question "${key}" is open`, {
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

/** The key of a question as the whole run knows it, and the answer that was given for it up front. */
function keyAtRoot(
  asker: Invocation,
  key: string,
): { readonly key: string; readonly answer: { readonly value: unknown } | undefined } {
  let known = key;
  let answer: { readonly value: unknown } | undefined;
  for (let each = asker.parent; each !== undefined; each = each.parent) {
    const { graph } = each;
    if (graph === undefined) continue;
    known = graph.keyOutside(known);
    answer ??= graph.takeAnswer(known);
  }
  return { key: known, answer };
}

function pathOf(invocation: Invocation): readonly string[] {
  const path: string[] = [];
  for (let each: Invocation | undefined = invocation; each !== undefined; each = each.parent)
    path.push(each.node.name);
  return path.toReversed();
}
