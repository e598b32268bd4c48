import { graph, input, interrupt, node, type AnyNode } from 'troupe';
import { describe, expect, test } from 'vitest';
import { survivesEveryCrash } from './graph-convergence.ts';
import { processOn, storeAfter, storedIn, WORKFLOW, type Conduct, type World } from './graph-crash.ts';
import { graphOf, step } from './graph-parts.ts';

const ask = ({ bodies }: World, policies: { readonly timeout?: number } = {}): AnyNode =>
  bodies.watch(interrupt({ ...policies, name: 'ask', response: 'decision', run: () => 'sure?' }));

const isPause = ({ type }: { readonly type: string }): boolean => type === 'RunPause';

describe('a question in a workflow that goes on', () => {
  test('takes no time of its node', async () => {
    const target = graphOf('asking', (world) => [
      ask(world, { timeout: 100 }),
      step(world, { name: 'use', reads: ['decision'] }),
    ]);
    const store = await storeAfter({ target, answer: () => 'yes' }, isPause);
    await using later = await processOn(store);
    await later.clock.drive(later.runner.resume(target(later), WORKFLOW));
    await later.clock.advance(10_000);

    const { outputs } = await later.clock.drive(later.runner.respond(WORKFLOW, 'decision', 'yes'));

    expect(outputs).toEqual({ USE: 'use(yes)' });
  });

  test('lets everything go on that does not depend on it', async () => {
    const target = graphOf('asking', (world) => [
      ask(world),
      step(world, { name: 'a', reads: ['in'], takes: 50 }),
      step(world, { name: 'b', reads: ['A'] }),
    ]);
    const conduct: Conduct = { target, input: { in: 1 }, answer: () => 'yes' };
    const store = await storeAfter(conduct, ({ type }) => type === 'Interrupt');
    await using later = await processOn(store);

    const { status, outputs } = await later.clock.drive(later.runner.resume(target(later), WORKFLOW));

    expect([status, outputs]).toEqual(['paused', { B: 'b(a(1))', A: 'a(1)' }]);
  });

  test('shows what was produced before as outputs of the pause', async () => {
    const target = graphOf('asking', (world) => [
      step(world, { name: 'a', reads: ['in'] }),
      interrupt({
        name: 'late',
        inputs: { A: input<string>() },
        response: 'decision',
        run: ({ A }) => A,
      }),
    ]);
    const conduct: Conduct = { target, input: { in: 1 }, answer: () => 'yes' };
    const store = await storeAfter(conduct, isPause);
    await using later = await processOn(store);

    const { outputs } = await later.clock.drive(later.runner.resume(target(later), WORKFLOW));

    expect(outputs).toMatchObject({ A: 'a(1)' });
  });

  test('that a handler could not answer has failed, after a crash at any point too', async () => {
    const target = graphOf('asking', (world) => [
      ask(world),
      step(world, { name: 'use', reads: ['decision'] }),
      step(world, { name: 'a', reads: ['in'], takes: 10 }),
    ]);
    const decision = async (): Promise<never> => {
      await Promise.resolve();
      throw new RangeError('nobody is there');
    };

    const { result } = await survivesEveryCrash({
      target,
      input: { in: 1 },
      options: { onError: 'continue', interruptHandlers: { decision } },
    });

    expect(result).toMatchObject({ status: 'failed', error: { message: 'nobody is there' } });
    expect(result.nodes).toEqual({ ask: 'failed', use: 'blocked', a: 'completed' });
  });

  test('that a body asks is answered as it was, after a crash at any point too', async () => {
    const target = graphOf('asking', ({ bodies }: World) => [
      bodies.watch(
        node({
          name: 'asks',
          inputs: { in: input<unknown>() },
          output: 'heard',
          run: async (_given, ctx) => {
            const [first, second] = await Promise.all([
              ctx.interrupt('first?', { key: 'first' }),
              ctx.interrupt('second?', { key: 'second' }),
            ]);
            return [first, second, await ctx.interrupt('third?', { key: 'first' })];
          },
        }),
      ),
    ]);

    const { result } = await survivesEveryCrash({
      target,
      input: { in: 1 },
      answer: ({ key, value }) => `${key}: ${String(value)}`,
    });

    expect(result.outputs).toEqual({ heard: ['first: first?', 'second: second?', 'first: third?'] });
  });

  test('leaves the log without another question, however often the workflow goes on', async () => {
    const target = graphOf('asking', (world) => [
      ask(world),
      step(world, { name: 'use', reads: ['decision'] }),
    ]);
    const store = await storeAfter({ target, answer: () => 'yes' }, isPause);

    for (let time = 0; time < 5; time += 1) {
      await using each = await processOn(store);
      await each.clock.drive(each.runner.resume(target(each), WORKFLOW));
    }
    await using last = await processOn(store);
    const { outputs, info } = await last.clock.drive(
      last.runner.resume(target(last), WORKFLOW, { responses: { decision: 'yes' } }),
    );

    const { history } = await storedIn(store);
    expect(history.filter(({ type }) => type === 'Interrupt')).toHaveLength(1);
    expect([outputs, info.requests.size]).toEqual([{ USE: 'use(yes)' }, 3]);
  });

  test('is open in each of the graphs that ask under one name', async () => {
    const target = (world: World) => {
      const inner = graph({ name: 'inner', nodes: [ask(world)] as readonly AnyNode[] });
      return graph({
        name: 'outer',
        nodes: [
          inner.asNode({ name: 'left', namespace: true }),
          inner.asNode({ name: 'right', namespace: true }),
          step(world, { name: 'z', reads: ['left.decision', 'right.decision'] }),
        ] as readonly AnyNode[],
      });
    };
    const store = await storeAfter({ target, answer: () => 'yes' }, isPause);
    await using later = await processOn(store);
    await later.clock.drive(
      later.runner.resume(target(later), WORKFLOW, { responses: { 'right.decision': 'r' } }),
    );

    const { outputs } = await later.clock.drive(later.runner.respond(WORKFLOW, 'left.decision', 'l'));

    expect(outputs).toEqual({ Z: 'z(l,r)' });
  });
});
