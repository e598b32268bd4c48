import { createRunner, graph, input, interrupt, node, route, type AnyGraph, type AnyNode } from 'troupe';
import { describe, expectTypeOf, test } from 'vitest';

/** What a run of a graph is given. */
type InputOf<Target extends AnyGraph | AnyNode> = NonNullable<Target['~types']>['input'];
/** What a run of a graph gives. */
type OutputsOf<Target extends AnyGraph | AnyNode> = NonNullable<Target['~types']>['outputs'];

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
const count = node({
  name: 'count',
  inputs: { answer: input<string>() },
  output: 'length',
  run: ({ answer }) => answer.length,
});
const rag = graph({ name: 'rag', nodes: [embed, retrieve, generate] });

describe('runner.run', () => {
  test('takes the inputs of a graph and gives its outputs', async () => {
    const { outputs, answer } = await createRunner().run(rag, { text: 'text' });

    expectTypeOf(outputs).toEqualTypeOf<{ answer: string }>();
    expectTypeOf(answer).toEqualTypeOf<{ answer: string }>();
  });

  test('refuses what is missing, unknown or of a wrong type', async () => {
    const runner = createRunner();

    // @ts-expect-error text is missing
    await runner.run(rag, {}).catch(() => {});
    // @ts-expect-error there is no such input
    await runner.run(rag, { text: 'text', other: 1 }).catch(() => {});
    // @ts-expect-error text is a text
    await runner.run(rag, { text: 1 }).catch(() => {});
    // @ts-expect-error embed makes it
    await runner.run(rag, { text: 'text', embedding: [1] }).catch(() => {});
  });
});

describe('bind', () => {
  test('makes inputs optional', () => {
    const bound = rag.bind({ text: 'text' });

    expectTypeOf<InputOf<typeof bound>>().toEqualTypeOf<{
      text?: string | undefined;
      k?: number | undefined;
    }>();
  });

  test('refuses unknown names, outputs and wrong types', () => {
    // @ts-expect-error there is no such input
    rag.bind({ txt: 'text' });
    // @ts-expect-error embed makes it
    rag.bind({ embedding: [1] });
    // @ts-expect-error text is a text
    rag.bind({ text: 1 });
  });

  test('is undone by unbind', () => {
    const unbound = rag.bind({ text: 'text', k: 1 }).unbind('text');

    expectTypeOf<InputOf<typeof unbound>>().toEqualTypeOf<{ text: string; k?: number | undefined }>();
    // @ts-expect-error it is not bound
    rag.unbind('text');
  });
});

describe('select', () => {
  test('gives exactly the selected outputs, and needs what they need', () => {
    const selected = graph({ name: 'g', nodes: [embed, retrieve, generate, count] }).select('docs');

    expectTypeOf<OutputsOf<typeof selected>>().toEqualTypeOf<{ docs: string[] }>();
    expectTypeOf<InputOf<typeof selected>>().toEqualTypeOf<{ text: string; k?: number | undefined }>();
  });

  test('leaves out inputs that nothing needs', () => {
    const aside = node({
      name: 'aside',
      inputs: { other: input<Date>() },
      output: 'later',
      run: ({ other }) => other,
    });
    const selected = graph({ name: 'g', nodes: [embed, aside] }).select('embedding');

    expectTypeOf<InputOf<typeof selected>>().toEqualTypeOf<{ text: string; k?: number | undefined }>();
  });

  test('takes the gates along that decide about what it needs', () => {
    const gate = route({
      name: 'gate',
      inputs: { mood: input<string>() },
      targets: ['embed', 'END'],
      run: ({ mood }) => (mood === 'good' ? 'embed' : 'END'),
    });
    const selected = graph({ name: 'g', nodes: [gate, embed] }).select('embedding');

    expectTypeOf<InputOf<typeof selected>>().toEqualTypeOf<{
      text: string;
      mood: string;
      k?: number | undefined;
    }>();
  });

  test('refuses what no node makes', () => {
    // @ts-expect-error nothing makes it
    rag.select('text');
  });
});

describe('startAt', () => {
  test('cuts away what comes before, whose outputs become inputs', () => {
    const started = rag.startAt('retrieve');

    expectTypeOf<InputOf<typeof started>>().toEqualTypeOf<{ embedding: number[]; text: string }>();
    expectTypeOf<OutputsOf<typeof started>>().toEqualTypeOf<{ answer: string }>();
  });

  test('keeps a loop whole', () => {
    const inc = node({ name: 'inc', inputs: { n: input<number>() }, output: 'n', run: ({ n }) => n + 1 });
    const again = route({
      name: 'again',
      inputs: { n: input<number>() },
      targets: ['inc', 'END'],
      run: ({ n }) => (n < 3 ? 'inc' : 'END'),
    });
    const started = graph({ name: 'g', nodes: [inc, again] }).startAt('inc');

    expectTypeOf<InputOf<typeof started>>().toEqualTypeOf<{ n: number }>();
    // @ts-expect-error a gate is no entry
    graph({ name: 'g', nodes: [inc, again] }).startAt('again');
  });

  test('refuses what is no node', () => {
    // @ts-expect-error no node is called so
    rag.startAt('docs');
  });
});

describe('add', () => {
  test('wires further nodes', () => {
    const added = rag.add(count);

    expectTypeOf<OutputsOf<typeof added>>().toEqualTypeOf<{ length: number }>();
  });

  test('refuses what does not fit, also what an old node reads', () => {
    const wrong = node({ name: 'wrong', inputs: { answer: input<number>() }, run: ({ answer }) => answer });
    const texts = node({ name: 'texts', output: 'text', run: () => 1 });

    // @ts-expect-error the answer is a text
    rag.add(wrong);
    // @ts-expect-error embed reads a text
    rag.add(texts);
  });

  test('refuses a name that is taken', () => {
    // @ts-expect-error it is there already
    rag.add(embed);
  });

  test('takes a node whose name is not known', () => {
    const any: AnyNode = count;

    const added = rag.add(any);

    expectTypeOf<InputOf<typeof added>>().toEqualTypeOf<Readonly<Record<string, unknown>>>();
  });
});

describe('rename', () => {
  test('gives inputs and outputs new names', () => {
    const renamed = rag.rename({ inputs: { text: 'question' }, outputs: { answer: 'reply' } });

    expectTypeOf<InputOf<typeof renamed>>().toEqualTypeOf<{ question: string; k?: number | undefined }>();
    expectTypeOf<OutputsOf<typeof renamed>>().toEqualTypeOf<{ reply: string }>();
  });

  test('may be repeated, and other methods go by the new names', () => {
    const renamed = rag
      .rename({ inputs: { text: 'a' } })
      .rename({ inputs: { a: 'b' } })
      .bind({ b: 'text' });

    expectTypeOf<InputOf<typeof renamed>>().toEqualTypeOf<{
      b?: string | undefined;
      k?: number | undefined;
    }>();
  });

  test('refuses names that the graph does not have', () => {
    // @ts-expect-error there is no such input
    rag.rename({ inputs: { txt: 'question' } });
    // @ts-expect-error there is no such output
    rag.rename({ outputs: { docs: 'documents' } });
  });
});

describe('asNode', () => {
  test('keeps the names of the ports', () => {
    const inner = rag.asNode();

    expectTypeOf(inner.name).toEqualTypeOf<'rag'>();
    expectTypeOf<InputOf<typeof inner>>().toEqualTypeOf<{ text: string; k?: number | undefined }>();
    expectTypeOf<OutputsOf<typeof inner>>().toEqualTypeOf<{ answer: string }>();
  });

  test('puts ports in a namespace, but for those that are exposed', () => {
    const inner = rag.asNode({ name: 'inner', namespace: true, expose: { answer: 'reply' } });

    expectTypeOf<InputOf<typeof inner>>().toEqualTypeOf<{
      'inner.text': string;
      'inner.k'?: number | undefined;
    }>();
    expectTypeOf<OutputsOf<typeof inner>>().toEqualTypeOf<{ reply: string }>();
  });

  test('maps over inputs', () => {
    const mapped = rag.asNode({ mapOver: ['text', 'k'], mapMode: 'product' });

    expectTypeOf<InputOf<typeof mapped>['text']>().toEqualTypeOf<readonly string[]>();
    expectTypeOf<OutputsOf<typeof mapped>>().toEqualTypeOf<{ answer: string[] }>();
  });

  test('has undefined for what failed where failures are passed over', () => {
    const mapped = rag.asNode({ mapOver: 'text', onError: 'continue' });

    expectTypeOf<OutputsOf<typeof mapped>>().toEqualTypeOf<{ answer: (string | undefined)[] }>();
  });

  test('refuses ports that the graph does not have', () => {
    // @ts-expect-error there is no such input
    rag.asNode({ mapOver: 'txt' });
    // @ts-expect-error there is no such port
    rag.asNode({ expose: { docs: 'documents' } });
  });

  test('is wired in another graph by its ports', () => {
    const outer = graph({
      name: 'outer',
      nodes: [
        rag.asNode({ mapOver: 'text' }),
        node({
          name: 'join',
          inputs: { answer: input<string[]>() },
          output: 'all',
          run: ({ answer }) => answer.join(),
        }),
      ],
    });

    expectTypeOf<InputOf<typeof outer>>().toEqualTypeOf<{
      text: readonly string[];
      k?: number | undefined;
    }>();
    expectTypeOf<OutputsOf<typeof outer>>().toEqualTypeOf<{ all: string }>();
  });

  test('refuses a neighbour whose types do not fit', () => {
    const texts = node({ name: 'texts', output: 'text', run: () => 1 });

    // @ts-expect-error the graph reads a text
    graph({ name: 'outer', nodes: [texts, rag.asNode()] });
    // @ts-expect-error of a mapped graph every output is a list
    graph({ name: 'outer', nodes: [rag.asNode({ mapOver: 'text' }), count] });
  });

  test('exposes the key of a question', () => {
    const ask = interrupt({ name: 'ask', response: 'decision', run: () => 'sure?' });
    const inner = graph({ name: 'inner', nodes: [ask] }).asNode({ expose: { decision: 'verdict' } });
    const outer = graph({ name: 'outer', nodes: [inner] });

    expectTypeOf<InputOf<typeof outer>>().toEqualTypeOf<{ verdict?: unknown }>();
    expectTypeOf<OutputsOf<typeof outer>>().toEqualTypeOf<{ verdict: unknown }>();
  });
});

describe('any graph', () => {
  test('takes every graph, or those with these inputs and outputs', () => {
    expectTypeOf(rag).toExtend<AnyGraph>();
    expectTypeOf(rag).toExtend<AnyGraph<{ text: string }, { answer: string }>>();
    expectTypeOf(rag).not.toExtend<AnyGraph<unknown, { answer: number }>>();
  });

  test('as a node takes part in a graph of nodes that are not known', () => {
    let deepest: AnyNode = embed;
    for (let level = 0; level < 3; level += 1)
      deepest = graph({ name: `level${level}`, nodes: [deepest] }).asNode();

    expectTypeOf(deepest).toEqualTypeOf<AnyNode>();
  });
});
