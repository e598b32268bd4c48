import { createRunner, node } from 'troupe';
import { describe, expect, test } from 'vitest';

const identity = node('identity', (value: unknown) => value);

async function recordedInput(value: unknown): Promise<unknown> {
  await using runner = createRunner();
  return (await runner.run(identity, value)).info.requests.roots[0]?.input;
}

describe('what is recorded', () => {
  test('is the input as it was, whatever becomes of it in the body', async () => {
    await using runner = createRunner();
    const greedy = node('greedy', (list: number[]) => {
      list.push(4);
      list[0] = 0;
    });

    const { info } = await runner.run(greedy, [1, 2, 3]);

    expect(info.requests.roots[0]?.input).toEqual([1, 2, 3]);
  });

  test('is the input of a call as it was when it was called', async () => {
    await using runner = createRunner();
    const parent = node('parent', async (_: void, ctx) => {
      const args = { n: 1 };
      const call = ctx.call(identity, args);
      args.n = 2;
      await call;
    });

    const { info } = await runner.run(parent);

    expect([...info.requests][1]?.input).toEqual({ n: 1 });
  });

  test('is the output as it was, whatever becomes of it later', async () => {
    await using runner = createRunner();
    const make = node('make', () => ({ list: [1] }));

    const { answer, info } = await runner.run(make);
    answer.list.push(2);

    expect(info.requests.roots[0]?.output).toEqual({ list: [1] });
    expect(info.answer).toEqual({ list: [1] });
  });

  test('is never the object that the caller gets', async () => {
    await using runner = createRunner();
    const given = { list: [1] };

    const { answer } = await runner.run(identity, given);

    expect(answer).toBe(given);
  });

  test('cannot be changed by whoever reads it', async () => {
    const recorded = (await recordedInput({ list: [1] })) as { list: number[] };

    expect(() => recorded.list.push(2)).toThrow(TypeError);
  });

  test('has a text in place of a function, and all else around it', async () => {
    const recorded = await recordedInput({ n: 1, send: () => 0 });

    expect(recorded).toEqual({ n: 1, send: expect.any(String) });
  });

  test.each([
    ['a promise', Promise.resolve(1)],
    ['a symbol', Symbol('mine')],
    ['a weak map', new WeakMap()],
    ['a function', () => 0],
  ])('is a text where %s was given', async (_, value) => {
    expect(await recordedInput(value)).toEqual(expect.any(String));
  });

  test('is a copy of maps, sets and dates', async () => {
    const given = { map: new Map([['k', [1]]]), set: new Set([1]), date: new Date(5) };

    const recorded = await recordedInput(given);
    given.map.get('k')?.push(2);
    given.set.add(2);
    given.date.setTime(6);

    expect(recorded).toEqual({ map: new Map([['k', [1]]]), set: new Set([1]), date: new Date(5) });
  });

  test('keeps cycles', async () => {
    const cycle: { self?: unknown; n: number } = { n: 1 };
    cycle.self = cycle;

    const recorded = (await recordedInput(cycle)) as typeof cycle;

    expect(recorded.self).toBe(recorded);
  });

  test('never fails a run, even where reading the value throws', async () => {
    const hostile = Object.defineProperty({}, 'bad', {
      enumerable: true,
      get: () => {
        throw new Error('no');
      },
    });

    expect(JSON.stringify(await recordedInput(hostile))).toEqual(expect.any(String));
  });

  test('is the question and the answer as they were', async () => {
    await using runner = createRunner();
    const question = { text: 'Whose name?' };
    const ask = node('ask', (_: void, ctx) => ctx.interrupt(question));
    const { pauses, runId } = await runner.run(ask);

    question.text = 'changed';

    expect(pauses[0]?.value).toEqual({ text: 'Whose name?' });
    await runner.respond(runId, 'ask', 1);
  });
});
