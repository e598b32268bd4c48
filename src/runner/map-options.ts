import { itemsOf, type ItemInputs } from '../actors/graph-map.ts';
import { InvalidInputError, UnknownInputError } from '../errors.ts';
import type { AnyNode } from '../nodes/contract.ts';
import { assertOneOf, expected } from '../nodes/validate.ts';
import { didYouMean } from '../suggest.ts';
import type { RunOptions } from './options.ts';

/** The names of a target's inputs: what can be mapped over. */
export type InputName<Input> = unknown extends Input
  ? string
  : Input extends readonly unknown[] | string | number | bigint | boolean | symbol | null | undefined
    ? never
    : keyof Input & string;

type NameIn<Over> = Over extends readonly (infer Name)[] ? Name : Over;

type Flatten<Shape> = { [Key in keyof Shape]: Shape[Key] } & {};

/** What a map is given: a list for each input that is mapped over; every other input as it is, for all items. */
export type MapInput<Input, Over> = Flatten<
  {
    readonly [Name in keyof Input as Name extends NameIn<Over> ? Name : never]-?: readonly Input[Name][];
  } & {
    [Name in keyof Input as Name extends NameIn<Over> ? never : Name]: Input[Name];
  }
>;

/** Options of a map: those of a run, which hold for each item, and how the lists are mapped over. */
export interface MapOptions<Over = string | readonly string[]> extends Omit<RunOptions, 'onError'> {
  /** The name of the input that takes a list, or the names of several. */
  readonly over: Over;
  /** `'zip'` (default): lists of one length, taken together. `'product'`: each with each, the first name outermost. */
  readonly mode?: 'zip' | 'product' | undefined;
  /**
   * `'stop'` (default): the first item that does not complete stops the others. `'continue'`: every item runs. Within an
   * item the runner's own `onError` holds.
   */
  readonly onError?: 'stop' | 'continue' | undefined;
  /**
   * How many bodies work at once in all items together; items are started as there are places for their work. Of `mapIter`
   * also how many items are in flight at once. Default: the runner's; without it Infinity, and 64 items in flight for
   * `mapIter`.
   */
  readonly maxConcurrency?: number | null | undefined;
  /** Cancels all items when it aborts, and no more are started. */
  readonly signal?: AbortSignal | null | undefined;
  /** The longest that one item may take, in ms, without the time in which it is paused. Default: the runner's. */
  readonly timeout?: number | null | undefined;
}

/** The options of a map, taken apart. */
export interface MapReading {
  readonly names: readonly string[];
  readonly mode: 'zip' | 'product';
  readonly onError: 'stop' | 'continue';
  /** What is left: the options of a run. */
  readonly ofRuns: RunOptions;
}

/**
 * Takes the options of a map apart.
 *
 * @throws {@link InvalidInputError} INVALID_INPUT when one of those that only a map has is not of the form asked for.
 */
export function readMapOptions(owner: string, options: unknown): MapReading {
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw expected(`the options of ${owner}`, 'an object with `over`', options);
  const given: { readonly [Key in keyof MapOptions]?: unknown } = options;
  const { over, mode, onError, ...ofRuns } = given;
  assertOneOf(`\`mode\` of ${owner}`, mode, ['zip', 'product']);
  assertOneOf(`\`onError\` of ${owner}`, onError, ['stop', 'continue']);
  return {
    names: namesOf(owner, over),
    mode: mode === 'product' ? 'product' : 'zip',
    onError: onError === 'continue' ? 'continue' : 'stop',
    ofRuns: ofRuns as RunOptions, // still to be checked, as those of every run
  };
}

function namesOf(owner: string, over: unknown): readonly string[] {
  const names: readonly unknown[] = Array.isArray(over) ? over : [over];
  const texts = names.filter((name) => typeof name === 'string');
  if (texts.length < names.length || texts.length === 0)
    throw expected(`\`over\` of ${owner}`, 'the name of an input, or several', over);
  if (new Set(texts).size === texts.length) return texts;
  throw new InvalidInputError(`\`over\` of ${owner} names an input twice: ${texts.join(', ')}`, {
    hint: 'Name each once.',
  });
}

/**
 * The inputs of a map's items.
 *
 * @throws {@link InvalidInputError} INVALID_INPUT when the target takes no named inputs, or the lists do not fit;
 * {@link UnknownInputError} UNKNOWN_INPUT, {@link ConflictError} CONFLICT for a name that the target does not take.
 */
export function mapInputs(
  target: AnyNode,
  input: unknown,
  { names, mode }: Pick<MapReading, 'names' | 'mode'>,
): ItemInputs {
  const what = `the map of ${target.kind === 'graph' ? 'graph' : 'node'} "${target.name}"`;
  if (target.inputs === undefined) {
    throw new InvalidInputError(`${capitalised(what)} has nothing to map over: the node declares no inputs`, {
      hint: 'Declare them: `node({ name, inputs: { x: input() }, run })`.',
    });
  }
  if (typeof input !== 'object' || input === null || Array.isArray(input))
    throw expected(`the input of ${what}`, 'an object of lists and other inputs by name', input);
  const known = Object.keys(target.inputs);
  const values = input as Readonly<Record<string, unknown>>; // an object, as checked above
  for (const name of names) assertKnown(what, name, known);
  target.assertGiven?.(values);
  for (const name of Object.keys(values)) assertKnown(what, name, known);
  return itemsOf(values, { names, mode }, what);
}

function assertKnown(what: string, name: string, known: readonly string[]): void {
  if (known.includes(name)) return;
  throw new UnknownInputError(`There is no input "${name}" for ${what}`, { hint: didYouMean(name, known) });
}

function capitalised(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}
