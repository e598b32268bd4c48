import type { TroupeEvent } from 'troupe';
import { flow, fromFlow, routine, slot, type FlowEmbeddingOptions, type WorkerStatus } from 'troupe/flow';
import { describe, expectTypeOf, test } from 'vitest';
import { createActor, setup, toPromise, type OutputFrom } from 'xstate';

const count = routine({ name: 'count', slots: { word: slot<string>() }, run: () => undefined });
const logic = fromFlow(flow('counting').add(count));
type States = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

describe('fromFlow', () => {
  test('has the states of its routines as output', async () => {
    expectTypeOf<OutputFrom<typeof logic>>().toEqualTypeOf<States>();
    expectTypeOf(await toPromise(createActor(logic))).toEqualTypeOf<States>();
  });

  test('needs no input', () => {
    expectTypeOf(createActor(logic).start()).toHaveProperty('send');
  });

  test('shows the worker in its snapshot', () => {
    const { value, context } = createActor(logic).getSnapshot();

    expectTypeOf(value).toEqualTypeOf<WorkerStatus>();
    expectTypeOf(context.status).toEqualTypeOf<WorkerStatus>();
    expectTypeOf(context.workerId).toEqualTypeOf<string | undefined>();
    expectTypeOf(context.jobs.completed).toEqualTypeOf<number | undefined>();
    expectTypeOf(context.pauses[0]?.key).toEqualTypeOf<string | undefined>();
  });

  test('takes the commands, and nothing else', () => {
    const actor = createActor(logic);

    actor.send({ type: 'post', routine: 'count', slot: 'word', data: 'one' });
    actor.send({
      type: 'post',
      routine: 'count',
      slot: 'word',
      data: 1,
      jobId: 'a',
      metadata: { by: 'Ada' },
    });
    actor.send({ type: 'pause' });
    actor.send({ type: 'pause', reason: 'lunch' });
    actor.send({ type: 'resume' });
    actor.send({ type: 'respond', key: 'k', value: 1 });
    actor.send({ type: 'respond', key: 'k', value: 1, jobId: 'a' });
    actor.send({ type: 'drain' });
    actor.send({ type: 'cancel', reason: 'enough' });
    // @ts-expect-error there is no such command
    actor.send({ type: 'stop' });
    // @ts-expect-error the slot is missing
    actor.send({ type: 'post', routine: 'count', data: 1 });
    // @ts-expect-error the key is missing
    actor.send({ type: 'respond', value: 1 });
    // @ts-expect-error metadata is an object
    actor.send({ type: 'post', routine: 'count', slot: 'word', data: 1, metadata: 7 });
  });

  test('emits the events', () => {
    const actor = createActor(logic);

    actor.on('NodeEnd', (event) => expectTypeOf(event.durationMs).toEqualTypeOf<number>());
    actor.on('*', (event) => expectTypeOf(event).toEqualTypeOf<TroupeEvent>());
    // @ts-expect-error there is no such event
    actor.on('JobEnd', () => {});
  });

  test('takes the options of one worker, and no others', () => {
    expectTypeOf<{ maxHops: 5; jobTimeout: 1; concurrency: null }>().toExtend<FlowEmbeddingOptions>();
    // @ts-expect-error its workers are not durable
    fromFlow(flow('f').add(count), { durability: 'sync' });
    // @ts-expect-error it has its own worker
    fromFlow(flow('f').add(count), { autoStart: true });
    // @ts-expect-error it is inspected with its machine
    fromFlow(flow('f').add(count), { inspect: () => {} });
  });

  test('gives its states to onDone of a machine that invokes it', () => {
    setup({ actors: { counting: logic } }).createMachine({
      invoke: {
        src: 'counting',
        onDone: { actions: ({ event }) => expectTypeOf(event.output).toEqualTypeOf<States>() },
      },
    });
  });
});
