import { createRunner, END, graph, input, interrupt, node, route } from 'troupe';
import { describe, expect, test } from 'vitest';
import { rejectionOf } from '../support/deferred.ts';
import { build, gate, refusalOf, step } from './build-parts.ts';

const PORTS = [
  'constructor',
  'toString',
  'hasOwnProperty',
  'prototype',
  'valueOf',
  '0',
  'a b',
  'ä.ö',
] as const;
const NAMES = [...PORTS, '__proto__'] as const;

/** An object that has the key as its own, also where that is `__proto__`. */
function own(key: string, value: unknown): Record<string, unknown> {
  return Object.fromEntries([[key, value]]);
}

function entriesOf(outputs: object): [string, unknown][] {
  return Object.entries(outputs);
}

describe.each(NAMES)('a name such as "%s"', (name) => {
  test('of a node is in the result', async () => {
    const { nodes, info } = await createRunner().run(build([step(name, [], ['x'])]), {});

    expect(entriesOf(nodes)).toEqual([[name, 'completed']]);
    expect([...info.requests].map((request) => request.nodeName)).toEqual(['g', name]);
  });

  test('of a node may be chosen by a gate', async () => {
    const pick = route({ name: 'pick', targets: [name, 'other'], run: () => name });
    const nodes = [pick, step(name, [], ['x']), step('other', [], ['x'])];

    const { outputs, reasons } = await createRunner().run(build(nodes), {});

    expect(outputs).toEqual({ x: `${name}()` });
    expect(Object.keys(reasons)).toEqual(['other']);
  });

  test('of a node may be started at', async () => {
    const g = build([step('first', [], ['x']), step(name, ['x'], ['y'])]).startAt(name);

    const { outputs } = await createRunner().run(g, { x: 1 });

    expect(outputs).toEqual({ y: `${name}(1)` });
  });

  test('is unknown to a graph that has no such name', () => {
    const g = build([step('a', ['p'], ['x'])]);

    const refused = [
      () => g.bind(own(name, 1)),
      () => g.unbind(name),
      () => g.select(name),
      () => g.startAt(name),
      () => g.rename({ inputs: own(name, 'q') as Record<string, string> }),
      () => g.asNode({ expose: own(name, 'q') as Record<string, string> }),
      () => g.asNode({ mapOver: name }),
      () => build([step('a', [], [], { waitFor: [name] })]),
      () => build([route({ name: 'pick', targets: [name, END], run: () => END })]),
      () => build([step('a'), step('b')], { edges: [['a', name]] }),
    ];

    for (const act of refused) expect(refusalOf(act).message).toContain(`"${name}"`);
  });
});

describe.each(PORTS)('a name such as "%s"', (name) => {
  test('of an input is required, and given', async () => {
    const g = build([step('a', [name], ['x'])]);

    const { outputs } = await createRunner().run(g, own(name, 'given'));

    expect(g.inputs.required).toEqual([name]);
    expect(outputs).toEqual({ x: 'a(given)' });
  });

  test('of an input is missing when it is not given', async () => {
    const error = await rejectionOf(createRunner().run(build([step('a', [name], ['x'])]), {}));

    expect(error).toMatchObject({ code: 'MISSING_INPUT' });
  });

  test('of an input is unknown where nothing takes it', async () => {
    const g = build([step('a', ['p'], ['x'])]);

    const error = await rejectionOf(createRunner().run(g, { ...own('p', 1), ...own(name, 2) }));

    expect(error).toMatchObject({ code: 'UNKNOWN_INPUT' });
  });

  test('of an input has its default', async () => {
    const inputs = { [name]: input<unknown>('default') };
    const read = node({ name: 'read', inputs, output: 'x', run: (given) => entriesOf(given) });
    const g = build([read]);

    const { outputs } = await createRunner().run(g, {});

    expect(g.inputs.optional).toEqual([name]);
    expect(outputs).toEqual({ x: [[name, 'default']] });
  });

  test('of an input may be bound', async () => {
    const g = build([step('a', [name], ['x'])]).bind(own(name, 'bound'));

    const { outputs } = await createRunner().run(g, {});

    expect(entriesOf(g.inputs.bound)).toEqual([[name, 'bound']]);
    expect(outputs).toEqual({ x: 'a(bound)' });
  });

  test('of an output is wired', async () => {
    const g = build([step('a', [], [name]), step('b', [name], ['x'])]);

    const { outputs } = await createRunner().run(g, {});

    expect(outputs).toEqual({ x: 'b(a())' });
  });

  test('of an output is in the outputs', async () => {
    const g = build([step('a', [], [name])]);

    const { outputs } = await createRunner().run(g, {});

    expect(g.outputs).toEqual([name]);
    expect(entriesOf(outputs)).toEqual([[name, 'a()']]);
  });

  test('of one of several outputs is in the outputs', async () => {
    const g = build([step('a', [], [name, 'y'])]);

    const { outputs } = await createRunner().run(g, {});

    expect(new Map(entriesOf(outputs))).toEqual(
      new Map([
        [name, 'a()'],
        ['y', 'a()'],
      ]),
    );
  });

  test('of one of several outputs has no value where the body returns none', async () => {
    const some = node({ name: 'some', outputs: [name, 'y'], run: (): Record<string, unknown> => ({ y: 1 }) });

    const { outputs } = await createRunner().run(build([some]), {});

    expect(entriesOf(outputs).filter(([, value]) => value !== undefined)).toEqual([['y', 1]]);
  });

  test('of an output that is given is a conflict', async () => {
    const error = await rejectionOf(createRunner().run(build([step('a', [], [name])]), own(name, 1)));

    expect(error).toMatchObject({ code: 'CONFLICT' });
  });

  test('passes into a graph inside and out of it', async () => {
    const inner = build([step('a', [name], ['x'])]);
    const outer = build([step('make', [], [name]), inner.asNode({ name: 'inner' })]);
    const shown = build([step('a', [], [name])]);

    const results = [
      await createRunner().run(outer, {}),
      await createRunner().run(build([shown.asNode({ name: 'inner' })]), {}),
    ];

    expect(results.map(({ outputs }) => entriesOf(outputs))).toEqual([[['x', 'a(make())']], [[name, 'a()']]]);
  });
});

describe('a port that is called "__proto__" is refused', () => {
  const name = '__proto__';
  const g = build([step('a', ['p'], ['x'])]);
  const refused = expect.objectContaining({ code: 'INVALID_INPUT' }) as Error;

  test.each([
    { what: 'as an input', act: () => step('a', [name]) },
    { what: 'as an output', act: () => step('a', [], [name]) },
    { what: 'as one of several outputs', act: () => step('a', [], ['x', name]) },
    { what: 'as an input of a gate', act: () => gate('a', [END], [name]) },
    { what: 'as a response', act: () => interrupt({ name: 'ask', response: name, run: () => '?' }) },
    { what: 'as the new name of an input', act: () => g.rename({ inputs: { p: name } }) },
    { what: 'as the new name of an output', act: () => g.rename({ outputs: { x: name } }) },
    { what: 'as the name of an exposed input', act: () => g.asNode({ expose: { p: name } }) },
    { what: 'as the name of an exposed output', act: () => g.asNode({ expose: { x: name } }) },
  ])('$what', ({ act }) => {
    expect(act).toThrow(refused);
  });

  test('as an input of a run', async () => {
    const error = await rejectionOf(
      createRunner().run(g, { ...own('p', 1), ...own(name, { polluted: true }) }),
    );

    expect(error).toMatchObject({ code: 'UNKNOWN_INPUT' });
    expect(Reflect.get({}, 'polluted')).toBeUndefined();
  });
});

test('an empty name is refused by nodes and graphs alike', () => {
  for (const act of [() => step(''), () => graph({ name: '', nodes: [step('a')] })]) {
    expect(act).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }) as Error);
  }
});
