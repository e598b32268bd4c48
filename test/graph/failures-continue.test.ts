import { createRunner, END, graph, ifElse, input, node, route } from 'troupe';
import { fakeClock } from 'troupe/testing';
import { describe, expect, test } from 'vitest';
import { deferred, thrownBy } from '../support/deferred.ts';
import { requestOf, statusesOf, unendedOf } from '../support/forest.ts';
import { EACH_RUN, stageFor } from '../support/runs.ts';

const boom = new Error('boom');
const fails = node({
  name: 'fails',
  output: 'broken',
  emits: ['announced'],
  run: async (): Promise<number> => {
    throw boom;
  },
});
const GO_ON = { onError: 'continue', onFailure: 'return' } as const;

describe.each(EACH_RUN)("onError 'continue' in the %s run of a runner", (turn) => {
  test('fails the run with the very error, and with all outputs that were produced', async () => {
    const { runner } = await stageFor(turn);
    const fine = node({ name: 'fine', output: 'x', run: async () => 1 });
    const afterFine = node({
      name: 'afterFine',
      inputs: { x: input<number>() },
      output: 'y',
      run: ({ x }) => x + 1,
    });
    const other = node({ name: 'other', output: 'z', run: () => 3 });

    const { status, error, outputs } = await runner.run(
      graph({ name: 'g', nodes: [fails, fine, afterFine, other] }),
      {},
      GO_ON,
    );

    expect(status).toBe('failed');
    expect(error).toBe(boom);
    expect(outputs).toMatchObject({ y: 2, z: 3 });
  });

  test('blocks what depends on the failed node, through any chain, each with a reason', async () => {
    const { runner } = await stageFor(turn);
    const b = node({
      name: 'b',
      inputs: { broken: input<number>() },
      output: 'x',
      run: ({ broken }) => broken,
    });
    const c = node({ name: 'c', inputs: { x: input<number>() }, output: 'y', run: ({ x }) => x });

    const { nodes, reasons, info } = await runner.run(graph({ name: 'g', nodes: [c, b, fails] }), {}, GO_ON);

    expect(nodes).toEqual({ c: 'blocked', b: 'blocked', fails: 'failed' });
    expect(reasons['b']).toContain('fails');
    expect(reasons['c']).toMatch(/./);
    expect(statusesOf(info)).toEqual(['g failed', 'fails failed']);
  });

  test('lets independent work that still runs end first', async () => {
    const { runner, clock } = await stageFor(turn);
    const release = deferred<number>();
    const slow = node({ name: 'slow', output: 'late', run: () => release.promise });
    const after = node({
      name: 'after',
      inputs: { late: input<number>() },
      output: 'later',
      run: ({ late }) => late + 1,
    });
    const running = runner.run(graph({ name: 'g', nodes: [fails, slow, after] }), {}, GO_ON);

    await clock.advance(0);
    release.resolve(1);
    const { status, nodes, outputs } = await running;

    expect(status).toBe('failed');
    expect(nodes).toEqual({ fails: 'failed', slow: 'completed', after: 'completed' });
    expect(outputs).toMatchObject({ later: 2 });
  });
});

describe('what a failure blocks', () => {
  test('is also a reader with a default', async () => {
    const reader = node({
      name: 'reader',
      inputs: { broken: input(5) },
      output: 'x',
      run: ({ broken }) => broken,
    });

    const { nodes, outputs } = await createRunner().run(
      graph({ name: 'g', nodes: [reader, fails] }),
      {},
      GO_ON,
    );

    expect(nodes['reader']).toBe('blocked');
    expect(outputs).toEqual({});
  });

  test('is also a join whose other inputs are there', async () => {
    const fine = node({ name: 'fine', output: 'x', run: () => 1 });
    const join = node({
      name: 'join',
      inputs: { x: input<number>(), broken: input<number>() },
      output: 'sum',
      run: ({ x, broken }) => x + broken,
    });

    const { nodes } = await createRunner().run(graph({ name: 'g', nodes: [join, fine, fails] }), {}, GO_ON);

    expect(nodes).toEqual({ join: 'blocked', fine: 'completed', fails: 'failed' });
  });

  test('is also what waits for its announcement', async () => {
    const waits = node({ name: 'waits', waitFor: ['announced'], output: 'x', run: () => 1 });

    const { nodes, reasons } = await createRunner().run(
      graph({ name: 'g', nodes: [waits, fails] }),
      {},
      GO_ON,
    );

    expect(nodes['waits']).toBe('blocked');
    expect(reasons['waits']).toContain('fails');
  });

  test('is also what an explicit edge orders after it', async () => {
    const after = node({ name: 'after', output: 'x', run: () => 1 });
    const g = graph({ name: 'g', nodes: [after, fails], edges: [['fails', 'after']] });

    const { nodes } = await createRunner().run(g, {}, GO_ON);

    expect(nodes['after']).toBe('blocked');
  });

  test('of a gate are all of its targets', async () => {
    const gate = route({
      name: 'gate',
      targets: ['a', 'b', END],
      run: (): 'a' => {
        throw boom;
      },
    });
    const a = node({ name: 'a', output: 'x', run: () => 1 });
    const b = node({ name: 'b', output: 'y', run: () => 2 });
    const c = node({ name: 'c', output: 'z', run: () => 3 });

    const { nodes, outputs } = await createRunner().run(
      graph({ name: 'g', nodes: [a, b, c, gate] }),
      {},
      GO_ON,
    );

    expect(nodes).toEqual({ a: 'blocked', b: 'blocked', c: 'completed', gate: 'failed' });
    expect(outputs).toEqual({ z: 3 });
  });

  test('is nothing that a gate did not choose for another reason: that is skipped', async () => {
    const gate = ifElse({ name: 'gate', then: 'chosen', else: 'other', run: () => true });
    const chosen = node({
      name: 'chosen',
      output: 'x',
      run: (): number => {
        throw boom;
      },
    });
    const other = node({ name: 'other', output: 'y', run: () => 1 });

    const { nodes } = await createRunner().run(graph({ name: 'g', nodes: [gate, chosen, other] }), {}, GO_ON);

    expect(nodes).toEqual({ gate: 'completed', chosen: 'failed', other: 'skipped' });
  });

  test('is what reads a name that its branch was to make', async () => {
    const gate = ifElse({ name: 'gate', then: 'left', else: 'right', run: () => true });
    const left = node({
      name: 'left',
      output: 'x',
      run: (): number => {
        throw boom;
      },
    });
    const right = node({ name: 'right', output: 'x', run: () => 1 });
    const join = node({ name: 'join', inputs: { x: input<number>() }, output: 'y', run: ({ x }) => x });

    const { nodes } = await createRunner().run(
      graph({ name: 'g', nodes: [gate, left, right, join] }),
      {},
      GO_ON,
    );

    expect(nodes).toEqual({ gate: 'completed', left: 'failed', right: 'skipped', join: 'blocked' });
  });
});

describe("under 'continue'", () => {
  test('the error of the run is that of the first failure', async () => {
    const clock = fakeClock();
    const release = deferred();
    const later = node({
      name: 'later',
      output: 'x',
      run: async (): Promise<number> => {
        await release.promise;
        throw new Error('later');
      },
    });
    const running = createRunner({ clock }).run(graph({ name: 'g', nodes: [later, fails] }), {}, GO_ON);

    await clock.advance(0);
    release.resolve();
    const { error, nodes } = await running;

    expect(error).toBe(boom);
    expect(nodes).toEqual({ later: 'failed', fails: 'failed' });
  });

  test('without onFailure the run rejects with the very error, when the rest has ended', async () => {
    const clock = fakeClock();
    const trace: string[] = [];
    const release = deferred();
    const slow = node({
      name: 'slow',
      output: 'x',
      run: async () => {
        await release.promise;
        trace.push('slow');
      },
    });
    const running = createRunner({ clock, onError: 'continue' })
      .run(graph({ name: 'g', nodes: [slow, fails] }))
      .catch((error: unknown) => {
        trace.push('rejected');
        return error;
      });

    await clock.advance(0);
    const before = [...trace];
    release.resolve();
    const error = await running;

    expect(before).toEqual([]);
    expect(trace).toEqual(['slow', 'rejected']);
    expect(error).toBe(boom);
  });

  test('a nested graph ends its own independent work, then fails and blocks what depends on it', async () => {
    const trace: string[] = [];
    const beside = node({ name: 'beside', output: 'x', run: async () => trace.push('beside') });
    const inner = graph({ name: 'inner', nodes: [fails, beside] });
    const reader = node({
      name: 'reader',
      inputs: { broken: input<number>() },
      output: 'y',
      run: ({ broken }) => broken,
    });
    const free = node({ name: 'free', output: 'z', run: () => trace.push('free') });

    const { nodes, info } = await createRunner().run(
      graph({ name: 'outer', nodes: [inner.asNode(), reader, free] }),
      {},
      GO_ON,
    );

    expect(trace.toSorted()).toEqual(['beside', 'free']);
    expect(nodes).toEqual({ inner: 'failed', reader: 'blocked', free: 'completed' });
    expect(requestOf(info, 'beside').status).toBe('succeeded');
    expect(unendedOf(info)).toEqual([]);
  });

  test('runSync does the same', () => {
    const failsNow = node({
      name: 'failsNow',
      output: 'broken',
      run: (): number => {
        throw boom;
      },
    });
    const reader = node({
      name: 'reader',
      inputs: { broken: input<number>() },
      output: 'y',
      run: ({ broken }) => broken,
    });
    const free = node({ name: 'free', output: 'z', run: () => 1 });
    const g = graph({ name: 'g', nodes: [failsNow, reader, free] });

    const { status, nodes, outputs } = createRunner().runSync(g, {}, GO_ON);
    const error = thrownBy(() => createRunner({ onError: 'continue' }).runSync(g));

    expect(status).toBe('failed');
    expect(nodes).toEqual({ failsNow: 'failed', reader: 'blocked', free: 'completed' });
    expect(outputs).toEqual({ z: 1 });
    expect(error).toBe(boom);
  });
});
