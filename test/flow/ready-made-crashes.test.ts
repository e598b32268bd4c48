import { memoryCheckpointer } from 'troupe/checkpoint';
import { aggregator, batcher, debouncer, slot, type AnyRoutine } from 'troupe/flow';
import { expect, test } from 'vitest';
import { statusesOf } from '../support/flows.ts';
import { afterCrash, tryOut } from './ready-made-parts.ts';

const numbers = slot<number>();

const cases: readonly {
  readonly name: string;
  readonly made: AnyRoutine;
  readonly to: readonly string[];
  readonly value: unknown;
  readonly event: string;
}[] = [
  {
    name: 'a batch that is not full',
    made: batcher('b', { size: 3, maxWait: 100 }),
    to: ['input', 'input'],
    event: 'batch',
    value: [0, 1],
  },
  {
    name: 'a silence that is not over',
    made: debouncer('d', { wait: 100 }),
    to: ['input', 'input'],
    event: 'output',
    value: 1,
  },
  {
    name: 'an aggregate that is not complete',
    made: aggregator('a', { slots: { x: numbers, y: numbers, z: numbers }, timeout: 100 }),
    to: ['x', 'y'],
    event: 'timedOut',
    value: { values: { x: 0, y: 1 }, missing: ['z'] },
  },
];

test.each(cases)('$name goes on after a crash, with the time that has passed', async (each) => {
  const { made, to, event, value } = each;
  const store = memoryCheckpointer();
  const stage = tryOut(made, { runtime: { checkpointer: store } });
  for (const [at, name] of to.entries()) await stage.post(at, name);
  await stage.clock.advance(70);

  const next = await afterCrash(made, stage, store);
  await next.clock.advance(29);
  const early = { emitted: [...next.emitted], jobs: statusesOf(next.runtime.listJobs()) };
  await next.clock.advance(1);

  expect(early).toEqual({ emitted: [], jobs: ['pending', 'pending'] });
  expect(next.emitted).toEqual([{ event, value, at: 1_100 }]);
  expect(statusesOf(next.runtime.listJobs())).toEqual(['completed', 'completed']);
});
