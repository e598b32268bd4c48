import fc from 'fast-check';
import { graph, input, node, type AnyNode, type Node, type NodeContext } from 'troupe';
import { deferred, type Deferred } from '../support/deferred.ts';
import { turns } from './call-crash.ts';

/** One thing that a random body does. */
export type Act =
  | { readonly type: 'call'; readonly of: Program; readonly isCaught: boolean; readonly hasScope: boolean }
  | { readonly type: 'settle'; readonly of: readonly Program[] }
  | { readonly type: 'race'; readonly of: Program }
  | { readonly type: 'strands'; readonly of: readonly Program[]; readonly paces: readonly number[] }
  | { readonly type: 'batch'; readonly size: number }
  | { readonly type: 'sync' }
  | { readonly type: 'graph'; readonly of: readonly Program[] }
  | { readonly type: 'ask'; readonly keys: readonly ('one' | 'two')[] }
  | { readonly type: 'write'; readonly isDelete: boolean }
  | { readonly type: 'read' }
  | { readonly type: 'wait'; readonly turns: number };

/** What a random body does, and how it ends. */
export interface Program {
  readonly id: number;
  /** Few, so that many calls of one caller have the same. */
  readonly name: 'a' | 'b';
  readonly acts: readonly Act[];
  /** How many attempts fail, and how many there are. */
  readonly failures: number;
  readonly attempts: number;
  readonly hasFallback: boolean;
  /** How many event-loop turns it takes before it acts. */
  readonly pace: number;
  readonly yields: boolean;
}

/** A body that began. */
export interface BodyRun {
  readonly requestId: string;
  readonly key: string;
  readonly attempt: number;
  readonly input: unknown;
}

/** One process. */
export class World {
  readonly bodies: BodyRun[] = [];
  readonly #gates = new Map<string, Deferred<void>>();

  begin({ requestId, idempotencyKey, attempt }: NodeContext, given: unknown): void {
    this.bodies.push({ requestId, key: idempotencyKey, attempt, input: given });
  }

  gate(name: string): Deferred<void> {
    const known = this.#gates.get(name) ?? deferred();
    this.#gates.set(name, known);
    return known;
  }
}

type ActArbitrary = fc.Arbitrary<Act>;

const small: readonly ActArbitrary[] = [
  fc.record({ type: fc.constant('batch' as const), size: fc.integer({ min: 1, max: 3 }) }),
  fc.constant({ type: 'sync' } as const),
  fc.record({
    type: fc.constant('ask' as const),
    keys: fc.array(fc.constantFrom('one' as const, 'two' as const), { minLength: 1, maxLength: 2 }),
  }),
  fc.record({ type: fc.constant('write' as const), isDelete: fc.boolean() }),
  fc.constant({ type: 'read' } as const),
  fc.record({ type: fc.constant('wait' as const), turns: fc.integer({ min: 0, max: 3 }) }),
];

function actsOf(of: fc.Arbitrary<Program>): ActArbitrary {
  const several = fc.array(of, { minLength: 1, maxLength: 3 });
  return fc.oneof(
    ...small,
    fc.record({
      type: fc.constant('call' as const),
      of,
      isCaught: fc.boolean(),
      hasScope: fc.boolean(),
    }),
    fc.record({ type: fc.constant('settle' as const), of: several }),
    fc.record({ type: fc.constant('race' as const), of }),
    fc.record({
      type: fc.constant('strands' as const),
      of: several,
      paces: fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 6, maxLength: 6 }),
    }),
    fc.record({ type: fc.constant('graph' as const), of: fc.array(of, { minLength: 1, maxLength: 2 }) }),
  );
}

function programOf(acts: ActArbitrary, maxLength: number): fc.Arbitrary<Program> {
  return fc.record({
    id: fc.constant(0),
    name: fc.constantFrom('a' as const, 'b' as const),
    acts: fc.array(acts, { maxLength }),
    failures: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.integer({ min: 0, max: 2 })),
    attempts: fc.integer({ min: 1, max: 2 }),
    hasFallback: fc.boolean(),
    pace: fc.integer({ min: 0, max: 2 }),
    yields: fc.boolean(),
  });
}

const leaf = programOf(fc.oneof(...small), 2);
const middle = programOf(actsOf(leaf), 3);

/** Random bodies that call random bodies. */
export const programs: fc.Arbitrary<Program> = programOf(actsOf(middle), 4);

/** A number for what a body has seen, so that whatever it is told wrongly shows in all that it does next. */
function sumOf(seen: readonly unknown[]): number {
  let sum = 7;
  for (const char of JSON.stringify(seen)) sum = (sum * 31 + (char.codePointAt(0) ?? 0)) % 1_000_003;
  return sum;
}

const told = (error: unknown): unknown =>
  error instanceof RangeError
    ? ['failed', error.message, Reflect.get(error, 'code')]
    : ['failed', String(error)];

/** The nodes of a random program, in one process. */
export class Cast {
  readonly #world: World;
  #ids = 0;

  constructor(world: World) {
    this.#world = world;
  }

  nodeOf(program: Program): Node<number, unknown> {
    const { name, attempts, hasFallback, yields } = program;
    const id = this.#nextId();
    const play = this.#playOf(program, id);
    const policies = {
      retry: { maxAttempts: attempts, delay: 0 },
      ...(hasFallback ? { fallback: () => ['fallback', id] } : {}),
    };
    const world = this.#world;
    if (!yields)
      return node(
        name,
        (n: number, ctx) => {
          world.begin(ctx, n);
          return play(n, ctx);
        },
        policies,
      ) as Node<number, unknown>;
    return node(
      name,
      async function* plays(n: number, ctx: NodeContext) {
        world.begin(ctx, n);
        yield `${id}`;
        return await play(n, ctx);
      },
      policies,
    ) as Node<number, unknown>;
  }

  #nextId(): number {
    this.#ids += 1;
    return this.#ids;
  }

  #playOf(program: Program, id: number): (n: number, ctx: NodeContext) => Promise<unknown> {
    const { acts, failures, pace } = program;
    // Made once: each body calls the same nodes in each attempt.
    const players = acts.map((act) => this.#playerOf(act, id));
    return async (n, ctx) => {
      const seen: unknown[] = [n, ctx.context.get(`k${id}`, 'none')];
      await turns(pace);
      for (const [index, act] of players.entries()) seen.push(await act({ ctx, sum: sumOf(seen), index }));
      if (ctx.attempt <= failures)
        throw Object.assign(new RangeError(`${id} ${sumOf(seen)}`), { code: `E${id}` });
      return { id, seen };
    };
  }

  #playerOf(act: Act, id: number): (turn: Turn) => Promise<unknown> | unknown {
    switch (act.type) {
      case 'call': {
        const callee = this.nodeOf(act.of);
        return async ({ ctx, sum }) => {
          const called = ctx.call(callee, sum, act.hasScope ? { context: { [`k${id}`]: sum } } : {});
          return act.isCaught ? called.catch(told) : called;
        };
      }
      case 'settle': {
        const callees = act.of.map((each) => this.nodeOf(each));
        return async ({ ctx, sum }) =>
          outcomesOf(callees.map((callee, index) => ctx.call(callee, sum + index)));
      }
      case 'strands':
        return this.#strandsOf(act.of, act.paces);
      case 'race':
        return this.#raceOf(act.of);
      case 'graph':
        return this.#graphOf(act.of);
      default:
        return this.#smallPlayerOf(act, id);
    }
  }

  #smallPlayerOf(
    act: Extract<Act, { type: 'batch' | 'sync' | 'ask' | 'write' | 'read' | 'wait' }>,
    id: number,
  ) {
    const adds = this.#adds();
    return async ({ ctx, sum, index }: Turn): Promise<unknown> => {
      const { context } = ctx;
      switch (act.type) {
        case 'batch':
          return ctx.callBatch(
            adds,
            Array.from({ length: act.size }, () => sum),
            Array.from({ length: act.size }, (_, place) => place),
          );
        case 'sync':
          return ctx.callSync(adds, { a: sum, b: 1 });
        case 'ask':
          return Promise.all(act.keys.map((key) => ctx.interrupt({ sum, index }, { key: `${key} ${id}` })));
        case 'write':
          if (!act.isDelete) context.put(`k${id}`, sum);
          else if (context.keys().includes(`k${id}`)) context.delete(`k${id}`);
          return 'wrote';
        case 'read':
          return context.get(`k${id}`, 'none');
        default:
          return turns(act.turns);
      }
    };
  }

  #adds() {
    const world = this.#world;
    return node({
      name: 'adds',
      inputs: { a: input<number>(), b: input<number>() },
      run: ({ a, b }, ctx) => {
        world.begin(ctx, { a, b });
        return a + b;
      },
    });
  }

  /** Several strands of one body, whose calls come in an order that is not always the same, and have keys. */
  #strandsOf(of: readonly Program[], paces: readonly number[]) {
    const callees = of.map((each) => this.nodeOf(each));
    return ({ ctx, sum, index }: Turn) =>
      outcomesOf(
        callees.map(async (callee, strand) => {
          await turns(paces[strand] ?? 0);
          const first = await ctx.call(callee, sum, { key: `${index} ${strand} first` });
          await turns(paces[strand + 3] ?? 0);
          return [first, await ctx.call(callee, sumOf([first]), { key: `${index} ${strand} then` })];
        }),
      );
  }

  /** The other one waits until the race is decided. */
  #raceOf(of: Program) {
    const world = this.#world;
    // One that asks would wait for a person while the other one works: no pause in which to answer.
    const winner = this.nodeOf(without('ask', of));
    const loser = node('loser', async (gate: string, ctx) => {
      world.begin(ctx, gate);
      await world.gate(gate).promise;
      return 'loser';
    });
    return async ({ ctx, sum, index }: Turn) => {
      const gate = `${ctx.requestId} ${ctx.attempt} ${index}`;
      const other = ctx.call(loser, gate);
      const first: unknown = await Promise.race([ctx.call(winner, sum).catch(told), other]);
      world.gate(gate).resolve();
      return [first, await other];
    };
  }

  #graphOf(of: readonly Program[]) {
    const members: AnyNode[] = of.map((program, place) => {
      const { pace } = program;
      const play = this.#playOf({ ...program, failures: 0 }, this.#nextId());
      const world = this.#world;
      return node({
        name: `member${place}`,
        inputs: { [`v${place}`]: input<unknown>() },
        output: `v${place + 1}`,
        run: async (given: Record<string, unknown>, ctx) => {
          world.begin(ctx, given);
          await turns(pace);
          return play(sumOf([given]), ctx);
        },
      });
    });
    const whole = graph({ name: 'inner', nodes: members });
    return async ({ ctx, sum }: Turn) =>
      (ctx.call as (target: unknown, given: unknown) => Promise<unknown>)(whole, { v0: sum });
  }
}

/** The same program without the acts of one type. */
export function without(type: Act['type'], program: Program): Program {
  const acts = program.acts
    .filter((act) => act.type !== type)
    .map((act): Act => {
      if (act.type === 'call' || act.type === 'race') return { ...act, of: without(type, act.of) };
      if ('of' in act) return { ...act, of: act.of.map((each) => without(type, each)) };
      return act;
    });
  return { ...program, acts };
}

interface Turn {
  readonly ctx: NodeContext;
  readonly sum: number;
  readonly index: number;
}

async function outcomesOf(calls: readonly Promise<unknown>[]): Promise<unknown[]> {
  return Promise.all(calls.map((each) => each.catch(told)));
}
