import { FlowConfigError } from 'troupe';
import { flow, flowFromJSON, type FlowSources } from 'troupe/flow';
import { describe, expect, test } from 'vitest';
import { thrownBy } from '../support/deferred.ts';
import { part } from './definition-parts.ts';

const double = part('double');
const print = part('print');
const shift = (value: unknown): unknown => value;
const SOURCES: FlowSources = { routines: [double, print], maps: { shift } };

const GOOD = {
  version: 1,
  name: 'doubling',
  routines: [
    { name: 'double', routine: 'double' },
    { name: 'out', routine: 'print' },
  ],
  connections: [{ from: 'double.out', to: 'out.in', map: 'shift' }],
  onError: 'skip',
} as const;

/** What is said of a description of which some parts are changed. */
function refusalOf(changes: object | string, sources: unknown = SOURCES): unknown {
  const given = typeof changes === 'string' ? changes : { ...GOOD, ...changes };
  return thrownBy(() => flowFromJSON(given, sources as FlowSources));
}

/** What a refusal says, with its hint. */
function textOf(error: unknown): string {
  if (!(error instanceof FlowConfigError)) throw error;
  return `${error.message}; ${error.hint}`;
}

describe('a flow from its description', () => {
  test('has the routines and functions that were given for its names', () => {
    const made = flowFromJSON(GOOD, SOURCES);

    expect(made.routines).toEqual({ double, out: print });
    expect(made.plan.parts.connections.map(({ map }) => map)).toEqual([shift]);
  });

  test.each([
    ['a record of routines', { ...SOURCES, routines: { double, print } }],
    ['a record by the names in the flow', { ...SOURCES, routines: { double, out: print } }],
    ['a routine twice', { ...SOURCES, routines: [double, print, double] }],
    ['more routines than it names', { ...SOURCES, routines: [double, print, part('other')] }],
  ])('takes %s', (_, sources) => {
    expect(flowFromJSON(GOOD, sources).toJSON()).toEqual(GOOD);
  });

  test('needs no functions when it names none', () => {
    const { maps: _, ...sources } = SOURCES;

    expect(flowFromJSON({ ...GOOD, connections: [] }, sources).toJSON().connections).toEqual([]);
  });

  test('can be built on', () => {
    const made = flowFromJSON(GOOD, SOURCES)
      .add(part('more'))
      .connect('out.out', 'more.in', { map: (value) => value });

    expect(made.toJSON().connections.map(({ map }) => map)).toEqual(['shift', 'map']);
  });

  test('keeps the names of its functions, whatever their own are', () => {
    const [first] = GOOD.connections;
    const connections = [first, { ...first, from: 'out.out', map: 'other' }];

    const made = flowFromJSON({ ...GOOD, connections }, { ...SOURCES, maps: { shift, other: shift } });

    expect(made.toJSON().connections).toEqual(connections);
  });

  test('knows a function by the name in the description when it is used again', () => {
    const named = flowFromJSON(GOOD, { ...SOURCES, maps: { shift: Math.abs } });

    const made = named.connect('out.out', 'double.in', { map: Math.abs as (value: unknown) => unknown });

    expect(made.toJSON().connections.map(({ map }) => map)).toEqual(['shift', 'shift']);
  });

  test('gives a function of its own name another, when the description has that for another', () => {
    const named = flowFromJSON(GOOD, { ...SOURCES, maps: { shift: (value) => value } });

    const made = named.connect('out.out', 'double.in', { map: shift });

    expect(made.toJSON().connections.map(({ map }) => map)).toEqual(['shift', 'shift2']);
  });

  test('does not change when the description does', () => {
    const given = structuredClone({ ...GOOD, onError: { retry: { maxAttempts: 2 } } });
    const made = flowFromJSON(given, SOURCES);

    given.onError.retry.maxAttempts = 9;

    expect(made.toJSON().onError).toEqual({ retry: { maxAttempts: 2 } });
  });

  test('may be without routines', () => {
    const { onError: _, ...empty } = { ...GOOD, routines: [], connections: [] };

    expect(flowFromJSON(empty, SOURCES).toJSON()).toEqual(flow('doubling').toJSON());
  });
});

describe('a description that is wrong', () => {
  test.each([
    ['another version', { version: 2 }, '`version`'],
    ['no version', { version: undefined }, '`version`'],
    ['no name', { name: undefined }, '`name`'],
    ['an empty name', { name: '' }, '`name`'],
    ['routines that are no list', { routines: {} }, '`routines`'],
    ['no connections', { connections: undefined }, '`connections`'],
    ['a routine that is a text', { routines: ['double'] }, '`routines[0]`'],
    ['a hole among the routines', { routines: Object.assign([], { length: 1 }) }, '`routines[0]`'],
    ['a hole among the connections', { connections: Object.assign([], { length: 1 }) }, '`connections[0]`'],
    ['a routine without a name', { routines: [{ routine: 'double' }] }, '`routines[0]`'],
    ['a name with a dot', { routines: [{ name: 'a.b', routine: 'double' }] }, '`routines[0]`'],
    ['the name `__proto__`', { routines: [{ name: '__proto__', routine: 'double' }] }, '`routines[0]`'],
    ['a routine that is a number', { routines: [{ name: 'a', routine: 1 }] }, '`routines[0]`'],
    ['a function as the map', { connections: [{ from: 'double.out', to: 'out.in', map: shift }] }, '`map`'],
    ['a path that is no text', { connections: [{ from: 1, to: 'out.in' }] }, 'routine.event'],
    ['an unknown failure policy', { onError: 'ignore' }, '`onError`'],
    ['a failure policy of null', { onError: null }, '`onError`'],
    ['wrong retries', { onError: { retry: { maxAttempts: 0 } } }, '`maxAttempts`'],
    ['retries that are a number', { onError: { retry: 3 } }, '`retry`'],
    ['a failure policy without retries', { onError: { then: 'skip' } }, '`retry`'],
  ])('is refused for %s', (_, changes, told) => {
    expect(textOf(refusalOf(changes))).toContain(told);
  });

  test.each([
    ['an unknown routine', { routines: [{ name: 'a', routine: 'duoble' }] }, '"duoble"', '"double"?'],
    ['an unknown event', { connections: [{ from: 'double.ot', to: 'out.in' }] }, '"ot"', '"out"?'],
    ['an unknown slot', { connections: [{ from: 'double.out', to: 'out.inn' }] }, '"inn"', '"in"?'],
    ['an unknown end', { connections: [{ from: 'double.out', to: 'ou.in' }] }, '"ou"', '"out"?'],
    [
      'an unknown function',
      { connections: [{ from: 'double.out', to: 'out.in', map: 'shit' }] },
      '"shit"',
      '"shift"?',
    ],
    ['an unknown key', { conections: [] }, '"conections"', '"connections"?'],
    ['an unknown key of a routine', { routines: [{ nam: 'a', routine: 'double' }] }, '"nam"', '"name"?'],
    [
      'an unknown key of a connection',
      { connections: [{ form: 'double.out', to: 'out.in' }] },
      '"form"',
      'Known: "from"',
    ],
    ['an unknown key of a failure policy', { onError: { rety: {} } }, '"rety"', '"retry"?'],
    ['an unknown key of retries', { onError: { retry: { dely: 1 } } }, '"dely"', '"delay"?'],
  ])('is refused for %s, and told what it may have been', (_, changes, name, hint) => {
    const text = textOf(refusalOf(changes));

    expect(text).toContain(name);
    expect(text).toContain(hint);
  });

  test('is refused for two routines of one name', () => {
    const [first] = GOOD.routines;

    expect(textOf(refusalOf({ routines: [first, first], connections: [] }))).toContain(
      'two routines "double"',
    );
  });

  test('is refused for the same connection twice', () => {
    const [first] = GOOD.connections;

    expect(textOf(refusalOf({ connections: [first, { ...first, map: undefined }] }))).toContain(
      '"out.in" twice',
    );
  });

  test.each([[undefined], [null], [1], [[]]])('is refused when it is %j', (description) => {
    const error = thrownBy(() => flowFromJSON(description as never, SOURCES));

    expect(textOf(error)).toContain('description');
  });

  test('is refused for a function among the retries, which no text can hold', () => {
    expect(textOf(refusalOf({ onError: { retry: { on: () => true } } }))).toContain('"on"');
  });

  test.each(['toString', 'constructor'])('finds no routine in what every object has: %s', (name) => {
    expect(textOf(refusalOf({ routines: [{ name: 'a', routine: name }] }))).toContain(`"${name}"`);
  });

  test.each(['toString', 'constructor'])('finds no function in what every object has: %s', (map) => {
    const connections = [{ from: 'double.out', to: 'out.in', map }];

    expect(textOf(refusalOf({ connections }))).toContain(`"${map}"`);
    expect(textOf(refusalOf({ connections }, { routines: SOURCES.routines }))).toContain(`"${map}"`);
  });
});

describe('what is given beside a description', () => {
  test.each([
    ['nothing', null, 'an object'],
    ['no routines', {}, '`routines`'],
    ['what is no routine in the list', { ...SOURCES, routines: [double, { ...print }] }, 'a routine'],
    ['a routine in place of a list', { ...SOURCES, routines: double }, 'a routine'],
    ['two routines of one name', { ...SOURCES, routines: [double, print, part('print')] }, '"print"'],
    ['functions as a list', { ...SOURCES, maps: [shift] }, '`maps`'],
    ['a function that is none', { ...SOURCES, maps: { shift: 'shift' } }, 'to be a function'],
    ['an unknown option', { ...SOURCES, map: { shift } }, '"map"'],
  ])('is refused when it is %s', (_, sources, told) => {
    expect(textOf(refusalOf({}, sources))).toContain(told);
  });
});

describe('the text of a description', () => {
  const TEXT = JSON.stringify(GOOD);

  test.each([
    ['no text of any form', '{'],
    ['an empty text', ''],
    ['two documents', `${TEXT}\n---\n${TEXT}`],
    ['a key twice', `name: other\n${flowFromJSON(GOOD, SOURCES).toYAML()}`],
    ['a number in place of a text', TEXT.replace('"doubling"', '1')],
    ['more nesting than can be read', '['.repeat(100_000)],
    ['an alias that holds itself', '&a { version: 1, name: f, routines: *a, connections: [] }'],
  ])('is refused when it is %s', (_, text) => {
    expect(refusalOf(text)).toBeInstanceOf(FlowConfigError);
  });

  test.each([
    ['an unknown tag', '!name doubling'],
    ['a tag of code', '!!js/function "doubling"'],
    ['a tag of bytes', '!!binary ZG91Ymxpbmc='],
  ])('is refused for %s', (_, name) => {
    expect(textOf(refusalOf(TEXT.replace('"doubling"', name)))).toContain('tag');
  });

  test('has no merged keys, whatever version of YAML it says it is', () => {
    const text = TEXT.replace('"version":1', '"<<": {"version": 1}');

    expect(textOf(refusalOf(`%YAML 1.1\n---\n${text}`))).toContain('"<<"');
  });

  test('has no truth but `true`, whatever version of YAML it says it is', () => {
    const text = `%YAML 1.1\n---\n${TEXT.replace('"doubling"', 'yes')}`;

    expect(flowFromJSON(text, SOURCES).name).toBe('yes');
  });

  test('is refused when its aliases expand to far more than it holds', () => {
    const nested = Array.from({ length: 9 }, (_, level) => {
      const before = level === 0 ? 'x' : `*l${level - 1}`;
      return `- &l${level} [${Array.from({ length: 9 }, () => before).join(', ')}]`;
    });

    const error = refusalOf(`version: 1\nname: f\nroutines:\n${nested.join('\n')}\nconnections: []`);

    expect(textOf(error)).toContain('alias');
  });

  test('may say the same part by an alias', () => {
    const text = `
      version: 1
      name: &name double
      routines: [{ name: *name, routine: *name }]
      connections: []
    `;

    expect(flowFromJSON(text, SOURCES).toJSON().routines).toEqual([{ name: 'double', routine: 'double' }]);
  });

  test.each(['__proto__', 'constructor', 'prototype'])('is refused for the key %s, wherever it is', (key) => {
    const polluting = `"${key}":{"polluted":true}`;
    const texts = [
      TEXT.replace('{', `{${polluting},`),
      TEXT.replace('[{', `[{${polluting},`),
      TEXT.replace('{"from"', `{${polluting},"from"`),
      TEXT.replace('"onError":"skip"', `"onError":{"retry":{},${polluting}}`),
      TEXT.replace('"onError":"skip"', `"onError":{"retry":{${polluting}}}`),
    ];

    const errors = texts.flatMap((text) => [refusalOf(text), refusalOf(JSON.parse(text) as object)]);

    expect(errors.filter((error) => !textOf(error).includes(`Unknown key "${key}"`))).toEqual([]);
    expect('polluted' in {}).toBe(false);
  });
});
