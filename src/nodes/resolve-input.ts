import type { StandardSchemaV1 } from '@standard-schema/spec';
import { cloneData } from '../clone.ts';
import { InvalidInputError, MissingInputError, UnknownInputError } from '../errors.ts';
import { didYouMean } from '../suggest.ts';
import type { AnyNode, InputDeclaration, InputDeclarations } from './contract.ts';
import { isInputDeclaration } from './input.ts';
import { expected } from './validate.ts';

/** A value that may still have to be waited for, as some schemas check asynchronously. */
export type MaybePromise<Value> = Value | Promise<Value>;

/**
 * What a body gets for what a caller gave: names checked, defaults filled in, schemas applied. A promise only where a
 * schema is asynchronous.
 *
 * @throws {@link MissingInputError} MISSING_INPUT, {@link UnknownInputError} UNKNOWN_INPUT, {@link InvalidInputError} INVALID_INPUT
 */
export function resolveInputs(
  node: AnyNode,
  inputs: InputDeclarations,
  given: unknown,
): MaybePromise<Record<string, unknown>> {
  if (given !== undefined && (typeof given !== 'object' || given === null)) {
    throw expected(`the input of ${nameOf(node)}`, `an object with ${namesOf(inputs)}`, given);
  }
  const values = (given ?? {}) as Record<string, unknown>; // an object, as checked above
  node.assertGiven?.(values);
  assertKnownNames(node, inputs, values);
  const resolved: Record<string, unknown> = {};
  let waiting: Promise<void>[] | undefined;
  for (const name in inputs) {
    const declaration = inputs[name];
    if (declaration === undefined || isLeftOut(declaration, ownValue(values, name))) continue;
    const value = resolveOne(node, name, declaration, values);
    resolved[name] = value;
    // A promise that a caller gives as a value is passed on as it is; only a schema's own promise is waited for.
    if (value instanceof Pending) {
      waiting ??= [];
      waiting.push(value.promise.then((parsed) => void (resolved[name] = parsed)));
    }
  }
  return waiting === undefined ? resolved : Promise.all(waiting).then(() => resolved);
}

/** Checks one value by a schema. A promise only where the schema is asynchronous. */
export function validate<Value>(
  schema: StandardSchemaV1<unknown, Value>,
  value: unknown,
  what: string,
): MaybePromise<Value> {
  const result = schema['~standard'].validate(value);
  return result instanceof Promise ? result.then((late) => accept(late, what)) : accept(result, what);
}

class Pending {
  readonly promise: Promise<unknown>;
  constructor(promise: Promise<unknown>) {
    this.promise = promise;
  }
}

function accept<Value>(result: StandardSchemaV1.Result<Value>, what: string): Value {
  if (result.issues === undefined) return result.value;
  const issues = result.issues.map(({ message, path }) =>
    path === undefined
      ? { message }
      : { message, path: path.map((part) => (typeof part === 'object' ? part.key : part)) },
  );
  const details = issues.map(({ message, path }) =>
    path?.length ? `${path.map(String).join('.')}: ${message}` : message,
  );
  throw new InvalidInputError(`${what} is not valid: ${details.join('; ')}`, {
    hint: 'Give a value that the schema accepts; `issues` has each finding.',
    issues,
  });
}

/** Whether an input that has no default, and still may be left out, is left out: a seed, or an answer. */
function isLeftOut(declaration: InputDeclaration | StandardSchemaV1, value: unknown): boolean {
  if (value !== undefined || !isInputDeclaration(declaration) || 'default' in declaration) return false;
  return declaration['~input'].optional;
}

function resolveOne(
  node: AnyNode,
  name: string,
  declaration: InputDeclaration | StandardSchemaV1,
  values: Readonly<Record<string, unknown>>,
): unknown {
  const given = ownValue(values, name);
  const { schema, hasDefault, fallback, isBound } = describeDeclaration(declaration);
  if (given === undefined && hasDefault && !isBound) return cloneData(fallback);
  const isGiven = isBound || Object.hasOwn(values, name);
  const value = given === undefined && isBound ? cloneData(fallback) : given;
  if (schema === undefined) {
    if (!isGiven) throw missing(node, name);
    return value;
  }
  const what = `Input "${name}" of ${nameOf(node)}`;
  const result = schema['~standard'].validate(value);
  if (result instanceof Promise) return new Pending(result.then((late) => accept(late, what)));
  if (!isGiven && result.issues !== undefined) throw missing(node, name);
  return accept(result, what);
}

function describeDeclaration(declaration: InputDeclaration | StandardSchemaV1): {
  schema: StandardSchemaV1 | undefined;
  hasDefault: boolean;
  fallback: unknown;
  isBound: boolean;
} {
  if (!isInputDeclaration(declaration))
    return { schema: declaration, hasDefault: false, fallback: undefined, isBound: false };
  return {
    schema: declaration.schema,
    hasDefault: 'default' in declaration,
    fallback: declaration.default,
    isBound: declaration['~input'].isGiven === true,
  };
}

function assertKnownNames(
  node: AnyNode,
  inputs: InputDeclarations,
  values: Readonly<Record<string, unknown>>,
): void {
  for (const key in values) {
    if (Object.hasOwn(inputs, key)) continue;
    throw new UnknownInputError(`There is no input "${key}" of ${nameOf(node)}`, {
      hint: didYouMean(key, Object.keys(inputs)),
    });
  }
}

function missing(node: AnyNode, name: string): MissingInputError {
  return new MissingInputError(`Input "${name}" of ${nameOf(node)} is missing`, {
    hint: `Give \`{ ${name}: … }\`, or declare a default: \`${name}: input(value)\`.`,
  });
}

/** A value that was given; what every object inherits was not. */
function ownValue(values: Readonly<Record<string, unknown>>, name: string): unknown {
  return Object.hasOwn(values, name) ? values[name] : undefined;
}

/** A node as messages name it. */
function nameOf({ kind, name }: AnyNode): string {
  return `${kind === 'graph' ? 'graph' : 'node'} "${name}"`;
}

function namesOf(inputs: InputDeclarations): string {
  const names = Object.keys(inputs);
  return names.length === 0 ? 'no keys' : names.map((name) => `"${name}"`).join(', ');
}
