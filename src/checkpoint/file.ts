import { resolve } from 'node:path';
import { systemClock } from '../clock.ts';
import { CheckpointError } from '../errors.ts';
import type { LogMessage } from '../log/messages.ts';
import type {
  CheckpointBatch,
  Checkpointer,
  CheckpointerOptions,
  CheckpointerSettings,
  Lease,
  StoredWorkflow,
  WorkflowPage,
  WorkflowQuery,
  WorkflowRecord,
} from './checkpointer.ts';
import { appendBatch } from './file-append.ts';
import { acquireLease, findLease, releaseLease, renewLease, type HeldLease } from './file-leases.ts';
import { findRecord, listWorkflows, readWorkflow } from './file-reading.ts';
import { deleteWorkflow, removePast } from './file-removal.ts';
import { isLocked } from './file-errors.ts';
import { closeStore, openStore, type FileStore } from './file-store.ts';
import { alreadyRunning, historyOf, isClosed, notFound } from './reading.ts';
import { settingsOf } from './settings.ts';

/** Options of {@link fileCheckpointer}. */
export interface FileCheckpointerOptions extends CheckpointerOptions {
  /** The folder; made on first use, with all above it. Several processes of one host may share it. */
  readonly dir: string;
  /** How large the database may grow, in bytes; its write-ahead log, of some 16 MB for each process, comes on top. Default: no limit. */
  readonly maxBytes?: number | undefined;
}

/** How often workflows whose time is up are looked for, at most. */
const REMOVAL_MS = 60_000;

// While the database is locked.
const PAUSE_MS = 20;
const LONGEST_WAIT_MS = 10_000;

/**
 * Keeps workflows in a folder, in a database of SQLite: what was appended is on disk when its promise resolves, and several
 * processes of one host may share the folder (not over a network). It needs the package `@libsql/client`
 * (`npm install @libsql/client`), which is loaded on first use, as the folder is opened.
 *
 * A workflow whose process is dead is taken over at once, one whose process gives no sign of life when its lease is up. A
 * store that was damaged, truncated or rolled back is found out and named.
 *
 * Throws `CheckpointError` for wrong options; its methods reject with it when the package is missing, when the folder
 * cannot be opened or written, was written by a newer version, is damaged or full, and after `close`.
 *
 * @throws {@link CheckpointError} CHECKPOINT when an option is not of the form asked for.
 *
 * @example
 * ```ts
 * import { createRunner, node } from 'troupe';
 * import { fileCheckpointer } from 'troupe/checkpoint';
 *
 * await using checkpointer = fileCheckpointer({ dir: '.troupe-workflows' });
 * await using runner = createRunner({ checkpointer });
 * const greet = node('greet', async (name: string) => `Hello ${name}`);
 * await runner.run(greet, 'Ada', { workflowId: `greeting-${Date.now()}` });
 * console.log((await checkpointer.list({ status: 'completed' })).length > 0); // true
 * ```
 */
export function fileCheckpointer(options: FileCheckpointerOptions): Checkpointer {
  const settings = settingsOf('fileCheckpointer', options, ['dir', 'maxBytes']);
  const { dir, maxBytes = Number.POSITIVE_INFINITY } = options;
  assertDir(dir);
  assertMaxBytes(maxBytes);
  return new FileCheckpointer(settings, () => openStore({ dir: resolve(dir), maxBytes, settings }));
}

class FileCheckpointer implements Checkpointer {
  readonly settings: CheckpointerSettings;
  readonly #open: () => FileStore;
  /** The newest lease of each workflow that was taken here and not given up. */
  readonly #leases = new Map<string, HeldLease>();
  #store: FileStore | undefined;
  /** When workflows whose time is up are looked for next, in ms since the epoch. */
  #removesAt = 0;
  /** Settles when what waits is done; nothing waits while it is undefined. */
  #waiting: Promise<unknown> | undefined;
  #isClosed = false;

  constructor(settings: CheckpointerSettings, open: () => FileStore) {
    this.settings = settings;
    this.#open = open;
  }

  acquire(workflowId: string): Promise<Lease> {
    return this.#do((store) => {
      this.#removePast(store);
      const held = acquireLease(store, workflowId);
      this.#leases.set(workflowId, held);
      const { token, isNew = false } = held;
      return { workflowId, token, isNew };
    });
  }

  renew(lease: Lease): Promise<void> {
    return this.#do((store) => this.#withLease(store, lease, (held) => renewLease(store, held)));
  }

  release(lease: Lease): Promise<void> {
    return this.#do((store) => {
      const held = this.#find(store, lease);
      if (held === undefined) return;
      releaseLease(store, held);
      this.#forget(held);
    });
  }

  append(lease: Lease, batch: CheckpointBatch): Promise<void> {
    return this.#do((store) =>
      this.#withLease(store, lease, (held) => {
        appendBatch(store, held, batch);
        if (batch.releases === true) this.#forget(held);
      }),
    );
  }

  read(workflowId: string): Promise<StoredWorkflow | undefined> {
    return this.#do((store) => readWorkflow(store, workflowId));
  }

  get(workflowId: string): Promise<WorkflowRecord | undefined> {
    return this.#do((store) => findRecord(store, workflowId));
  }

  list(query?: WorkflowQuery): Promise<WorkflowPage> {
    return this.#do((store) => {
      this.#removePast(store);
      return listWorkflows(store, query);
    });
  }

  history(workflowId: string): Promise<readonly LogMessage[]> {
    return this.#do((store) => {
      const stored = readWorkflow(store, workflowId);
      if (stored === undefined) throw notFound(workflowId);
      return historyOf(stored);
    });
  }

  delete(workflowId: string): Promise<void> {
    return this.#do((store) => deleteWorkflow(store, workflowId));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#waiting;
    if (this.#store !== undefined) closeStore(this.#store);
    this.#store = undefined;
    this.#leases.clear();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Does it at once, as SQLite does, unless the database is locked: then it is tried again, and all else waits for it. */
  #do<Result>(work: (store: FileStore) => Result): Promise<Result> {
    if (this.#isClosed) return Promise.reject(isClosed());
    if (this.#waiting !== undefined) return this.#wait(work);
    try {
      return Promise.resolve(this.#doNow(work));
    } catch (error) {
      return isLocked(error) ? this.#wait(work) : Promise.reject(error);
    }
  }

  #doNow<Result>(work: (store: FileStore) => Result): Result {
    const store = (this.#store ??= this.#openStore());
    const result = work(store);
    store.log.moveIfLong();
    return result;
  }

  #wait<Result>(work: (store: FileStore) => Result): Promise<Result> {
    const deadline = systemClock.now() + LONGEST_WAIT_MS;
    const result = (this.#waiting ?? pause()).then(() => this.#tryAgain(work, deadline));
    const waiting = result
      .catch(() => undefined) // it rejects for whoever asked
      .then(() => {
        if (this.#waiting === waiting) this.#waiting = undefined;
      });
    this.#waiting = waiting;
    return result;
  }

  async #tryAgain<Result>(work: (store: FileStore) => Result, deadline: number): Promise<Result> {
    for (;;) {
      try {
        this.#store?.connection.assertUnlocked();
        return this.#doNow(work);
      } catch (error) {
        if (!isLocked(error) || systemClock.now() > deadline) throw error;
      }
      await pause();
    }
  }

  /** A folder that could not be opened is tried again: its disk may be there now. */
  #openStore(): FileStore {
    const store = this.#open();
    this.#removePast(store);
    return store;
  }

  #removePast(store: FileStore): void {
    const now = systemClock.now();
    if (now < this.#removesAt) return;
    this.#removesAt = now + Math.min(REMOVAL_MS, this.settings.ttlMs);
    try {
      removePast(store);
    } catch {
      // Nobody has asked for it, and what is left shows nowhere: it is tried again next time.
    }
  }

  #find(store: FileStore, lease: Lease): HeldLease | undefined {
    const held = this.#leases.get(lease.workflowId);
    return held?.token === lease.token ? held : findLease(store, lease);
  }

  #withLease(store: FileStore, lease: Lease, work: (held: HeldLease) => void): void {
    const held = this.#find(store, lease);
    if (held === undefined) throw alreadyRunning(lease.workflowId);
    try {
      this.#leases.set(lease.workflowId, held);
      work(held);
    } catch (error) {
      this.#forget(held); // what is stored may be something else by now
      throw error;
    }
  }

  #forget(held: HeldLease): void {
    if (this.#leases.get(held.workflowId) === held) this.#leases.delete(held.workflowId);
  }
}

function pause(): Promise<void> {
  return new Promise((goOn) => {
    systemClock.setTimeout(goOn, PAUSE_MS);
  });
}

function assertDir(dir: unknown): void {
  if (typeof dir === 'string' && dir !== '') return;
  throw new CheckpointError(
    `Expected \`dir\` to be the path of a folder, got \`${String(dir)}\` (${typeof dir})`,
    { hint: "Name a folder: fileCheckpointer({ dir: '.troupe-workflows' })." },
  );
}

function assertMaxBytes(maxBytes: unknown): void {
  if (typeof maxBytes === 'number' && maxBytes > 0) return;
  throw new CheckpointError(
    `Expected \`maxBytes\` to be a number > 0, got \`${String(maxBytes)}\` (${typeof maxBytes})`,
    { hint: 'Leave `maxBytes` out for no limit.' },
  );
}
