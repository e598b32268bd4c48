import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { InputDeclaration } from './contract.ts';

/** A default and a schema of one input. */
export interface InputOptions<Value, Given = Value> {
  /** Used when the input is not given; cloned for every call where it is plain data. */
  readonly default?: Value;
  /** Any Standard Schema (zod, valibot, arktype …). */
  readonly schema?: StandardSchemaV1<Given, Value>;
}

/**
 * Declares one input of a node: `input<string>()` is required, `input(5)` has a default, `input({ default, schema })`
 * says both. An object whose only keys are `default` and `schema` is taken as options, never as a default value.
 *
 * @example
 * ```ts
 * import { input, node } from 'troupe';
 *
 * const embed = node({
 *   name: 'embed',
 *   inputs: { text: input<string>(), dimensions: input(5) },
 *   run: ({ text, dimensions }) => Array.from({ length: dimensions }, () => text.length),
 * });
 * console.log(embed.name);
 * ```
 */
export function input<Value>(): InputDeclaration<Value, Value, false>;
export function input<Value, Given = Value>(
  options: Required<InputOptions<Value, Given>> | { readonly default: Value },
): InputDeclaration<Value, Given, true>;
export function input<Value, Given = Value>(options: {
  readonly schema: StandardSchemaV1<Given, Value>;
}): InputDeclaration<Value, Given, undefined extends Given ? true : false>;
export function input<Value>(defaultValue: Value): InputDeclaration<Value, Value, true>;
export function input(...args: readonly unknown[]): InputDeclaration {
  if (args.length === 0) return Object.freeze({ '~input': { optional: false } });
  const [given] = args;
  if (!isInputOptions(given)) return Object.freeze({ '~input': { optional: true }, default: given });
  return Object.freeze({ '~input': { optional: 'default' in given }, ...given });
}

function isInputOptions(value: unknown): value is InputOptions<unknown> & { schema?: StandardSchemaV1 } {
  if (typeof value !== 'object' || value === null) return false;
  const keys = Object.keys(value);
  return keys.length > 0 && keys.every((key) => key === 'default' || key === 'schema');
}

/** Whether a value of an `inputs` object was made by `input` (else it is a schema). */
export function isInputDeclaration(value: unknown): value is InputDeclaration {
  return typeof value === 'object' && value !== null && '~input' in value;
}

/** Whether a value follows the Standard Schema interface. */
export function isStandardSchema(value: unknown): value is StandardSchemaV1 {
  return (typeof value === 'object' || typeof value === 'function') && value !== null && '~standard' in value;
}
