import { InvalidInputError } from '../errors.ts';
import type { AnyNode } from '../nodes/contract.ts';
import { didYouMean } from '../suggest.ts';
import { tableOf, type ArrowTable } from './map-table.ts';
import type { RunResult } from './result.ts';

/**
 * What became of a map. `'cancelled'`: its `signal` or the runner stopped it, or every item was cancelled. Else, of its
 * items: `'completed'`: all completed, or there were none. `'failed'`: some failed, or timed out, and none completed.
 * `'partial'`: some completed and others failed or were cancelled. `'paused'`: none failed, and some wait for answers.
 */
export type MapStatus = 'completed' | 'partial' | 'failed' | 'paused' | 'cancelled';

/** An item of a map that failed or timed out. */
export interface MapFailure<Answer = unknown, Outputs = Readonly<Record<string, unknown>>> {
  /** Its place among the items. */
  readonly index: number;
  /** The very object that was thrown. */
  readonly error: unknown;
  readonly result: RunResult<Answer, Outputs>;
}

/**
 * The results of a map's items, in the order of the input: a frozen array. An item that was never started, as the map was
 * stopped before, is `'cancelled'`; no run of it is on record.
 */
export interface MapResult<
  Answer = unknown,
  Outputs = Readonly<Record<string, unknown>>,
> extends ReadonlyArray<RunResult<Answer, Outputs>> {
  readonly status: MapStatus;
  /** The items that failed or timed out. */
  readonly failures: readonly MapFailure<Answer, Outputs>[];
  /**
   * One output of every item, in their order: undefined where it was not produced.
   *
   * @throws {@link InvalidInputError} INVALID_INPUT when the target has no such output.
   */
  column<Name extends keyof Outputs & string>(name: Name): (Outputs[Name] | undefined)[];
  /**
   * The outputs as an Arrow table, a column for each and a row for each item; needs the package `apache-arrow`. Texts,
   * numbers, big integers, booleans, dates, lists and plain objects have Arrow's own types; a column of anything else, or
   * of several types, holds texts: JSON.
   *
   * @throws {@link IncompatibleRunnerError} INCOMPATIBLE_RUNNER when the package is not installed.
   */
  toTable<Table = ArrowTable>(): Table;
}

/** The results of a map whose target has these outputs. */
export function createMapResult(
  results: readonly RunResult[],
  { name, outputs }: Pick<AnyNode, 'name' | 'outputs'>,
  wasStopped: boolean,
): MapResult {
  return Object.freeze(new Results(results, { name, outputs, wasStopped }));
}

interface About {
  readonly name: string;
  readonly outputs: readonly string[];
  readonly wasStopped: boolean;
}

class Results extends Array<RunResult> implements MapResult {
  /** What its methods make are arrays like any other. */
  static override get [Symbol.species](): ArrayConstructor {
    return Array;
  }

  readonly #about: About;
  #failures: readonly MapFailure[] | undefined;

  constructor(results: readonly RunResult[], about: About) {
    super(results.length);
    for (const [index, result] of results.entries()) this[index] = result;
    this.#about = about;
  }

  get status(): MapStatus {
    if (this.#about.wasStopped) return 'cancelled';
    const found = new Set<RunResult['status']>();
    for (const { status } of this) found.add(status);
    if (found.has('failed') || found.has('timedOut')) return found.has('completed') ? 'partial' : 'failed';
    if (found.has('paused')) return 'paused';
    if (found.has('cancelled')) return found.has('completed') ? 'partial' : 'cancelled';
    return 'completed';
  }

  get failures(): readonly MapFailure[] {
    this.#failures ??= Object.freeze(
      this.flatMap((result, index) =>
        result.status === 'failed' || result.status === 'timedOut'
          ? [Object.freeze({ index, error: result.error, result })]
          : [],
      ),
    );
    return this.#failures;
  }

  column(name: string): unknown[] {
    const { name: target, outputs } = this.#about;
    if (outputs.includes(name)) return this.map((result) => result.outputs[name]);
    throw new InvalidInputError(`"${target}" has no output "${name}"`, { hint: didYouMean(name, outputs) });
  }

  toTable(): never {
    const columns = this.#about.outputs.map((name) => [name, this.column(name)] as const);
    return tableOf(columns) as never; // of the type that the caller has for it
  }
}
