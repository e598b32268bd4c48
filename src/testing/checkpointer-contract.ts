import type { Checkpointer, CheckpointerOptions } from '../checkpoint/checkpointer.ts';
import type { Open } from './checkpointer-writer.ts';
import { appendCases } from './checkpointer-appends.ts';
import { endCases } from './checkpointer-ends.ts';
import { fencingCases } from './checkpointer-fencing.ts';
import { leaseCases } from './checkpointer-leases.ts';
import { listCases } from './checkpointer-lists.ts';
import { recordCases } from './checkpointer-records.ts';
import { sharingCases } from './checkpointer-sharing.ts';

/** A store that checkpointers are opened on. */
export interface ContractStore {
  /** Opens one more checkpointer, as another process would. */
  open(options: CheckpointerOptions): Checkpointer | Promise<Checkpointer>;
  /** Removes the store, when all that was opened on it is closed. */
  [Symbol.asyncDispose]?(): PromiseLike<void>;
}

/** What {@link checkpointerContract} tests. */
export interface CheckpointerContractOptions {
  /** Makes an empty store, of which the stores of other cases see nothing: a new folder, a new schema. */
  readonly createStore: () => ContractStore | Promise<ContractStore>;
  /** Why two checkpointers cannot be open on one store, where that is so: then the cases that need it are left out. */
  readonly unshared?: string;
}

/** One promise of every checkpointer. */
export interface CheckpointerCase {
  /** What is promised, as a sentence. */
  readonly name: string;
  /** Resolves when it is kept; rejects, with an `AssertionError` that says what is not, when it is broken. */
  readonly run: () => Promise<void>;
}

/**
 * The promises that every checkpointer keeps, each as a case for the test runner of your choice: vitest, `node:test`,
 * jest. A case makes its own store, so cases may run in any order, or at once. Each takes less than a few hundred ms
 * where one append takes less than one; the longest makes 1,000 of them.
 *
 * @example
 * ```ts
 * import { mkdtemp, rm } from 'node:fs/promises';
 * import { tmpdir } from 'node:os';
 * import { join } from 'node:path';
 * import { test } from 'node:test';
 * import { fileCheckpointer } from 'troupe/checkpoint';
 * import { checkpointerContract } from 'troupe/testing';
 *
 * const cases = checkpointerContract({
 *   createStore: async () => {
 *     const dir = await mkdtemp(join(tmpdir(), 'contract-'));
 *     return {
 *       open: (options) => fileCheckpointer({ ...options, dir }), // put yours here
 *       [Symbol.asyncDispose]: () => rm(dir, { recursive: true }),
 *     };
 *   },
 * });
 * for (const { name, run } of cases) test(name, run);
 * ```
 */
export function checkpointerContract(options: CheckpointerContractOptions): readonly CheckpointerCase[] {
  const { createStore, unshared } = options;
  const cases = {
    ...leaseCases,
    ...fencingCases,
    ...appendCases,
    ...recordCases,
    ...listCases,
    ...endCases,
    ...(unshared === undefined ? sharingCases : {}),
  };
  return Object.entries(cases).map(([name, body]) => ({
    name,
    run: () => runOn(createStore, body),
  }));
}

async function runOn(
  createStore: CheckpointerContractOptions['createStore'],
  body: (open: Open) => Promise<void>,
): Promise<void> {
  const store = await createStore();
  const opened: Checkpointer[] = [];
  const open: Open = async (options = {}) => {
    const checkpointer = await store.open(options);
    opened.push(checkpointer);
    return checkpointer;
  };
  const cleanUp = async (): Promise<void> => {
    for (const checkpointer of opened) await checkpointer.close();
    await store[Symbol.asyncDispose]?.();
  };
  try {
    await body(open);
  } catch (error) {
    await cleanUp().catch(() => undefined); // what went wrong first tells more
    throw error;
  }
  await cleanUp();
}
