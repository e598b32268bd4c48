/** The flow of the processes that are killed, and what they write down. */
import { batchSize, event, flow, routine, slot } from 'troupe/flow';

/** What a process writes down; `process`: which one. */
export type MillLine = { readonly process: number } & (
  | { readonly type: 'post'; readonly job: number; readonly outcome: 'new' | 'known' }
  | {
      readonly type: 'begin';
      readonly routine: string;
      readonly key: string;
      readonly attempt: number;
      readonly input: readonly number[];
    }
);

/** How a worker was when all of its jobs had ended. */
export interface MillEnd {
  readonly statuses: readonly string[];
  readonly ground: readonly number[];
}

/** The id of the worker. */
export const MILL = 'mill';

/** How many jobs there are. */
export const JOBS = 90;

type Note = (
  line: MillLine extends infer Line ? (Line extends MillLine ? Omit<Line, 'process'> : never) : never,
) => void;

/** Breaks each grain in two, some at the second attempt, sifts three at once, and keeps what comes. */
export function millOf(note: Note, work: () => Promise<unknown>) {
  const grain = { in: slot<number>({ capacity: 1_000 }) };
  const out = { out: event<number>() };
  const begin = (
    name: string,
    input: readonly number[],
    { idempotencyKey: key, attempt }: { idempotencyKey: string; attempt: number },
  ): void => note({ type: 'begin', routine: name, key, attempt, input } as never);
  const crush = routine({
    name: 'crush',
    slots: grain,
    events: out,
    policy: batchSize(1),
    retry: { maxAttempts: 3, delay: 2, jitter: 'none' },
    run: async (data, ctx) => {
      begin('crush', data.in, ctx);
      const [given = 0] = data.in;
      await work();
      if (given % 3 === 0 && ctx.attempt === 1) throw new Error('a stone');
      for (const half of [0, 1]) await ctx.emit('out', given * 2 + half);
    },
  });
  const sift = routine({
    name: 'sift',
    slots: grain,
    events: out,
    policy: batchSize(3),
    run: async (data, ctx) => {
      begin('sift', data.in, ctx);
      for (const each of data.in) await ctx.emit('out', each);
      await work();
    },
  });
  const bag = routine({
    name: 'bag',
    slots: grain,
    policy: batchSize(1),
    run: async (data, ctx) => {
      begin('bag', data.in, ctx);
      ctx.state.set('ground', [...ctx.state.get<number[]>('ground', []), ...data.in]);
      await work();
    },
  });
  return flow('mill')
    .add(crush)
    .add(sift)
    .add(bag)
    .connect('crush.out', 'sift.in')
    .connect('sift.out', 'bag.in');
}
