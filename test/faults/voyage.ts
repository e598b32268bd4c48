import { createHash } from 'node:crypto';
import { END, graph, input, interrupt, node, route, type AnyNode, type NodeContext } from 'troupe';

/** What a body did, as it is written down where no crash removes it. */
export interface Effect {
  readonly at: 'begin' | 'end' | 'fail';
  readonly name: string;
  readonly given: unknown;
  readonly request: string;
  readonly key: string;
  readonly attempt: number;
}

/** What the bodies of a voyage need of the process that they run in. */
export interface Crew {
  /** Writes an effect down; it is there when this returns. */
  note(effect: Effect): void;
  /** How long a body takes. */
  work(effect: Effect): Promise<void>;
}

/** What a voyage needs to begin. */
export const PROVISIONS = {
  crew: ['Ada', 'Grace', 'Mary'],
  position: 0,
  deck: ['upper', 'gun', 'orlop', 'hold'],
};
export const PERMISSION = 'granted';
const LEGS = 6;

/**
 * A workflow of everything that can be in flight: a loop with a gate, a map, a nested graph, a question, retries, and a
 * body that calls, in sequence and in parallel.
 */
export function voyageOf(crew: Crew) {
  return graph({
    name: 'voyage',
    nodes: [
      ...loopOf(crew),
      signalOf(crew),
      provisioningOf(crew),
      inspectionOf(crew).asNode({ mapOver: 'deck' }),
      ladingOf(crew),
      permitOf(crew),
      landingOf(crew),
    ],
  });
}

/** Runs a body, and writes down when it begins and when it ends. */
async function act<Result>(
  crew: Crew,
  { name, given, ctx }: { readonly name: string; readonly given: unknown; readonly ctx: NodeContext },
  body: () => Result | Promise<Result>,
): Promise<Result> {
  const facts = { name, given, request: ctx.requestId, key: ctx.idempotencyKey, attempt: ctx.attempt };
  crew.note({ ...facts, at: 'begin' });
  try {
    await crew.work({ ...facts, at: 'begin' });
    const result = await body();
    crew.note({ ...facts, at: 'end' });
    return result;
  } catch (error) {
    crew.note({ ...facts, at: 'fail' });
    throw error;
  }
}

function loopOf(crew: Crew): AnyNode[] {
  const sail = node({
    name: 'sail',
    inputs: { position: input<number>() },
    output: 'position',
    run: (given, ctx) => act(crew, { name: 'sail', given, ctx }, () => given.position + 1),
  });
  const arrived = route({
    name: 'arrived',
    inputs: { position: input<number>() },
    targets: ['sail', END],
    run: ({ position }) => (position < LEGS ? 'sail' : END),
  });
  return [sail, arrived];
}

/** Fails until its third attempt. */
function signalOf(crew: Crew): AnyNode {
  return node({
    name: 'signal',
    inputs: { crew: input<string[]>() },
    output: 'reply',
    retry: { maxAttempts: 4, delay: 2, backoff: 1, jitter: 'none' },
    run: (given, ctx) =>
      act(crew, { name: 'signal', given, ctx }, () => {
        if (ctx.attempt < 3) throw new Error(`Nobody answers for the ${ctx.attempt}. time`);
        return `answered at attempt ${ctx.attempt}`;
      }),
  });
}

/** Its `hold` is long enough to be stored by itself. */
function provisioningOf(crew: Crew): AnyNode {
  const list = node({
    name: 'list',
    inputs: { crew: input<string[]>() },
    output: 'stores',
    run: (given, ctx) =>
      act(crew, { name: 'list', given, ctx }, () => given.crew.map((name) => `biscuits for ${name}`)),
  });
  const pack = node({
    name: 'pack',
    inputs: { stores: input<string[]>() },
    output: 'hold',
    run: (given, ctx) =>
      act(crew, { name: 'pack', given, ctx }, () => given.stores.map((store) => store.repeat(20))),
  });
  return graph({ name: 'provisioning', nodes: [list, pack] }).asNode();
}

/** What is done for each deck. */
export function inspectionOf(crew: Crew) {
  const inspect = node({
    name: 'inspect',
    inputs: { deck: input<string>() },
    output: 'finding',
    run: (given, ctx) => act(crew, { name: 'inspect', given, ctx }, () => `${given.deck} is tight`),
  });
  const grade = node({
    name: 'grade',
    inputs: { finding: input<string>() },
    output: 'mark',
    run: (given, ctx) => act(crew, { name: 'grade', given, ctx }, () => given.finding.length),
  });
  return graph({ name: 'inspection', nodes: [inspect, grade] });
}

function ladingOf(crew: Crew): AnyNode {
  const weigh = node('weigh', (store: string, ctx) =>
    act(crew, { name: 'weigh', given: store, ctx }, () => store.length),
  );
  return node({
    name: 'lade',
    inputs: { hold: input<string[]>() },
    output: 'weight',
    run: (given, ctx) =>
      act(crew, { name: 'lade', given, ctx }, async () => {
        const [first = '', ...rest] = given.hold;
        const alone = await ctx.call(weigh, first);
        const together = await Promise.all(rest.map((store) => ctx.call(weigh, store)));
        return together.reduce((sum, weight) => sum + weight, alone);
      }),
  });
}

function permitOf(crew: Crew): AnyNode {
  return interrupt({
    name: 'permit',
    inputs: { weight: input<number>() },
    response: 'permission',
    run: (given, ctx) => act(crew, { name: 'permit', given, ctx }, () => `Sail with ${given.weight}?`),
  });
}

/** Waits for everything else. */
function landingOf(crew: Crew): AnyNode {
  return node({
    name: 'land',
    inputs: {
      position: input<number>(),
      reply: input<string>(),
      hold: input<string[]>(),
      mark: input<number[]>(),
      permission: input<unknown>(),
    },
    output: 'log',
    run: (given, ctx) =>
      act(crew, { name: 'land', given, ctx }, () => ({
        ...given,
        hold: createHash('sha256').update(given.hold.join('')).digest('hex'),
      })),
  });
}
