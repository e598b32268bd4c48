import { UnknownIdError } from '../errors.ts';
import type { NodeRecord, RequestRecord } from './records.ts';

/** Where a forest finds its records; ordinals count the run's invocations. */
export interface ForestSource<Record> {
  readonly size: number;
  at(position: number): Record;
  /** The position of an id, -1 for an unknown one. */
  position(id: string): number;
  /** The positions of the children of a node, undefined for an unknown node. */
  children(nodeId: string): Iterable<number> | undefined;
  roots(): Iterable<number>;
}

/** Records that form trees, in order of creation; an immutable snapshot, safe to keep. */
export class Forest<Record> implements Iterable<Record> {
  readonly #source: ForestSource<Record>;

  /** @internal */
  constructor(source: ForestSource<Record>) {
    this.#source = source;
  }

  /** How many records there are. */
  get size(): number {
    return this.#source.size;
  }

  /** The records without a parent. */
  get roots(): readonly Record[] {
    return this.#collect(this.#source.roots());
  }

  /** The record of an id, undefined for an unknown one. */
  get(id: string): Record | undefined {
    const position = this.#source.position(id);
    return position === -1 ? undefined : this.#source.at(position);
  }

  has(id: string): boolean {
    return this.#source.position(id) !== -1;
  }

  /**
   * What a node called, in order of creation.
   *
   * @throws {@link UnknownIdError} UNKNOWN_ID when there is no such node.
   */
  children(nodeId: string): readonly Record[] {
    const positions = this.#source.children(nodeId);
    if (positions !== undefined) return this.#collect(positions);
    throw new UnknownIdError(`There is no node "${nodeId}" in this run`, {
      hint: 'Use the `id` of a record of `info.nodes`.',
    });
  }

  *[Symbol.iterator](): Generator<Record, void> {
    for (let position = 0; position < this.#source.size; position += 1) yield this.#source.at(position);
  }

  /** The records as an array. */
  toJSON(): Record[] {
    return [...this];
  }

  #collect(positions: Iterable<number>): readonly Record[] {
    return Object.freeze(Array.from(positions, (position) => this.#source.at(position)));
  }
}

/** The requests of a run. */
export type RequestForest = Forest<RequestRecord>;
/** The node invocations of a run. */
export type NodeForest = Forest<NodeRecord>;
