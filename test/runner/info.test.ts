import { createRunner, node, UnknownIdError } from 'troupe';
import { fakeClock } from 'troupe/testing';
import { describe, expect, test } from 'vitest';
import { never, thrownBy } from '../support/deferred.ts';
import { requestOf } from '../support/forest.ts';

const one = node('one', () => 1);
const asks = node('asks', (_: unknown, ctx) => ctx.interrupt('Go?', { key: 'go' }));
const fails = node('fails', () => {
  throw new Error('boom');
});

describe('runner.info', () => {
  test('shows running, paused and ended runs', async () => {
    const runner = createRunner({ clock: fakeClock() });
    const ended = await runner.run(one);
    const failed = await runner.run(fails, undefined, { onFailure: 'return' });
    const paused = await runner.run(asks);
    const running = runner.iter(node('hangs', () => never()));

    const { runs } = runner.info;

    expect(Object.fromEntries(runs.map((run) => [run.runId, run.status]))).toEqual({
      [ended.runId]: 'completed',
      [failed.runId]: 'failed',
      [paused.runId]: 'paused',
      [running.runId]: 'running',
    });
  });

  test('run gives the info of one run', async () => {
    const runner = createRunner();
    const { runId } = await runner.run(one);

    const info = runner.info.run(runId);

    expect(info).toMatchObject({ runId, status: 'completed', answer: 1 });
  });

  test('run of an unknown id is an UnknownIdError', () => {
    const error = thrownBy(() => createRunner().info.run('nobody'));

    expect(error).toBeInstanceOf(UnknownIdError);
    expect(error).toMatchObject({ code: 'UNKNOWN_ID', hint: expect.stringMatching(/./) as string });
  });

  test('two runners never see each other', async () => {
    const [a, b] = [createRunner(), createRunner()];

    const { runId } = await a.run(one);

    expect(b.info.runs).toHaveLength(0);
    expect(thrownBy(() => b.info.run(runId))).toBeInstanceOf(UnknownIdError);
    expect(thrownBy(() => b.cancel(runId))).toBeInstanceOf(UnknownIdError);
  });

  test('a snapshot that was taken does not change', async () => {
    const runner = createRunner();
    const { runId } = await runner.run(asks);

    const before = runner.info.run(runId);
    await runner.respond(runId, 'go', true);

    expect(before.status).toBe('paused');
    expect(requestOf(before, 'asks').status).toBe('interrupted');
    expect(runner.info.run(runId).status).toBe('completed');
  });
});

describe('retain', () => {
  test('keeps the last ended runs', async () => {
    const runner = createRunner({ retain: 2 });
    const ids: string[] = [];
    for (let run = 0; run < 4; run += 1) ids.push((await runner.run(one)).runId);

    const kept = runner.info.runs.map((run) => run.runId as string);

    expect(kept.toSorted()).toEqual(ids.slice(-2).toSorted());
  });

  test('is 100 unless it is given', async () => {
    const runner = createRunner();
    for (let run = 0; run < 101; run += 1) await runner.run(one);

    expect(runner.info.runs).toHaveLength(100);
  });

  test('of 0 keeps no ended run', async () => {
    const runner = createRunner({ retain: 0 });

    await runner.run(one);

    expect(runner.info.runs).toHaveLength(0);
  });

  test('drops no run that is paused or runs', async () => {
    const runner = createRunner({ retain: 0, clock: fakeClock() });
    const paused = await runner.run(asks);
    const running = runner.iter(node('hangs', () => never()));

    await runner.run(one);

    const kept = runner.info.runs.map((run) => run.runId as string);
    expect(kept.toSorted()).toEqual([paused.runId, running.runId].toSorted());
  });

  test('forgets an ended run for cancel and respond too', async () => {
    const runner = createRunner({ retain: 0 });
    const { runId } = await runner.run(one);

    expect(thrownBy(() => runner.cancel(runId))).toBeInstanceOf(UnknownIdError);
    await expect(runner.respond(runId, 'go', 1)).rejects.toBeInstanceOf(UnknownIdError);
  });

  test('leaves a result that was handed out complete', async () => {
    const runner = createRunner({ retain: 0 });

    const { info } = await runner.run(one);

    expect(requestOf(info, 'one').status).toBe('succeeded');
  });
});
