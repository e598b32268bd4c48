import { hash } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** A checksum over some values in their order; none of them has a line break. */
export function sealOf(...parts: readonly (string | number)[]): string {
  return crc32(parts.join('\n')).toString(36);
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
export function chainStart({ number, generation, epoch }: LogPlace): string {
  return shortHash(`${number} ${generation} ${epoch}`);
}

/** Each link holds all before it, so that the last one tells whether any row is missing, changed or in another place. */
export function chainAfter(chain: string, first: number | string, text: string): string {
  return shortHash(`${chain} ${first} ${text}`);
}

/** A checksum over a blob. */
export function blobSeal({ number, generation, epoch }: LogPlace, hashOfIt: string, text: string): string {
  return shortHash(`${number} ${generation} ${epoch} ${hashOfIt} ${text}`);
}

function shortHash(text: string): string {
  return hash('sha256', text, 'base64url').slice(0, 22);
}
