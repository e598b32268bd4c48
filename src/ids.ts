import { randomFillSync } from 'node:crypto';
import { v7 } from 'uuid';
import { systemClock } from './clock.ts';

declare const brand: unique symbol;

/** The id of one run: a UUID of version 7, so ids sort by time. */
export type RunId = string & { readonly [brand]: 'RunId' };
/** The id of one request: unique across runs. */
export type RequestId = string & { readonly [brand]: 'RequestId' };
/** The id of one node invocation: unique across runs, and never that of a request. */
export type NodeId = string & { readonly [brand]: 'NodeId' };

/** A new run id. Those of one process sort by the order in which they were made. */
export function createRunId(): RunId {
  return createId() as RunId; // the one constructor of the brand
}

/** A UUID of version 7. Those of one process sort by the order in which they were made. */
export function createId(): string {
  const random = randomBytes();
  const now = systemClock.now();
  if (now > latest.msecs) {
    latest.msecs = now;
    // The upper bit is left clear, so that it is long before the count overflows.
    latest.seq = new DataView(random.buffer, random.byteOffset).getUint32(0) >>> 1;
  } else latest.seq += 1;
  return v7({ random, ...latest });
}

// The time and the count of the latest id, as RFC 9562 has it for ids of one millisecond.
const latest = { msecs: -1, seq: 0 };

// Random bytes are asked for many ids at once: one by one they cost as much as an actor.
const pool = new Uint8Array(16 * 256);
let used = pool.length;

function randomBytes(): Uint8Array {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += 16;
  return pool.subarray(used - 16, used);
}

/**
 * Makes and reads the ids of one run's requests and nodes. An id is the random part of the run's id, a letter and the
 * ordinal of the invocation, so an id is found again by arithmetic and 100,000 of them cost nothing until they are read.
 */
export class InvocationIds {
  readonly #requestPrefix: string;
  readonly #nodePrefix: string;

  constructor(runId: RunId) {
    const unique = runId.slice(-17).replace('-', '');
    this.#requestPrefix = `${unique}-r`;
    this.#nodePrefix = `${unique}-n`;
  }

  requestId(ordinal: number): RequestId {
    return `${this.#requestPrefix}${ordinal}` as RequestId;
  }

  nodeId(ordinal: number): NodeId {
    return `${this.#nodePrefix}${ordinal}` as NodeId;
  }

  /** The ordinal of a request id of this run, or -1. */
  ordinalOfRequest(id: string): number {
    return ordinalAfter(this.#requestPrefix, id);
  }

  /** The ordinal of a node id of this run, or -1. */
  ordinalOfNode(id: string): number {
    return ordinalAfter(this.#nodePrefix, id);
  }
}

function ordinalAfter(prefix: string, id: string): number {
  if (!id.startsWith(prefix)) return -1;
  const ordinal = Number(id.slice(prefix.length));
  return Number.isSafeInteger(ordinal) && ordinal >= 0 && `${prefix}${ordinal}` === id ? ordinal : -1;
}
