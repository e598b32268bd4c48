import {
  createRunner,
  END,
  graph,
  ifElse,
  input,
  interrupt,
  node,
  route,
  type AnyGraph,
  type AnyNode,
} from 'troupe';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { build, step } from './build-parts.ts';

const embed = node({
  name: 'embed',
  inputs: { text: input<string>(), size: input(5) },
  output: 'embedding',
  run: ({ text }) => [text.length],
});
const search = node({
  name: 'search',
  inputs: { embedding: input<number[]>() },
  output: 'hits',
  run: ({ embedding }) => embedding,
});
const rag = graph({ name: 'rag', nodes: [embed, search] });

/** Which of the two hashes differ. */
function changed(one: Pick<AnyGraph, 'hash'>, other: Pick<AnyGraph, 'hash'>): string[] {
  return (['structure', 'definition'] as const).filter((each) => one.hash[each] !== other.hash[each]);
}

const bodies = {
  same: ({ text }: { text: string }) => [text.length],
  other: ({ text }: { text: string }) => [text.length + 1],
};

/** A node like `embed`, with something else about it. */
function embedWith(more: object): AnyNode {
  const base = { name: 'embed', inputs: { text: input<string>() }, output: 'embedding', run: bodies.same };
  return node({ ...base, ...more });
}

function withEmbed(more: object): AnyGraph {
  return build([embedWith(more)]);
}

function withEmbedInside(more: object): AnyGraph {
  return build([build([embedWith(more)]).asNode({ name: 'inner' })]);
}

function withDefault(value: unknown): AnyGraph {
  return withEmbed({ inputs: { text: input({ default: value }) } });
}

function withRoute(more: { targets?: readonly string[]; [option: string]: unknown }): AnyGraph {
  const pick = route({ name: 'pick', targets: ['a', END], run: () => null, ...more });
  return build([pick, step('a'), step('b')]);
}

function withFork(yes: string, no: string): AnyGraph {
  return build([ifElse({ name: 'pick', then: yes, else: no, run: () => true }), step('a'), step('b')]);
}

function withQuestion(response: string, more: object = {}): AnyGraph {
  return build([interrupt({ name: 'ask', response, run: () => '?', ...more })]);
}

function ordered(emits: readonly string[], waitFor: readonly string[]): AnyGraph {
  return build([step('a', [], [], { emits }), step('b', [], [], { waitFor })]);
}

function cyclic(): object {
  const value: Record<string, unknown> = { a: 1 };
  value['self'] = value;
  return value;
}

describe('the hash of a graph', () => {
  test('is SHA-256 in hexadecimal digits, of the definition and of the structure', () => {
    expect(rag.hash).toEqual({
      definition: expect.stringMatching(/^[\da-f]{64}$/),
      structure: expect.stringMatching(/^[\da-f]{64}$/),
    });
    expect(rag.hash.definition).not.toBe(rag.hash.structure);
  });

  test('is worked out once', () => {
    expect(rag.hash).toBe(rag.hash);
    expect(rag.hash).toSatisfy(Object.isFrozen);
  });

  test('is the same of a graph that is built again', () => {
    expect(changed(rag, graph({ name: 'rag', nodes: [embed, search] }))).toEqual([]);
  });

  test('is the same in whatever order the nodes are', () => {
    expect(changed(rag, graph({ name: 'rag', nodes: [search, embed] }))).toEqual([]);
  });

  test('is the same in whatever order inputs, outputs and shared names are', () => {
    const one = build([step('a', ['x', 'y'], ['v', 'w'])], { shared: ['x', 'v'] });
    const other = build([step('a', ['y', 'x'], ['w', 'v'])], { shared: ['v', 'x'] });

    expect(one.hash.structure).toBe(other.hash.structure);
  });

  test('is the same whatever is bound', () => {
    const bound = rag.bind({ size: 7, text: 'a' });

    expect(changed(rag, bound)).toEqual([]);
    expect(changed(rag, bound.unbind('size'))).toEqual([]);
  });

  test('is the same whatever is bound inside', () => {
    const nested = [rag, rag.bind({ size: 7 })].map((each) => build([each.asNode()]));

    expect(new Set(nested.map(({ hash }) => hash.definition)).size).toBe(1);
  });

  test('is the same after a run', async () => {
    const before = { ...rag.hash };
    await using runner = createRunner();

    await runner.run(rag, { text: 'a' });

    expect(rag.hash).toEqual(before);
  });
});

describe('both hashes differ', () => {
  const a = step('a', [], ['x']);
  const chain = build([a, step('b', ['x'], ['y'])]);
  test.each<readonly [what: string, one: AnyGraph, other: AnyGraph]>([
    ['the name of the graph', rag, graph({ name: 'other', nodes: [embed, search] })],
    ['the name of a node', chain, build([a, step('c', ['x'], ['y'])])],
    ['what nodes there are', chain, build([a, step('b', ['x'], ['y']), step('c')])],
    ['the kind of a node', withQuestion('x'), build([node({ name: 'ask', output: 'x', run: () => 1 })])],
    ['an input', chain, build([a, step('b', ['x', 'z'], ['y'])])],
    ['an output', chain, build([a, step('b', ['x'], ['z'])])],
    ['an explicit edge', build([a, step('b', ['x'])]), build([a, step('b', ['x'])], { edges: [] })],
    ['an order', build([a, step('b')]), build([a, step('b')], { edges: [['a', 'b']] })],
    ['an announcement that is waited for', ordered(['m', 'n'], ['m']), ordered(['m', 'n'], ['n'])],
    ['the targets of a gate', withRoute({ targets: ['a', 'b'] }), withRoute({ targets: ['a', 'b', END] })],
    ['which target is for true', withFork('a', 'b'), withFork('b', 'a')],
    ['how many targets a gate chooses', withRoute({}), withRoute({ multi: true })],
    ['the name of an answer', withQuestion('yes'), withQuestion('no')],
    ['what is shared', build([step('a', ['x'], ['x'])]), build([step('a', ['x'], ['x'])], { shared: ['x'] })],
    ['what is selected', build([step('a', [], ['x', 'y'])]), build([step('a', [], ['x', 'y'])]).select('x')],
    ['where it starts', chain, chain.startAt('b')],
    ['the name that an input shows', rag, rag.rename({ inputs: { text: 'question' } })],
    [
      'which of two names an output shows',
      build([step('a', [], ['x', 'y'])]),
      build([step('a', [], ['x', 'y'])]).rename({ outputs: { x: 'y', y: 'x' } }),
    ],
    ['the name that an output shows', rag, rag.rename({ outputs: { hits: 'found' } })],
  ])('by %s', (_, one, other) => {
    expect(changed(one, other)).toEqual(['structure', 'definition']);
  });

  test.each<readonly [what: string, one: AnyGraph, other: AnyGraph]>([
    ['a nested structure', build([chain.asNode()]), build([build([a, step('c', ['x'], ['y'])]).asNode()])],
    [
      'a structure two levels down',
      build([build([chain.asNode({ name: 'n' })]).asNode()]),
      build([build([chain.select('y').startAt('b').asNode({ name: 'n' })]).asNode()]),
    ],
    ['the name of a nested node', build([rag.asNode()]), build([rag.asNode({ name: 'other' })])],
    ['a namespace', build([rag.asNode()]), build([rag.asNode({ namespace: true })])],
    ['an exposed name', build([rag.asNode()]), build([rag.asNode({ expose: { text: 'question' } })])],
    ['what is mapped over', build([rag.asNode()]), build([rag.asNode({ mapOver: 'text' })])],
    [
      'how it is mapped',
      build([rag.asNode({ mapOver: ['text', 'size'] })]),
      build([rag.asNode({ mapOver: ['text', 'size'], mapMode: 'product' })]),
    ],
  ])('by %s', (_, one, other) => {
    expect(changed(one, other)).toEqual(['structure', 'definition']);
  });
});

describe('only the hash of the definition differs', () => {
  test.each<readonly [what: string, one: AnyGraph, other: AnyGraph]>([
    ['a body', withEmbed({}), withEmbed({ run: bodies.other })],
    ['a body inside', withEmbedInside({}), withEmbedInside({ run: bodies.other })],
    ['a default', withEmbed({ inputs: { text: input('a') } }), withEmbed({ inputs: { text: input('b') } })],
    ['having a default', withEmbed({}), withEmbed({ inputs: { text: input('a') } })],
    [
      'the class of a default',
      withEmbed({ inputs: { text: input<unknown>(new Map()) } }),
      withEmbed({ inputs: { text: input<unknown>(new Set()) } }),
    ],
    [
      'a function in a default',
      withEmbed({ inputs: { text: input<unknown>({ send: () => 1 }) } }),
      withEmbed({ inputs: { text: input<unknown>({ send: () => 2 }) } }),
    ],
    ['a schema', withEmbed({ inputs: { text: z.string() } }), withEmbed({ inputs: { text: z.number() } })],
    ['the schema of an answer', withQuestion('r'), withQuestion('r', { schema: z.string() })],
    ['a version', withEmbed({ cache: { version: '1' } }), withEmbed({ cache: { version: '2' } })],
    ['whether it is cached', withEmbed({}), withEmbed({ cache: true })],
    ['a retry', withEmbed({ retry: { maxAttempts: 2 } }), withEmbed({ retry: { maxAttempts: 3 } })],
    ['a function in a policy', withEmbed({ fallback: () => 1 }), withEmbed({ fallback: () => 2 })],
    ['a timeout', withEmbed({}), withEmbed({ timeout: 1_000 })],
    ['an announcement that nobody waits for', withEmbed({}), withEmbed({ emits: ['done'] })],
    ['what a gate chooses for null', withRoute({}), withRoute({ fallback: 'a' })],
    ['whether a gate is open at first', withRoute({}), withRoute({ defaultOpen: false })],
    ['one output or a record of it', withEmbed({}), withEmbed({ output: undefined, outputs: ['embedding'] })],
    ['the limit of loops', build([step('a')]), build([step('a')], { maxIterations: 3 })],
    ['a test for convergence', build([step('a')]), build([step('a')], { convergence: 'fixpoint' })],
    [
      'the limit of loops inside',
      build([rag.asNode({ maxIterations: 3 })]),
      build([rag.asNode({ maxIterations: 4 })]),
    ],
    [
      'what failures of mapped items do',
      build([rag.asNode({ mapOver: 'text' })]),
      build([rag.asNode({ mapOver: 'text', onError: 'continue' })]),
    ],
  ])('by %s', (_, one, other) => {
    expect(changed(one, other)).toEqual(['definition']);
  });
});

describe('a default in the hash', () => {
  const broken = {
    get value(): never {
      throw new Error('not now');
    },
  };
  test.each<readonly [what: string, one: unknown, other: unknown]>([
    ['objects with other orders of keys', { a: 1, b: [2] }, { b: [2], a: 1 }],
    ['equal dates', new Date(5), new Date(5)],
    ['equal expressions', /a/g, /a/g],
    ['equal maps', new Map([['a', 1]]), new Map([['a', 1]])],
    ['equal bytes', new Uint8Array([1]), new Uint8Array([1])],
    ['equal errors', new Error('a'), new Error('a')],
    ['equal cycles', cyclic(), cyclic()],
    ['what cannot be read', broken, broken],
  ])('is the same of %s', (_, one, other) => {
    expect(changed(withDefault(one), withDefault(other))).toEqual([]);
  });

  test.each<readonly [what: string, one: unknown, other: unknown]>([
    ['a number and its text', 1, '1'],
    ['null and undefined', null, undefined],
    ['zero and minus zero', 0, -0],
    ['a number and a big integer', 1, 1n],
    ['a date and its text', new Date(0), new Date(0).toISOString()],
    ['other expressions', /a/g, /a/i],
    ['other addresses', new URL('http://a.example'), new URL('http://b.example')],
    ['other bytes', new Uint8Array([1]), new Uint8Array([2])],
    ['arrays of other bounds', [['a'], 'b'], [['a', 'b']]],
    ['other errors', new Error('a'), new TypeError('a')],
    ['other symbols', Symbol('a'), Symbol('b')],
  ])('tells apart %s', (_, one, other) => {
    expect(changed(withDefault(one), withDefault(other))).toEqual(['definition']);
  });
});
