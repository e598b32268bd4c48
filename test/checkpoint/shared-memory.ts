import { CheckpointError, isTroupeError, type ErrorCode } from 'troupe';
import {
  memoryCheckpointer,
  type Checkpointer,
  type CheckpointerOptions,
  type Lease,
  type WorkflowPage,
  type WorkflowRecord,
} from 'troupe/checkpoint';
import type { ContractStore } from 'troupe/testing';

/** What all checkpointers of one store have in common. */
export interface SharedMemory {
  /** Never closed. */
  readonly inner: Checkpointer;
  /** The newest lease of each workflow, given up or not. */
  readonly newest: Map<string, Lease>;
}

/** Other methods in the place of those of a good checkpointer. */
export type Methods = (good: Checkpointer, memory: SharedMemory) => Partial<Checkpointer>;

/** What is wrong with a checkpointer. */
export interface Defect {
  readonly methods?: Methods;
  /** The options that arrive, of those that were given. */
  readonly options?: (given: CheckpointerOptions) => CheckpointerOptions;
  /** Whether each checkpointer has a memory of its own. */
  readonly isAlone?: boolean;
}

/** A store in memory that several checkpointers can be open on. */
export function sharedMemory(defect: Defect = {}): ContractStore {
  let memory: SharedMemory | undefined;
  return {
    open: (given) => {
      const options = defect.options?.(given) ?? given;
      if (defect.isAlone === true) memory = undefined;
      memory ??= { inner: memoryCheckpointer(options), newest: new Map() };
      const good = viewOf(memory);
      const bad = { ...good, ...defect.methods?.(good, memory) };
      return Object.assign(bad, { [Symbol.asyncDispose]: bad[Symbol.asyncDispose] ?? (() => bad.close()) });
    },
  };
}

/** One of several checkpointers on one memory, which can be closed by itself. */
function viewOf({ inner, newest }: SharedMemory): Checkpointer {
  let isClosed = false;
  const whileOpen =
    <Args extends readonly unknown[], Result>(work: (...args: Args) => Promise<Result>) =>
    async (...args: Args): Promise<Result> => {
      if (isClosed) throw new CheckpointError('It is closed');
      return work(...args);
    };
  const methods: Omit<Checkpointer, typeof Symbol.asyncDispose> = {
    settings: inner.settings,
    acquire: whileOpen(async (workflowId) => {
      const lease = await inner.acquire(workflowId);
      newest.set(workflowId, lease);
      return lease;
    }),
    renew: whileOpen((lease) => inner.renew(lease)),
    release: whileOpen((lease) => inner.release(lease)),
    append: whileOpen((lease, batch) => inner.append(lease, batch)),
    read: whileOpen((workflowId) => inner.read(workflowId)),
    get: whileOpen((workflowId) => inner.get(workflowId)),
    list: whileOpen((query) => inner.list(query)),
    history: whileOpen((workflowId) => inner.history(workflowId)),
    delete: whileOpen((workflowId) => inner.delete(workflowId)),
    close: async () => {
      isClosed = true;
    },
  };
  return methods as Checkpointer; // `open` adds the way to dispose of it, which closes what is handed out
}

/** A page of these records; `cursor` leads to the next one. */
export function pageOf(records: readonly WorkflowRecord[], cursor?: string): WorkflowPage {
  return Object.assign([...records], cursor === undefined ? {} : { cursor });
}

/** What comes of it, or undefined where it is refused with this code. */
export async function undefinedFor<Result>(
  code: ErrorCode,
  work: Promise<Result>,
): Promise<Result | undefined> {
  try {
    return await work;
  } catch (error) {
    if (isTroupeError(error, code)) return undefined;
    throw error;
  }
}
