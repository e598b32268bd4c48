import { InvalidInputError } from '../errors.ts';
import { didYouMean } from '../suggest.ts';

function show(value: unknown): string {
  if (typeof value === 'string') return `"${value}" (string)`;
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'an array' : 'an object';
  return `${String(value)} (${value === null ? 'null' : typeof value})`;
}

/** The error for an option or argument that is not of the form asked for. */
export function expected(what: string, form: string, value: unknown, hint?: string): InvalidInputError {
  return new InvalidInputError(`Expected ${what} to be ${form}, got ${show(value)}`, {
    hint: hint ?? `Give ${form}.`,
  });
}

/** Throws for the one name that no property can safely have: setting it would change an object's prototype. */
export function assertPortName(what: string, name: unknown): void {
  if (name !== '__proto__') return;
  throw expected(what, 'a name other than "__proto__"', name, 'Give it another name.');
}

/** Throws unless `options` is an object whose keys are all known. */
export function assertKnownOptions(
  owner: string,
  options: unknown,
  known: readonly string[],
): asserts options is object {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw expected(`the options of ${owner}`, 'an object', options);
  }
  const unknown = Object.keys(options).find((key) => !known.includes(key));
  if (unknown === undefined) return;
  throw new InvalidInputError(`Unknown option \`${unknown}\` of ${owner}`, {
    hint: didYouMean(unknown, known),
  });
}

/** Throws unless the value is undefined or one of `choices`. */
export function assertOneOf(what: string, value: unknown, choices: readonly unknown[]): void {
  if (value === undefined || choices.includes(value)) return;
  throw expected(what, `one of ${choices.map((choice) => JSON.stringify(choice)).join(', ')}`, value);
}

/** Throws unless the value is undefined or a number from `minimum` up; `Infinity` only where it is allowed. */
export function assertNumber(what: string, value: unknown, minimum: number, allowInfinity = false): void {
  if (value === undefined) return;
  const isFit = typeof value === 'number' && value >= minimum && (allowInfinity || Number.isFinite(value));
  if (!isFit) throw expected(what, `a number >= ${minimum}`, value);
}

/** Throws unless the value is undefined or an integer from `minimum` up; `Infinity` only where it is allowed. */
export function assertInteger(what: string, value: unknown, minimum: number, allowInfinity = false): void {
  if (value === undefined || (allowInfinity && value === Number.POSITIVE_INFINITY)) return;
  if (!Number.isSafeInteger(value) || Number(value) < minimum)
    throw expected(what, `an integer >= ${minimum}`, value);
}

/** Throws unless the value is undefined, null or a number of ms above 0. */
export function assertTimeout(what: string, value: unknown): void {
  if (value === undefined || value === null) return;
  const isFit = typeof value === 'number' && value > 0 && Number.isFinite(value);
  if (!isFit) throw expected(what, 'a number of ms > 0, or null for none', value);
}

/** Throws unless the value is undefined or a function. */
export function assertFunction(what: string, value: unknown): void {
  if (value !== undefined && typeof value !== 'function') throw expected(what, 'a function', value);
}
