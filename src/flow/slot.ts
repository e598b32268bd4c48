import type { StandardSchemaV1 } from '@standard-schema/spec';
import { isStandardSchema } from '../nodes/input.ts';
import { assertInteger, assertKnownOptions, assertOneOf, expected } from '../nodes/validate.ts';
import type { FlowEvent, Overflow, Slot } from './contract.ts';

/** Options of {@link slot}. */
export interface SlotOptions<Value> {
  /** The most messages that may wait in it: an integer from 1 up, or Infinity. Default: 1,000. */
  readonly capacity?: number;
  /** What happens to a message that finds it full. Default: `'reject'`. */
  readonly overflow?: Overflow;
  /** Any Standard Schema (zod, valibot, arktype): checks what is posted, and what it parses to is what enters. */
  readonly schema?: StandardSchemaV1<unknown, Value>;
}

const DEFAULT_CAPACITY = 1_000;

/**
 * Declares where messages of one kind come into a routine. A Standard Schema may be given in place of the options.
 *
 * @throws {@link InvalidInputError} INVALID_INPUT when an option is unknown or of the wrong form.
 *
 * @example
 * ```ts
 * import { slot } from 'troupe/flow';
 *
 * const lines = slot<string>({ capacity: 100, overflow: 'block' });
 * console.log(lines.capacity); // 100
 * ```
 */
export function slot<Value = unknown>(
  given: SlotOptions<Value> | StandardSchemaV1<unknown, Value> = {},
): Slot<Value> {
  const options: SlotOptions<Value> = isStandardSchema(given) ? { schema: given } : given;
  assertKnownOptions('slot', options, ['capacity', 'overflow', 'schema']);
  const { capacity = DEFAULT_CAPACITY, overflow = 'reject', schema } = options;
  assertInteger('`capacity` of a slot', capacity, 1, true);
  assertOneOf('`overflow` of a slot', overflow, ['reject', 'block', 'dropOldest', 'dropNewest']);
  if (schema !== undefined && !isStandardSchema(schema))
    throw expected('`schema` of a slot', 'a Standard Schema', schema);
  return Object.freeze({ kind: 'slot', capacity, overflow, schema });
}

/**
 * Declares what a routine may emit.
 *
 * @example
 * ```ts
 * import { event } from 'troupe/flow';
 *
 * export const parsed = event<{ line: number; text: string }>();
 * ```
 */
export function event<Value = unknown>(): FlowEvent<Value> {
  return EVENT;
}

// Events differ only in their types.
const EVENT = Object.freeze({ kind: 'event' } as const);
