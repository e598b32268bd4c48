import { createRunner, input, node } from 'troupe';
import { fakeClock, mockNode } from 'troupe/testing';
import { describe, expect, test } from 'vitest';

const embed = node({
  name: 'embed',
  inputs: { text: input<string>(), k: input(5) },
  output: 'embedding',
  run: async ({ text, k }) => [text.length * k],
});

describe('a mocked node', () => {
  test('has the other body', async () => {
    await using runner = createRunner();

    const { answer, outputs } = await runner.run(
      mockNode(embed, () => [7]),
      { text: 'a' },
    );

    expect([answer, outputs]).toEqual([[7], { embedding: [7] }]);
  });

  test('remembers what it was called with, defaults filled in', async () => {
    await using runner = createRunner();
    const mocked = mockNode(embed, () => [7]);

    await runner.run(mocked, { text: 'a' });
    await runner.run(mocked, { text: 'b', k: 1 });

    expect(mocked.calls).toEqual([
      { text: 'a', k: 5 },
      { text: 'b', k: 1 },
    ]);
  });

  test('keeps the name, the inputs and the outputs', () => {
    const { name, kind, inputs, outputs } = mockNode(embed, () => []);

    expect({ name, kind, inputs, outputs }).toEqual({
      name: 'embed',
      kind: 'node',
      inputs: embed.inputs,
      outputs: ['embedding'],
    });
  });

  test('keeps the policies', async () => {
    const clock = fakeClock();
    await using runner = createRunner({ clock });
    const flaky = node('flaky', (n: number) => n, { retry: { maxAttempts: 2 } });
    const mocked = mockNode(flaky, (n, { attempt }) => {
      if (attempt === 1) throw new Error('flaky');
      return n * 10;
    });

    const run = runner.run(mocked, 4);
    await clock.runAll();

    expect((await run).answer).toBe(40);
    expect(mocked.calls).toEqual([4, 4]);
  });

  test('leaves the node itself as it was', async () => {
    await using runner = createRunner();
    mockNode(embed, () => [7]);

    expect((await runner.run(embed, { text: 'ab' })).answer).toEqual([10]);
  });

  test('may be asynchronous, and may fail', async () => {
    await using runner = createRunner();
    const boom = new Error('boom');

    await expect(
      runner.run(
        mockNode(embed, () => Promise.reject(boom)),
        { text: '' },
      ),
    ).rejects.toBe(boom);
    expect(
      (
        await runner.run(
          mockNode(embed, async () => [1]),
          { text: '' },
        )
      ).answer,
    ).toEqual([1]);
  });

  test('is frozen, as every node is', () => {
    expect(Object.isFrozen(mockNode(embed, () => []))).toBe(true);
  });
});
