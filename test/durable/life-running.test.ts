import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { createRunner, node, type Checkpointer, type Runner, type RunResult } from 'troupe';
import { memoryCheckpointer } from 'troupe/checkpoint';
import { describe, expect, onTestFinished, test } from 'vitest';
import { deferred, rejectionOf } from '../support/deferred.ts';
import { requestOf } from '../support/forest.ts';
import { InterferedStore } from './call-checkpointer.ts';
import { ID, labelsOf, logIn, Notes, turns } from './call-crash.ts';
import { PassingStore } from './passing-store.ts';

const notes = new Notes();

/** A body that works until it is told to end, in each of its runs. */
function work() {
  let gate = deferred<string>();
  const node1 = node('work', async () => {
    notes.add('work');
    return gate.promise;
  });
  return {
    target: node1,
    finish: (value: string) => gate.resolve(value),
    renew: () => {
      gate = deferred();
    },
  };
}

function openRunner(checkpointer: Checkpointer): Runner {
  const runner = createRunner({ checkpointer });
  onTestFinished(() => runner.close({ drain: false }));
  return runner;
}

/** Begins a workflow, and resolves when its body works. */
async function begun(runner: Runner, target: ReturnType<typeof work>['target']) {
  const handle = runner.iter(target, undefined, { workflowId: ID, onFailure: 'return' });
  for await (const { type } of handle) if (type === 'NodeStart') break;
  notes.take();
  return handle;
}

const RUNNING = { code: 'WORKFLOW_ALREADY_RUNNING', hint: expect.stringMatching(/./) as string };

describe('a workflow that runs', () => {
  test('is on record as running', async () => {
    const { target, finish } = work();
    const store = memoryCheckpointer();
    const handle = await begun(openRunner(store), target);

    expect(await store.get(ID)).toMatchObject({ status: 'running', runId: handle.runId });
    finish('done');
    await handle.result;
  });

  test.each(['run', 'resume', 'retry'] as const)(
    'refuses a %s by another runner, and runs on',
    async (way) => {
      const { target, finish } = work();
      const store = memoryCheckpointer();
      const handle = await begun(openRunner(store), target);
      const other = openRunner(store);

      const error = await rejectionOf(
        way === 'run' ? other.run(target, undefined, { workflowId: ID }) : other[way](target, ID),
      );
      finish('done');

      expect(error).toMatchObject(RUNNING);
      expect((await handle.result).answer).toBe('done');
      expect(notes.take()).toEqual([]);
    },
  );

  test.each(['run', 'resume', 'retry'] as const)('refuses a %s by the same runner', async (way) => {
    const { target, finish } = work();
    const runner = openRunner(memoryCheckpointer());
    const handle = await begun(runner, target);

    const error = await rejectionOf(
      way === 'run' ? runner.run(target, undefined, { workflowId: ID }) : runner[way](target, ID),
    );
    finish('done');

    expect(error).toMatchObject(RUNNING);
    expect((await handle.result).answer).toBe('done');
  });

  test('is begun once by two runners at the same moment', async () => {
    const { target, finish } = work();
    const store = memoryCheckpointer();
    notes.take();
    const runs = [openRunner(store), openRunner(store)].map((runner) =>
      runner.run(target, undefined, { workflowId: ID }),
    );
    finish('done');

    const settled = await Promise.allSettled(runs);

    expect(notes.take()).toEqual(['work']);
    expect(settled.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    expect(settled.find(({ status }) => status === 'rejected')).toMatchObject({ reason: RUNNING });
  });

  test('that was abandoned is resumed once by two runners at the same moment', async () => {
    const { target, finish, renew } = work();
    const store = memoryCheckpointer();
    const first = openRunner(store);
    const handle = await begun(first, target);
    await first.close({ drain: false });
    await handle.result;
    renew();
    const resumed = [openRunner(store), openRunner(store)].map((runner) => runner.resume(target, ID));
    finish('done');

    const settled = await Promise.allSettled(resumed);

    expect(notes.take()).toEqual(['work']);
    expect(settled.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    expect(settled.find(({ status }) => status === 'rejected')).toMatchObject({ reason: RUNNING });
  });

  test('cannot be deleted, and can be once it has ended', async () => {
    const { target, finish } = work();
    const store = memoryCheckpointer();
    const handle = await begun(openRunner(store), target);

    const error = await rejectionOf(store.delete(ID));
    finish('done');
    await handle.result;
    await store.delete(ID);

    expect(error).toMatchObject(RUNNING);
    expect(await store.get(ID)).toBeUndefined();
  });

  test('does not keep another from running beside it', async () => {
    const { target, finish } = work();
    const runner = openRunner(memoryCheckpointer());
    const handle = await begun(runner, target);
    const quick = node('quick', async () => 'quick');

    const { answer } = await runner.run(quick, undefined, { workflowId: 'other' });
    finish('done');

    expect(answer).toBe('quick');
    await handle.result;
  });
});

describe('a workflow that another has taken over', () => {
  const LEASE_MS = 5;
  const chain = (gate: Promise<unknown>) =>
    node('chain', async (_: unknown, ctx) => {
      await ctx.call(node('before', async () => notes.add('before')));
      await gate;
      await ctx.call(node('after', async () => notes.add('after')));
      return 'done';
    });

  /** A zombie: its signs of life do not arrive, so that its lease runs out, while it knows nothing of that. */
  async function zombie(gate: Promise<unknown>) {
    const store = memoryCheckpointer({ lease: LEASE_MS });
    const runner = openRunner(new InterferedStore(store, { renew: () => Promise.reject(new Error('cut')) }));
    const handle = runner.iter(chain(gate), undefined, { workflowId: ID, onFailure: 'return' });
    for await (const event of handle)
      if (event.type === 'RequestSuccess' && event.nodeName === 'before') break;
    while ((await store.get(ID))?.status !== 'abandoned')
      await new Promise((resolve) => setImmediate(resolve));
    notes.take();
    return { store, handle };
  }

  test('stops when it next writes, with WorkflowAlreadyRunningError', async () => {
    const gate = deferred();
    const { store, handle } = await zombie(gate.promise);
    const taken = await store.acquire(ID);

    gate.resolve();

    expect((await handle.result).error).toMatchObject(RUNNING);
    expect(notes.take()).toEqual([]);
    await store.release(taken);
  });

  test('writes nothing, and the other ends it', async () => {
    const gate = deferred();
    const { store, handle } = await zombie(gate.promise);
    const open = deferred();
    open.resolve();
    const { answer } = await openRunner(store).resume(chain(open.promise), ID);
    const before = await logIn(store);
    notes.take();

    gate.resolve();
    await handle.result;

    expect(answer).toBe('done');
    expect((await logIn(store)).entries).toEqual(before.entries);
    expect(labelsOf(before).filter((label) => label === 'RequestCreation after')).toHaveLength(1);
    expect(notes.take()).toEqual([]);
  });

  test('stops when its sign of life is refused, while its body still works', async () => {
    const store = memoryCheckpointer({ lease: LEASE_MS });
    let refuses = false;
    const runner = openRunner(
      new InterferedStore(store, {
        renew: async (lease) => {
          if (!refuses) return;
          // Another has it now.
          await store.release(lease);
          await store.acquire(ID).catch(() => undefined);
        },
      }),
    );
    const signals: AbortSignal[] = [];
    const hangs = node('hangs', (_: unknown, { signal }) => {
      signals.push(signal);
      return new Promise(() => undefined);
    });
    const handle = runner.iter(hangs, undefined, { workflowId: ID, onFailure: 'return' });
    for await (const { type } of handle) if (type === 'NodeStart') break;
    const before = await logIn(store);

    refuses = true;
    const { status, error } = await handle.result;

    expect(status).toBe('failed');
    expect(error).toMatchObject(RUNNING);
    expect(signals[0]?.aborted).toBe(true);
    expect((await logIn(store)).entries).toEqual(before.entries);
  });

  test('tells its observers that it has failed', async () => {
    const gate = deferred();
    const { store, handle } = await zombie(gate.promise);
    await store.acquire(ID);

    gate.resolve();

    const events = [];
    for await (const event of handle) events.push(event);
    expect(events.at(-1)).toMatchObject({ type: 'RunEnd', status: 'failed', error: RUNNING });
  });

  test('does not stop for a sign of life that only failed to arrive', async () => {
    const gate = deferred();
    const { handle } = await zombie(gate.promise);

    gate.resolve();

    // Nobody has taken it: its lease is the newest still.
    const { status, error } = (await handle.result) as RunResult;
    expect([status, error]).toEqual(['completed', undefined]);
  });
});

test('a lease is kept for as long as its body works', async () => {
  const { target, finish } = work();
  const store = memoryCheckpointer({ lease: 120 });
  let renewals = 0;
  const renewed = deferred();
  const handle = await begun(
    openRunner(
      new InterferedStore(store, {
        renew: () => {
          renewals += 1;
          if (renewals === 4) renewed.resolve();
        },
      }),
    ),
    target,
  );

  await renewed.promise;
  const { status } = (await store.get(ID)) ?? {};
  finish('done');

  expect(status).toBe('running');
  expect((await handle.result).answer).toBe('done');
});

test('a checkpointer that throws where it is to renew ends nothing', async () => {
  const { target, finish } = work();
  const asked = deferred();
  let times = 0;
  class Throwing extends PassingStore {
    override renew(): Promise<void> {
      times += 1;
      if (times === 3) asked.resolve();
      throw new Error('not now');
    }
  }
  const handle = await begun(openRunner(new Throwing(memoryCheckpointer({ lease: 120 }))), target);

  await asked.promise;
  finish('done');

  expect((await handle.result).answer).toBe('done');
});

test('a lease that is taken again when a paused body goes on is kept, too', async () => {
  const store = memoryCheckpointer({ lease: 120 });
  const renewed = deferred();
  const finish = deferred<string>();
  let isPaused = true;
  const runner = openRunner(
    new InterferedStore(store, {
      renew: () => {
        if (!isPaused) renewed.resolve();
      },
    }),
  );
  const asks = node('asks', (_: unknown, ctx) => ctx.interrupt('Go?', { key: 'go' }));
  const goesOn = node('goesOn', async (_: unknown, ctx) => {
    await ctx.call(asks).catch(() => undefined);
    isPaused = false;
    return finish.promise;
  });
  const { info } = await runner.run(goesOn, undefined, { workflowId: ID });

  runner.cancel(requestOf(info, 'asks').id);
  await renewed.promise;
  finish.resolve('done');
  await runner.close();

  expect((await store.get(ID))?.status).toBe('completed');
});

test('a lease that is taken again as an answer came while the pause was written is kept, too', async () => {
  const store = memoryCheckpointer({ lease: 120 });
  const [pausing, gate, renewed, finish] = [deferred(), deferred(), deferred(), deferred<string>()];
  let isAnswered = false;
  const runner = openRunner(
    new InterferedStore(store, {
      append: async ({ releases }) => {
        if (releases !== true) return;
        pausing.resolve();
        await gate.promise;
      },
      renew: () => {
        if (isAnswered) renewed.resolve();
      },
    }),
  );
  const asks = node('asks', async (_: unknown, ctx) => {
    await ctx.interrupt('Go?', { key: 'go' });
    isAnswered = true;
    return finish.promise;
  });
  const handle = runner.iter(asks, undefined, { workflowId: ID });
  await pausing.promise;

  const answered = runner.respond(ID, 'go', 1);
  await turns(10);
  gate.resolve();
  await renewed.promise;
  finish.resolve('done');

  expect((await handle.result).answer).toBe('done');
  await answered;
});

test.each([2, 250])('leases of %i workflows that run at once are all kept', async (count) => {
  const store = memoryCheckpointer({ lease: 300 });
  const renewed = new Set<string>();
  const all = deferred();
  const works = Array.from({ length: count }, () => work());
  const runner = openRunner(
    new InterferedStore(store, {
      renew: ({ workflowId }) => {
        renewed.add(workflowId);
        if (renewed.size === count) all.resolve();
      },
    }),
  );
  const results = works.map(({ target }, index) =>
    runner.run(target, undefined, { workflowId: `w${index}` }),
  );

  await all.promise;
  for (const { finish } of works) finish('done');

  expect((await Promise.all(results)).every(({ answer }) => answer === 'done')).toBe(true);
});

test.each(['Infinity', '1e12', '30_000'])(
  'a lease of %s ms lets its process end',
  { timeout: 30_000 },
  async (lease) => {
    const script = `
    import { createRunner, node } from 'troupe';
    import { memoryCheckpointer } from 'troupe/checkpoint';
    const runner = createRunner({ checkpointer: memoryCheckpointer({ lease: ${lease} }) });
    console.log((await runner.run(node('one', async () => 1), 1, { workflowId: 'a' })).status);
  `;
    const flags = ['--conditions=@troupe/source', '--import', 'tsx', '--input-type=module', '-e', script];

    const { stdout } = await promisify(execFile)(process.execPath, flags, { timeout: 20_000 });

    expect(stdout.trim()).toBe('completed');
  },
);

test('a lease is given back at the end, so that the workflow can be deleted or resumed at once', async () => {
  const store = memoryCheckpointer();
  const runner = openRunner(store);
  const fails = node('fails', async () => {
    throw new Error('no');
  });

  await rejectionOf(runner.run(fails, undefined, { workflowId: ID }));

  await expect(store.acquire(ID)).resolves.toMatchObject({ workflowId: ID });
});
