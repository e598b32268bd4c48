import { InvalidInputError } from '../errors.ts';
import type { GraphNode, Mapping } from '../graph/plan.ts';
import type { GraphHost } from './graph-run.ts';
import type { Attempt, Outcome } from './invocation.ts';

/** One run of a graph that is mapped over lists: the graph once for each item, all at once. */
export class GraphMap {
  readonly #node: GraphNode;
  readonly #mapping: Mapping;
  readonly #attempt: Attempt;
  readonly #host: GraphHost;
  readonly #results: (Readonly<Record<string, unknown>> | undefined)[] = [];
  #left = 0;

  constructor(node: GraphNode, mapping: Mapping, attempt: Attempt, host: GraphHost) {
    this.#node = node;
    this.#mapping = mapping;
    this.#attempt = attempt;
    this.#host = host;
  }

  begin(input: Readonly<Record<string, unknown>>): void {
    const items = itemsOf(input, this.#mapping, `node "${this.#node.name}"`);
    this.#left = items.length;
    if (items.length === 0) this.#finish();
    const { item } = this.#node;
    if (item === undefined) return;
    const { coordinator } = this.#host;
    const parent = this.#attempt.invocation;
    const { scope, isSync } = parent;
    this.#results.length = items.length;
    for (const [index, values] of items.entries()) {
      if (!this.#attempt.isOpen) return;
      const invocation = coordinator.create({ node: item, input: values, parent, scope, isSync });
      coordinator.start(invocation);
      invocation.onSettled({ settle: (outcome) => this.#onEnd(index, outcome) });
    }
  }

  #onEnd(index: number, outcome: Outcome): void {
    if (!this.#attempt.isOpen) return;
    if (outcome.ok) this.#results[index] = outcome.value as Readonly<Record<string, unknown>>; // a graph's outputs
    else if (this.#mapping.onError === 'stop') {
      this.#attempt.onThrow(outcome.error);
      return;
    }
    this.#left -= 1;
    if (this.#left === 0) this.#finish();
  }

  #finish(): void {
    const columns = this.#node.outputs.map((name) => [name, this.#results.map((result) => result?.[name])]);
    this.#attempt.onReturn(Object.fromEntries(columns));
  }
}

/**
 * The input of each item: the lists that are mapped over, combined; everything else as it is.
 *
 * @throws {@link InvalidInputError} INVALID_INPUT when what is mapped over is no list, or lists differ in length under `zip`.
 */
export function itemsOf(
  input: Readonly<Record<string, unknown>>,
  { names, mode }: Pick<Mapping, 'names' | 'mode'>,
  what: string,
): Record<string, unknown>[] {
  const lists = names.map((name) => listOf(input[name], name, what));
  const [first = []] = lists;
  if (mode === 'zip') {
    if (lists.some((list) => list.length !== first.length)) {
      const lengths = names.map((name, at) => `"${name}" has ${lists[at]?.length ?? 0}`);
      throw new InvalidInputError(
        `The lists that ${what} maps over differ in length: ${lengths.join(', ')}`,
        {
          hint: "Give lists of equal length, or combine each with each: mode `'product'`.",
        },
      );
    }
    return first.map((_, at) => ({ ...input, ...pick(names, (index) => lists[index]?.[at]) }));
  }
  return productOf(lists).map((values) => ({ ...input, ...pick(names, (index) => values[index]) }));
}

function listOf(value: unknown, name: string, what: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new InvalidInputError(`"${name}", which ${what} maps over, is no array`, {
    hint: `Give a list: \`{ ${name}: [ … ] }\`.`,
  });
}

/** Each with each, the first list outermost. */
function productOf(lists: readonly (readonly unknown[])[]): readonly unknown[][] {
  let rows: unknown[][] = [[]];
  for (const list of lists) rows = rows.flatMap((row) => list.map((item) => [...row, item]));
  return rows;
}

function pick(names: readonly string[], valueAt: (index: number) => unknown): Record<string, unknown> {
  return Object.fromEntries(names.map((name, index) => [name, valueAt(index)]));
}
