import { fromNode, isTroupeError, node } from 'troupe';
import { describe, expect, test } from 'vitest';
import { createActor, setup, toPromise } from 'xstate';
import { z } from 'zod';

function watched() {
  const log: string[] = [];
  const work = node({
    name: 'work',
    inputs: { n: z.number().refine(async () => true) },
    run: ({ n }) => {
      log.push('ran');
      return n;
    },
  });
  const simple = node('simple', (n: number) => {
    log.push('ran');
    return n;
  });
  return { log, work, simple };
}

async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

describe('a node whose input is still being checked', () => {
  test('runs when the check is over', async () => {
    const { work } = watched();

    expect(await toPromise(createActor(fromNode(work), { input: { n: 3 } }).start())).toBe(3);
  });

  test('is refused with the error of the check', async () => {
    const { work, log } = watched();
    const actor = createActor(fromNode(work), { input: { n: 'three' as unknown as number } });
    const outcome = toPromise(actor);

    actor.start();

    await expect(outcome).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    expect(log).toEqual([]);
  });

  test('that is cancelled has a CancelledError with the reason', async () => {
    const { work } = watched();
    const actor = createActor(fromNode(work), { input: { n: 3 } });
    const outcome = toPromise(actor).catch((error: unknown) => error);

    actor.start();
    actor.send({ type: 'cancel', reason: 'enough' });

    const error = await outcome;
    expect(isTroupeError(error, 'CANCELLED')).toBe(true);
    expect(error).toMatchObject({ reason: 'enough' });
  });

  test('that is cancelled never runs', async () => {
    const { work, log } = watched();
    const actor = createActor(fromNode(work), { input: { n: 3 } });
    actor.subscribe({ error: () => undefined });

    actor.start();
    actor.send({ type: 'cancel', reason: 'enough' });
    await settle();

    expect(log).toEqual([]);
  });

  test('never runs when its parent is stopped', async () => {
    const { work, log } = watched();
    const machine = setup({ actors: { work: fromNode(work) } }).createMachine({
      invoke: { src: 'work', input: { n: 3 } },
    });
    const actor = createActor(machine).start();

    actor.stop();
    await settle();

    expect(log).toEqual([]);
  });
});

describe('a node that has just been started', () => {
  test('never runs when it is stopped at once', async () => {
    const { simple, log } = watched();

    createActor(fromNode(simple), { input: 1 }).start().stop();
    await settle();

    expect(log).toEqual([]);
  });

  test('that is cancelled at once has a CancelledError with the reason', async () => {
    const { simple, log } = watched();
    const actor = createActor(fromNode(simple), { input: 1 });
    const outcome = toPromise(actor).catch((error: unknown) => error);

    actor.start();
    actor.send({ type: 'cancel', reason: 'enough' });

    expect(await outcome).toMatchObject({ code: 'CANCELLED', reason: 'enough' });
    expect(log).toEqual([]);
  });

  test('takes an answer to a question that it asks at once', async () => {
    const ask = node('ask', (_: unknown, ctx) => ctx.interrupt('?'));
    const actor = createActor(fromNode(ask), { input: undefined });
    const outcome = toPromise(actor);
    actor.on('Interrupt', ({ key }) => actor.send({ type: 'respond', key, value: 'now' }));

    actor.start();

    expect(await outcome).toBe('now');
  });
});

describe('a persisted snapshot', () => {
  test('of a run that failed restores the failure', async () => {
    const fail = node('fail', async (): Promise<number> => {
      throw new Error('boom');
    });
    const first = createActor(fromNode(fail), { input: undefined });
    const outcome = toPromise(first).catch(() => undefined);
    first.start();
    await outcome;

    const second = createActor(fromNode(fail), { input: undefined, snapshot: first.getPersistedSnapshot() });
    second.subscribe({ error: () => undefined });
    second.start();

    expect(second.getSnapshot()).toMatchObject({ status: 'error', context: { status: 'failed' } });
  });

  test('of a machine whose node has ended restores the machine', async () => {
    const { simple, log } = watched();
    const machine = setup({ actors: { simple: fromNode(simple) } }).createMachine({
      initial: 'working',
      states: {
        working: { invoke: { src: 'simple', input: 1, onDone: 'rest' } },
        rest: { on: { go: 'done' } },
        done: { type: 'final' },
      },
    });
    const first = createActor(machine).start();
    await settle();
    const persisted: unknown = JSON.parse(JSON.stringify(first.getPersistedSnapshot()));
    first.stop();

    const second = createActor(machine, {
      snapshot: persisted as ReturnType<typeof first.getPersistedSnapshot>,
    }).start();
    second.send({ type: 'go' });

    expect(second.getSnapshot().status).toBe('done');
    expect(log).toEqual(['ran']);
  });

  test('of a machine whose node had not ended runs the node anew, under the same parent', async () => {
    const ask = node('ask', (_: unknown, ctx) => ctx.interrupt('?'));
    const machine = setup({ actors: { ask: fromNode(ask) } }).createMachine({
      initial: 'asking',
      states: { asking: { invoke: { id: 'job', src: 'ask', onDone: 'done' } }, done: { type: 'final' } },
    });
    const first = createActor(machine).start();
    await settle();
    const persisted: unknown = JSON.parse(JSON.stringify(first.getPersistedSnapshot()));
    first.stop();

    const second = createActor(machine, {
      snapshot: persisted as ReturnType<typeof first.getPersistedSnapshot>,
    }).start();
    await settle();
    second.getSnapshot().children['job']?.send({ type: 'respond', key: 'ask', value: 1 });
    await toPromise(second);

    expect(second.getSnapshot().value).toBe('done');
  });
});
