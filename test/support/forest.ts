import type { ExecutionInfo, RequestRecord } from 'troupe';

const ENDED: ReadonlySet<string> = new Set(['succeeded', 'failed', 'cancelled', 'timedOut']);

/** `name status` of every request, in order of creation. */
export function statusesOf(info: ExecutionInfo): string[] {
  return Array.from(info.requests, (request) => `${request.nodeName} ${request.status}`);
}

/** The only request of a node of that name. */
export function requestOf(info: ExecutionInfo, nodeName: string): RequestRecord {
  const found = [...info.requests].filter((request) => request.nodeName === nodeName);
  const [only] = found;
  if (only === undefined || found.length > 1)
    throw new Error(`${found.length} requests of "${nodeName}" instead of one`);
  return only;
}

/** The requests that have not ended. */
export function unendedOf(info: ExecutionInfo): string[] {
  return statusesOf(info).filter((status) => !ENDED.has(status.split(' ').at(-1) ?? ''));
}

/** The steps of all stamps, and those that they are to be by the law of 2N stamps. */
export function stepsOf(info: ExecutionInfo): { readonly steps: number[]; readonly lawful: number[] } {
  const steps = info.stamps.map((stamp) => stamp.step);
  return { steps, lawful: Array.from({ length: 2 * info.requests.size }, (_, step) => step) };
}
