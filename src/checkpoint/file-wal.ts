import { closeSync, fdatasync, fdatasyncSync, openSync, statSync } from 'node:fs';
import type { FileConnection } from './file-connection.ts';
import type { CheckpointError } from '../errors.ts';
import { unflushed } from './file-errors.ts';

/** Of the database. Half of what is usual: most transactions change little in several pages, and each is written whole. */
export const PAGE_BYTES = 2_048;
const MOST_PAGES = 8_000;
/** After so many pages, what need not be on disk at once is put there beside all else: moving the log has to wait for it. */
const SOON_PAGES = 1_000;

/**
 * Sees to it that the write-ahead log is on disk when it has to be: SQLite can do that with each commit, but writes the time
 * of the change as well, which takes longer.
 *
 * And that it is moved into the database now and then. SQLite does that by itself, but up to 3.51.2
 * loses what is committed at the moment when a second connection does it too, see https://sqlite.org/wal.html#walresetbug.
 * So it is done here alone, while nobody can write.
 */
export class WriteAheadLog {
  readonly #writer: FileConnection;
  readonly #mover: FileConnection;
  readonly #path: string;
  /** About how many were written since. */
  #pages: number;
  /** How many there were when the log was last put on disk. */
  #flushedPages = 0;
  #file: OpenLog | undefined;
  #failure: CheckpointError | undefined;

  /** `mover` is another connection than the one that writes, which cannot do it while it holds the lock. */
  constructor(path: string, writer: FileConnection, mover: FileConnection) {
    this.#writer = writer;
    this.#mover = mover;
    this.#path = `${path}-wal`;
    // What others left who were killed before they had written enough.
    this.#pages = (statSync(this.#path, { throwIfNoEntry: false })?.size ?? 0) / PAGE_BYTES;
  }

  /** Counts what was written in one transaction: about so many pages, and what goes into more. */
  add(pages: number, bytes = 0): void {
    this.#pages += pages + bytes / PAGE_BYTES;
  }

  /**
   * Throws {@link CheckpointError} once something could not be put on disk: the system counts it as written from then on, so
   * that trying again would tell nothing.
   */
  assertSound(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Sees to it that what was written is on disk. Throws {@link CheckpointError}. */
  flush(): void {
    const { descriptor } = this.#opened();
    try {
      fdatasyncSync(descriptor);
      this.#flushedPages = this.#pages;
    } catch (error) {
      throw this.#fail(error);
    }
  }

  /** Begins to put what was written on disk, if it is much; how that ends, whoever writes next is told. */
  flushSoon(): void {
    if (this.#pages - this.#flushedPages < SOON_PAGES) return;
    const file = this.#openedOrNone();
    if (file === undefined) return;
    this.#flushedPages = this.#pages;
    file.underWay += 1;
    // It may be long till this is called: bodies that never wait leave no turn to it.
    fdatasync(file.descriptor, (error) => {
      file.underWay -= 1;
      if (error !== null) this.#fail(error);
      if (file !== this.#file) closeIfUnused(file);
    });
  }

  /** Undefined where it cannot be opened now: nobody waits for it, and it is tried again. */
  #openedOrNone(): OpenLog | undefined {
    try {
      return this.#opened();
    } catch {
      return undefined;
    }
  }

  #fail(cause: unknown): CheckpointError {
    this.#failure ??= unflushed(this.#path, cause);
    return this.#failure;
  }

  #opened(): OpenLog {
    const { openings } = this.#writer;
    if (this.#file?.opening === openings) return this.#file;
    this.#closeFile();
    try {
      this.#file = { descriptor: openSync(this.#path, 'r+'), opening: openings, underWay: 0 };
    } catch (error) {
      throw unflushed(this.#path, error);
    }
    return this.#file;
  }

  #closeFile(): void {
    const file = this.#file;
    this.#file = undefined;
    if (file !== undefined) closeIfUnused(file);
  }

  /** Moves the log, if it is long enough. */
  moveIfLong(): void {
    if (this.#pages < MOST_PAGES) return;
    // Where it cannot be moved, or not all of it, it is soon tried again.
    this.#pages = MOST_PAGES / 2;
    try {
      this.#writer.whileLocked(() => {
        const [moved] = this.#mover.all('PRAGMA wal_checkpoint(PASSIVE)');
        if (moved?.['busy'] === 0 && moved['log'] === moved['checkpointed']) this.#pages = 0;
      });
    } catch {
      // Nothing is lost: it is read from the log as well.
    }
    this.#flushedPages = Math.min(this.#flushedPages, this.#pages);
  }

  close(): void {
    this.#closeFile();
    this.#mover.close();
  }
}

/** The file of the log, for a descriptor of our own. */
interface OpenLog {
  readonly descriptor: number;
  /** Which opening of the writer it is of: while that lasts, nobody removes the file. */
  readonly opening: number;
  /** How often it is just being put on disk. */
  underWay: number;
}

/** Else it is closed when nothing is under way any more. */
function closeIfUnused({ descriptor, underWay }: OpenLog): void {
  if (underWay === 0) closeSync(descriptor);
}
