import { parseDocument } from 'yaml';
import { FlowConfigError, InvalidInputError, toError } from '../errors.ts';
import { expected } from '../nodes/validate.ts';
import { didYouMean } from '../suggest.ts';
import type { AnyRoutine, RoutineErrorPolicy } from './contract.ts';
import type { NamedConnection } from './flow-json.ts';
import type { Flow, FlowJSON } from './flow-types.ts';
import { connectionOf, made } from './flow.ts';
import type { Connection, FlowParts } from './parts.ts';
import { assertErrorPolicy, assertPartName, isRoutine, ownErrorPolicy } from './routine.ts';

/** What the names in a description stand for: code never comes from data. */
export interface FlowSources {
  /** A list, or a record by the names that the routines have themselves or in the flow. There may be more than the flow uses. */
  readonly routines: readonly AnyRoutine[] | Readonly<Record<string, AnyRoutine>>;
  /** The functions of connections that map, by the names that the description has for them. */
  readonly maps?: Readonly<Record<string, (value: never) => unknown>>;
}

/**
 * Makes a flow of its description: the object that `toJSON` gives, or JSON or YAML text. Routines and functions are
 * looked up by their names; nothing in a description is ever run.
 *
 * @throws {@link FlowConfigError} FLOW_CONFIG when the description is not of the form of {@link FlowJSON}, or names a
 * routine, event, slot or function that there is not.
 *
 * @example
 * ```ts
 * import { event, flowFromJSON, routine, slot } from 'troupe/flow';
 *
 * const double = routine({
 *   name: 'double',
 *   slots: { input: slot<number>() },
 *   events: { output: event<number>() },
 *   run: ({ input }, ctx) => input.forEach((n) => void ctx.emit('output', n * 2)),
 * });
 * const print = routine({
 *   name: 'print',
 *   slots: { line: slot<string>() },
 *   run: ({ line }) => line.forEach((text) => console.log(text)),
 * });
 * const text = `
 * version: 1
 * name: doubling
 * routines:
 *   - { name: double, routine: double }
 *   - { name: out, routine: print }
 * connections:
 *   - { from: double.output, to: out.line, map: show }
 * `;
 * const doubling = flowFromJSON(text, {
 *   routines: [double, print],
 *   maps: { show: (n: number) => `twice: ${n}` },
 * });
 * console.log(doubling.validate()); // []
 * ```
 */
export function flowFromJSON(description: FlowJSON | string, sources: FlowSources): Flow {
  try {
    const given = typeof description === 'string' ? parsed(description) : description;
    return made(partsOf(given, sources));
  } catch (error) {
    if (error instanceof InvalidInputError) throw new FlowConfigError(error.message, { hint: error.hint });
    throw error;
  }
}

/** What they expand to could be far more than the text; a description needs none. */
const MAX_ALIASES = 100;

/** The value of a text. JSON is YAML, too, and YAML refuses keys that are given twice. */
function parsed(text: string): unknown {
  const document = parseDocument(text, {
    schema: 'core', // whatever version the text says it is of
    resolveKnownTags: false,
    logLevel: 'error',
  });
  // A tag that nobody knows is but a warning, and would be read as if it were not there.
  const [problem] = [...document.errors, ...document.warnings];
  if (problem !== undefined) throw unreadable(problem);
  try {
    return document.toJS({ maxAliasCount: MAX_ALIASES });
  } catch (error) {
    throw unreadable(error);
  }
}

function unreadable(cause: unknown): FlowConfigError {
  return new FlowConfigError(`The description of a flow cannot be read: ${toError(cause).message}`, {
    hint: 'Give JSON or YAML text, as `toYAML()` of a flow does.',
    cause,
  });
}

const WHOLE = 'the description of a flow';

function partsOf(description: unknown, sources: unknown): FlowParts {
  const fields = fieldsOf(WHOLE, description, ['version', 'name', 'routines', 'connections', 'onError']);
  const { name, onError } = fields;
  if (fields['version'] !== 1)
    throw expected(`\`version\` of ${WHOLE}`, '1', fields['version'], 'Only version 1 can be read.');
  assertText(`\`name\` of ${WHOLE}`, name);
  const { routines: given, maps: functions = {} } = fieldsOf('the second argument of flowFromJSON', sources, [
    'routines',
    'maps',
  ]);
  const maps = fieldsOf('`maps` of flowFromJSON', functions);
  const routines = routinesOf(fields['routines'], routinesByName(given));
  const connections = connectionsOf(fields['connections'], { name, routines, maps });
  return { name, routines, connections, onError: errorPolicyOf(name, onError) };
}

function routinesOf(
  listed: unknown,
  known: ReadonlyMap<string, AnyRoutine>,
): ReadonlyMap<string, AnyRoutine> {
  const found = new Map<string, AnyRoutine>();
  for (const [index, each] of listOf(`\`routines\` of ${WHOLE}`, listed).entries()) {
    const what = `\`routines[${index}]\` of ${WHOLE}`;
    const { name, routine } = fieldsOf(what, each, ['name', 'routine']);
    assertPartName(`\`name\` of ${what}`, name);
    assertText(`\`routine\` of ${what}`, routine);
    const used = known.get(routine) ?? known.get(name);
    if (used === undefined)
      throw new FlowConfigError(`There is no routine "${routine}" for ${what}`, {
        hint: didYouMean(routine, [...known.keys()]),
      });
    if (found.has(name))
      throw new FlowConfigError(`${capital(WHOLE)} has two routines "${name}"`, {
        hint: 'Give one of them another name.',
      });
    found.set(name, used);
  }
  return found;
}

/** The routines that a description may name: those of a list by their own names, those of a record by their keys as well. */
function routinesByName(given: unknown): ReadonlyMap<string, AnyRoutine> {
  const what = '`routines` of flowFromJSON';
  if (typeof given !== 'object' || given === null) throw expected(what, 'a list of routines', given);
  const byName = new Map<string, AnyRoutine>();
  const entries = Object.entries(given) as [string, unknown][];
  for (const [key, routine] of entries) {
    if (!isRoutine(routine)) throw expected(`"${key}" in ${what}`, 'a routine', routine);
    if (!Array.isArray(given)) byName.set(key, routine);
  }
  for (const [, routine] of entries) {
    const { name } = routine as AnyRoutine; // checked above
    if (Array.isArray(given) && byName.has(name) && byName.get(name) !== routine)
      throw new FlowConfigError(`There are two routines "${name}" in ${what}`, {
        hint: 'A description tells routines by their own names: give one of them another.',
      });
    if (!byName.has(name)) byName.set(name, routine as AnyRoutine);
  }
  return byName;
}

interface Surroundings {
  readonly name: string;
  readonly routines: ReadonlyMap<string, AnyRoutine>;
  /** The functions, as they were given. */
  readonly maps: Readonly<Record<string, unknown>>;
}

function connectionsOf(listed: unknown, { name, routines, maps }: Surroundings): readonly Connection[] {
  const seen = new Set<string>();
  return listOf(`\`connections\` of ${WHOLE}`, listed).map((each, index): NamedConnection => {
    const what = `\`connections[${index}]\` of ${WHOLE}`;
    const { from, to, map: mapName } = fieldsOf(what, each, ['from', 'to', 'map']);
    const map = mapName === undefined ? undefined : mapOf(what, mapName, maps);
    const connection = connectionOf({ name, routines }, from, to, map);
    const ends = `"${String(from)}" and "${String(to)}"`;
    if (seen.has(ends))
      throw new FlowConfigError(`${capital(WHOLE)} connects ${ends} twice`, {
        hint: 'Leave one of them out.',
      });
    seen.add(ends);
    return typeof mapName === 'string' ? { ...connection, mapName } : connection;
  });
}

function mapOf(what: string, name: unknown, maps: Surroundings['maps']): Connection['map'] {
  assertText(`\`map\` of ${what}`, name);
  const map = maps[name];
  if (typeof map === 'function') return map as Connection['map']; // any function of one value
  if (map !== undefined) throw expected(`"${name}" in \`maps\` of flowFromJSON`, 'a function', map);
  throw new FlowConfigError(`There is no function "${name}" for \`map\` of ${what}`, {
    hint: `Give it in \`maps\`. ${didYouMean(name, Object.keys(maps))}`,
  });
}

function errorPolicyOf(flowName: string, given: unknown): RoutineErrorPolicy | undefined {
  const what = `\`onError\` of ${WHOLE}`;
  if (typeof given === 'object') {
    const { retry } = fieldsOf(what, given, ['retry', 'then']);
    if (retry !== undefined)
      fieldsOf(`\`retry\` of ${what}`, retry, ['maxAttempts', 'delay', 'backoff', 'maxDelay', 'jitter']);
  }
  assertErrorPolicy(`flow "${flowName}"`, given);
  return ownErrorPolicy(given);
}

/** What an object of data has, if it has nothing else than it may have. */
function fieldsOf(
  what: string,
  given: unknown,
  known?: readonly string[],
): Readonly<Record<string, unknown>> {
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw expected(what, 'an object', given);
  const unknown = known === undefined ? undefined : Object.keys(given).find((key) => !known.includes(key));
  if (unknown !== undefined)
    throw new FlowConfigError(`Unknown key "${unknown}" in ${what}`, {
      hint: didYouMean(unknown, known ?? []),
    });
  return Object.assign(Object.create(null) as Record<string, unknown>, given);
}

function listOf(what: string, given: unknown): readonly unknown[] {
  if (!Array.isArray(given)) throw expected(what, 'a list', given);
  return Array.from(given as readonly unknown[]); // without holes
}

function assertText(what: string, given: unknown): asserts given is string {
  if (typeof given !== 'string' || given === '') throw expected(what, 'a text that is not empty', given);
}

function capital(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;
}
