import { InvalidInputError } from '../errors.ts';
import type { AnyNode, BatchOptions } from './contract.ts';
import { assertKnownOptions, assertOneOf, expected } from './validate.ts';

/** A batch of calls: the input of each, and the options of all. */
export interface Batch {
  readonly inputs: readonly unknown[];
  readonly options: BatchOptions;
}

/** Reads the arguments of `callBatch` behind the node: lists, and perhaps options at the end. */
export function readBatch(node: AnyNode, args: readonly unknown[]): Batch {
  const last = args.at(-1);
  const hasOptions = args.length > 0 && !Array.isArray(last);
  const options = hasOptions ? (last ?? {}) : {};
  assertKnownOptions('callBatch', options, ['onError', 'context', 'key', 'signal']);
  assertOneOf('`onError` of callBatch', (options as BatchOptions).onError, ['throw', 'return']);
  const lists = hasOptions ? args.slice(0, -1) : args;
  return { inputs: zip(node, lists), options };
}

function zip(node: AnyNode, given: readonly unknown[]): unknown[] {
  const lists = given.map((list, index) => {
    if (Array.isArray(list)) return list as readonly unknown[];
    throw expected(`list ${index + 1} of callBatch`, 'an array', list);
  });
  const [first] = lists;
  if (first === undefined)
    throw new InvalidInputError(`callBatch of node "${node.name}" got no list`, {
      hint: 'Give at least one list of arguments.',
    });
  if (lists.some((list) => list.length !== first.length)) {
    throw new InvalidInputError(
      `The lists of callBatch differ in length: ${lists.map((list) => list.length).join(', ')}`,
      {
        hint: 'Give lists of equal length: the calls take one item of each.',
      },
    );
  }
  return first.map((_, index) =>
    inputOf(
      node,
      lists.map((list) => list[index]),
    ),
  );
}

function inputOf(node: AnyNode, items: readonly unknown[]): unknown {
  if (node.inputs === undefined) return items.length === 1 ? items[0] : items;
  const names = Object.keys(node.inputs);
  if (items.length > names.length) {
    throw new InvalidInputError(
      `callBatch got ${items.length} lists, but node "${node.name}" has ${names.length} inputs`,
      {
        hint: `Give at most one list for each of: ${names.join(', ')}.`,
      },
    );
  }
  return Object.fromEntries(items.map((item, index) => [names[index], item]));
}
