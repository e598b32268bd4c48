import { createRunner, END, graph, input, interrupt, node, route, type AnyGraph } from 'troupe';
import { describe, expect, test } from 'vitest';
import { rejectionOf } from '../support/deferred.ts';
import { build, gate, refusalOf, step } from './build-parts.ts';

const diamond = build([
  step('root', ['p'], ['r']),
  step('left', ['r', 'l'], ['x']),
  step('right', ['r', 's'], ['y']),
  step('join', ['x', 'y'], ['z']),
]);

/** The names of the nodes that a run has run, in order. */
async function ranBy(
  target: AnyGraph<Record<string, unknown>>,
  given: Record<string, unknown>,
): Promise<string[]> {
  const { info } = await createRunner().run(target, given);
  return [...info.requests].slice(1).map((request) => request.nodeName);
}

describe('select', () => {
  test('runs only what the selected outputs need', async () => {
    expect(await ranBy(diamond.select('x'), { p: 1, l: 2 })).toEqual(['root', 'left']);
  });

  test('returns exactly the selected outputs', async () => {
    const { outputs } = await createRunner().run(diamond.select('z', 'r'), { p: 1, l: 2, s: 3 });

    expect(Object.keys(outputs)).toEqual(['z', 'r']);
  });

  test('asks only for the inputs of what runs', () => {
    expect(diamond.select('x').inputs).toEqual({ required: ['p', 'l'], optional: [], bound: {} });
  });

  test('asks for no shared name that nothing that runs reads', () => {
    const nodes = [step('a', [], ['p']), step('b', ['p', 'state'], ['state']), step('c', ['p'], ['z'])];

    const g = build(nodes, { shared: ['state'] }).select('z');

    expect(g.inputs).toEqual({ required: [], optional: [], bound: {} });
  });

  test('says of the others that they were skipped, and why', async () => {
    const { nodes, reasons } = await createRunner().run(diamond.select('r'), { p: 1 });

    expect(nodes).toEqual({ root: 'completed', left: 'skipped', right: 'skipped', join: 'skipped' });
    expect(Object.keys(reasons).toSorted()).toEqual(['join', 'left', 'right']);
    for (const reason of Object.values(reasons)) expect(reason).not.toBe('');
  });

  test('replaces an earlier selection', () => {
    expect(diamond.select('x').select('y').outputs).toEqual(['y']);
  });

  test('of one name twice gives it once', () => {
    expect(diamond.select('x', 'x').outputs).toEqual(['x']);
  });

  test('keeps the gate that chooses what makes the output', async () => {
    const g = build([
      step('score', [], ['s']),
      gate('pick', ['cheap', 'costly'], ['s']),
      step('cheap', [], ['a']),
      step('costly', [], ['b']),
    ]).select('a');

    const { outputs, nodes } = await createRunner().run(g, {});

    expect(outputs).toEqual({ a: 'cheap()' });
    expect(nodes).toMatchObject({ score: 'completed', pick: 'completed', costly: 'skipped' });
  });

  test('gives nothing of a branch that was not chosen', async () => {
    const g = build([gate('pick', ['cheap', 'costly']), step('cheap', [], ['a']), step('costly', [], ['b'])]);

    const { status, outputs } = await createRunner().run(g.select('b'), {});

    expect(status).toBe('completed');
    expect(outputs).toEqual({});
  });

  test('keeps all exclusive producers of the output', async () => {
    const left = step('left', [], ['x']);
    const right = step('right', [], ['x']);
    const pick = route({ name: 'pick', targets: ['left', 'right'], run: () => 'right' });

    const { outputs } = await createRunner().run(build([pick, left, right]).select('x'), {});

    expect(outputs).toEqual({ x: 'right()' });
  });

  test('keeps what only orders', async () => {
    const g = build([
      step('first', [], [], { emits: ['done'] }),
      step('second', [], ['x'], { waitFor: ['done'] }),
      step('third', [], ['y']),
    ]).select('x');

    expect(await ranBy(g, {})).toEqual(['first', 'second']);
  });

  test('keeps the whole loop that makes the output', async () => {
    const inc = node({ name: 'inc', inputs: { n: input<number>() }, output: 'n', run: ({ n }) => n + 1 });
    const again = route({
      name: 'again',
      inputs: { n: input<number>() },
      targets: ['inc', END],
      run: ({ n }) => (n < 2 ? 'inc' : END),
    });
    const after = node({ name: 'after', inputs: { n: input<number>() }, output: 'z', run: ({ n }) => n });
    const g = graph({ name: 'counter', nodes: [inc, again, after] }).select('n');

    const { outputs, nodes } = await createRunner().run(g, { n: 0 });

    expect(outputs).toEqual({ n: 2 });
    expect(nodes).toMatchObject({ after: 'skipped' });
  });

  test('asks no question that the selected outputs do not need', async () => {
    const ask = interrupt({ name: 'ask', response: 'decision', run: () => '?' });

    const { status } = await createRunner().run(build([ask, step('a', [], ['x'])]).select('x'), {});

    expect(status).toBe('completed');
  });

  test('refuses an input that only what was cut away takes', async () => {
    const error = await rejectionOf(createRunner().run(diamond.select('x'), { p: 1, l: 2, s: 3 }));

    expect(error).toMatchObject({ code: 'UNKNOWN_INPUT' });
  });

  test('may be said for one run', async () => {
    const runner = createRunner();

    const selected = await runner.run(diamond, { p: 1, l: 2 }, { select: ['x'] });
    const whole = await runner.run(diamond, { p: 1, l: 2, s: 3 });

    expect(selected.outputs).toEqual({ x: 'left(root(1), 2)' });
    expect(selected.nodes).toMatchObject({ right: 'skipped', join: 'skipped' });
    expect(Object.keys(whole.outputs)).toEqual(['z']);
  });

  test('of an unknown name for one run is refused, and nothing is recorded', async () => {
    const runner = createRunner();

    const error = await rejectionOf(
      Promise.resolve().then(() => runner.run(diamond, { p: 1 }, { select: ['zz'] })),
    );

    expect(error).toMatchObject({ code: 'GRAPH_CONFIG' });
    expect(runner.info.runs).toEqual([]);
  });
});

describe('startAt', () => {
  test('runs nothing upstream, whose outputs become inputs', async () => {
    const g = diamond.startAt('join');

    const { outputs, nodes } = await createRunner().run(g, { x: 'mine', y: 'yours' });

    expect(g.inputs).toEqual({ required: ['x', 'y'], optional: [], bound: {} });
    expect(outputs).toEqual({ z: 'join(mine, yours)' });
    expect(nodes).toEqual({ root: 'skipped', left: 'skipped', right: 'skipped', join: 'completed' });
  });

  test('says why what it cut away was skipped', async () => {
    const { reasons } = await createRunner().run(diamond.startAt('join'), { x: 1, y: 2 });

    expect(Object.keys(reasons).toSorted()).toEqual(['left', 'right', 'root']);
    for (const reason of Object.values(reasons)) expect(reason).toContain('"join"');
  });

  test('leaves what is beside the start', async () => {
    const g = diamond.startAt('left');

    const ran = await ranBy(g, { r: 'given', l: 1, s: 2 });

    expect(g.inputs.required.toSorted()).toEqual(['l', 'r', 's']);
    expect(ran.toSorted()).toEqual(['join', 'left', 'right']);
  });

  test('leaves what does not hang on it at all', async () => {
    const g = build([step('a', [], ['x']), step('b', ['x'], ['y']), step('other', [], ['z'])]).startAt('b');

    const { outputs } = await createRunner().run(g, { x: 1 });

    expect(outputs).toEqual({ y: 'b(1)', z: 'other()' });
  });

  test('takes several nodes', async () => {
    const g = diamond.startAt('left', 'right');

    expect(await ranBy(g, { r: 'given', l: 1, s: 2 })).toEqual(['left', 'right', 'join']);
  });

  test('replaces an earlier start', () => {
    expect(diamond.startAt('join').startAt('left', 'right').inputs.required.toSorted()).toEqual([
      'l',
      'r',
      's',
    ]);
  });

  test('at a first node cuts nothing away', () => {
    expect(diamond.startAt('root').inputs).toEqual(diamond.inputs);
  });

  test('runs a target without its gate', async () => {
    const g = build([
      step('score', [], ['s']),
      gate('pick', ['left', 'right'], ['s']),
      step('left', [], ['x']),
      step('right', ['q'], ['y']),
      step('after', ['y'], ['z']),
    ]).startAt('right');

    const { outputs, nodes } = await createRunner().run(g, { q: 1 });

    expect(outputs).toEqual({ z: 'after(right(1))' });
    expect(nodes).toMatchObject({ score: 'skipped', pick: 'skipped', left: 'skipped' });
  });

  test('cuts away what only waits were for', async () => {
    const g = build([
      step('first', [], [], { emits: ['done'] }),
      step('second', ['p'], ['x'], { waitFor: ['done'] }),
    ]).startAt('second');

    const { outputs, nodes } = await createRunner().run(g, { p: 1 });

    expect(outputs).toEqual({ x: 'second(1)' });
    expect(nodes).toMatchObject({ first: 'skipped' });
  });

  test('asks no question that lies upstream, whose answer is an input', async () => {
    const ask = interrupt({ name: 'ask', response: 'decision', run: () => '?' });
    const g = build([ask, step('act', ['decision'], ['done'])]).startAt('act');

    const { status, outputs } = await createRunner().run(g, { decision: 'yes' });

    expect(g.inputs.required).toEqual(['decision']);
    expect(status).toBe('completed');
    expect(outputs).toEqual({ done: 'act(yes)' });
  });

  test('at an interrupt asks it first', async () => {
    const ask = interrupt({
      name: 'ask',
      inputs: { draft: input<string>() },
      response: 'ok',
      run: ({ draft }) => draft,
    });
    const runner = createRunner();
    const g = build([step('write', ['topic'], ['draft']), ask, step('act', ['ok'], ['done'])]).startAt('ask');

    const { pauses, runId } = await runner.run(g, { draft: 'mine' });
    const { outputs } = await runner.respond(runId, 'ok', 'yes');

    expect(pauses.map(({ value }) => value)).toEqual(['mine']);
    expect(outputs).toEqual({ done: 'act(yes)' });
  });

  test('in a loop keeps the loop, and cuts what is before it', async () => {
    const inc = node({ name: 'inc', inputs: { n: input<number>() }, output: 'n', run: ({ n }) => n + 1 });
    const again = route({
      name: 'again',
      inputs: { n: input<number>() },
      targets: ['inc', END],
      run: ({ n }) => (n < 3 ? 'inc' : END),
    });
    const g = build([step('seed', [], ['n']), inc, again]).startAt('inc');

    const { outputs, nodes } = await createRunner().run(g, { n: 1 });

    expect(g.inputs.required).toEqual(['n']);
    expect(outputs).toEqual({ n: 3 });
    expect(nodes).toMatchObject({ seed: 'skipped', inc: 'completed', again: 'completed' });
  });

  test('goes together with select', async () => {
    const g = diamond.startAt('left').select('x');

    expect(g.inputs.required.toSorted()).toEqual(['l', 'r']);
    expect(await ranBy(g, { r: 1, l: 2 })).toEqual(['left']);
  });

  test('goes together with bind', async () => {
    const g = diamond.startAt('join').bind({ x: 'bound' });

    const { outputs } = await createRunner().run(g, { y: 'given' });

    expect(outputs).toEqual({ z: 'join(bound, given)' });
  });

  test('goes with the graph into another one', async () => {
    const outer = build([diamond.startAt('join').asNode({ name: 'inner' })]);

    const { outputs } = await createRunner().run(outer, { x: 1, y: 2 });

    expect(outer.inputs.required).toEqual(['x', 'y']);
    expect(outputs).toEqual({ z: 'join(1, 2)' });
  });

  test('refuses a gate, and says where to start instead', () => {
    const g = build([gate('pick', ['a', END]), step('a', [], ['x'])]);

    const error = refusalOf(() => g.startAt('pick'));

    expect(error.message).toContain('"pick"');
    expect(error.hint).toMatch(/target/);
  });

  test('refuses an unknown node beside a known one', () => {
    expect(refusalOf(() => diamond.startAt('join', 'joinn')).hint).toBe('Did you mean "join"?');
  });
});
