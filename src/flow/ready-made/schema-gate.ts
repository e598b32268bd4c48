import type { StandardSchemaV1 } from '@standard-schema/spec';
import { isStandardSchema } from '../../nodes/input.ts';
import { expected } from '../../nodes/validate.ts';
import type { FlowEvent, Routine } from '../contract.ts';
import { event } from '../slot.ts';
import { inputRoutine, type InputOptions, type InputSlot } from './options.ts';

/** What is wrong with a value, at which place in it. */
export interface GateIssue {
  readonly message: string;
  /** From the value down: keys, and places in arrays. Empty for the value itself. */
  readonly path: readonly (string | number)[];
}

/** A value that does not fit a schema, as it came. */
export interface RefusedValue {
  readonly value: unknown;
  readonly issues: readonly GateIssue[];
}

/** The events of {@link schemaGate}. */
export type GateEvents<Parsed> = {
  readonly valid: FlowEvent<Parsed>;
  readonly invalid: FlowEvent<RefusedValue>;
};

/**
 * Checks each message against a schema: slot `input`, event `valid` with what it parses to, event `invalid` with
 * `{ value, issues }`. What does not fit fails no job; a slot's own `schema` does not let it in at all.
 *
 * @param schema - Any Standard Schema (zod, valibot, arktype …), sync or async.
 * @throws {@link InvalidInputError} INVALID_INPUT when it is none, or an option is unknown or of the wrong form.
 *
 * @example
 * ```ts
 * import { createRuntime, flow, routine, schemaGate, slot, type RefusedValue } from 'troupe/flow';
 * import { z } from 'zod';
 *
 * const print = routine({
 *   name: 'print',
 *   slots: { port: slot<number>(), wrong: slot<RefusedValue>() },
 *   run: ({ port, wrong }) => console.log(port, wrong.map(({ value }) => value)),
 * });
 * const f = flow('ports')
 *   .add(schemaGate('check', z.coerce.number().int().max(65_535)))
 *   .add(print)
 *   .connect('check.valid', 'print.port')
 *   .connect('check.invalid', 'print.wrong');
 * await using runtime = createRuntime();
 * runtime.exec(f);
 * for (const text of ['8080', 'http']) await runtime.post(f, 'check', 'input', text);
 * await runtime.waitUntilAllJobsFinished(); // prints [ 8080 ] [], then [] [ 'http' ]
 * ```
 */
export function schemaGate<const Name extends string, Schema extends StandardSchemaV1>(
  name: Name,
  schema: Schema,
  options: InputOptions<unknown> = {},
): Routine<Name, InputSlot<unknown>, GateEvents<StandardSchemaV1.InferOutput<Schema>>> {
  type Parsed = StandardSchemaV1.InferOutput<Schema>;
  const maker = 'schemaGate';
  if (!isStandardSchema(schema)) throw expected(`the schema of ${maker}`, 'a Standard Schema', schema);
  return inputRoutine<Name, unknown, GateEvents<Parsed>>({
    name,
    maker,
    options,
    events: { valid: event<Parsed>(), invalid: event<RefusedValue>() },
    run: async (input, ctx) => {
      for (const value of input) {
        const result = await schema['~standard'].validate(value);
        if (result.issues === undefined) await ctx.emit('valid', result.value);
        else await ctx.emit('invalid', { value, issues: result.issues.map(plainIssue) });
      }
    },
  });
}

/** Issues of some libraries hold more than a snapshot can. */
function plainIssue({ message, path = [] }: StandardSchemaV1.Issue): GateIssue {
  const keys = path.map((part) => (typeof part === 'object' ? part.key : part));
  return { message, path: keys.map((key) => (typeof key === 'symbol' ? String(key) : key)) };
}
