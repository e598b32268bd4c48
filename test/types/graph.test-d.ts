import { END, graph, ifElse, input, interrupt, node, route, type AnyGraph, type AnyNode } from 'troupe';
import { describe, expectTypeOf, test } from 'vitest';
import { z } from 'zod';

/** What a run of a graph is given. */
type InputOf<Graph extends AnyGraph> = NonNullable<Graph['~types']>['input'];
/** What a run of a graph gives. */
type OutputsOf<Graph extends AnyGraph> = NonNullable<Graph['~types']>['outputs'];

const embed = node({
  name: 'embed',
  inputs: { text: input<string>(), k: input(5) },
  output: 'embedding',
  run: async ({ text, k }) => [text.length * k],
});
const retrieve = node({
  name: 'retrieve',
  inputs: { embedding: input<number[]>() },
  output: 'docs',
  run: ({ embedding }) => embedding.map(String),
});
const generate = node({
  name: 'generate',
  inputs: { docs: input<string[]>(), text: input<string>() },
  output: 'answer',
  run: ({ docs, text }) => `${text}: ${docs.join()}`,
});
const inc = node({
  name: 'inc',
  inputs: { count: input<number>() },
  output: 'count',
  run: ({ count }) => count + 1,
});
const again = route({
  name: 'again',
  inputs: { count: input<number>() },
  targets: ['inc', END],
  run: ({ count }) => (count < 3 ? 'inc' : END),
});
const show = node({
  name: 'show',
  inputs: { count: input<number>() },
  output: 'shown',
  run: ({ count }) => String(count),
});
const nothing = node('nothing', () => {});
const rag = graph({ name: 'rag', nodes: [embed, retrieve, generate] });

describe('the inputs of a graph', () => {
  test('are the ports that no node feeds, required where they have no default', () => {
    expectTypeOf<InputOf<typeof rag>>().toEqualTypeOf<{ text: string; k?: number | undefined }>();
  });

  test('take what all of their readers take', () => {
    const narrow = node({ name: 'narrow', inputs: { x: input<'a' | 'b'>() }, run: ({ x }) => x });
    const wide = node({ name: 'wide', inputs: { x: input<string>() }, run: ({ x }) => x });
    const both = graph({ name: 'both', nodes: [narrow, wide] });

    expectTypeOf<InputOf<typeof both>>().toEqualTypeOf<{ x: 'a' | 'b' }>();
  });

  test('are required if one of their readers has no default', () => {
    const optional = node({ name: 'optional', inputs: { x: input(1) }, run: ({ x }) => x });
    const required = node({ name: 'required', inputs: { x: input<number>() }, run: ({ x }) => x });
    const both = graph({ name: 'both', nodes: [optional, required] });

    expectTypeOf<InputOf<typeof both>>().toEqualTypeOf<{ x: number }>();
  });

  test('take what a schema parses', () => {
    const coerced = node({ name: 'coerced', inputs: { n: z.coerce.number<string>() }, run: ({ n }) => n });

    const g = graph({ name: 'g', nodes: [coerced] });

    expectTypeOf<InputOf<typeof g>>().toEqualTypeOf<{ n: string }>();
  });

  test('are none for a node that takes any one argument', () => {
    const bare = node('bare', (given: { readonly text: string }) => given.text);

    const g = graph({ name: 'g', nodes: [bare, nothing] });

    expectTypeOf<InputOf<typeof g>>().toEqualTypeOf<Record<never, never>>();
  });

  test('have no names that a node makes', () => {
    // @ts-expect-error embed makes it
    rag.bind({ embedding: [1] });
  });

  test('are loose for a list of nodes whose names are not known', () => {
    const list: AnyNode[] = [embed];

    const g = graph({ name: 'g', nodes: list });

    expectTypeOf<InputOf<typeof g>>().toEqualTypeOf<Readonly<Record<string, unknown>>>();
  });
});

describe('the outputs of a graph', () => {
  test('are the names that no other node reads', () => {
    expectTypeOf<OutputsOf<typeof rag>>().toEqualTypeOf<{ answer: string }>();
  });

  test('have the types of all their producers', () => {
    const isShort = ifElse({
      name: 'isShort',
      inputs: { text: input<string>() },
      then: 'whole',
      else: 'cut',
      run: ({ text }) => text.length < 5,
    });
    const whole = node({ name: 'whole', inputs: { text: input<string>() }, output: 'shown', run: () => 'x' });
    const cut = node({ name: 'cut', inputs: { text: input<string>() }, output: 'shown', run: () => 1 });

    const g = graph({ name: 'g', nodes: [isShort, whole, cut] });

    expectTypeOf<OutputsOf<typeof g>>().toEqualTypeOf<{ shown: string | number }>();
  });

  test('are several for a node of several outputs', () => {
    const split = node({
      name: 'split',
      inputs: { n: input<number>() },
      outputs: ['lo', 'hi'],
      run: ({ n }) => ({ lo: n, hi: String(n) }),
    });

    const g = graph({ name: 'g', nodes: [split] });

    expectTypeOf<OutputsOf<typeof g>>().toEqualTypeOf<{ lo: number; hi: string }>();
  });

  test('have no decisions of gates', () => {
    const g = graph({ name: 'g', nodes: [inc, again] });

    expectTypeOf<OutputsOf<typeof g>>().toEqualTypeOf<{ count: number }>();
  });
});

describe('a loop', () => {
  test('needs a seed for what its only producer reads itself', () => {
    const g = graph({ name: 'g', nodes: [inc, again] });

    expectTypeOf<InputOf<typeof g>>().toEqualTypeOf<{ count: number }>();
  });

  test('needs no seed where the producer has a default', () => {
    const step = node({
      name: 'inc',
      inputs: { count: input(0) },
      output: 'count',
      run: ({ count }) => count,
    });

    const g = graph({ name: 'g', nodes: [step, again] });

    expectTypeOf<InputOf<typeof g>>().toEqualTypeOf<{ count?: number | undefined }>();
  });

  test('may be given a seed for what goes round in it', () => {
    const draft = node({
      name: 'draft',
      inputs: { review: input('') },
      output: 'text',
      run: ({ review }) => review,
    });
    const review = node({
      name: 'review',
      inputs: { text: input<string>() },
      output: 'review',
      run: ({ text }) => text,
    });
    const isGood = route({
      name: 'isGood',
      inputs: { review: input<string>() },
      targets: ['draft', END],
      run: ({ review: verdict }) => (verdict === 'good' ? END : 'draft'),
    });

    const g = graph({ name: 'g', nodes: [draft, review, isGood] });

    expectTypeOf<InputOf<typeof g>>().toEqualTypeOf<{
      text?: string | undefined;
      review?: string | undefined;
    }>();
    expectTypeOf<OutputsOf<typeof g>>().toEqualTypeOf<{ text: string; review: string }>();
  });

  test('keeps to itself what a node after it reads', () => {
    const g = graph({ name: 'g', nodes: [inc, again, show] });

    expectTypeOf<InputOf<typeof g>>().toEqualTypeOf<{ count: number }>();
    expectTypeOf<OutputsOf<typeof g>>().toEqualTypeOf<{ shown: string }>();
  });

  test('takes no seed for what a node before it makes', () => {
    const start = node({ name: 'start', output: 'count', run: () => 0 });

    const g = graph({ name: 'g', nodes: [start, inc, again] });

    expectTypeOf<InputOf<typeof g>>().toEqualTypeOf<Record<never, never>>();
  });

  test('without a gate is found under convergence', () => {
    const a = node({ name: 'a', inputs: { y: input<number>() }, output: 'x', run: ({ y }) => y });
    const b = node({ name: 'b', inputs: { x: input<number>() }, output: 'y', run: ({ x }) => x });

    const g = graph({ name: 'g', nodes: [a, b], convergence: 'fixpoint' });

    expectTypeOf<InputOf<typeof g>>().toEqualTypeOf<{ x?: number | undefined; y?: number | undefined }>();
    expectTypeOf<OutputsOf<typeof g>>().toEqualTypeOf<{ x: number; y: number }>();
  });
});

describe('an interrupt', () => {
  const approve = interrupt({
    name: 'approve',
    inputs: { draft: input<string>() },
    response: 'decision',
    schema: z.enum(['yes', 'no']),
    run: ({ draft }) => draft,
  });
  const publish = node({
    name: 'publish',
    inputs: { decision: input<'yes' | 'no'>() },
    output: 'published',
    run: ({ decision }) => decision === 'yes',
  });
  const publishing = graph({ name: 'publishing', nodes: [approve, publish] });

  test('may be answered up front', () => {
    expectTypeOf<InputOf<typeof publishing>>().toEqualTypeOf<{
      draft: string;
      decision?: 'yes' | 'no' | undefined;
    }>();
  });

  test('makes its response', () => {
    const g = graph({ name: 'g', nodes: [approve] });

    expectTypeOf<OutputsOf<typeof g>>().toEqualTypeOf<{ decision: 'yes' | 'no' }>();
  });

  test('inside a graph’s node may be answered up front from outside, and is no port of the node', () => {
    const inner = publishing.asNode({ namespace: true });
    const outer = graph({ name: 'outer', nodes: [inner] });

    expectTypeOf<NonNullable<(typeof inner)['~types']>['input']>().toEqualTypeOf<{
      'publishing.draft': string;
    }>();
    expectTypeOf<InputOf<typeof outer>>().toEqualTypeOf<{
      'publishing.draft': string;
      'publishing.decision'?: 'yes' | 'no' | undefined;
    }>();
  });
});

describe('shared names', () => {
  const append = node({
    name: 'append',
    inputs: { log: input<string[]>(), line: input<string>() },
    output: 'log',
    run: ({ log, line }) => [...log, line],
  });
  const count = node({
    name: 'count',
    inputs: { log: input<string[]>() },
    output: 'lines',
    run: ({ log }) => log.length,
  });

  test('are inputs and outputs, however many nodes read and write them', () => {
    const g = graph({ name: 'g', nodes: [append, count], shared: ['log'] });

    expectTypeOf<InputOf<typeof g>>().toEqualTypeOf<{ log: string[]; line: string }>();
    expectTypeOf<OutputsOf<typeof g>>().toEqualTypeOf<{ log: string[]; lines: number }>();
  });

  test('are names that some node has', () => {
    // @ts-expect-error no node has it
    graph({ name: 'g', nodes: [append, count], shared: ['logs'] });
  });
});

describe('explicit edges', () => {
  test('replace inference: what they do not wire is an input, and what they do not carry an output', () => {
    const g = graph({ name: 'g', nodes: [embed, retrieve, generate], edges: [['embed', 'retrieve']] });

    expectTypeOf<InputOf<typeof g>>().toEqualTypeOf<{
      text: string;
      docs: string[];
      k?: number | undefined;
    }>();
    expectTypeOf<OutputsOf<typeof g>>().toEqualTypeOf<{ docs: string[]; answer: string }>();
  });

  test('may name what they wire', () => {
    const g = graph({
      name: 'g',
      nodes: [embed, retrieve],
      edges: [['embed', 'retrieve', 'embedding']],
    });

    expectTypeOf<InputOf<typeof g>>().toEqualTypeOf<{ text: string; k?: number | undefined }>();
    expectTypeOf<OutputsOf<typeof g>>().toEqualTypeOf<{ docs: string[] }>();
  });

  test('may only order', () => {
    const g = graph({ name: 'g', nodes: [inc, embed], edges: [['inc', 'embed']] });

    expectTypeOf<OutputsOf<typeof g>>().toEqualTypeOf<{ count: number; embedding: number[] }>();
  });

  test('name nodes of the graph', () => {
    // @ts-expect-error no node is called so
    graph({ name: 'g', nodes: [embed, retrieve], edges: [['embed', 'retriev']] });
  });

  test('name outputs and inputs of their nodes', () => {
    // @ts-expect-error embed makes no such name
    graph({ name: 'g', nodes: [embed, retrieve], edges: [['embed', 'retrieve', 'docs']] });
    // @ts-expect-error retrieve has no such input
    graph({ name: 'g', nodes: [embed, inc], edges: [['embed', 'inc', 'embedding']] });
  });

  test('fit in type', () => {
    const wrong = node({
      name: 'wrong',
      inputs: { embedding: input<string>() },
      run: ({ embedding }) => embedding,
    });

    // @ts-expect-error a list of numbers is no text
    graph({ name: 'g', nodes: [embed, wrong], edges: [['embed', 'wrong']] });
  });
});

describe('a graph that cannot work', () => {
  test('has an edge whose types do not fit', () => {
    const wrong = node({
      name: 'wrong',
      inputs: { embedding: input<string>() },
      run: ({ embedding }) => embedding,
    });

    // @ts-expect-error a list of numbers is no text
    graph({ name: 'g', nodes: [embed, wrong] });
  });

  test('is none where an input takes anything', () => {
    const any = node({
      name: 'any',
      inputs: { embedding: input<unknown>() },
      run: ({ embedding }) => embedding,
    });

    const g = graph({ name: 'g', nodes: [embed, any] });

    expectTypeOf(g.name).toEqualTypeOf<'g'>();
  });

  test('has a gate whose target is no node', () => {
    const wrong = route({ name: 'wrong', targets: ['nobody', END], run: () => 'nobody' });

    // @ts-expect-error no node is called so
    graph({ name: 'g', nodes: [inc, wrong] });
  });

  test('has a gate that targets itself', () => {
    const wrong = route({ name: 'wrong', targets: ['wrong', 'inc'], run: () => 'inc' });

    // @ts-expect-error a gate may not choose itself
    graph({ name: 'g', nodes: [inc, wrong] });
  });

  test('has two nodes of one name', () => {
    const other = node({ name: 'inc', output: 'other', run: () => 1 });

    // @ts-expect-error both are called so
    graph({ name: 'g', nodes: [inc, other] });
    // @ts-expect-error it is there twice
    graph({ name: 'g', nodes: [inc, again, inc] });
  });

  test('is found with the nodes written in place', () => {
    graph({
      name: 'g',
      nodes: [
        node({ name: 'a', inputs: { x: input<number>() }, output: 'y', run: ({ x }) => x }),
        // @ts-expect-error y is a number
        node({ name: 'b', inputs: { y: input<string>() }, output: 'z', run: ({ y }) => y.length }),
      ],
    });
  });
});

describe('an answer', () => {
  const ask = interrupt({
    name: 'ask',
    inputs: { draft: input<string>() },
    response: 'verdict',
    schema: z.enum(['yes', 'no']).transform((text) => text === 'yes'),
    run: ({ draft }) => draft,
  });
  const asking = graph({ name: 'asking', nodes: [ask] });

  test('up front is what its schema takes, and the output what it parses to', () => {
    expectTypeOf<InputOf<typeof asking>>().toEqualTypeOf<{
      draft: string;
      verdict?: 'yes' | 'no' | undefined;
    }>();
    expectTypeOf<OutputsOf<typeof asking>>().toEqualTypeOf<{ verdict: boolean }>();
  });

  test('cannot be bound', () => {
    // @ts-expect-error an answer is given to a run, or to the question
    asking.bind({ verdict: 'yes' });
  });
});
