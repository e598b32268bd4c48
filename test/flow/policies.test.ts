import fc from 'fast-check';
import { InvalidInputError } from 'troupe';
import {
  allSlotsReady,
  batchSize,
  custom,
  immediate,
  timeInterval,
  type Policy,
  type Verdict,
} from 'troupe/flow';
import { describe, expect, test } from 'vitest';
import { thrownBy } from '../support/deferred.ts';
import { viewOf } from './definition-parts.ts';

function takenBy(policy: Policy, sizes: Readonly<Record<string, number>>): unknown {
  const verdict = policy.ask(viewOf(sizes));
  return verdict !== false && 'take' in verdict ? verdict.take : verdict;
}

describe('the policy `immediate`', () => {
  test('takes all of every slot once any has one', () => {
    expect(takenBy(immediate(), { a: 2, b: 0 })).toEqual({ a: 2, b: 0 });
  });

  test('waits while all slots are empty', () => {
    expect(takenBy(immediate(), { a: 0, b: 0 })).toBe(false);
  });
});

describe('the policy `allSlotsReady`', () => {
  test('takes one of each slot', () => {
    expect(takenBy(allSlotsReady(), { a: 2, b: 1 })).toEqual({ a: 1, b: 1 });
  });

  test('waits for the last slot', () => {
    expect(takenBy(allSlotsReady(), { a: 2, b: 0 })).toBe(false);
  });
});

describe('the policy `batchSize`', () => {
  test('takes exactly so many of each slot', () => {
    expect(takenBy(batchSize(2), { a: 5, b: 2 })).toEqual({ a: 2, b: 2 });
  });

  test('waits while a slot has fewer', () => {
    expect(takenBy(batchSize(2), { a: 5, b: 1 })).toBe(false);
  });

  test('needs slots that hold a batch', () => {
    expect(batchSize(7).atLeast).toBe(7);
  });

  test.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '2', undefined, null])(
    'refuses the size %s',
    (size) => {
      expect(thrownBy(() => batchSize(size as number))).toBeInstanceOf(InvalidInputError);
    },
  );
});

describe('the policy `timeInterval`', () => {
  const policy = timeInterval(100);

  function ask(size: number, now: number, lastAt?: number): Verdict {
    return policy.ask(viewOf({ a: size }, { now, lastAt }));
  }

  test('takes everything at once the first time', () => {
    expect(ask(3, 5)).toEqual({ take: { a: 3 } });
  });

  test('asks to be asked again when its time is over', () => {
    expect(ask(3, 150, 80)).toEqual({ askAt: 180 });
  });

  test('takes everything when just its time is over', () => {
    expect(ask(3, 180, 80)).toEqual({ take: { a: 3 } });
  });

  test('waits for a message when it has none, and names no time', () => {
    expect(ask(0, 150, 80)).toBe(false);
  });

  test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, '2', undefined, null])(
    'refuses the time %s',
    (ms) => {
      expect(thrownBy(() => timeInterval(ms as number))).toBeInstanceOf(InvalidInputError);
    },
  );
});

describe('the policy `custom`', () => {
  test('says what its function says of what it is shown', () => {
    const policy = custom(({ slots, now, lastAt = -1 }) => ({
      take: { a: (slots['a']?.size ?? 0) + now + lastAt },
      reason: 'because',
    }));

    expect(policy.ask(viewOf({ a: 1 }, { now: 10, lastAt: 5 }))).toEqual({
      take: { a: 16 },
      reason: 'because',
    });
  });

  test.each([undefined, null, 'ask', {}])('refuses the function %j', (ask) => {
    expect(thrownBy(() => custom(ask as never))).toBeInstanceOf(InvalidInputError);
  });
});

describe('every policy', () => {
  const makers = [
    ['immediate', () => immediate(), true],
    ['allSlotsReady', allSlotsReady, false],
    ['batchSize(2)', (options?: object) => batchSize(2, options), true],
    ['timeInterval(2)', (options?: object) => timeInterval(2, options), true],
    ['custom', (options?: object) => custom(() => false, options), true],
  ] as const;

  test.each(makers)('%s has its name, is frozen, and knows what becomes of the rest', (name, make, flush) => {
    const policy = make();

    expect(policy).toMatchObject({ name, flush });
    expect(Object.isFrozen(policy)).toBe(true);
  });

  test.each(makers.slice(1))('%s can be told what becomes of the rest', (_, make, flush) => {
    expect(make({ flush: !flush }).flush).toBe(!flush);
  });

  test.each(makers.slice(1))('%s refuses wrong and unknown options', (_, make) => {
    const errors = [{ flush: 1 }, { flsh: true }, null].map((options) =>
      thrownBy(() => make(options as never)),
    );

    expect(errors.map((error) => error instanceof InvalidInputError)).toEqual([true, true, true]);
  });

  test.each(makers)('%s never takes more than there is, and some of what it takes', (_, make) => {
    const names = fc.string().filter((name) => name !== '__proto__');
    const sizes = fc.dictionary(names, fc.nat({ max: 5 }), { noNullPrototype: true });
    fc.assert(
      fc.property(sizes, fc.nat(), fc.option(fc.nat(), { nil: undefined }), (given, now, lastAt) => {
        const verdict = make().ask(viewOf(given, { now, lastAt }));
        if (verdict === false || 'askAt' in verdict) return;
        const taken = Object.entries(verdict.take);
        expect(taken.every(([name, count]) => count <= (given[name] ?? 0))).toBe(true);
        expect(taken.some(([, count]) => count > 0)).toBe(true);
      }),
    );
  });

  test.each(makers)('%s never runs without slots', (_, make) => {
    expect(make().ask(viewOf({}))).toBe(false);
  });

  test.each(makers)('%s is asked without changing what it sees', (_, make) => {
    const view = viewOf({ a: 3, b: 2 }, { now: 9, lastAt: 1 });
    const before = structuredClone(view);

    make().ask(view);

    expect(view).toEqual(before);
  });
});
