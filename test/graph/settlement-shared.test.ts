import { createRunner, END, graph, input, node, route } from 'troupe';
import { fakeClock } from 'troupe/testing';
import { describe, expect, test } from 'vitest';
import { deferred } from '../support/deferred.ts';

describe('shared names', () => {
  test('start with an input, have many producers, and are read as they are then', async () => {
    const first = node({
      name: 'first',
      inputs: { log: input<string[]>() },
      outputs: ['log', 'a'],
      run: ({ log }) => ({ log: [...log, 'first'], a: 1 }),
    });
    const second = node({
      name: 'second',
      inputs: { log: input<string[]>(), a: input<number>() },
      outputs: ['log', 'b'],
      run: ({ log, a }) => ({ log: [...log, 'second'], b: a + 1 }),
    });
    const third = node({
      name: 'third',
      inputs: { log: input<string[]>(), b: input<number>() },
      output: 'report',
      run: ({ log, b }) => `${log.join()} ${b}`,
    });
    const g = graph({ name: 'g', nodes: [third, second, first], shared: ['log'] });

    const { outputs } = await createRunner().run(g, { log: ['start'] });

    expect(outputs).toMatchObject({ report: 'start,first,second 2' });
  });

  test('are no wiring: a node that reads one does not wait for who writes it', async () => {
    const clock = fakeClock();
    const seen: number[] = [];
    const release = deferred();
    const start = node({ name: 'start', output: 'go', run: () => true });
    const slow = node({
      name: 'slow',
      inputs: { go: input<boolean>() },
      output: 'state',
      run: async () => {
        await release.promise;
        return 2;
      },
    });
    const reads = node({
      name: 'reads',
      inputs: { go: input<boolean>(), state: input<number>() },
      output: 'seen',
      run: ({ state }) => seen.push(state),
    });
    const g = graph({ name: 'g', nodes: [start, slow, reads], shared: ['state'] });
    const running = createRunner({ clock }).run(g, { state: 1 });

    await clock.advance(0);
    const whileSlow = [...seen];
    release.resolve();
    const { nodes } = await running;

    expect(whileSlow).toEqual([1]);
    expect(seen).toEqual([1]);
    expect(nodes).toEqual({ start: 'completed', slow: 'completed', reads: 'completed' });
  });

  test('make no cycle of two nodes that read and write them', async () => {
    const a = node({
      name: 'a',
      inputs: { state: input<number>() },
      outputs: ['state', 'x'],
      run: ({ state }) => ({ state: state + 1, x: state }),
    });
    const b = node({
      name: 'b',
      inputs: { state: input<number>(), x: input<number>() },
      outputs: ['state', 'y'],
      run: ({ state }) => ({ state: state + 1, y: state }),
    });
    const g = graph({ name: 'g', nodes: [b, a], shared: ['state'] });

    const { outputs, info } = await createRunner().run(g, { state: 0 });

    expect(outputs).toMatchObject({ y: 1 });
    expect(info.requests.size).toBe(3);
  });

  test('of which a member of a loop writes one do not run its reader again', async () => {
    const trace: string[] = [];
    const inc = node({
      name: 'inc',
      inputs: { count: input<number>() },
      outputs: ['count', 'state'],
      run: ({ count }) => ({ count: count + 1, state: count + 1 }),
    });
    const again = route({
      name: 'again',
      inputs: { count: input<number>(), state: input<number>() },
      targets: ['inc', 'note', END],
      run: ({ count, state }) => {
        trace.push(`again ${count} ${state}`);
        return count < 3 ? 'inc' : END;
      },
    });
    const note = node({
      name: 'note',
      inputs: { state: input<number>() },
      output: 'noted',
      run: ({ state }) => state,
    });
    const g = graph({ name: 'g', nodes: [inc, again, note], shared: ['state'] });

    const { nodes } = await createRunner().run(g, { count: 0, state: 0 });

    expect(trace).toEqual(['again 1 1', 'again 2 2', 'again 3 3']);
    expect(nodes).toEqual({ inc: 'completed', again: 'completed', note: 'skipped' });
  });
});
