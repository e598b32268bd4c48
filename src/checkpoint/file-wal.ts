import { closeSync, fdatasyncSync, openSync, statSync } from 'node:fs';
import type { FileConnection } from './file-connection.ts';
import type { CheckpointError } from '../errors.ts';
import { unflushed } from './file-errors.ts';

const PAGE_BYTES = 4_096;
const MOST_PAGES = 4_000;

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
  #file: number | undefined;
  #failure: CheckpointError | undefined;
  /** Which opening of the writer that file is of: while that lasts, nobody removes the file. */
  #opening = 0;

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
    try {
      fdatasyncSync(this.#opened());
    } catch (error) {
      this.#failure = unflushed(this.#path, error);
      throw this.#failure;
    }
  }

  #opened(): number {
    const { openings } = this.#writer;
    if (this.#file !== undefined && this.#opening === openings) return this.#file;
    this.#closeFile();
    this.#file = openSync(this.#path, 'r+');
    this.#opening = openings;
    return this.#file;
  }

  #closeFile(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
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
  }

  close(): void {
    this.#closeFile();
    this.#mover.close();
  }
}
