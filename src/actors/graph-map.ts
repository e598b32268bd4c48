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
    // Not a list with holes: what fails is undefined in its place.
    for (let index = 0; index < items.length; index += 1) this.#results.push(undefined);
    for (let index = 0; index < items.length; index += 1) {
      if (!this.#attempt.isOpen) return;
      const settle = (outcome: Outcome): void => this.#onEnd(index, outcome);
      coordinator.open({ node: item, input: items.at(index), parent, scope, isSync }, { settle });
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

/** The inputs of the items that lists combine to. Each is made when it is asked for, so that a large product takes no room. */
export interface ItemInputs {
  readonly length: number;
  at(index: number): Record<string, unknown>;
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
): ItemInputs {
  const columns = names.map((name) => ({ name, values: listOf(input[name], name, what) }));
  return mode === 'zip' ? zipped(input, columns, what) : product(input, columns);
}

/** A list that is mapped over: as it was at the beginning. */
interface Column {
  readonly name: string;
  readonly values: readonly unknown[];
}

function listOf(value: unknown, name: string, what: string): readonly unknown[] {
  if (Array.isArray(value)) return value.slice() as unknown[];
  throw new InvalidInputError(`"${name}", which ${what} maps over, is no array`, {
    hint: `Give a list: \`{ ${name}: [ … ] }\`.`,
  });
}

/** The first with the first, the second with the second. */
function zipped(
  input: Readonly<Record<string, unknown>>,
  columns: readonly Column[],
  what: string,
): ItemInputs {
  const length = columns[0]?.values.length ?? 0;
  if (columns.some(({ values }) => values.length !== length)) {
    const lengths = columns.map(({ name, values }) => `"${name}" has ${values.length}`);
    throw new InvalidInputError(`The lists that ${what} maps over differ in length: ${lengths.join(', ')}`, {
      hint: "Give lists of equal length, or combine each with each: mode `'product'`.",
    });
  }
  return {
    length,
    at: (index) => {
      const item = { ...input };
      for (const { name, values } of columns) item[name] = values[index];
      return item;
    },
  };
}

/** Each with each, the first list outermost. */
function product(input: Readonly<Record<string, unknown>>, columns: readonly Column[]): ItemInputs {
  const innermostFirst = columns.toReversed();
  return {
    length: columns.reduce((count, { values }) => count * values.length, 1),
    at: (index) => {
      const item = { ...input };
      let rest = index;
      for (const { name, values } of innermostFirst) {
        item[name] = values[rest % values.length];
        rest = Math.floor(rest / values.length);
      }
      return item;
    },
  };
}
