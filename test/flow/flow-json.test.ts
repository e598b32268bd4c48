import fc from 'fast-check';
import {
  event,
  flow,
  flowFromJSON,
  routine,
  slot,
  type AnyRoutine,
  type Flow,
  type FlowJSON,
  type RoutineErrorPolicy,
} from 'troupe/flow';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { part } from './definition-parts.ts';

const double = routine({
  name: 'double',
  slots: { input: slot<number>() },
  events: { output: event<number>() },
  run: () => undefined,
});
const print = routine({ name: 'print', slots: { line: slot<string>() }, run: () => undefined });
const toLine = (value: number): string => String(value);
const doubling = flow('doubling')
  .add(double)
  .add(print, 'out')
  .connect('double.output', 'out.line', { map: toLine });

/** The names of the functions of the connections. */
function mapsOf({ connections }: FlowJSON): unknown[] {
  return connections.map(({ map }) => map);
}

/** The names that these functions get as those of connections. */
function namesOf(...maps: readonly ((value: number) => number)[]): unknown[] {
  const receivers = maps.map((_, index) => `r${index}`);
  const all = receivers.reduce<Flow>((built, name) => built.add(double, name), flow('f'));
  const connect = (built: Flow, map: (value: never) => unknown, index: number): Flow =>
    built.connect('r0.output', `r${index}.input`, { map: map as (value: unknown) => unknown });
  return mapsOf(maps.reduce(connect, all).toJSON());
}

describe('a flow as JSON', () => {
  test('has a version, its name, its routines by name, and its connections', () => {
    expect(doubling.toJSON()).toEqual({
      version: 1,
      name: 'doubling',
      routines: [
        { name: 'double', routine: 'double' },
        { name: 'out', routine: 'print' },
      ],
      connections: [{ from: 'double.output', to: 'out.line', map: 'toLine' }],
    });
  });

  test('is what `JSON.stringify` makes of the flow', () => {
    expect(JSON.parse(JSON.stringify(doubling))).toEqual(doubling.toJSON());
  });

  test('names no function where there is none', () => {
    const [connection = {}] = flow('f')
      .add(double)
      .connect('double.output', 'double.input')
      .toJSON().connections;

    expect(Object.keys(connection)).toEqual(['from', 'to']);
  });

  test('is the same each time, and another object', () => {
    const [first, second] = [doubling.toJSON(), doubling.toJSON()];

    expect(second).toEqual(first);
    expect(second).not.toBe(first);
    expect(second.routines).not.toBe(first.routines);
  });

  test.each<[string, RoutineErrorPolicy]>([
    ['a text', 'continue'],
    ['retries', { retry: { maxAttempts: 2, delay: 10, backoff: 1, jitter: 'none' } }],
    ['retries with what follows', { retry: {}, then: 'skip' }],
  ])('has its failure policy that is %s', (_, policy) => {
    expect(doubling.onError(policy).toJSON().onError).toEqual(policy);
  });

  test('leaves out a failure policy that holds a function', () => {
    const json = doubling.onError({ retry: { on: () => true }, then: 'skip' }).toJSON();

    expect('onError' in json).toBe(false);
  });

  test('leaves out a failure policy when there is none', () => {
    expect('onError' in doubling.toJSON()).toBe(false);
  });

  test('leaves out what is undefined in a failure policy', () => {
    const { onError } = doubling.onError({ retry: { on: undefined } } as never).toJSON();

    expect(onError).toStrictEqual({ retry: {} });
  });
});

describe('the name of a function in JSON', () => {
  test('is its own', () => {
    expect(mapsOf(doubling.toJSON())).toEqual(['toLine']);
  });

  test('is `map` for one that is written in place', () => {
    const echo = flow('echo')
      .add(double)
      .connect('double.output', 'double.input', { map: (n) => n });

    expect(mapsOf(echo.toJSON())).toEqual(['map']);
  });

  test('is `map` for one without a name, and for one that no record can have', () => {
    const unsafe = Object.defineProperty((n: number) => n, 'name', { value: '__proto__' });

    expect(namesOf((n) => n)).toEqual(['map']);
    expect(namesOf(unsafe)).toEqual(['map']);
  });

  test('is the same for the same function', () => {
    const shift = (n: number): number => n + 1;

    expect(namesOf(shift, shift)).toEqual(['shift', 'shift']);
  });

  test('has a number from the second function of a name on', () => {
    const functions = [1, 2, 3].map((by) => {
      const shift = (n: number): number => n + by;
      return shift;
    });

    expect(namesOf(...functions)).toEqual(['shift', 'shift2', 'shift3']);
  });

  test('is never that of another function', () => {
    const [first, second] = [1, 2].map((by) => {
      const shift = (n: number): number => n + by;
      return shift;
    });
    const shift2 = (n: number): number => n;

    const names = namesOf(first ?? shift2, second ?? shift2, shift2);

    expect(new Set(names).size).toBe(3);
  });

  test('stays as it is when a connection comes after it', () => {
    const [map, other, last] = [1, 2, 3].map((by) => (n: number) => n + by);

    const names = namesOf(map ?? Math.abs, other ?? Math.abs);

    expect(namesOf(map ?? Math.abs, other ?? Math.abs, last ?? Math.abs).slice(0, 2)).toEqual(names);
  });
});

describe('a flow as YAML', () => {
  test('is its JSON', () => {
    expect(parse(doubling.toYAML())).toEqual(doubling.toJSON());
  });

  test('has each name on a line of its own, however long it is', () => {
    const long = 'word '.repeat(50).trim();

    expect(flow(long).toYAML().split('\n')).toContain(`name: ${long}`);
  });

  test('is easy to read', () => {
    expect(doubling.onError('skip').toYAML()).toMatchInlineSnapshot(`
      "version: 1
      name: doubling
      routines:
        - name: double
          routine: double
        - name: out
          routine: print
      connections:
        - from: double.output
          to: out.line
          map: toLine
      onError: skip
      "
    `);
  });
});

describe('a flow that goes there and back', () => {
  const name = fc.oneof(
    {
      weight: 3,
      arbitrary: fc.constantFrom('a', 'true', '1', 'null', '~', 'constructor', ' x', '- y', '#z', '<<'),
    },
    fc.string({ minLength: 1, unit: 'binary' }),
  );
  const partName = name.filter((each) => !each.includes('.') && each !== '__proto__');
  const partNames = fc.uniqueArray(partName, { minLength: 1, maxLength: 3 });
  const functions = ['', 'map', 'map2', 'shift', 'shift'].map((own) =>
    Object.defineProperty((value: unknown) => value, 'name', { value: own }),
  );
  const retry = fc.record(
    { maxAttempts: fc.integer({ min: 1, max: 9 }), delay: fc.nat(), jitter: fc.constantFrom('full', 'none') },
    { requiredKeys: [] },
  );
  const failure = fc.constantFrom('stop', 'continue', 'skip');
  const onError = fc.oneof(
    failure,
    fc.record({ retry, then: failure }, { requiredKeys: ['retry'] }),
  ) as fc.Arbitrary<RoutineErrorPolicy>;

  const flows = fc
    .record({
      name,
      own: fc.uniqueArray(fc.tuple(partName, partNames, partNames), {
        minLength: 1,
        selector: ([each]) => each,
      }),
      members: fc.uniqueArray(fc.tuple(partName, fc.nat()), { minLength: 1, selector: ([each]) => each }),
      wires: fc.array(
        fc.tuple(fc.nat(), fc.nat(), fc.option(fc.constantFrom(...functions), { nil: undefined })),
      ),
      policy: fc.option(onError, { nil: undefined }),
    })
    .map(({ name: flowName, own, members, wires, policy }) => {
      const routines = own.map(([each, slots, events]) => part(each, slots, events));
      return { routines, built: build({ flowName, routines, members, wires, policy }) };
    });

  interface Drawn {
    readonly flowName: string;
    readonly routines: readonly AnyRoutine[];
    readonly members: readonly (readonly [string, number])[];
    readonly wires: readonly (readonly [number, number, ((value: unknown) => unknown) | undefined])[];
    readonly policy: RoutineErrorPolicy | undefined;
  }

  function build({ flowName, routines, members, wires, policy }: Drawn): Flow {
    const events: `${string}.${string}`[] = [];
    const slots: `${string}.${string}`[] = [];
    let built: Flow = flow(flowName);
    for (const [as, which] of members) {
      const added = routines[which % routines.length] ?? part('never');
      built = built.add(added, as);
      events.push(...Object.keys(added.events).map((each) => `${as}.${each}` as const));
      slots.push(...Object.keys(added.slots).map((each) => `${as}.${each}` as const));
    }
    const seen = new Set<string>();
    for (const [from, to, map] of wires) {
      const ends = [events[from % events.length] ?? 'a.out', slots[to % slots.length] ?? 'a.in'] as const;
      if (seen.has(ends.join('.'))) continue;
      seen.add(ends.join('.'));
      built = map === undefined ? built.connect(...ends) : built.connect(...ends, { map });
    }
    return policy === undefined ? built : built.onError(policy);
  }

  /** The functions of a flow, by the names that its JSON has for them. */
  function functionsOf(built: Flow): Record<string, (value: never) => unknown> {
    const { connections } = built.plan.parts;
    const named = built.toJSON().connections.map(({ map }, index) => [map, connections[index]?.map] as const);
    return Object.fromEntries(named.filter(([each]) => each !== undefined)) as ReturnType<typeof functionsOf>;
  }

  test.each<[string, (built: Flow) => Parameters<typeof flowFromJSON>[0]]>([
    ['as an object', (built) => built.toJSON()],
    ['as JSON text', (built) => JSON.stringify(built)],
    ['as indented JSON text', (built) => JSON.stringify(built, null, '\t')],
    ['as YAML text', (built) => built.toYAML()],
  ])('%s is the same', (_, send) => {
    fc.assert(
      fc.property(flows, ({ routines, built }) => {
        const back = flowFromJSON(send(built), { routines, maps: functionsOf(built) });

        expect(back.toJSON()).toEqual(built.toJSON());
        expect(back.toMermaid()).toBe(built.toMermaid());
        expect(Object.values(back.routines)).toEqual(Object.values(built.routines));
        expect(functionsOf(back)).toEqual(functionsOf(built));
      }),
    );
  });
});
