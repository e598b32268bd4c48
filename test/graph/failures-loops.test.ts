import { createRunner, END, graph, input, node, route } from 'troupe';
import { fakeClock } from 'troupe/testing';
import { describe, expect, test } from 'vitest';
import { deferred } from '../support/deferred.ts';
import { stepsOf, unendedOf } from '../support/forest.ts';

const boom = new Error('boom');
const GO_ON = { onError: 'continue', onFailure: 'return' } as const;

describe('what the failure of a member of a loop blocks', () => {
  test('is what comes after the loop, and not what is beside it', async () => {
    const inc = node({
      name: 'inc',
      inputs: { n: input<number>() },
      output: 'n',
      run: ({ n }) => {
        if (n === 2) throw boom;
        return n + 1;
      },
    });
    const again = route({
      name: 'again',
      inputs: { n: input<number>() },
      targets: ['inc', END],
      run: ({ n }) => (n < 9 ? 'inc' : END),
    });
    const report = node({
      name: 'report',
      inputs: { n: input<number>() },
      output: 'text',
      run: ({ n }) => `${n}`,
    });
    const beside = node({ name: 'beside', output: 'x', run: () => 1 });

    const { status, error, nodes, info } = await createRunner().run(
      graph({ name: 'g', nodes: [report, inc, again, beside] }),
      { n: 0 },
      GO_ON,
    );

    expect(status).toBe('failed');
    expect(error).toBe(boom);
    expect(nodes).toMatchObject({ inc: 'failed', report: 'blocked', beside: 'completed' });
    expect(stepsOf(info).steps).toEqual(stepsOf(info).lawful);
  });

  test('is no node of its own round', async () => {
    const clock = fakeClock();
    const release = deferred();
    const left = node({
      name: 'left',
      inputs: { n: input<number>() },
      output: 'a',
      run: async ({ n }) => {
        await release.promise;
        return n;
      },
    });
    const right = node({
      name: 'right',
      inputs: { n: input<number>() },
      output: 'b',
      run: async (): Promise<number> => {
        throw boom;
      },
    });
    const next = node({
      name: 'next',
      inputs: { a: input<number>(), b: input<number>() },
      output: 'n',
      run: ({ a, b }) => a + b,
    });
    const more = route({
      name: 'more',
      inputs: { a: input<number>(), b: input<number>() },
      targets: ['next', END],
      run: () => END,
    });
    const running = createRunner({ clock }).run(
      graph({ name: 'g', nodes: [left, right, next, more] }),
      { n: 1 },
      GO_ON,
    );

    await clock.advance(0);
    release.resolve();
    const { nodes, outputs, reasons } = await running;

    expect(nodes).toEqual({ left: 'completed', right: 'failed', next: 'blocked', more: 'blocked' });
    expect(Object.keys(reasons).toSorted()).toEqual(['more', 'next', 'right']);
    expect(outputs).toMatchObject({ a: 1 });
  });

  test('is also what reads a name of the loop that another member made', async () => {
    const left = node({ name: 'left', inputs: { n: input<number>() }, output: 'a', run: ({ n }) => n });
    const right = node({
      name: 'right',
      inputs: { n: input<number>() },
      output: 'b',
      run: (): number => {
        throw boom;
      },
    });
    const next = node({
      name: 'next',
      inputs: { a: input<number>(), b: input<number>() },
      output: 'n',
      run: ({ a, b }) => a + b,
    });
    const more = route({
      name: 'more',
      inputs: { a: input<number>(), b: input<number>() },
      targets: ['next', END],
      run: () => END,
    });
    const report = node({
      name: 'report',
      inputs: { a: input<number>() },
      output: 'text',
      run: ({ a }) => `${a}`,
    });

    const { nodes } = await createRunner().run(
      graph({ name: 'g', nodes: [left, right, next, more, report] }),
      { n: 1 },
      GO_ON,
    );

    expect(nodes).toEqual({
      left: 'completed',
      right: 'failed',
      next: 'blocked',
      more: 'blocked',
      report: 'blocked',
    });
  });

  test('of which the gate failed is what it might have chosen outside of the loop', async () => {
    const inc = node({ name: 'inc', inputs: { n: input<number>() }, output: 'n', run: ({ n }) => n + 1 });
    const gate = route({
      name: 'gate',
      inputs: { n: input<number>() },
      targets: ['inc', 'finish'],
      run: ({ n }) => {
        if (n === 2) throw boom;
        return 'inc';
      },
    });
    const finish = node({ name: 'finish', output: 'x', run: () => 1 });

    const { status, nodes, info } = await createRunner().run(
      graph({ name: 'g', nodes: [inc, gate, finish] }),
      { n: 0 },
      GO_ON,
    );

    expect(status).toBe('failed');
    expect(nodes).toEqual({ inc: 'completed', gate: 'failed', finish: 'blocked' });
    expect(unendedOf(info)).toEqual([]);
  });
});

describe('a loop of which a member fails', () => {
  test('does not go on with its next round', async () => {
    const trace: string[] = [];
    const inc = node({
      name: 'inc',
      inputs: { n: input<number>() },
      output: 'n',
      run: ({ n }) => {
        trace.push(`inc ${n}`);
        return n + 1;
      },
    });
    const watch = node({
      name: 'watch',
      inputs: { n: input<number>() },
      output: 'seen',
      run: ({ n }) => {
        if (n === 1) throw boom;
        return n;
      },
    });
    const again = route({
      name: 'again',
      inputs: { n: input<number>(), seen: input<number>() },
      targets: ['inc', END],
      run: () => 'inc',
    });

    const { error } = await createRunner().run(
      graph({ name: 'g', nodes: [inc, watch, again] }),
      { n: 0 },
      GO_ON,
    );

    expect(error).toBe(boom);
    expect(trace).toEqual(['inc 0']);
  });

  test('may be tried again by who called it', async () => {
    let failures = 1;
    const inc = node({
      name: 'inc',
      inputs: { n: input<number>() },
      output: 'n',
      run: ({ n }) => {
        if (n === 1 && failures-- > 0) throw boom;
        return n + 1;
      },
    });
    const again = route({
      name: 'again',
      inputs: { n: input<number>() },
      targets: ['inc', END],
      run: ({ n }) => (n < 3 ? 'inc' : END),
    });
    const loop = graph({ name: 'loop', nodes: [inc, again] });
    const root = node('root', (_: unknown, ctx) =>
      ctx.call(loop, { n: 0 }).catch(() => ctx.call(loop, { n: 0 })),
    );

    const { answer } = await createRunner().run(root);

    expect(answer).toEqual({ n: 3 });
  });
});
