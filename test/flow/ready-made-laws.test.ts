import fc from 'fast-check';
import {
  aggregator,
  batcher,
  debouncer,
  filter,
  flow,
  mapRoutine,
  router,
  routine,
  slot,
  splitter,
  type AnyRoutine,
} from 'troupe/flow';
import { describe, expect, test, vi } from 'vitest';
import { flowStage } from '../support/flows.ts';
import { aggregatesOf, batchesOf, comingTo, settledOf, type Coming } from './ready-made-models.ts';
import { tryOut, type Emitted } from './ready-made-parts.ts';

// Many runs a law, on a machine that may be busy with other things.
vi.setConfig({ testTimeout: 60_000 });

const someSize = fc.integer({ min: 1, max: 5 });
const someMs = fc.integer({ min: 1, max: 20 });
const someValues = fc.array(fc.integer({ min: -20, max: 20 }), { maxLength: 30 });

/** What a routine emits of what comes to it, to the end of all timers; then, where it is said, it is drained. */
async function play(
  made: AnyRoutine,
  comings: readonly Coming[],
  isDrained = false,
): Promise<readonly Emitted[]> {
  const { clock, worker, runtime, post, emitted } = tryOut(made);
  for (const { slot: name, value, at } of comings) {
    await clock.advance(at - clock.now());
    await post(value, name);
  }
  if (isDrained) await worker.stop({ drain: true });
  else await clock.runAll();
  await runtime.shutdown({ wait: false });
  return emitted;
}

const now = (values: readonly number[]): readonly Coming[] =>
  values.map((value) => ({ slot: 'input', value, at: 1_000 }));

describe('laws of routines that take one message after the other', () => {
  test('mapRoutine does what `map` does', async () => {
    await fc.assert(
      fc.asyncProperty(someValues, someSize, async (values, by) => {
        const emitted = await play(
          mapRoutine('m', (n: number) => n * by),
          now(values),
        );

        expect(emitted.map(({ value }) => value)).toEqual(values.map((n) => n * by));
      }),
    );
  });

  test('a filter passes on or rejects each message once, in order', async () => {
    await fc.assert(
      fc.asyncProperty(someValues, fc.func(fc.boolean()), async (values, holds) => {
        const emitted = await play(
          filter('f', (n: number) => holds(n)),
          now(values),
        );

        expect(emitted.map(({ value }) => value)).toEqual(values);
        for (const { event, value } of emitted)
          expect(event).toBe(holds(value as number) ? 'output' : 'rejected');
      }),
    );
  });

  test('the routes of a router part its messages; with `all` each goes all the ways that it fits', async () => {
    await fc.assert(
      fc.asyncProperty(
        someValues,
        fc.array(fc.func(fc.boolean()), { minLength: 1, maxLength: 4 }),
        fc.boolean(),
        async (values, conditions, all) => {
          const routes = Object.fromEntries(
            conditions.map((holds, at) => [`r${at}`, (n: number) => holds(n)]),
          );
          const emitted = await play(router('r', routes, { all }), now(values));

          const expected = values.flatMap((value) => {
            const ways = Object.keys(routes).filter((way) => routes[way]?.(value));
            const taken = all ? ways : ways.slice(0, 1);
            return (taken.length > 0 ? taken : ['otherwise']).map((event) => `${event} ${value}`);
          });
          const seen = emitted.map(({ event, value }) => `${event} ${String(value)}`);
          expect(seen.toSorted()).toEqual(expected.toSorted());
        },
      ),
    );
  });

  test('what a splitter takes apart a batcher puts together', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(someValues, { maxLength: 5 }), someSize, async (lists, size) => {
        const { runtime } = flowStage();
        const seen: (readonly number[])[] = [];
        const keep = routine({
          name: 'keep',
          slots: { batches: slot<readonly number[]>() },
          run: ({ batches }) => void seen.push(...batches),
        });
        const input = slot<number>({ capacity: 5, overflow: 'block' });
        const f = flow('f')
          .add(splitter('split', (list: readonly number[]) => list))
          .add(batcher('batch', { input, size }))
          .add(keep)
          .connect('split.output', 'batch.input')
          .connect('batch.batch', 'keep.batches');
        const worker = runtime.exec(f);
        for (const list of lists) await runtime.post(f, 'split', 'input', list);

        await worker.stop({ drain: true });

        expect(seen.flat()).toEqual(lists.flat());
        expect(seen.slice(0, -1).every(({ length }) => length === size)).toBe(true);
      }),
    );
  });
});

describe('laws of a batcher', () => {
  test('its batches are full or late, as those of the model', async () => {
    await fc.assert(
      fc.asyncProperty(comingTo(['input']), someSize, someMs, async (comings, size, maxWait) => {
        const emitted = await play(batcher('b', { size, maxWait }), comings);

        const seen = emitted.map(({ value, at }) => ({ value, at }));
        expect(seen).toEqual(batchesOf(comings, size, maxWait));
      }),
    );
  });

  test('its batches are what came in, and all but the last are full, when the worker drains', async () => {
    await fc.assert(
      fc.asyncProperty(comingTo(['input']), someSize, async (comings, size) => {
        const emitted = await play(batcher('b', { size }), comings, true);

        const batches = emitted.map(({ value }) => value as readonly number[]);
        expect(batches.flat()).toEqual(comings.map(({ value }) => value));
        expect(batches.slice(0, -1).every(({ length }) => length === size)).toBe(true);
        expect(batches.every(({ length }) => length > 0 && length <= size)).toBe(true);
      }),
    );
  });
});

describe('laws of a debouncer', () => {
  test('it sends on the last of each run of messages, when the model does', async () => {
    await fc.assert(
      fc.asyncProperty(
        comingTo(['input']),
        someMs,
        fc.option(fc.integer({ min: 0, max: 30 })),
        async (comings, wait, more) => {
          const limit = more === null ? {} : { maxWait: wait + more };
          const emitted = await play(debouncer('d', { wait, ...limit }), comings);

          const seen = emitted.map(({ value, at }) => ({ value, at }));
          expect(seen).toEqual(settledOf(comings, wait, limit.maxWait ?? Number.POSITIVE_INFINITY));
        },
      ),
    );
  });
});

describe('laws of an aggregator', () => {
  const names = ['a', 'b', 'c'];
  const slots = { a: slot<number>(), b: slot<number>(), c: slot<number>() };

  test('it emits what the model does, when the model does', async () => {
    await fc.assert(
      fc.asyncProperty(
        comingTo(names),
        fc.integer({ min: 1, max: 3 }),
        someMs,
        async (comings, needed, timeout) => {
          const made = aggregator('join', { slots, mode: { atLeast: needed }, timeout });

          const emitted = await play(made, comings);

          expect(emitted).toEqual(aggregatesOf(comings, { names, needed, timeout }));
        },
      ),
    );
  });

  test('whatever is drained, each message comes out once, in the order of its slot', async () => {
    await fc.assert(
      fc.asyncProperty(comingTo(names), fc.integer({ min: 1, max: 3 }), async (comings, needed) => {
        const made = aggregator('join', { slots, mode: { atLeast: needed }, flush: true });

        const emitted = await play(made, comings, true);

        const records = emitted.map(({ event, value }) =>
          event === 'output' ? value : (value as { values: unknown }).values,
        ) as Readonly<Record<string, number>>[];
        for (const name of names)
          expect(records.flatMap((each) => (name in each ? [each[name]] : []))).toEqual(
            comings.filter((each) => each.slot === name).map(({ value }) => value),
          );
      }),
    );
  });
});
