import { FlowConfigError, InvalidInputError } from 'troupe';
import {
  batchSize,
  event,
  flow,
  immediate,
  routine,
  slot,
  type AnyRoutine,
  type Flow,
  type RoutineErrorPolicy,
} from 'troupe/flow';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { thrownBy } from '../support/deferred.ts';
import { part } from './definition-parts.ts';

/** A routine of the options, which may be wrong. */
function define(options: object): AnyRoutine {
  return routine({ name: 'work', slots: {}, run: () => undefined, ...options });
}

/** A flow whose methods take anything. */
type Loose = Record<'add' | 'connect' | 'onError', (...given: unknown[]) => Flow>;

function loose(given: unknown): Loose {
  return given as Loose;
}

describe('a slot', () => {
  test('holds 1,000 messages and rejects more, unless it is told otherwise', () => {
    expect(slot()).toEqual({ kind: 'slot', capacity: 1_000, overflow: 'reject', schema: undefined });
  });

  test('keeps its options', () => {
    const schema = z.string();

    const made = slot({ capacity: Number.POSITIVE_INFINITY, overflow: 'block', schema });

    expect(made).toMatchObject({ capacity: Number.POSITIVE_INFINITY, overflow: 'block' });
    expect(made.schema).toBe(schema);
    expect(slot(schema)).toEqual(slot({ schema }));
  });

  test.each([
    ['a capacity of 0', { capacity: 0 }],
    ['a capacity of a half', { capacity: 0.5 }],
    ['a capacity that is no number', { capacity: '10' }],
    ['an unknown overflow', { overflow: 'wait' }],
    ['a schema that is none', { schema: { parse: () => 1 } }],
    ['an unknown option', { size: 1 }],
    ['no object', 10],
  ])('refuses %s', (_, options) => {
    expect(thrownBy(() => slot(options as never))).toBeInstanceOf(InvalidInputError);
  });

  test('is frozen, as an event is', () => {
    expect([slot(), event()].every((each) => Object.isFrozen(each))).toBe(true);
  });
});

describe('a routine', () => {
  test('runs at once, one activation at a time, and is not critical, unless it is told otherwise', () => {
    const { policy, ...made } = define({});

    expect(policy.name).toBe(immediate().name);
    expect(made).toMatchObject({
      kind: 'routine',
      name: 'work',
      events: {},
      concurrency: 1,
      onError: undefined,
      retry: undefined,
      timeout: undefined,
      critical: false,
    });
  });

  test('keeps its options', () => {
    const options = {
      slots: { in: slot() },
      events: { out: event() },
      policy: batchSize(2),
      concurrency: Number.POSITIVE_INFINITY,
      onError: { retry: { maxAttempts: 2 }, then: 'skip' },
      retry: { delay: 5 },
      timeout: 9,
      critical: true,
      run: () => 1,
    };

    expect(define(options)).toEqual({ kind: 'routine', name: 'work', ...options });
  });

  test.each([
    ['no name', { name: undefined }],
    ['an empty name', { name: '' }],
    ['a name with a dot', { name: 'a.b' }],
    ['the name `__proto__`', { name: '__proto__' }],
    ['no slots', { slots: undefined }],
    ['a list of slots', { slots: [slot()] }],
    ['a slot that is none', { slots: { in: {} } }],
    ['an event as a slot', { slots: { in: event() } }],
    ['a slot with a dot in its name', { slots: { 'a.b': slot() } }],
    ['a slot without a name', { slots: { '': slot() } }],
    ['a slot as an event', { events: { out: slot() } }],
    ['events that are null', { events: null }],
    ['no body', { run: undefined }],
    ['a body that is no function', { run: 'work' }],
    ['a policy that is none', { policy: 'immediate' }],
    ['a concurrency of 0', { concurrency: 0 }],
    ['an unknown failure policy', { onError: 'ignore' }],
    ['a failure policy of null', { onError: null }],
    ['retries without a policy', { onError: { then: 'skip' } }],
    ['an unknown failure policy after retries', { onError: { retry: {}, then: 'retry' } }],
    ['an unknown option of retries', { onError: { retry: { times: 3 } } }],
    ['wrong retries', { retry: { maxAttempts: 0 } }],
    ['a timeout of 0', { timeout: 0 }],
    ['`critical` as a text', { critical: 'yes' }],
    ['an unknown option', { body: () => 1 }],
  ])('refuses %s', (_, options) => {
    expect(thrownBy(() => define(options))).toBeInstanceOf(InvalidInputError);
  });

  test('says what an unknown option may have been', () => {
    expect(thrownBy(() => define({ retyr: {} }))).toMatchObject({ hint: 'Did you mean "retry"?' });
  });

  test('refuses a slot that never holds what the policy waits for', () => {
    const options = { slots: { in: slot({ capacity: 2 }) }, policy: batchSize(3) };

    expect(thrownBy(() => define(options))).toBeInstanceOf(FlowConfigError);
  });

  test('takes a slot that just holds what the policy waits for', () => {
    const options = { slots: { in: slot({ capacity: 3 }) }, policy: batchSize(3) };

    expect(define(options).policy.atLeast).toBe(3);
  });

  test('is frozen, with its slots and events', () => {
    const made = part('a');

    expect([made, made.slots, made.events].every((each) => Object.isFrozen(each))).toBe(true);
  });

  test('stays as it is when what it was made of changes', () => {
    const slots = { in: slot() };
    const retry = { maxAttempts: 2 };
    const onError = { retry: { maxAttempts: 2 } };
    const made = define({ slots, retry, onError });

    Object.assign(slots, { late: slot() });
    retry.maxAttempts = 9;
    onError.retry.maxAttempts = 9;

    expect(Object.keys(made.slots)).toEqual(['in']);
    expect(made.retry).toEqual({ maxAttempts: 2 });
    expect(made.onError).toEqual({ retry: { maxAttempts: 2 } });
  });
});

describe('a flow', () => {
  const a = part('a');
  const b = part('b');
  const pair = loose(flow('pair')).add(a).add(b);

  test('has a name', () => {
    expect(pair.name).toBe('pair');
  });

  test.each([undefined, '', 1, null])('refuses the name %j', (name) => {
    expect(thrownBy(() => flow(name as string))).toBeInstanceOf(InvalidInputError);
  });

  test('has its routines by their names', () => {
    expect(pair.routines).toEqual({ a, b });
  });

  test('has a routine under another name as often as it is added', () => {
    const twice = loose(flow('twice').add(a, 'first')).add(a, 'second');

    expect(twice.routines).toEqual({ first: a, second: a });
  });

  test.each([
    ['what is no routine', [{ kind: 'routine', name: 'c', slots: {}, events: {} }]],
    ['nothing', []],
    ['a name with a dot', [a, 'a.b']],
    ['an empty name', [a, '']],
    ['the name `__proto__`', [a, '__proto__']],
    ['a name that is no text', [a, 1]],
  ])('refuses to add %s', (_, given) => {
    expect(thrownBy(() => loose(flow('f')).add(...given))).toBeInstanceOf(InvalidInputError);
  });

  test.each([
    ['its own', [a]],
    ['the other', [b, 'a']],
  ])('refuses to add a routine when the name is taken that is %s', (_, given) => {
    expect(thrownBy(() => loose(pair).add(...given))).toBeInstanceOf(FlowConfigError);
  });

  test.each([
    ['an unknown routine', 'c.out', 'b.in'],
    ['an unknown event', 'a.ouch', 'b.in'],
    ['an unknown slot', 'a.out', 'b.inn'],
    ['a slot as an event', 'a.in', 'b.in'],
    ['what every object has', 'a.toString', 'b.in'],
  ])('refuses to connect %s', (_, from, to) => {
    expect(thrownBy(() => loose(pair).connect(from, to))).toBeInstanceOf(FlowConfigError);
  });

  test.each([
    ['an unknown routine', 'aa.out', 'b.in', 'Did you mean "a"?'],
    ['an unknown event', 'a.ouut', 'b.in', 'Did you mean "out"?'],
    ['an unknown slot', 'a.out', 'b.inn', 'Did you mean "in"?'],
  ])('says what %s may have been', (_, from, to, hint) => {
    expect(thrownBy(() => loose(pair).connect(from, to))).toMatchObject({ hint });
  });

  test.each([
    ['a path without a dot', ['a', 'b.in']],
    ['a path of three names', ['a.out.x', 'b.in']],
    ['a path that is no text', ['a.out', 1]],
    ['a map that is no function', ['a.out', 'b.in', { map: 'name' }]],
    ['an unknown option', ['a.out', 'b.in', { mapp: () => 1 }]],
    ['a function as the options', ['a.out', 'b.in', () => 1]],
  ])('refuses to connect with %s', (_, given) => {
    expect(thrownBy(() => loose(pair).connect(...given))).toBeInstanceOf(InvalidInputError);
  });

  test('refuses the same connection twice', () => {
    const once = pair.connect('a.out', 'b.in');

    expect(thrownBy(() => once.connect('a.out', 'b.in'))).toBeInstanceOf(FlowConfigError);
  });

  test('sends an event to several slots, and several events to a slot', () => {
    const fan = pair.connect('a.out', 'b.in').connect('a.out', 'a.in').connect('b.out', 'b.in');

    expect(fan.toJSON().connections).toHaveLength(3);
  });

  test.each(['ignore', undefined, null, { then: 'stop' }, { retry: { maxAttempts: -1 } }])(
    'refuses the failure policy %j',
    (policy) => {
      expect(thrownBy(() => loose(pair).onError(policy))).toBeInstanceOf(InvalidInputError);
    },
  );

  test('has the last failure policy that it was given', () => {
    expect(pair.onError('skip').onError('continue').toJSON().onError).toBe('continue');
  });

  test('does not change when another is made of it', () => {
    const before = pair.toJSON();

    loose(pair).add(part('c'));
    pair.connect('a.out', 'b.in');
    pair.onError('skip');

    expect(pair.toJSON()).toEqual(before);
  });

  test('does not change when its failure policy does', () => {
    const policy = { retry: { maxAttempts: 2 } };
    const made = pair.onError(policy);

    policy.retry.maxAttempts = 9;

    expect(made.toJSON().onError).toEqual({ retry: { maxAttempts: 2 } } satisfies RoutineErrorPolicy);
  });

  test('is frozen, with its routines', () => {
    expect([pair, pair.routines].every((each) => Object.isFrozen(each))).toBe(true);
  });
});
