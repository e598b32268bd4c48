import { createRunner, END, graph, ifElse, input, node, route } from 'troupe';
import { fakeClock } from 'troupe/testing';
import { describe, expect, test } from 'vitest';
import { deferred } from '../support/deferred.ts';

describe('a node starts as soon as what it depends on is settled', () => {
  test('a slow node delays only what depends on it', async () => {
    const clock = fakeClock();
    const trace: string[] = [];
    const release = deferred<number>();
    const slow = node({ name: 'slow', output: 'late', run: () => release.promise });
    const quick = node({ name: 'quick', output: 'soon', run: async () => 1 });
    const afterQuick = node({
      name: 'afterQuick',
      inputs: { soon: input<number>() },
      output: 'sooner',
      run: ({ soon }) => {
        trace.push('afterQuick');
        return soon + 1;
      },
    });
    const afterSlow = node({
      name: 'afterSlow',
      inputs: { late: input<number>() },
      output: 'later',
      run: ({ late }) => {
        trace.push('afterSlow');
        return late + 1;
      },
    });
    const g = graph({ name: 'twoChains', nodes: [slow, quick, afterSlow, afterQuick] });
    const running = createRunner({ clock }).run(g);

    await clock.advance(0);
    const beforeRelease = [...trace];
    release.resolve(10);
    const { outputs } = await running;

    expect(beforeRelease).toEqual(['afterQuick']);
    expect(trace).toEqual(['afterQuick', 'afterSlow']);
    expect(outputs).toEqual({ sooner: 2, later: 11 });
  });

  test('a chain of any length runs beside a slow node', async () => {
    const clock = fakeClock();
    const release = deferred<number>();
    const done = deferred<number>();
    const slow = node({ name: 'slow', output: 'late', run: () => release.promise });
    const first = node({ name: 'first', output: 'a', run: async () => 1 });
    const second = node({
      name: 'second',
      inputs: { a: input<number>() },
      output: 'b',
      run: ({ a }) => a + 1,
    });
    const third = node({
      name: 'third',
      inputs: { b: input<number>() },
      output: 'c',
      run: async ({ b }) => {
        done.resolve(b);
        return b + 1;
      },
    });
    const running = createRunner({ clock }).run(graph({ name: 'g', nodes: [third, slow, second, first] }));

    const reached = await done.promise;
    release.resolve(0);
    const { outputs } = await running;

    expect(reached).toBe(2);
    expect(outputs).toEqual({ c: 3, late: 0 });
  });

  test('a join waits for all of its producers', async () => {
    const clock = fakeClock();
    const trace: string[] = [];
    const [left, right] = [deferred<number>(), deferred<number>()];
    const one = node({ name: 'one', output: 'a', run: () => left.promise });
    const two = node({ name: 'two', output: 'b', run: () => right.promise });
    const join = node({
      name: 'join',
      inputs: { a: input<number>(), b: input<number>() },
      output: 'sum',
      run: ({ a, b }) => {
        trace.push('join');
        return a + b;
      },
    });
    const running = createRunner({ clock }).run(graph({ name: 'g', nodes: [join, one, two] }));

    right.resolve(2);
    await clock.advance(0);
    const withOne = [...trace];
    left.resolve(1);
    const { outputs } = await running;

    expect(withOne).toEqual([]);
    expect(trace).toEqual(['join']);
    expect(outputs).toEqual({ sum: 3 });
  });

  test('nodes that depend on nothing run concurrently', async () => {
    const clock = fakeClock();
    const started: string[] = [];
    const release = deferred<number>();
    const begin = (name: string): Promise<number> => {
      started.push(name);
      return release.promise;
    };
    const a = node({ name: 'a', output: 'x', run: () => begin('a') });
    const b = node({ name: 'b', output: 'y', run: () => begin('b') });
    const c = node({ name: 'c', output: 'z', run: () => begin('c') });
    const running = createRunner({ clock }).run(graph({ name: 'g', nodes: [a, b, c] }));

    await clock.advance(0);
    const startedBefore = [...started];
    release.resolve(1);
    await running;

    expect(startedBefore.toSorted()).toEqual(['a', 'b', 'c']);
  });

  test('nodes that are ready at the same time start in the order of the list', async () => {
    const started: string[] = [];
    const a = node({ name: 'a', output: 'x', run: () => started.push('a') });
    const b = node({ name: 'b', output: 'y', run: () => started.push('b') });
    const c = node({ name: 'c', inputs: { y: input<number>() }, output: 'z', run: () => started.push('c') });
    const d = node({ name: 'd', inputs: { y: input<number>() }, output: 'w', run: () => started.push('d') });

    await createRunner().run(graph({ name: 'g', nodes: [a, b, c, d] }));

    expect(started).toEqual(['a', 'b', 'c', 'd']);
  });

  test('a node of which all inputs are optional waits for those who write them all the same', async () => {
    const clock = fakeClock();
    const release = deferred<number>();
    const slow = node({ name: 'slow', output: 'limit', run: () => release.promise });
    const shows = node({
      name: 'shows',
      inputs: { limit: input(5) },
      output: 'seen',
      run: ({ limit }) => limit,
    });
    const running = createRunner({ clock }).run(graph({ name: 'g', nodes: [shows, slow] }));

    await clock.advance(0);
    release.resolve(7);
    const { outputs } = await running;

    expect(outputs).toEqual({ seen: 7 });
  });

  test('two independent loops do not wait for each other', async () => {
    const clock = fakeClock();
    const release = deferred();
    const trace: number[] = [];
    const fast = node({
      name: 'fast',
      inputs: { a: input<number>() },
      output: 'a',
      run: ({ a }) => {
        trace.push(a);
        return a + 1;
      },
    });
    const fastAgain = route({
      name: 'fastAgain',
      inputs: { a: input<number>() },
      targets: ['fast', END],
      run: ({ a }) => (a < 4 ? 'fast' : END),
    });
    const slow = node({
      name: 'slow',
      inputs: { b: input<number>() },
      output: 'b',
      run: async ({ b }) => {
        await release.promise;
        return b + 1;
      },
    });
    const slowAgain = route({
      name: 'slowAgain',
      inputs: { b: input<number>() },
      targets: ['slow', END],
      run: ({ b }) => (b < 2 ? 'slow' : END),
    });
    const g = graph({ name: 'g', nodes: [slow, slowAgain, fast, fastAgain] });
    const running = createRunner({ clock }).run(g, { a: 0, b: 0 });

    await clock.advance(0);
    const whileSlow = [...trace];
    release.resolve();
    const { outputs } = await running;

    expect(whileSlow).toEqual([0, 1, 2, 3]);
    expect(outputs).toEqual({ a: 4, b: 2 });
  });

  test('a node beside a loop does not wait for it', async () => {
    const clock = fakeClock();
    const release = deferred();
    const beside = deferred<string>();
    const inc = node({
      name: 'inc',
      inputs: { count: input<number>() },
      output: 'count',
      run: async ({ count }) => {
        await release.promise;
        return count + 1;
      },
    });
    const again = route({
      name: 'again',
      inputs: { count: input<number>() },
      targets: ['inc', END],
      run: ({ count }) => (count < 3 ? 'inc' : END),
    });
    const greet = node({
      name: 'greet',
      inputs: { who: input<string>() },
      output: 'greeting',
      run: ({ who }) => {
        beside.resolve(who);
        return `Hello, ${who}`;
      },
    });
    const g = graph({ name: 'g', nodes: [inc, again, greet] });
    const running = createRunner({ clock }).run(g, { count: 0, who: 'Ada' });

    const seen = await beside.promise;
    release.resolve();
    const { outputs } = await running;

    expect(seen).toBe('Ada');
    expect(outputs).toEqual({ count: 3, greeting: 'Hello, Ada' });
  });
});

describe('a node after a loop', () => {
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
    run: ({ count }) => (count < 5 ? 'inc' : END),
  });

  test('runs once, with the final value', async () => {
    const seen: number[] = [];
    const report = node({
      name: 'report',
      inputs: { count: input<number>() },
      output: 'text',
      run: ({ count }) => {
        seen.push(count);
        return `counted to ${count}`;
      },
    });

    const { outputs } = await createRunner().run(graph({ name: 'g', nodes: [report, inc, again] }), {
      count: 0,
    });

    expect(seen).toEqual([5]);
    expect(outputs).toMatchObject({ text: 'counted to 5' });
  });

  test('runs once when it reads several names of the loop', async () => {
    const seen: unknown[] = [];
    const step = node({
      name: 'step',
      inputs: { total: input<number>() },
      outputs: ['total', 'last'],
      run: ({ total }) => ({ total: total + 2, last: total }),
    });
    const more = route({
      name: 'more',
      inputs: { total: input<number>() },
      targets: ['step', END],
      run: ({ total }) => (total < 6 ? 'step' : END),
    });
    const report = node({
      name: 'report',
      inputs: { total: input<number>(), last: input<number>() },
      output: 'text',
      run: (given) => {
        seen.push(given);
        return `${given.last} -> ${given.total}`;
      },
    });

    await createRunner().run(graph({ name: 'g', nodes: [step, more, report] }), { total: 0 });

    expect(seen).toEqual([{ total: 6, last: 4 }]);
  });

  test('may itself be a loop, which starts from the final value', async () => {
    const half = node({
      name: 'half',
      inputs: { count: input<number>(), size: input<number>() },
      output: 'size',
      run: ({ count, size }) => size / 2 + count - count,
    });
    const halveAgain = ifElse({
      name: 'halveAgain',
      inputs: { size: input<number>(), count: input<number>() },
      then: 'half',
      else: END,
      run: ({ size, count }) => size > count,
    });

    const { outputs } = await createRunner().run(
      graph({ name: 'g', nodes: [half, halveAgain, again, inc] }),
      {
        count: 0,
        size: 64,
      },
    );

    expect(outputs.size).toBe(4);
  });

  test('that a gate outside of the loop chooses runs after that gate, and once', async () => {
    const trace: string[] = [];
    const judge = ifElse({
      name: 'judge',
      inputs: { count: input<number>() },
      then: 'many',
      else: 'few',
      run: ({ count }) => {
        trace.push(`judge ${count}`);
        return count > 3;
      },
    });
    const many = node({
      name: 'many',
      inputs: { count: input<number>() },
      output: 'word',
      run: () => 'many',
    });
    const few = node({ name: 'few', inputs: { count: input<number>() }, output: 'word', run: () => 'few' });

    const { outputs, nodes } = await createRunner().run(
      graph({ name: 'g', nodes: [few, many, judge, inc, again] }),
      {
        count: 0,
      },
    );

    expect(trace).toEqual(['judge 5']);
    expect(outputs.word).toBe('many');
    expect(nodes).toMatchObject({ many: 'completed', few: 'skipped' });
  });

  test('that the gate of the loop chooses itself runs once, at the end', async () => {
    const trace: string[] = [];
    const work = node({
      name: 'work',
      inputs: { count: input<number>() },
      output: 'count',
      run: ({ count }) => {
        trace.push('work');
        return count + 1;
      },
    });
    const leave = ifElse({
      name: 'leave',
      inputs: { count: input<number>() },
      then: 'finish',
      else: 'work',
      run: ({ count }) => count >= 3,
    });
    const finish = node({
      name: 'finish',
      inputs: { count: input<number>() },
      output: 'result',
      run: ({ count }) => {
        trace.push('finish');
        return count * 100;
      },
    });

    const { outputs } = await createRunner().run(graph({ name: 'g', nodes: [finish, leave, work] }), {
      count: 0,
    });

    expect(trace).toEqual(['work', 'work', 'work', 'finish']);
    expect(outputs).toEqual({ result: 300 });
  });
});
