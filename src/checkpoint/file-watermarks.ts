import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  openSync,
  readFileSync,
  readSync,
  writeSync,
} from 'node:fs';
import { crc32 } from 'node:zlib';
import { storeError } from './file-errors.ts';

/** How far a workflow has come at least. */
export interface Watermark {
  readonly generation: number;
  readonly epoch: number;
  readonly revision: number;
  readonly length: number;
  /** The chain at that length. */
  readonly chain: number;
  /** The workflow was removed: nothing of this generation may be there. */
  readonly isRemoved: boolean;
}

const SLOT_BYTES = 32;
/** The checksum over the rest of a slot is its last word. */
const SEAL = 7;
/** A block of most file systems. */
const SLOTS_AT_ONCE = 4_096 / SLOT_BYTES;
const REMOVED = 0xff_ff_ff_ff;

/**
 * A file beside the database that says how far each workflow has come. SQLite drops the last transactions of a damaged
 * log without a word, and reads an empty file as an empty database: this tells.
 *
 * A slot is written after the commit, and not flushed: it may lag behind, after a power loss or when its writer was
 * stopped, and must never be ahead. One that cannot be read says nothing.
 */
export class Watermarks {
  readonly #path: string;
  readonly #file: number;
  readonly #slot = new Slot();
  /** How many slots the file has at least. */
  #reserved = 0;

  /** Throws {@link CheckpointError} when the file cannot be opened. */
  constructor(path: string) {
    this.#path = path;
    this.#file = this.#try(() => openSync(path, constants.O_RDWR | constants.O_CREAT));
  }

  /** Those of all workflows, by number. */
  static readAll(path: string): ReadonlyMap<number, Watermark> {
    const found = new Map<number, Watermark>();
    const bytes = existsSync(path) ? attempt(path, () => readFileSync(path)) : Buffer.alloc(0);
    const slot = new Slot();
    for (let start = SLOT_BYTES; start + SLOT_BYTES <= bytes.length; start += SLOT_BYTES) {
      const number = start / SLOT_BYTES;
      slot.bytes.set(bytes.subarray(start, start + SLOT_BYTES));
      const mark = slot.read(number);
      if (mark !== undefined) found.set(number, mark);
    }
    return found;
  }

  read(number: number): Watermark | undefined {
    const slot = this.#slot;
    const length = this.#try(() => readSync(this.#file, slot.bytes, 0, SLOT_BYTES, number * SLOT_BYTES));
    return length === SLOT_BYTES ? slot.read(number) : undefined;
  }

  write(number: number, generation: number, mark: Omit<Watermark, 'isRemoved' | 'generation'>): void {
    this.#slot.write(number, generation, mark);
    this.#put(number);
  }

  /** Notes that a workflow was removed. */
  remove(number: number, generation: number): void {
    this.#slot.write(number, generation, { revision: REMOVED, length: 0, epoch: 0, chain: 0 });
    this.#put(number);
  }

  /** Sees to it that a slot can be written when the disk is full. */
  reserve(number: number): void {
    if (number < this.#reserved) return;
    const end = Math.ceil((number + 1) / SLOTS_AT_ONCE) * SLOTS_AT_ONCE;
    const bytes = end * SLOT_BYTES;
    this.#try(() => {
      // One byte of a block is room for all of it, and overwrites nothing that another process has just written there.
      if (fstatSync(this.#file).size < bytes) writeSync(this.#file, Buffer.alloc(1), 0, 1, bytes - 1);
    });
    this.#reserved = end;
  }

  close(): void {
    closeSync(this.#file);
  }

  #put(number: number): void {
    this.#try(() => writeSync(this.#file, this.#slot.bytes, 0, SLOT_BYTES, number * SLOT_BYTES));
  }

  #try<Result>(work: () => Result): Result {
    return attempt(this.#path, work);
  }
}

function attempt<Result>(path: string, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    throw storeError(path, error);
  }
}

/** One slot on its way into the file or out of it, in the order of bytes of the machine. */
class Slot {
  readonly #words = new Uint32Array(SLOT_BYTES / 4);
  readonly bytes = new Uint8Array(this.#words.buffer);
  readonly #sealed = this.bytes.subarray(0, SEAL * 4);

  write(
    number: number,
    generation: number,
    { revision, length, epoch, chain }: Omit<Watermark, 'isRemoved' | 'generation'>,
  ): void {
    const words = this.#words;
    words[0] = generation;
    words[1] = revision;
    words[2] = length;
    words[3] = epoch;
    words[4] = chain;
    words[SEAL] = this.#checksum(number);
  }

  /** Undefined when it is not what was written. */
  read(number: number): Watermark | undefined {
    const [generation = 0, revision = 0, length = 0, epoch = 0, chain = 0] = this.#words;
    if (this.#words[SEAL] !== this.#checksum(number)) return undefined;
    return { generation, revision, length, epoch, chain, isRemoved: revision === REMOVED };
  }

  /** With the number, so that a slot in another's place is none. */
  #checksum(number: number): number {
    return crc32(this.#sealed, number);
  }
}
