import {
  custom,
  event,
  flow,
  flowFromJSON,
  routine,
  slot,
  type AnyFlow,
  type AnyRoutine,
  type Flow,
  type FlowEvent,
  type FlowJSON,
  type FlowProblem,
  type Job,
  type MessageInfo,
  type PostValue,
  type Routine,
  type RoutinesOf,
  type Slot,
  type Worker,
} from 'troupe/flow';
import { describe, expectTypeOf, test } from 'vitest';
import { z } from 'zod';

const double = routine({
  name: 'double',
  slots: { input: slot<{ v: number }>() },
  events: { output: event<{ result: number }>(), failed: event<Error>() },
  run: () => undefined,
});
const print = routine({
  name: 'print',
  slots: { line: slot<string>(), result: slot<{ result: number }>() },
  run: () => undefined,
});
const doubling = flow('doubling').add(double).add(print, 'out');

describe('the body of a routine', () => {
  test('gets the messages of each slot as a list of its type', () => {
    routine({
      name: 'r',
      slots: { a: slot<{ v: number }>(), b: slot<string>() },
      run: (data) => {
        expectTypeOf(data).toEqualTypeOf<{
          readonly a: readonly { v: number }[];
          readonly b: readonly string[];
        }>();
      },
    });
  });

  test('gets what the schema of a slot parses to', () => {
    routine({
      name: 'r',
      slots: { count: slot({ schema: z.coerce.number() }) },
      run: ({ count }) => {
        expectTypeOf(count).toEqualTypeOf<readonly number[]>();
      },
    });
  });

  test('gets unknown messages of a slot without a type', () => {
    routine({
      name: 'r',
      slots: { any: slot() },
      run: ({ any }) => {
        expectTypeOf(any).toEqualTypeOf<readonly unknown[]>();
      },
    });
  });

  test('knows no slot that is not declared', () => {
    routine({
      name: 'r',
      slots: { input: slot<number>() },
      // @ts-expect-error there is no slot `inputs`
      run: (data) => data.inputs,
    });
  });

  test('cannot use a message as another type, nor as if it were alone', () => {
    routine({
      name: 'r',
      slots: { input: slot<{ v: number }>() },
      run: ({ input }) => {
        // @ts-expect-error `v` is a number
        for (const { v } of input) v.trim();
        // @ts-expect-error a list has no `v`
        void input.v;
        // @ts-expect-error the list is not its own
        input.push({ v: 1 });
      },
    });
  });

  test('knows the job, the worker, and the infos of the messages of each slot', () => {
    routine({
      name: 'r',
      slots: { input: slot<number>() },
      run: (_, ctx) => {
        expectTypeOf(ctx.job).toEqualTypeOf<Job>();
        expectTypeOf(ctx.jobs).toEqualTypeOf<readonly Job[]>();
        expectTypeOf(ctx.worker).toEqualTypeOf<Worker>();
        expectTypeOf(ctx.reason).toEqualTypeOf<string>();
        expectTypeOf(ctx.signal).toEqualTypeOf<AbortSignal>();
        expectTypeOf(ctx.messages).toEqualTypeOf<{ readonly input: readonly MessageInfo[] }>();
      },
    });
  });

  test('reads its state as the type of the fallback, or else perhaps nothing', () => {
    routine({
      name: 'r',
      slots: {},
      run: (_, { state }) => {
        expectTypeOf(state.get('seen', 0)).toEqualTypeOf<number>();
        expectTypeOf(state.get<string>('last')).toEqualTypeOf<string | undefined>();
        expectTypeOf(state.get('last')).toEqualTypeOf<unknown>();
      },
    });
  });
});

describe('emit', () => {
  test('takes the events of the routine, each with its value', () => {
    routine({
      name: 'r',
      slots: { input: slot<number>() },
      events: { sum: event<number>(), text: event<string>() },
      run: (_, ctx) => {
        expectTypeOf(ctx.emit<'sum'>).parameters.toEqualTypeOf<[event: 'sum', value: number]>();
        expectTypeOf(ctx.emit('text', 'a')).toEqualTypeOf<Promise<void>>();
      },
    });
  });

  test('refuses an event that is not declared, and a value that does not fit', () => {
    routine({
      name: 'r',
      slots: { input: slot<number>() },
      events: { sum: event<number>() },
      run: async (_, ctx) => {
        // @ts-expect-error there is no event `sums`
        await ctx.emit('sums', 1);
        // @ts-expect-error `sum` is a number
        await ctx.emit('sum', 'one');
        // @ts-expect-error the value is missing
        await ctx.emit('sum');
      },
    });
  });

  test('takes nothing in a routine without events', () => {
    routine({
      name: 'r',
      slots: { input: slot<number>() },
      // @ts-expect-error no event is declared
      run: (_, ctx) => ctx.emit('sum', 1),
    });
  });
});

describe('a routine', () => {
  test('has its name, slots and events as its type', () => {
    expectTypeOf(double).toEqualTypeOf<
      Routine<
        'double',
        { input: Slot<{ v: number }> },
        { output: FlowEvent<{ result: number }>; failed: FlowEvent<Error> }
      >
    >();
  });

  test('is any routine', () => {
    expectTypeOf(double).toExtend<AnyRoutine>();
    expectTypeOf(print).toExtend<AnyRoutine>();
  });

  test('refuses a slot as an event, an unknown option and a missing body', () => {
    // @ts-expect-error a slot is no event
    void (() => routine({ name: 'r', slots: {}, events: { out: slot() }, run: () => 1 }));
    // @ts-expect-error `retries` is no option
    void (() => routine({ name: 'r', slots: {}, retries: 3, run: () => 1 }));
    // @ts-expect-error there is no body
    void (() => routine({ name: 'r', slots: {} }));
    // @ts-expect-error that is no overflow
    void (() => slot({ overflow: 'wait' }));
  });

  test('takes what a custom policy says, and nothing else', () => {
    custom(({ slots, now }) => {
      expectTypeOf(slots['a']?.size).toEqualTypeOf<number | undefined>();
      expectTypeOf(now).toEqualTypeOf<number>();
      return { take: { a: 1 } };
    });
    // @ts-expect-error true says not what to take
    void (() => custom(() => true));
    // @ts-expect-error a policy is not asynchronous
    void (() => custom(async () => false));
  });
});

describe('a flow', () => {
  test('has its routines by the names that they have in it', () => {
    expectTypeOf<RoutinesOf<typeof doubling>['double']>().toEqualTypeOf<typeof double>();
    expectTypeOf<RoutinesOf<typeof doubling>['out']>().toEqualTypeOf<typeof print>();
    expectTypeOf<keyof RoutinesOf<typeof doubling>>().toEqualTypeOf<'double' | 'out'>();
    expectTypeOf(doubling.name).toEqualTypeOf<'doubling'>();
  });

  test('refuses a name that is taken, and what is no routine', () => {
    // @ts-expect-error `double` is taken
    void (() => doubling.add(double));
    // @ts-expect-error `out` is taken
    void (() => doubling.add(double, 'out'));
    // @ts-expect-error a slot is no routine
    void (() => doubling.add(slot()));
    expectTypeOf(doubling.add(double, 'again')).toExtend<AnyFlow>();
  });

  test('takes what is posted to a slot', () => {
    type Members = RoutinesOf<typeof doubling>;

    expectTypeOf<PostValue<Members, 'double', 'input'>>().toEqualTypeOf<{ v: number }>();
    expectTypeOf<PostValue<Members, 'out', 'line'>>().toEqualTypeOf<string>();
    expectTypeOf<PostValue<Members, 'out', 'lines'>>().toEqualTypeOf<never>();
  });

  test('is any flow, which can be looked at', () => {
    expectTypeOf(doubling).toExtend<AnyFlow>();
    expectTypeOf<AnyFlow['toMermaid']>().returns.toEqualTypeOf<string>();
    expectTypeOf(doubling.validate()).toEqualTypeOf<readonly FlowProblem[]>();
    expectTypeOf(doubling.toJSON()).toEqualTypeOf<FlowJSON>();
  });
});

describe('a connection', () => {
  test('takes an event and a slot of one type', () => {
    expectTypeOf(doubling.connect('double.output', 'out.result')).toEqualTypeOf<typeof doubling>();
  });

  test('takes an event whose values are more than the slot needs', () => {
    const wide = routine({ name: 'wide', slots: { in: slot<{ result: unknown }>() }, run: () => 1 });

    expectTypeOf(doubling.add(wide).connect('double.output', 'wide.in')).toExtend<AnyFlow>();
  });

  test('refuses routines, events and slots that there are not', () => {
    // @ts-expect-error there is no routine `dbl`
    void (() => doubling.connect('dbl.output', 'out.line'));
    // @ts-expect-error there is no event `result`
    void (() => doubling.connect('double.result', 'out.result'));
    // @ts-expect-error there is no slot `results`
    void (() => doubling.connect('double.output', 'out.results'));
    // @ts-expect-error a slot is no event
    void (() => doubling.connect('double.input', 'out.result'));
    // @ts-expect-error there is no routine `print`, but one `out`
    void (() => doubling.connect('double.output', 'print.result'));
  });

  test('refuses values that do not fit', () => {
    // @ts-expect-error `line` is a text
    void (() => doubling.connect('double.output', 'out.line'));
    // @ts-expect-error `double.input` has `v`
    void (() => doubling.connect('double.output', 'double.input'));
  });

  test('takes values that do not fit with a function, whose parameter is what the event has', () => {
    const mapped = doubling.connect('double.output', 'out.line', {
      map: (value) => {
        expectTypeOf(value).toEqualTypeOf<{ result: number }>();
        return String(value.result);
      },
    });

    expectTypeOf(mapped).toEqualTypeOf<typeof doubling>();
  });

  test('refuses a function whose result does not fit, or that is asynchronous', () => {
    // @ts-expect-error `line` is a text
    void (() => doubling.connect('double.output', 'out.line', { map: (value) => value.result }));
    // @ts-expect-error a promise of a text is no text
    void (() => doubling.connect('double.output', 'out.line', { map: async (value) => `${value.result}` }));
    // @ts-expect-error the event has no `v`
    void (() => doubling.connect('double.output', 'out.line', { map: ({ v }) => `${v}` }));
    // @ts-expect-error there is no function
    void (() => doubling.connect('double.output', 'out.line', {}));
  });
});

describe('a flow whose routines no type knows', () => {
  test('takes routines and connections of any name', () => {
    let loose: Flow = flow('loose');
    for (const each of [double, print] as AnyRoutine[]) loose = loose.add(each);
    loose = loose.add(double, 'again').connect('double.output', 'again.input');

    expectTypeOf(loose).toExtend<AnyFlow>();
  });

  test('is what a typed one becomes when it gets a routine of any name', () => {
    const named: string = 'third';

    const mixed = doubling.add(print, named).connect('double.output', 'third.result');

    expectTypeOf<keyof RoutinesOf<typeof mixed>>().toEqualTypeOf<string>();
    expectTypeOf<PostValue<RoutinesOf<typeof mixed>, 'double', 'input'>>().toEqualTypeOf<{ v: number }>();
  });

  test('comes from a description', () => {
    const text = doubling.toYAML();

    const made = flowFromJSON(text, { routines: [double, print], maps: { half: (n: number) => n / 2 } });

    expectTypeOf(made).toEqualTypeOf<Flow>();
    expectTypeOf(flowFromJSON).parameter(0).toEqualTypeOf<FlowJSON | string>();
    expectTypeOf(flowFromJSON(doubling.toJSON(), { routines: { double, print } })).toEqualTypeOf<Flow>();
  });
});
