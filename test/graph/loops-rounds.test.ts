import { createRunner, END, graph, input, node, route } from 'troupe';
import { fakeClock } from 'troupe/testing';
import { describe, expect, test } from 'vitest';
import { deferred } from '../support/deferred.ts';

describe('a round of a loop', () => {
  test('runs its ready nodes concurrently', async () => {
    const clock = fakeClock();
    const active: string[] = [];
    const release = deferred();
    const work = async (name: string, n: number): Promise<number> => {
      active.push(name);
      await release.promise;
      return n;
    };
    const left = node({
      name: 'left',
      inputs: { n: input<number>() },
      output: 'a',
      run: ({ n }) => work('left', n),
    });
    const right = node({
      name: 'right',
      inputs: { n: input<number>() },
      output: 'b',
      run: ({ n }) => work('right', n),
    });
    const next = node({
      name: 'next',
      inputs: { a: input<number>(), b: input<number>() },
      output: 'n',
      run: ({ a, b }) => a + b,
    });
    const more = route({
      name: 'more',
      inputs: { a: input<number>(), b: input<number>() },
      targets: ['next', END],
      run: ({ a, b }) => (a + b < 4 ? 'next' : END),
    });
    const running = createRunner({ clock }).run(graph({ name: 'g', nodes: [left, right, next, more] }), {
      n: 1,
    });

    await clock.advance(0);
    const inFirstRound = [...active];
    release.resolve();
    const { outputs } = await running;

    expect(inFirstRound).toEqual(['left', 'right']);
    expect(outputs).toEqual({ a: 2, b: 2, n: 2 });
  });

  test('writes what it made together, when all of its nodes have ended', async () => {
    const clock = fakeClock();
    const trace: string[] = [];
    const release = deferred();
    const slow = node({
      name: 'slow',
      inputs: { n: input<number>() },
      output: 'a',
      run: async ({ n }) => {
        await release.promise;
        return n;
      },
    });
    const quick = node({ name: 'quick', inputs: { n: input<number>() }, output: 'b', run: ({ n }) => n });
    const afterQuick = node({
      name: 'afterQuick',
      inputs: { b: input<number>() },
      output: 'c',
      run: ({ b }) => {
        trace.push('afterQuick');
        return b;
      },
    });
    const next = node({
      name: 'next',
      inputs: { a: input<number>(), c: input<number>() },
      output: 'n',
      run: ({ a, c }) => a + c,
    });
    const more = route({
      name: 'more',
      inputs: { a: input<number>(), c: input<number>() },
      targets: ['next', END],
      run: () => END,
    });
    const g = graph({ name: 'g', nodes: [slow, quick, afterQuick, next, more] });
    const running = createRunner({ clock }).run(g, { n: 1 });

    await clock.advance(0);
    const whileSlow = [...trace];
    release.resolve();
    await running;

    expect(whileSlow).toEqual([]);
    expect(trace).toEqual(['afterQuick']);
  });

  test.each(['left', 'right'])(
    'writes in the order of the list, also when "%s" ends first',
    async (first) => {
      const clock = fakeClock();
      const gates = { left: deferred(), right: deferred() };
      const left = node({
        name: 'left',
        inputs: { n: input<number>() },
        outputs: ['a', 'state'],
        run: async ({ n }) => {
          await gates.left.promise;
          return { a: n, state: 'left' };
        },
      });
      const right = node({
        name: 'right',
        inputs: { n: input<number>() },
        outputs: ['b', 'state'],
        run: async ({ n }) => {
          await gates.right.promise;
          return { b: n, state: 'right' };
        },
      });
      const seen: string[] = [];
      const more = route({
        name: 'more',
        inputs: { a: input<number>(), b: input<number>(), state: input<string>() },
        targets: ['next', END],
        run: ({ state }) => {
          seen.push(state);
          return END;
        },
      });
      const next = node({
        name: 'next',
        inputs: { a: input<number>(), b: input<number>() },
        output: 'n',
        run: ({ a, b }) => a + b,
      });
      const g = graph({ name: 'g', nodes: [left, right, next, more], shared: ['state'] });
      const running = createRunner({ clock }).run(g, { n: 1, state: 'none' });

      await clock.advance(0);
      gates[first === 'left' ? 'left' : 'right'].resolve();
      await clock.advance(0);
      gates[first === 'left' ? 'right' : 'left'].resolve();
      await running;

      expect(seen).toEqual(['right']);
    },
  );

  test('lets a gate wait while a member that writes one of its inputs is ready', async () => {
    const trace: string[] = [];
    const step = (name: string) => (value: number) => {
      trace.push(name);
      return value;
    };
    const a = node({
      name: 'a',
      inputs: { x: input<number>() },
      output: 'y',
      run: ({ x }) => step('a')(x + 1),
    });
    const b = node({
      name: 'b',
      inputs: { y: input<number>() },
      output: 'x',
      run: ({ y }) => step('b')(y + 1),
    });
    const gate = route({
      name: 'gate',
      inputs: { x: input<number>(), y: input<number>() },
      targets: ['a', END],
      run: ({ x, y }) => {
        trace.push(`gate ${x} ${y}`);
        return x < 4 ? 'a' : END;
      },
    });

    await createRunner().run(graph({ name: 'g', nodes: [gate, b, a] }), { x: 0 });

    expect(trace).toEqual(['a', 'b', 'gate 2 1', 'a', 'b', 'gate 4 3']);
  });

  test('lets a gate that reads a seed wait for the whole first turn of a long body', async () => {
    const trace: string[] = [];
    const step = (name: string, value: number): number => {
      trace.push(name);
      return value;
    };
    const a = node({ name: 'a', inputs: { x: input<number>() }, output: 'y', run: ({ x }) => step('a', x) });
    const b = node({ name: 'b', inputs: { y: input<number>() }, output: 'z', run: ({ y }) => step('b', y) });
    const c = node({
      name: 'c',
      inputs: { z: input<number>() },
      output: 'x',
      run: ({ z }) => step('c', z + 1),
    });
    const gate = route({
      name: 'gate',
      inputs: { x: input<number>() },
      targets: ['a', END],
      run: ({ x }) => (step(`gate ${x}`, x) < 2 ? 'a' : END),
    });

    await createRunner().run(graph({ name: 'g', nodes: [gate, a, b, c] }), { x: 0 });

    expect(trace).toEqual(['a', 'b', 'c', 'gate 1', 'a', 'b', 'c', 'gate 2']);
  });

  test('lets a target wait while one of its gates is ready, and run once for both', async () => {
    const trace: string[] = [];
    const work = node({
      name: 'work',
      inputs: { n: input<number>() },
      output: 'n',
      run: ({ n }) => {
        trace.push(`work ${n}`);
        return n + 1;
      },
    });
    const rate = node({
      name: 'rate',
      inputs: { n: input<number>() },
      output: 'score',
      run: ({ n }) => {
        trace.push(`rate ${n}`);
        return n * 10;
      },
    });
    const early = route({
      name: 'early',
      inputs: { n: input<number>() },
      targets: ['work', END],
      run: ({ n }) => {
        trace.push(`early ${n}`);
        return n < 2 ? 'work' : END;
      },
    });
    const late = route({
      name: 'late',
      inputs: { score: input<number>() },
      targets: ['work', END],
      run: ({ score }) => {
        trace.push(`late ${score}`);
        return score < 20 ? 'work' : END;
      },
    });

    const { outputs } = await createRunner().run(graph({ name: 'g', nodes: [work, rate, early, late] }), {
      n: 0,
    });

    expect(outputs.n).toBe(2);
    expect(trace.filter((each) => each.startsWith('work'))).toEqual(['work 0', 'work 1']);
    expect(trace.indexOf('late 10')).toBeLessThan(trace.indexOf('work 1'));
  });
});

describe('a node of a loop runs again', () => {
  /** Three rounds of `next`, and a reader in the loop of what `make` writes in each. */
  const rounds = (make: (n: number) => unknown, seen: unknown[]) => {
    const maker = node({
      name: 'maker',
      inputs: { n: input<number>() },
      output: 'made',
      run: ({ n }) => make(n),
    });
    const reader = node({
      name: 'reader',
      inputs: { made: input<unknown>() },
      output: 'read',
      run: ({ made }) => seen.push(made),
    });
    const next = node({
      name: 'next',
      inputs: { n: input<number>(), read: input<number>() },
      output: 'n',
      run: ({ n }) => n + 1,
    });
    const more = route({
      name: 'more',
      inputs: { n: input<number>(), read: input<number>() },
      targets: ['next', END],
      run: ({ n }) => (n < 3 ? 'next' : END),
    });
    return graph({ name: 'g', nodes: [maker, reader, next, more] });
  };

  test('when an equal value was written', async () => {
    const seen: unknown[] = [];

    await createRunner().run(
      rounds(() => 'same', seen),
      { n: 1 },
    );

    expect(seen).toEqual(['same', 'same', 'same']);
  });

  test('when the same object was written, mutated', async () => {
    const seen: unknown[] = [];
    const state = { steps: 0 };
    const lengths: number[] = [];

    await createRunner().run(
      rounds(() => {
        state.steps += 1;
        lengths.push(state.steps);
        return state;
      }, seen),
      { n: 1 },
    );

    expect(lengths).toEqual([1, 2, 3]);
    expect(seen).toEqual([state, state, state]);
  });

  test('when undefined was written', async () => {
    const seen: unknown[] = [];

    await createRunner().run(
      rounds(() => undefined, seen),
      { n: 1 },
    );

    expect(seen).toEqual([undefined, undefined, undefined]);
  });

  test('never because of a name that it also makes itself', async () => {
    const totals: number[] = [];
    const add = node({
      name: 'add',
      inputs: { total: input<number>(), n: input<number>() },
      output: 'total',
      run: ({ total, n }) => {
        totals.push(total + n);
        return total + n;
      },
    });
    const next = node({ name: 'next', inputs: { n: input<number>() }, output: 'n', run: ({ n }) => n + 1 });
    const more = route({
      name: 'more',
      inputs: { total: input<number>() },
      targets: ['next', END],
      run: ({ total }) => (total < 10 ? 'next' : END),
    });

    const { outputs } = await createRunner().run(graph({ name: 'g', nodes: [add, next, more] }), {
      total: 0,
      n: 1,
    });

    expect(totals).toEqual([1, 3, 6, 10]);
    expect(outputs).toEqual({ total: 10, n: 4 });
  });

  test('only when chosen, if it is a target, and not because its input was written', async () => {
    const trace: string[] = [];
    const inc = node({ name: 'inc', inputs: { n: input<number>() }, output: 'n', run: ({ n }) => n + 1 });
    const rare = node({
      name: 'rare',
      inputs: { n: input<number>() },
      output: 'note',
      run: ({ n }) => {
        trace.push(`rare ${n}`);
        return n;
      },
    });
    const use = node({
      name: 'use',
      inputs: { note: input<number>() },
      output: 'm',
      run: ({ note }) => note,
    });
    const gate = route({
      name: 'gate',
      inputs: { n: input<number>(), m: input(0) },
      targets: ['inc', 'rare', END],
      defaultOpen: false,
      run: ({ n, m }) => {
        if (n >= 4) return END;
        return n === 2 && m !== 2 ? 'rare' : 'inc';
      },
    });

    await createRunner().run(graph({ name: 'g', nodes: [inc, rare, use, gate] }), { n: 0 });

    expect(trace).toEqual(['rare 2']);
  });
});
