import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { NodeContext } from '../nodes/contract.ts';
import type { GraphNode } from './plan.ts';

/** What a nested graph needs of a runner of its own. */
export interface ForeignRunner {
  readonly capabilities: {
    readonly supportsCycles: boolean;
    readonly supportsGates: boolean;
    readonly supportsInterrupts: boolean;
    readonly supportsAsyncNodes: boolean;
  };
  readonly run: (target: never, input: never, options: never) => unknown;
  readonly respond: (runId: string, key: string, value: unknown) => unknown;
}

/** A question of a run inside, to be asked as if it were the node's own. */
export interface ForeignQuestion {
  readonly key: string;
  /** The node that asks, and the names from the nested graph to it. */
  readonly node: string;
  readonly path: readonly string[];
  readonly value: unknown;
  readonly requestId: string;
  readonly schema?: StandardSchemaV1;
}

/** The context of a body in a run, which can ask in the name of others. */
export interface ForeignContext extends NodeContext {
  readonly askFor?: (question: ForeignQuestion) => Promise<unknown>;
}

interface Outcome {
  readonly status: string;
  readonly answer: unknown;
  readonly runId: string;
  readonly pauses: readonly ForeignQuestion[];
}

interface TypedRunner {
  run(target: unknown, input: unknown, options: unknown): Promise<Outcome>;
  respond(runId: string, key: string, value: unknown): Promise<Outcome>;
}

/** Whether a value is a runner: it says what it can do. */
export function isForeignRunner(value: unknown): value is ForeignRunner {
  return (
    typeof value === 'object' &&
    value !== null &&
    'capabilities' in value &&
    typeof value.capabilities === 'object' &&
    value.capabilities !== null
  );
}

/**
 * Runs a nested graph in a runner of its own: it is cancelled with the node, its chunks are the node's, and when it can
 * go on only with answers, its questions are asked as the node's.
 */
export async function runForeign(
  given: ForeignRunner,
  node: GraphNode,
  input: unknown,
  ctx: ForeignContext,
): Promise<unknown> {
  const runner = given as unknown as TypedRunner; // a runner's methods, with the types of no target in particular
  const forward = forwardTo(ctx);
  const options = { signal: ctx.signal, processors: [forward] };
  const answer = await new Promise<unknown>((resolve, reject) => {
    const asked = new Set<string>();
    const take = ({ status, answer: returned, runId, pauses }: Outcome): void => {
      if (status !== 'paused') resolve(returned);
      for (const question of pauses) {
        const id = `${question.requestId} ${question.key}`;
        if (asked.has(id)) continue;
        asked.add(id);
        ask(question, ctx)
          .then((value) => {
            asked.delete(id);
            return runner.respond(runId, question.key, value);
          })
          .then(take, reject);
      }
    };
    runner.run(node, input, options).then(take, reject);
  });
  await forward.ended;
  return answer;
}

function ask(question: ForeignQuestion, ctx: ForeignContext): Promise<unknown> {
  const { key, value, schema } = question;
  if (ctx.askFor === undefined) return ctx.interrupt(value, { key });
  return ctx.askFor({ ...question, ...(schema === undefined ? {} : { schema: checkOnly(schema) }) });
}

/** The same schema, which lets what it accepts pass as it was given: the run inside parses it. */
export function checkOnly(schema: StandardSchemaV1): StandardSchemaV1 {
  return {
    '~standard': {
      version: 1,
      vendor: 'troupe',
      validate: (value) => {
        const result = schema['~standard'].validate(value);
        return result instanceof Promise
          ? result.then((late) => keepGiven(value, late))
          : keepGiven(value, result);
      },
    },
  };
}

type Checked = StandardSchemaV1.Result<unknown>;

function keepGiven(value: unknown, result: Checked): Checked {
  return result.issues === undefined ? { value } : result;
}

interface Shown {
  readonly type: string;
  readonly chunk?: unknown;
  readonly item?: unknown;
}

/** Hands what a run inside streams on to the node; `ended` when it has had all of it. */
function forwardTo(ctx: NodeContext) {
  let end: (() => void) | undefined;
  const ended = new Promise<void>((resolve) => (end = resolve));
  const onEvent = ({ type, chunk, item }: Shown): void => {
    if (type === 'StreamingChunk') ctx.emitChunk(chunk);
    else if (type === 'Broadcast') ctx.broadcast(item);
    else if (type === 'RunEnd') end?.();
  };
  return { onEvent, ended };
}
