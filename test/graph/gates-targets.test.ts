import { createRunner, END, graph, ifElse, input, node, route } from 'troupe';
import { fakeClock } from 'troupe/testing';
import { describe, expect, test } from 'vitest';
import { deferred } from '../support/deferred.ts';

describe('a target outside of the loop of its gate', () => {
  const inc = node({ name: 'inc', inputs: { n: input<number>() }, output: 'n', run: ({ n }) => n + 1 });

  test('runs once, after the loop, when the last decision named it', async () => {
    const seen: number[] = [];
    const gate = route({
      name: 'gate',
      inputs: { n: input<number>() },
      targets: ['inc', 'note'],
      multi: true,
      run: ({ n }) => (n < 3 ? ['inc', 'note'] : ['note']),
    });
    const note = node({
      name: 'note',
      inputs: { n: input<number>() },
      output: 'noted',
      run: ({ n }) => seen.push(n),
    });

    await createRunner().run(graph({ name: 'g', nodes: [note, gate, inc] }), { n: 0 });

    expect(seen).toEqual([3]);
  });

  test('is skipped when only an earlier decision named it', async () => {
    const gate = route({
      name: 'gate',
      inputs: { n: input<number>() },
      targets: ['inc', 'note', END],
      multi: true,
      run: ({ n }) => (n < 3 ? ['inc', 'note'] : [END]),
    });
    const note = node({ name: 'note', inputs: { n: input<number>() }, output: 'noted', run: ({ n }) => n });

    const { nodes, reasons } = await createRunner().run(graph({ name: 'g', nodes: [note, gate, inc] }), {
      n: 0,
    });

    expect(nodes['note']).toBe('skipped');
    expect(reasons['note']).toContain('gate');
  });

  test('never starts before its gate, however open that is', async () => {
    const trace: string[] = [];
    const gate = route({
      name: 'gate',
      inputs: { n: input<number>() },
      targets: ['inc', 'note'],
      defaultOpen: true,
      run: ({ n }) => {
        trace.push('gate');
        return n < 2 ? 'inc' : 'note';
      },
    });
    const note = node({
      name: 'note',
      inputs: { given: input(0) },
      output: 'noted',
      run: () => trace.push('note'),
    });

    await createRunner().run(graph({ name: 'g', nodes: [note, gate, inc] }), { n: 0 });

    expect(trace).toEqual(['gate', 'gate', 'note']);
  });
});

describe('a target', () => {
  test('outside of any loop waits for its gate, although its inputs are there', async () => {
    const clock = fakeClock();
    const trace: string[] = [];
    const release = deferred();
    const gate = route({
      name: 'gate',
      targets: ['work', END],
      run: async () => {
        await release.promise;
        return 'work' as const;
      },
    });
    const work = node({
      name: 'work',
      inputs: { n: input<number>() },
      output: 'm',
      run: ({ n }) => trace.push(`work ${n}`),
    });
    const running = createRunner({ clock }).run(graph({ name: 'g', nodes: [work, gate] }), { n: 1 });

    await clock.advance(0);
    const whileDeciding = [...trace];
    release.resolve();
    await running;

    expect(whileDeciding).toEqual([]);
    expect(trace).toEqual(['work 1']);
  });

  test('in a loop with an open and a closed gate may start before either ran', async () => {
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
    const open = route({
      name: 'open',
      inputs: { n: input<number>() },
      targets: ['inc', END],
      run: () => END,
    });
    const closed = route({
      name: 'closed',
      inputs: { n: input<number>() },
      targets: ['inc', END],
      defaultOpen: false,
      run: ({ n }) => (n < 7 ? 'inc' : END),
    });

    const { outputs } = await createRunner().run(graph({ name: 'g', nodes: [inc, open, closed] }), { n: 5 });

    expect(trace).toEqual(['inc 5', 'inc 6']);
    expect(outputs).toEqual({ n: 7 });
  });

  test('in a loop that a gate before it refused, and its own gate chose, runs', async () => {
    const trace: string[] = [];
    const enter = ifElse({
      name: 'enter',
      inputs: { go: input<boolean>() },
      then: 'inc',
      else: END,
      run: ({ go }) => go,
    });
    const inc = node({
      name: 'inc',
      inputs: { n: input<number>() },
      output: 'n',
      run: ({ n }) => {
        trace.push(`inc ${n}`);
        return n + 1;
      },
    });
    const again = route({
      name: 'again',
      inputs: { n: input<number>() },
      targets: ['inc', END],
      run: ({ n }) => (n < 2 ? 'inc' : END),
    });

    await createRunner().run(graph({ name: 'g', nodes: [enter, inc, again] }), { go: true, n: 0 });

    expect(trace).toEqual(['inc 0', 'inc 1']);
  });
});
