import {
  createRunner,
  END,
  graph,
  input,
  interrupt,
  machineNode,
  node,
  route,
  type RunnerOptions,
} from 'troupe';
import { memoryCache } from 'troupe/cache';
import { describe, expect, test } from 'vitest';
import { fromPromise } from 'xstate';
import { deferred, thrownBy } from '../support/deferred.ts';
import { stepsOf } from '../support/forest.ts';
import { eventLog, ofType } from '../support/runs.ts';

/** A runner with a cache of its own, and what it found: `hit name` and `miss name`, in order. */
function stage(options: RunnerOptions = {}) {
  const { events, subscriber } = eventLog();
  const runner = createRunner({ cache: memoryCache(), subscriber, ...options });
  const found = (): string[] =>
    events.flatMap((event) => {
      if (event.type === 'CacheHit') return [`hit ${event.nodeName}`];
      return event.type === 'CacheMiss' ? [`miss ${event.nodeName}`] : [];
    });
  return { runner, events, found };
}

const double = node({
  name: 'double',
  inputs: { n: input<number>() },
  output: 'twice',
  cache: true,
  run: ({ n }) => n * 2,
});
const addOne = node({
  name: 'addOne',
  inputs: { twice: input<number>() },
  output: 'sum',
  cache: true,
  run: async ({ twice }) => twice + 1,
});
const chain = graph({ name: 'chain', nodes: [double, addOne] });

describe('cached nodes in a graph', () => {
  test('give their outputs to the nodes after them', async () => {
    const { runner, found } = stage();
    await runner.run(chain, { n: 4 });

    const { outputs, nodes, info } = await runner.run(chain, { n: 4 });

    expect(outputs).toEqual({ sum: 9 });
    expect(nodes).toEqual({ double: 'completed', addOne: 'completed' });
    expect(found()).toEqual(['miss double', 'miss addOne', 'hit double', 'hit addOne']);
    expect(stepsOf(info).steps).toEqual(stepsOf(info).lawful);
  });

  test('run again from where the inputs differ', async () => {
    const { runner, found } = stage();
    const half = node({
      name: 'half',
      inputs: { n: input<number>() },
      output: 'halved',
      cache: true,
      run: ({ n }) => Math.floor(n / 2),
    });
    const show = node({
      name: 'show',
      inputs: { halved: input<number>() },
      output: 'text',
      cache: true,
      run: ({ halved }) => `is ${halved}`,
    });
    const g = graph({ name: 'g', nodes: [half, show] });
    await runner.run(g, { n: 4 });

    const { outputs } = await runner.run(g, { n: 5 });

    expect(outputs).toEqual({ text: 'is 2' });
    expect(found()).toEqual(['miss half', 'miss show', 'miss half', 'hit show']);
  });

  test('announce what they emit, hit or not', async () => {
    const { runner } = stage();
    const trace: string[] = [];
    const load = node({ name: 'load', output: 'rows', emits: ['loaded'], cache: true, run: () => 3 });
    const report = node({
      name: 'report',
      output: 'reported',
      waitFor: ['loaded'],
      run: () => trace.push('reported'),
    });
    const g = graph({ name: 'g', nodes: [load, report] });

    await runner.run(g);
    const { nodes } = await runner.run(g);

    expect(trace).toEqual(['reported', 'reported']);
    expect(nodes).toEqual({ load: 'completed', report: 'completed' });
  });

  test('are called by what a bind says as well', async () => {
    const { runner, found } = stage();

    await runner.run(chain.bind({ n: 4 }));
    await runner.run(chain, { n: 4 });

    expect(found().filter((each) => each.startsWith('hit'))).toEqual(['hit double', 'hit addOne']);
  });

  test('give no object that a reader may change for others', async () => {
    const { runner } = stage();
    const list = node({ name: 'list', output: 'items', cache: true, run: () => [1] });
    const push = node({
      name: 'push',
      inputs: { items: input<number[]>() },
      output: 'size',
      run: ({ items }) => items.push(2),
    });
    const g = graph({ name: 'g', nodes: [list, push] });

    const sizes = [await runner.run(g), await runner.run(g), await runner.run(g)].map(
      ({ outputs }) => outputs.size,
    );

    expect(sizes).toEqual([2, 2, 2]);
  });

  test('that fail block their dependents again in the next run', async () => {
    const { runner } = stage();
    let runs = 0;
    const fails = node({
      name: 'fails',
      output: 'n',
      cache: true,
      run: (): number => {
        runs += 1;
        throw new Error('no');
      },
    });
    const g = graph({ name: 'g', nodes: [fails, double] });
    const options = { onError: 'continue', onFailure: 'return' } as const;
    await runner.run(g, {}, options);

    const { nodes } = await runner.run(g, {}, options);

    expect([nodes, runs]).toEqual([{ fails: 'failed', double: 'blocked' }, 2]);
  });
});

describe('cached nodes in a loop', () => {
  const inc = node({
    name: 'inc',
    inputs: { count: input<number>() },
    output: 'count',
    cache: true,
    run: ({ count }) => count + 1,
  });
  const again = route({
    name: 'again',
    inputs: { count: input<number>() },
    targets: ['inc', END],
    run: ({ count }) => (count < 3 ? 'inc' : END),
  });
  const counting = graph({ name: 'counting', nodes: [inc, again] });

  test('hit in every round of the next run, and gates decide anew', async () => {
    const { runner, events, found } = stage();
    await runner.run(counting, { count: 0 });

    const { outputs, runId } = await runner.run(counting, { count: 0 });

    expect(outputs).toEqual({ count: 3 });
    expect(found()).toEqual(['miss inc', 'miss inc', 'miss inc', 'hit inc', 'hit inc', 'hit inc']);
    const decisions = ofType(events, 'RouteDecision').filter((event) => event.runId === runId);
    expect(decisions.map(({ decision }) => decision)).toEqual(['inc', 'inc', 'END']);
  });

  test('hit where a loop comes by the same inputs', async () => {
    const { runner, found } = stage();
    const flip = node({
      name: 'flip',
      inputs: { phase: input<number>() },
      output: 'phase',
      cache: true,
      run: ({ phase }) => 1 - phase,
    });
    const tick = node({
      name: 'tick',
      inputs: { phase: input<number>(), round: input<number>() },
      output: 'round',
      run: ({ round }) => round + 1,
    });
    const more = route({
      name: 'more',
      inputs: { round: input<number>() },
      targets: ['flip', END],
      defaultOpen: false,
      run: ({ round }) => (round < 5 ? 'flip' : END),
    });
    const g = graph({ name: 'g', nodes: [tick, flip, more] });

    const { outputs } = await runner.run(g, { phase: 0, round: 0 });

    expect(outputs).toEqual({ phase: 0, round: 5 });
    expect(found()).toEqual(['miss flip', 'miss flip', 'hit flip', 'hit flip']);
  });

  test('hits count for the limit of iterations', async () => {
    const { runner } = stage({ maxIterations: 10 });
    const stay = node({
      name: 'stay',
      inputs: { count: input<number>() },
      output: 'count',
      cache: true,
      run: ({ count }) => count,
    });
    const ever = route({
      name: 'ever',
      inputs: { count: input<number>() },
      targets: ['stay', END],
      run: (): 'stay' | typeof END => 'stay',
    });
    const g = graph({ name: 'g', nodes: [stay, ever] });

    const { error } = await runner.run(g, { count: 0 }, { onFailure: 'return' });

    expect(error).toMatchObject({ code: 'INFINITE_LOOP' });
  });
});

describe('cached nodes in nested graphs', () => {
  test('hit whatever graph they are in', async () => {
    const { runner, found } = stage();
    const outer = graph({ name: 'outer', nodes: [chain.asNode()] });
    await runner.run(chain, { n: 4 });

    const { outputs, info } = await runner.run(outer, { n: 4 });

    expect(outputs).toEqual({ sum: 9 });
    expect(found().slice(2)).toEqual(['hit double', 'hit addOne']);
    expect(stepsOf(info).steps).toEqual(stepsOf(info).lawful);
  });

  test('hit for equal items of a map', async () => {
    const { runner, found } = stage();
    const outer = graph({ name: 'outer', nodes: [chain.asNode({ mapOver: 'n' })] });

    const { outputs } = await runner.run(outer, { n: [4, 5, 4, 4] });

    expect(outputs).toEqual({ sum: [9, 11, 9, 9] });
    const counts = ['miss double', 'hit double', 'miss addOne', 'hit addOne'].map(
      (what) => found().filter((each) => each === what).length,
    );
    expect(counts).toEqual([2, 2, 2, 2]);
  });

  test.each([1, 2])(
    'run once for equal items that run at once, maxConcurrency %i',
    async (maxConcurrency) => {
      const { runner } = stage({ maxConcurrency });
      const gate = deferred();
      let runs = 0;
      const slow = node({
        name: 'slow',
        inputs: { n: input<number>() },
        output: 'late',
        cache: true,
        run: async ({ n }) => {
          runs += 1;
          await gate.promise;
          return n;
        },
      });
      const inner = graph({ name: 'inner', nodes: [slow] });
      const outer = graph({ name: 'outer', nodes: [inner.asNode({ mapOver: 'n' })] });
      const running = runner.run(outer, { n: [4, 4, 4] });

      gate.resolve();
      const { outputs } = await running;

      expect([outputs, runs]).toEqual([{ late: [4, 4, 4] }, 1]);
    },
  );
});

describe('what a person or a gate says', () => {
  const publish = interrupt({
    name: 'ask',
    inputs: { twice: input<number>() },
    response: 'decision',
    run: ({ twice }) => ({ prompt: `Publish ${twice}?` }),
  });
  const asking = graph({ name: 'asking', nodes: [double, publish] });

  test('an answer is never replayed: the next run asks again', async () => {
    const { runner, found } = stage();
    const first = await runner.run(asking, { n: 4 });
    await runner.respond(first.runId, 'decision', 'yes');

    const second = await runner.run(asking, { n: 4 });
    const { outputs } = await runner.respond(second.runId, 'decision', 'no');

    expect([second.status, second.pauses.map(({ key }) => key)]).toEqual(['paused', ['decision']]);
    expect(outputs).toEqual({ decision: 'no' });
    expect(found()).toEqual(['miss double', 'hit double']);
  });

  test('equal questions of one run are both asked', async () => {
    const { runner } = stage();
    const ask = node('ask', (key: string, ctx) => ctx.interrupt<string>('Go?', { key }));
    const root = node('root', (_: unknown, ctx) => ctx.callBatch(ask, ['one', 'other']));

    const { pauses } = await runner.run(root);

    expect(pauses.map(({ key }) => key)).toEqual(['one', 'other']);
  });

  test('an interrupt with a cache policy is refused', () => {
    const definition = { name: 'ask', response: 'decision', cache: true, run: () => 'Go?' };

    expect(thrownBy(() => interrupt(definition))).toMatchObject({ code: 'INVALID_INPUT' });
  });
});

/** A machine that doubles, and how often it ran. */
function counted(cache: boolean | { version: string }) {
  const meter = { runs: 0 };
  const machine = machineNode({
    name: 'machine',
    machine: fromPromise(async ({ input: given }: { input: { n: number } }) => {
      meter.runs += 1;
      return given.n * 2;
    }),
    inputs: { n: input<number>() },
    output: 'twice',
    cache,
  });
  return { machine, meter };
}

describe('a machine as a cached node', () => {
  test('with a version gives hits', async () => {
    const { runner, found } = stage();
    const { machine, meter } = counted({ version: '1' });
    await runner.run(machine, { n: 4 });

    const { answer } = await runner.run(machine, { n: 4 });

    expect([answer, meter.runs]).toEqual([8, 1]);
    expect(found()).toEqual(['miss machine', 'hit machine']);
  });

  test('with another version misses', async () => {
    const { runner, found } = stage();

    await runner.run(counted({ version: '1' }).machine, { n: 4 });
    await runner.run(counted({ version: '2' }).machine, { n: 4 });

    expect(found()).toEqual(['miss machine', 'miss machine']);
  });

  test('without a version misses, says why, and runs', async () => {
    const { runner, events } = stage();
    const { machine, meter } = counted(true);
    await runner.run(machine, { n: 4 });

    const { answer } = await runner.run(machine, { n: 4 });

    expect([answer, meter.runs]).toEqual([8, 2]);
    const misses = ofType(events, 'CacheMiss');
    expect(misses.map(({ key }) => key)).toEqual([undefined, undefined]);
    expect(misses[0]?.reason).toContain('version');
  });
});
