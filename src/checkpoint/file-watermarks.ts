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
  /** The beginning of the chain at that length. */
  readonly chain: string;
  /** The workflow was removed: nothing of this generation may be there. */
  readonly isRemoved: boolean;
}

const SLOT_BYTES = 32;
/** A block of most file systems. */
const SLOTS_AT_ONCE = 4_096 / SLOT_BYTES;
const CHAIN_BYTES = 12;
const CHAIN_CHARS = 16;
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
  readonly #slot = Buffer.alloc(SLOT_BYTES);
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
    for (let start = SLOT_BYTES; start + SLOT_BYTES <= bytes.length; start += SLOT_BYTES) {
      const number = start / SLOT_BYTES;
      const mark = decode(bytes.subarray(start, start + SLOT_BYTES), number);
      if (mark !== undefined) found.set(number, mark);
    }
    return found;
  }

  read(number: number): Watermark | undefined {
    const length = this.#try(() => readSync(this.#file, this.#slot, 0, SLOT_BYTES, number * SLOT_BYTES));
    return length === SLOT_BYTES ? decode(this.#slot, number) : undefined;
  }

  write(number: number, mark: Omit<Watermark, 'isRemoved'>): void {
    this.#slot.writeUInt32LE(mark.revision, 4);
    this.#slot.writeUInt32LE(mark.length, 8);
    this.#slot.writeUInt32LE(mark.epoch, 12);
    this.#slot.write(mark.chain.slice(0, CHAIN_CHARS), 16, CHAIN_BYTES, 'base64url');
    this.#put(number, mark.generation);
  }

  /** Notes that a workflow was removed. */
  remove(number: number, generation: number): void {
    this.#slot.fill(0);
    this.#slot.writeUInt32LE(REMOVED, 4);
    this.#put(number, generation);
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

  #put(number: number, generation: number): void {
    this.#slot.writeUInt32LE(generation, 0);
    this.#slot.writeUInt32LE(checksumOf(this.#slot, number), 28);
    this.#try(() => writeSync(this.#file, this.#slot, 0, SLOT_BYTES, number * SLOT_BYTES));
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

function decode(slot: Buffer, number: number): Watermark | undefined {
  if (slot.readUInt32LE(28) !== checksumOf(slot, number)) return undefined;
  const revision = slot.readUInt32LE(4);
  return {
    generation: slot.readUInt32LE(0),
    revision,
    length: slot.readUInt32LE(8),
    epoch: slot.readUInt32LE(12),
    chain: slot.toString('base64url', 16, 16 + CHAIN_BYTES),
    isRemoved: revision === REMOVED,
  };
}

/** With the number, so that a slot in another's place is none. */
function checksumOf(slot: Buffer, number: number): number {
  return crc32(slot.subarray(0, 28), number);
}
