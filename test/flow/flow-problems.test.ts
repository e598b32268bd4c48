import fc from 'fast-check';
import { flow, flowFromJSON, type Flow, type FlowProblemCode } from 'troupe/flow';
import { describe, expect, test } from 'vitest';
import { connected, part, placesOf } from './definition-parts.ts';

/** A flow of routines with one slot and one event each. */
function flowOf(names: readonly string[], ...pairs: readonly string[]): Flow {
  return connected(
    names.reduce<Flow>((built, name) => built.add(part(name)), flow('f')),
    ...pairs,
  );
}

function messageOf(given: Flow, code: FlowProblemCode): string | undefined {
  return given.validate().find((problem) => problem.code === code)?.message;
}

describe('what is wrong with a flow', () => {
  test('is nothing for a chain', () => {
    expect(flowOf(['a', 'b', 'c'], 'a b', 'b c').validate()).toEqual([]);
  });

  test('is nothing for two ways that meet', () => {
    expect(flowOf(['a', 'b', 'c', 'd'], 'a b', 'a c', 'b d', 'c d').validate()).toEqual([]);
  });

  test('is nothing for a routine alone', () => {
    expect(flowOf(['a']).validate()).toEqual([]);
  });

  test('is an error where there are no routines', () => {
    expect(flow('empty').validate()).toEqual([
      { level: 'error', code: 'NO_ROUTINES', message: 'Flow "empty" has no routines', where: [] },
    ]);
  });

  test('is but a warning for all else', () => {
    const odd = flowOf(['a', 'b', 'c'], 'a b', 'b a').add(part('none', []));

    const problems = odd.validate();

    expect(new Set(problems.map(({ code }) => code))).toEqual(new Set(['NO_SLOTS', 'UNREACHED', 'CYCLE']));
    expect(problems.every(({ level }) => level === 'warning')).toBe(true);
  });

  test('is a routine without slots', () => {
    expect(placesOf(flowOf(['a']).add(part('never', [])), 'NO_SLOTS')).toEqual([['never']]);
  });
});

describe('a routine that nothing reaches', () => {
  test('is one without connections beside others', () => {
    expect(placesOf(flowOf(['a', 'b', 'alone'], 'a b'), 'UNREACHED')).toEqual([['alone']]);
  });

  test('is not one with a connection out, which is posted to', () => {
    expect(placesOf(flowOf(['a', 'b', 'c'], 'a c', 'b c'), 'UNREACHED')).toEqual([]);
  });

  test('is one in a cycle that no other leads to', () => {
    expect(placesOf(flowOf(['a', 'b', 'c'], 'a b', 'b a', 'b c'), 'UNREACHED')).toEqual([['a', 'b']]);
  });

  test('is one that sends to itself alone', () => {
    expect(placesOf(flowOf(['a', 'b', 'c'], 'a b', 'c c'), 'UNREACHED')).toEqual([['c']]);
  });

  test('is one in a cycle that only another such cycle leads to', () => {
    const two = flowOf(['a', 'b', 'c', 'd'], 'a b', 'b a', 'b c', 'c d', 'd c');

    expect(placesOf(two, 'UNREACHED')).toEqual([
      ['a', 'b'],
      ['c', 'd'],
    ]);
  });

  test('is none in a cycle that another leads to, from afar', () => {
    const far = flowOf(['a', 'b', 'c', 'start'], 'start a', 'a a', 'a b', 'b c', 'c b');

    expect(placesOf(far, 'UNREACHED')).toEqual([]);
  });

  test('is none in a flow of one routine, even if it sends to itself', () => {
    expect(placesOf(flowOf(['a'], 'a a'), 'UNREACHED')).toEqual([]);
  });
});

describe('a slot without a feeder', () => {
  const both = flowOf(['a']).add(part('join', ['in', 'other']));

  test('is one beside a slot that is fed', () => {
    expect(placesOf(connected(both, 'a join'), 'NO_FEEDER')).toEqual([['join.other']]);
  });

  test('is none when no slot of the routine is fed', () => {
    expect(placesOf(both.connect('join.out', 'a.in'), 'NO_FEEDER')).toEqual([]);
  });

  test('is none when all are fed', () => {
    expect(placesOf(connected(both, 'a join').connect('a.out', 'join.other'), 'NO_FEEDER')).toEqual([]);
  });
});

describe('a cycle', () => {
  test('is named in the order in which it goes round, from its first routine on', () => {
    const ring = flowOf(['start', 'a', 'b', 'c'], 'start b', 'a c', 'c b', 'b a');

    expect(placesOf(ring, 'CYCLE')).toEqual([['a', 'c', 'b']]);
  });

  test('may be one routine that sends to itself', () => {
    expect(placesOf(flowOf(['a', 'b'], 'a b', 'b b'), 'CYCLE')).toEqual([['b']]);
  });

  test('is one with another that it shares a routine with', () => {
    const eight = flowOf(['a', 'b', 'c'], 'a b', 'b a', 'b c', 'c b');

    expect(placesOf(eight, 'CYCLE')).toEqual([['a', 'b', 'c']]);
  });

  test('is another than one that there is no way back from', () => {
    const two = flowOf(['a', 'b', 'c', 'd'], 'c d', 'd c', 'a b', 'b a', 'b c');

    expect(placesOf(two, 'CYCLE')).toEqual([
      ['a', 'b'],
      ['c', 'd'],
    ]);
  });

  test('says that its routines may wait for each other when all slots on it block', () => {
    const blocking = { overflow: 'block' } as const;
    const ring = flow('f')
      .add(part('a', ['in'], ['out'], blocking))
      .add(part('b', ['in'], ['out'], blocking));

    const message = messageOf(connected(ring, 'a b', 'b a'), 'CYCLE');

    expect(message).toContain('wait for each other');
  });

  test('does not say so when a slot on it never blocks', () => {
    const ring = flow('f')
      .add(part('a', ['in'], ['out'], { overflow: 'block' }))
      .add(part('b'));

    const message = messageOf(connected(ring, 'a b', 'b a'), 'CYCLE');

    expect(message).not.toContain('wait for each other');
  });

  test('says so whatever the slots that are not on it do', () => {
    const ring = flow('f')
      .add(part('a', ['in', 'posted'], ['out'], { overflow: 'block' }))
      .add(part('start'))
      .add(part('end'));

    const message = messageOf(connected(ring, 'a a', 'start a', 'a end'), 'CYCLE');

    expect(message).toContain('wait for each other');
  });

  test('is found among any connections, as who can come back to itself', () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    const all = names.flatMap((from) => names.map((to) => [from, to] as const));
    fc.assert(
      fc.property(fc.subarray(all, { maxLength: 12 }), (pairs) => {
        const leads = new Set(pairs.map(([from, to]) => `${from} ${to}`));
        for (const via of names)
          for (const [from, to] of all)
            if (leads.has(`${from} ${via}`) && leads.has(`${via} ${to}`)) leads.add(`${from} ${to}`);
        const returning = names.map((name) =>
          names.filter((other) => leads.has(`${name} ${other}`) && leads.has(`${other} ${name}`)),
        );
        const expected = new Set(
          returning.filter(({ length }) => length > 0).map((cycle) => cycle.join(' ')),
        );

        const drawn = flowOf(names, ...pairs.map((pair) => pair.join(' ')));
        const found = placesOf(drawn, 'CYCLE').map((cycle) => cycle.toSorted().join(' '));

        expect(found).toEqual([...expected]);
      }),
    );
  });
});

describe('looking for problems', () => {
  test('changes nothing', () => {
    const ring = flowOf(['a', 'b'], 'a b', 'b a');
    const before = ring.toJSON();

    const problems = ring.validate();

    expect(ring.validate()).toEqual(problems);
    expect(ring.toJSON()).toEqual(before);
  });

  test('gets to the end of a flow of any length', () => {
    const names = Array.from({ length: 20_000 }, (_, index) => `r${index}`);
    const ring = flowFromJSON(
      {
        version: 1,
        name: 'ring',
        routines: names.map((name) => ({ name, routine: 'part' })),
        connections: names.map((name, index) => ({
          from: `${name}.out`,
          to: `${names[index + 1] ?? 'r0'}.in`,
        })),
      },
      { routines: [part('part')] },
    );

    expect(placesOf(ring, 'CYCLE')).toEqual([names]);
  });
});
