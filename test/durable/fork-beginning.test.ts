import { createRunner, node, type Checkpointer } from 'troupe';
import { describe, expect, test } from 'vitest';
import { deferred, rejectionOf } from '../support/deferred.ts';
import { InterferedStore } from './call-checkpointer.ts';
import { execute, ID, Notes, storeWith, turns } from './call-crash.ts';

const notes = new Notes();
const first = node('first', async (n: number) => n + 1);
const second = node('second', async (n: number) => n * 2);
const chain = node('chain', async (n: number, ctx) => {
  notes.add('chain');
  return ctx.call(second, await ctx.call(first, n));
});
/** The same body, once its second call is another one. */
const changed = node('chain', async (n: number, ctx) => ctx.call(first, await ctx.call(first, n)));

/** At this step of it, the second call is in flight. */
const AT = 3;

async function completed(): Promise<Checkpointer> {
  const { log } = await execute(chain, { input: 1 });
  notes.take();
  return storeWith(log, log.entries.length);
}

describe('the beginning of a fork', () => {
  test.each(['sync', 'async'] as const)('is written before anything of it runs (%s)', async (durability) => {
    const gate = deferred<void>();
    const checkpointer = new InterferedStore(await completed(), { append: () => gate.promise });
    await using runner = createRunner({ checkpointer, durability });

    const forked = runner.fork(chain, ID, { at: AT, workflowId: 'fork' });
    await turns(50);
    const before = notes.take();
    gate.resolve();

    expect(before).toEqual([]);
    expect((await forked).answer).toBe(4);
    expect(notes.take()).toEqual(['chain']);
  });

  test('that cannot be written fails the fork, and it can be made again', async () => {
    const broken = new Error('no room');
    let isBroken = true;
    const append = (): void => {
      if (isBroken) throw broken;
    };
    const checkpointer = new InterferedStore(await completed(), { append });
    await using runner = createRunner({ checkpointer });
    const fork = () => runner.fork(chain, ID, { at: AT, workflowId: 'fork' });

    const error = await rejectionOf(fork());
    isBroken = false;

    expect(error).toMatchObject({ code: 'CHECKPOINT', cause: broken });
    expect(notes.take()).toEqual([]);
    expect((await fork()).answer).toBe(4);
  });

  test('is removed again when a body does something else', async () => {
    const checkpointer = await completed();
    await using runner = createRunner({ checkpointer });
    const fork = (target: typeof chain) => runner.fork(target, ID, { at: AT, workflowId: 'fork' });

    const error = await rejectionOf(fork(changed));

    expect(error).toMatchObject({ code: 'GRAPH_CHANGED' });
    expect(await checkpointer.get('fork')).toBeUndefined();
    expect((await fork(chain)).answer).toBe(4);
  });
});
