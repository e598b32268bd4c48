import {
  aggregator,
  batcher,
  debouncer,
  filter,
  flow,
  mapRoutine,
  router,
  routine,
  schemaGate,
  slot,
  splitter,
  type EventValue,
  type Incomplete,
  type Job,
  type RefusedValue,
  type SlotValue,
} from 'troupe/flow';
import { describe, expectTypeOf, test } from 'vitest';
import { z } from 'zod';

interface Order {
  readonly id: string;
  readonly total: number;
}

interface Letter {
  readonly kind: 'letter';
}
interface Parcel {
  readonly kind: 'parcel';
  readonly grams: number;
}

const isParcel = (item: Letter | Parcel): item is Parcel => item.kind === 'parcel';
const numbers = routine({ name: 'numbers', slots: { in: slot<number>() }, run: () => undefined });

describe('mapRoutine', () => {
  test('takes what its function takes, and emits what it resolves to', () => {
    const f = flow('f').add(mapRoutine('total', async ({ total }: Order) => total));

    expectTypeOf<SlotValue<typeof f.routines, 'total.input'>>().toEqualTypeOf<Order>();
    expectTypeOf<EventValue<typeof f.routines, 'total.output'>>().toEqualTypeOf<number>();
  });

  test('keeps its name, so that connections are checked', () => {
    const f = flow('f')
      .add(mapRoutine('id', ({ id }: Order) => id))
      .add(numbers);

    // @ts-expect-error `id.output` is a text
    void f.connect('id.output', 'numbers.in');
    // @ts-expect-error there is no such event
    void f.connect('id.outputs', 'numbers.in');
    void f.connect('id.output', 'numbers.in', { map: (id) => id.length });
  });

  test('takes its type from its slot where the function does not say it', () => {
    const made = mapRoutine('total', ({ total }) => total, { input: slot<Order>() });
    const bounded = mapRoutine('total', ({ total }: Order) => total, { input: slot({ capacity: 5 }) });

    expectTypeOf(bounded).toEqualTypeOf(made);
    // @ts-expect-error the slot holds texts
    mapRoutine('total', ({ total }: Order) => total, { input: slot<string>() });
  });

  test('gives its function the context without `emit`', () => {
    mapRoutine('m', (_: Order, ctx) => {
      expectTypeOf(ctx.job).toEqualTypeOf<Job>();
      expectTypeOf(ctx.signal).toEqualTypeOf<AbortSignal>();
      expectTypeOf(ctx.state.get('seen', 0)).toEqualTypeOf<number>();
      // @ts-expect-error what it emits is what it returns
      void ctx.emit;
    });
  });

  test('knows no option that routines do not have', () => {
    // @ts-expect-error it is called `onError`
    mapRoutine('m', (order: Order) => order, { onErrors: 'stop' });
  });
});

describe('filter', () => {
  test('passes on what it takes', () => {
    const f = flow('f').add(filter('big', ({ total }: Order) => total > 100));

    expectTypeOf<EventValue<typeof f.routines, 'big.output'>>().toEqualTypeOf<Order>();
    expectTypeOf<EventValue<typeof f.routines, 'big.rejected'>>().toEqualTypeOf<Order>();
  });

  test('narrows both events by a type guard', () => {
    const f = flow('f').add(filter('parcels', isParcel));

    expectTypeOf<SlotValue<typeof f.routines, 'parcels.input'>>().toEqualTypeOf<Letter | Parcel>();
    expectTypeOf<EventValue<typeof f.routines, 'parcels.output'>>().toEqualTypeOf<Parcel>();
    expectTypeOf<EventValue<typeof f.routines, 'parcels.rejected'>>().toEqualTypeOf<Letter>();
  });

  test('takes an asynchronous predicate, and nothing that gives no boolean', () => {
    filter('f', async (n: number) => n > 1);
    // @ts-expect-error a number is no boolean
    filter('f', (n: number) => n);
  });
});

describe('splitter', () => {
  test('emits what its iterable holds', () => {
    const f = flow('f')
      .add(splitter('list', ({ total }: Order) => [total]))
      .add(
        splitter('stream', async function* ({ id }: Order) {
          yield id;
        }),
      )
      .add(splitter('later', async ({ total }: Order) => new Set([total])));

    expectTypeOf<EventValue<typeof f.routines, 'list.output'>>().toEqualTypeOf<number>();
    expectTypeOf<EventValue<typeof f.routines, 'stream.output'>>().toEqualTypeOf<string>();
    expectTypeOf<EventValue<typeof f.routines, 'later.output'>>().toEqualTypeOf<number>();
  });

  test('takes no function that gives a single value', () => {
    // @ts-expect-error a number holds nothing
    splitter('s', ({ total }: Order) => total);
  });
});

describe('batcher and debouncer', () => {
  test('take the type of their slot', () => {
    const f = flow('f')
      .add(batcher('batch', { input: slot<Order>(), size: 10 }))
      .add(debouncer('last', { input: slot<Order>(), wait: 10 }));

    expectTypeOf<EventValue<typeof f.routines, 'batch.batch'>>().toEqualTypeOf<readonly Order[]>();
    expectTypeOf<EventValue<typeof f.routines, 'last.output'>>().toEqualTypeOf<Order>();
  });

  test('take anything without a slot', () => {
    const f = flow('f')
      .add(batcher('batch', { size: 10 }))
      .add(debouncer('last', { wait: 10 }));

    expectTypeOf<EventValue<typeof f.routines, 'batch.batch'>>().toEqualTypeOf<readonly unknown[]>();
    expectTypeOf<SlotValue<typeof f.routines, 'last.input'>>().toBeUnknown();
  });

  test('need a size, and a wait', () => {
    // @ts-expect-error `size` is missing
    batcher('batch', { maxWait: 10 });
    // @ts-expect-error `wait` is missing
    debouncer('last', {});
  });
});

describe('aggregator', () => {
  const slots = { order: slot<Order>(), paid: slot<number>() };

  test('has one of each for `all`, which is the default', () => {
    const f = flow('f')
      .add(aggregator('one', { slots }))
      .add(aggregator('two', { slots, mode: 'all' }));

    interface Both {
      readonly order: Order;
      readonly paid: number;
    }
    expectTypeOf<EventValue<typeof f.routines, 'one.output'>>().branded.toEqualTypeOf<Both>();
    expectTypeOf<EventValue<typeof f.routines, 'two.output'>>().branded.toEqualTypeOf<Both>();
    expectTypeOf<SlotValue<typeof f.routines, 'one.paid'>>().toEqualTypeOf<number>();
  });

  test('has some of them otherwise', () => {
    const f = flow('f')
      .add(aggregator('any', { slots, mode: 'any' }))
      .add(aggregator('some', { slots, mode: { atLeast: 1 } }));

    interface Some {
      readonly order?: Order;
      readonly paid?: number;
    }
    expectTypeOf<EventValue<typeof f.routines, 'any.output'>>().branded.toEqualTypeOf<Some>();
    expectTypeOf<EventValue<typeof f.routines, 'some.output'>>().branded.toEqualTypeOf<Some>();
  });

  test('says what is missing when its time is up', () => {
    const f = flow('f').add(aggregator('join', { slots, timeout: 100 }));

    expectTypeOf<EventValue<typeof f.routines, 'join.timedOut'>>().toEqualTypeOf<Incomplete<typeof slots>>();
    expectTypeOf<Incomplete<typeof slots>['missing']>().toEqualTypeOf<readonly ('order' | 'paid')[]>();
  });

  test('needs slots, and a mode that there is', () => {
    // @ts-expect-error `slots` is missing
    aggregator('join', { mode: 'all' });
    // @ts-expect-error there is no such mode
    aggregator('join', { slots, mode: 'most' });
  });
});

describe('router', () => {
  test('has an event for each route, and `otherwise`', () => {
    const f = flow('f').add(
      router('route', { big: ({ total }: Order) => total > 9, own: async ({ id }: Order) => id === 'me' }),
    );

    expectTypeOf<SlotValue<typeof f.routines, 'route.input'>>().toEqualTypeOf<Order>();
    expectTypeOf<EventValue<typeof f.routines, 'route.big'>>().toEqualTypeOf<Order>();
    expectTypeOf<EventValue<typeof f.routines, 'route.own'>>().toEqualTypeOf<Order>();
    expectTypeOf<EventValue<typeof f.routines, 'route.otherwise'>>().toEqualTypeOf<Order>();
  });

  test('narrows by a type guard, and knows no route that is not there', () => {
    const f = flow('f')
      .add(
        router('route', {
          parcel: isParcel,
          heavy: (item: Letter | Parcel) => isParcel(item) && item.grams > 5,
        }),
      )
      .add(numbers);

    expectTypeOf<EventValue<typeof f.routines, 'route.parcel'>>().toEqualTypeOf<Parcel>();
    expectTypeOf<EventValue<typeof f.routines, 'route.heavy'>>().toEqualTypeOf<Letter | Parcel>();
    // @ts-expect-error there is no such route
    void f.connect('route.letter', 'numbers.in', { map: () => 1 });
    // @ts-expect-error a parcel is no number
    void f.connect('route.parcel', 'numbers.in');
  });
});

describe('schemaGate', () => {
  test('takes anything, and emits what the schema parses to', () => {
    const f = flow('f').add(schemaGate('check', z.object({ at: z.coerce.date() })));

    expectTypeOf<SlotValue<typeof f.routines, 'check.input'>>().toBeUnknown();
    expectTypeOf<EventValue<typeof f.routines, 'check.valid'>>().toEqualTypeOf<{ at: Date }>();
    expectTypeOf<EventValue<typeof f.routines, 'check.invalid'>>().toEqualTypeOf<RefusedValue>();
  });
});
