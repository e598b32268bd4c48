import { createRunner, END, graph, ifElse, input, node, route, type TroupeEvent } from 'troupe';
import { fakeClock } from 'troupe/testing';
import { describe, expect, test } from 'vitest';
import { eventLog, ofType } from '../support/runs.ts';

const a = node({ name: 'a', inputs: { n: input<number>() }, output: 'x', run: ({ n }) => n + 1 });
const b = node({ name: 'b', inputs: { x: input<number>() }, output: 'y', run: ({ x }) => x * 2 });
const inc = node({ name: 'inc', inputs: { n: input<number>() }, output: 'n', run: ({ n }) => n + 1 });
const again = route({
  name: 'again',
  inputs: { n: input<number>() },
  targets: ['inc', END],
  run: ({ n }) => (n < 2 ? 'inc' : END),
});
const isBig = ifElse({
  name: 'isBig',
  inputs: { n: input<number>() },
  then: 'big',
  else: 'small',
  run: ({ n }) => n > 5,
});
const big = node({ name: 'big', output: 'size', run: () => 'big' });
const small = node({ name: 'small', output: 'size', run: () => 'small' });

/** The span of each request by the name of its node. */
function spansOf(events: readonly TroupeEvent[]): Map<string, { own: string; parent: string | null }> {
  return new Map(
    ofType(events, 'RequestCreation').map(({ nodeName, spanId, parentSpanId }) => [
      nodeName,
      { own: spanId, parent: parentSpanId },
    ]),
  );
}

describe('the events of a graph run', () => {
  test('begin with RunStart, with the target and its inputs', async () => {
    const { events, subscriber } = eventLog();

    await createRunner({ subscriber }).run(graph({ name: 'g', nodes: [a, b] }), { n: 1 });

    expect(events[0]).toMatchObject({ type: 'RunStart', target: 'g', inputs: { n: 1 } });
  });

  test('end with RunEnd, with the outputs by name', async () => {
    const { events, subscriber } = eventLog();

    await createRunner({ subscriber }).run(graph({ name: 'g', nodes: [a, b] }), { n: 1 });

    expect(events.at(-1)).toMatchObject({ type: 'RunEnd', status: 'completed', outputs: { y: 4 } });
    expect(ofType(events, 'RunEnd')).toHaveLength(1);
  });

  test('of a failed run end with RunEnd, with what was produced and the error', async () => {
    const { events, subscriber } = eventLog();
    const boom = new Error('boom');
    const fails = node({
      name: 'fails',
      output: 'z',
      run: (): number => {
        throw boom;
      },
    });

    await createRunner({ subscriber, onError: 'continue' }).run(
      graph({ name: 'g', nodes: [a, fails] }),
      { n: 1 },
      { onFailure: 'return' },
    );

    expect(events.at(-1)).toMatchObject({
      type: 'RunEnd',
      status: 'failed',
      outputs: { x: 2 },
      error: { message: 'boom' },
    });
  });

  test('count without a gap from 0', async () => {
    const { events, subscriber } = eventLog();

    await createRunner({ subscriber }).run(graph({ name: 'g', nodes: [isBig, big, small, inc, again] }), {
      n: 0,
    });

    expect(events.map(({ seq }) => seq)).toEqual([...events.keys()]);
  });

  test('tell of each node its inputs, its output and its outputs by name', async () => {
    const { events, subscriber } = eventLog();

    await createRunner({ subscriber }).run(graph({ name: 'g', nodes: [a, b] }), { n: 1 });

    expect(ofType(events, 'NodeStart').filter(({ nodeName }) => nodeName === 'b')).toMatchObject([
      { inputs: { x: 2 }, attempt: 1 },
    ]);
    expect(ofType(events, 'NodeEnd').filter(({ nodeName }) => nodeName === 'b')).toMatchObject([
      { output: 4, outputs: { y: 4 }, cached: false },
    ]);
  });

  test('tell that a node ended before they tell that its dependent started', async () => {
    const { events, subscriber } = eventLog();

    await createRunner({ subscriber }).run(graph({ name: 'g', nodes: [b, a] }), { n: 1 });
    const endOfA = events.findIndex((event) => event.type === 'NodeEnd' && event.nodeName === 'a');
    const startOfB = events.findIndex((event) => event.type === 'NodeStart' && event.nodeName === 'b');

    expect(endOfA).toBeGreaterThan(-1);
    expect(endOfA).toBeLessThan(startOfB);
  });

  test('tell of each round of a loop', async () => {
    const { events, subscriber } = eventLog();

    await createRunner({ subscriber }).run(graph({ name: 'g', nodes: [inc, again] }), { n: 0 });

    expect(
      ofType(events, 'NodeEnd')
        .filter(({ nodeName }) => nodeName === 'inc')
        .map(({ output }) => output),
    ).toEqual([1, 2]);
    expect(ofType(events, 'RouteDecision').map(({ gate, decision }) => [gate, decision])).toEqual([
      ['again', 'inc'],
      ['again', 'END'],
    ]);
  });

  test('are the same under runSync', async () => {
    const [ofRun, ofRunSync] = [eventLog(), eventLog()];
    const g = graph({ name: 'g', nodes: [isBig, big, small, inc, again] });
    const runner = createRunner();

    await runner.run(g, { n: 0 }, { subscriber: ofRun.subscriber });
    runner.runSync(g, { n: 0 }, { subscriber: ofRunSync.subscriber });
    await runner.close();

    expect(ofRunSync.events.map(({ type }) => type)).toEqual(ofRun.events.map(({ type }) => type));
    expect(ofType(ofRunSync.events, 'RouteDecision')).toHaveLength(3);
  });
});

describe('NodeSkipped', () => {
  test('tells the name and the reason', async () => {
    const { events, subscriber } = eventLog();

    const { reasons } = await createRunner({ subscriber }).run(
      graph({ name: 'g', nodes: [isBig, big, small] }),
      { n: 9 },
    );

    expect(ofType(events, 'NodeSkipped')).toMatchObject([{ nodeName: 'small', reason: reasons['small'] }]);
    expect(reasons['small']).toMatch(/./);
  });

  test('comes once for each node that was skipped, and for no other', async () => {
    const { events, subscriber } = eventLog();
    const after = node({
      name: 'after',
      inputs: { size: input<string>(), made: input<string>() },
      output: 'z',
      run: ({ size }) => size,
    });
    const makes = node({ name: 'makes', output: 'made', run: () => 'x' });
    const pick = route({ name: 'pick', targets: ['makes', END], run: () => END });

    await createRunner({ subscriber }).run(
      graph({ name: 'g', nodes: [after, pick, makes, isBig, big, small] }),
      { n: 9 },
    );

    expect(
      ofType(events, 'NodeSkipped')
        .map(({ nodeName }) => nodeName)
        .toSorted(),
    ).toEqual(['after', 'makes', 'small']);
  });

  test('comes of a nested graph too', async () => {
    const { events, subscriber } = eventLog();
    const inner = graph({ name: 'inner', nodes: [isBig, big, small] });

    await createRunner({ subscriber }).run(graph({ name: 'outer', nodes: [inner.asNode()] }), { n: 9 });

    expect(ofType(events, 'NodeSkipped').map(({ nodeName }) => nodeName)).toEqual(['small']);
  });
});

describe('the spans of a graph run', () => {
  test("of nodes and gates have the graph's as their parent", async () => {
    const { events, subscriber } = eventLog();

    await createRunner({ subscriber }).run(graph({ name: 'g', nodes: [a, isBig, big, small] }), { n: 9 });
    const spans = spansOf(events);
    const root = spans.get('g');

    expect(root?.parent).toBeNull();
    for (const name of ['a', 'isBig', 'big']) expect(spans.get(name)?.parent).toBe(root?.own);
  });

  test('reach into nested graphs', async () => {
    const { events, subscriber } = eventLog();
    const inner = graph({ name: 'inner', nodes: [a] });
    const middle = graph({ name: 'middle', nodes: [inner.asNode()] });

    await createRunner({ subscriber }).run(graph({ name: 'outer', nodes: [middle.asNode()] }), { n: 1 });
    const spans = spansOf(events);

    expect(spans.get('a')?.parent).toBe(spans.get('inner')?.own);
    expect(spans.get('inner')?.parent).toBe(spans.get('middle')?.own);
    expect(spans.get('middle')?.parent).toBe(spans.get('outer')?.own);
  });

  test('of what a node calls have the node as their parent', async () => {
    const { events, subscriber } = eventLog();
    const leaf = node('leaf', () => 1);
    const caller = node({ name: 'caller', output: 'x', run: (_, ctx) => ctx.call(leaf) });

    await createRunner({ subscriber }).run(graph({ name: 'g', nodes: [caller] }));
    const spans = spansOf(events);

    expect(spans.get('leaf')?.parent).toBe(spans.get('caller')?.own);
  });

  test('are one for each run of a node in a loop', async () => {
    const { events, subscriber } = eventLog();

    await createRunner({ subscriber }).run(graph({ name: 'g', nodes: [inc, again] }), { n: 0 });
    const runs = ofType(events, 'NodeStart').filter(({ nodeName }) => nodeName === 'inc');

    expect(runs).toHaveLength(2);
    expect(new Set(runs.map(({ spanId }) => spanId)).size).toBe(2);
    expect(new Set(runs.map(({ parentSpanId }) => parentSpanId)).size).toBe(1);
  });

  test('of a decision hang together with its gate or its graph', async () => {
    const { events, subscriber } = eventLog();

    await createRunner({ subscriber }).run(graph({ name: 'g', nodes: [isBig, big, small] }), { n: 9 });
    const spans = spansOf(events);
    const [decision] = ofType(events, 'RouteDecision');

    expect([spans.get('isBig')?.own, spans.get('g')?.own]).toContain(decision?.spanId);
  });
});

describe('chunks of a node in a graph', () => {
  test('are events, and the array of them is its output where it returns nothing', async () => {
    const { events, subscriber } = eventLog();
    const words = node({
      name: 'words',
      inputs: { text: input<string>() },
      output: 'list',
      run: async function* ({ text }) {
        yield* text.split(' ');
      },
    });
    const count = node({
      name: 'count',
      inputs: { list: input<string[]>() },
      output: 'length',
      run: ({ list }) => list.length,
    });

    const { outputs } = await createRunner({ subscriber }).run(graph({ name: 'g', nodes: [words, count] }), {
      text: 'to be or',
    });

    expect(outputs).toEqual({ length: 3 });
    expect(
      ofType(events, 'StreamingChunk').map(({ nodeName, chunk, index }) => [nodeName, chunk, index]),
    ).toEqual([
      ['words', 'to', 0],
      ['words', 'be', 1],
      ['words', 'or', 2],
    ]);
  });

  test('are no output of a generator that returns something', async () => {
    const sum = node({
      name: 'sum',
      inputs: { list: input<number[]>() },
      output: 'total',
      run: function* ({ list }) {
        let total = 0;
        for (const each of list) yield (total += each);
        return total;
      },
    });

    const { outputs } = createRunner().runSync(graph({ name: 'g', nodes: [sum] }), { list: [1, 2, 3] });

    expect(outputs).toEqual({ total: 6 });
  });

  test('count from 0 in each round of a loop', async () => {
    const { events, subscriber } = eventLog();
    const stream = node({
      name: 'stream',
      inputs: { n: input<number>() },
      output: 'n',
      run: function* ({ n }) {
        yield 'a';
        yield 'b';
        return n + 1;
      },
    });
    const more = route({
      name: 'more',
      inputs: { n: input<number>() },
      targets: ['stream', END],
      run: ({ n }) => (n < 2 ? 'stream' : END),
    });

    await createRunner({ subscriber }).run(graph({ name: 'g', nodes: [stream, more] }), { n: 0 });

    expect(ofType(events, 'StreamingChunk').map(({ index }) => index)).toEqual([0, 1, 0, 1]);
  });

  test('come while the node still runs, from iter', async () => {
    const clock = fakeClock();
    const chat = node({
      name: 'chat',
      output: 'reply',
      run: async (_, ctx) => {
        ctx.emitChunk('Hel');
        await new Promise<void>((resolve) => void clock.setTimeout(() => resolve(), 10));
        ctx.emitChunk('lo');
        return 'Hello';
      },
    });
    const handle = createRunner({ clock }).iter(graph({ name: 'g', nodes: [chat] }));
    const chunks: unknown[] = [];

    for await (const event of handle) {
      if (event.type !== 'StreamingChunk') continue;
      chunks.push(event.chunk);
      await clock.advance(10);
    }

    expect(chunks).toEqual(['Hel', 'lo']);
    expect((await handle.result).outputs).toEqual({ reply: 'Hello' });
  });
});
