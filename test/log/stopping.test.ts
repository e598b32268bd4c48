import { createRunner, node } from 'troupe';
import { describe, expect, test } from 'vitest';

/** A run in which a node deep down has the only place, and another waits for it to call a third. */
async function cancelWhileQueued(): Promise<{ bodies: string[]; statuses: string[]; steps: number }> {
  await using runner = createRunner({ maxConcurrency: 1 });
  const bodies: string[] = [];
  const hang = node('hang', () => new Promise<void>(() => {}));
  const holder = node('holder', (_: void, ctx) => ctx.call(hang));
  const third = node('third', () => void bodies.push('third'));
  const queued = node('queued', async (_: void, ctx) => {
    bodies.push('queued');
    await ctx.call(third);
  });
  const root = node('root', async (_: void, ctx) => {
    await Promise.all([ctx.call(holder), ctx.call(queued)]);
  });
  const handle = runner.iter(root, undefined, { onFailure: 'return' });
  await new Promise((resolve) => setImmediate(resolve));
  handle.cancel();
  await handle.result;
  const info = runner.info.run(handle.runId);
  return { bodies, statuses: Array.from(info.requests, ({ status }) => status), steps: info.steps };
}

describe('a run with a queue that is cancelled', () => {
  test('starts nothing that waited for a place that its end makes free', async () => {
    const { bodies } = await cancelWhileQueued();

    expect(bodies).toEqual([]);
  });

  test('leaves no request behind that has not ended', async () => {
    const { statuses, steps } = await cancelWhileQueued();

    expect(statuses).toEqual(['cancelled', 'cancelled', 'cancelled', 'cancelled']);
    expect(steps).toBe(8);
  });
});
