import { crc32 } from 'node:zlib';

/** A checksum over a text, and over whatever `before` is the checksum of. */
export function sealOf(text: string, before = 0): string {
  return crc32(text, before).toString(36);
}

/** Where a log is: the row of its workflow, and which of the workflows and logs that this row has held it is. */
export interface LogPlace {
  readonly number: number;
  /** How many workflows had the row before. */
  readonly generation: number;
  /** The revision of the workflow with which the log began: 0, until it is replaced. */
  readonly epoch: number;
}

/** The chain before the first entries of a log. */
export function chainStart({ number, generation, epoch }: LogPlace): number {
  return crc32(`${number} ${generation} ${epoch}`);
}

/** It holds all before it, in whatever pieces that comes, so that the last link is a checksum over the whole log. */
export function chainAfter(chain: number, text: string | Uint8Array): number {
  return crc32(text, chain);
}

/** A checksum over a blob. */
export function blobSeal(place: LogPlace, hashOfIt: string, text: string): string {
  return sealOf(text, crc32(hashOfIt, chainStart(place)));
}
