import fc from 'fast-check';
import type { Emitted } from './ready-made-parts.ts';

/** A message comes into a slot at a time; in the order of their times. */
export interface Coming {
  readonly slot: string;
  readonly value: number;
  readonly at: number;
}

/** Messages for slots of these names; their values are their places. */
export const comingTo = (names: readonly string[]): fc.Arbitrary<readonly Coming[]> =>
  fc
    .array(
      fc.record({
        slot: fc.constantFrom(...names),
        afterMs: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 15 })),
      }),
      { maxLength: 24 },
    )
    .map((gaps) => {
      let at = 1_000;
      return gaps.map(({ slot: name, afterMs }, value) => ({ slot: name, value, at: (at += afterMs) }));
    });

/** The batches of messages of one slot: full ones at once, others when the oldest has waited. */
export function batchesOf(comings: readonly Coming[], size: number, maxWait: number) {
  const batches: { value: number[]; at: number }[] = [];
  let open: Coming[] = [];
  const close = (at: number): void => {
    batches.push({ value: open.map(({ value }) => value), at });
    open = [];
  };
  for (const coming of comings) {
    const [oldest] = open;
    if (oldest !== undefined && coming.at >= oldest.at + maxWait) close(oldest.at + maxWait);
    open.push(coming);
    if (open.length === size) close(coming.at);
  }
  const [oldest] = open;
  if (oldest !== undefined) close(oldest.at + maxWait);
  return batches;
}

/** The last message of each run of messages, at the end of its silence or of its time. */
export function settledOf(comings: readonly Coming[], wait: number, maxWait: number) {
  const settled: { value: number; at: number }[] = [];
  let first: Coming | undefined;
  let last: Coming | undefined;
  const closeBefore = (at: number): void => {
    if (first === undefined || last === undefined) return;
    const due = Math.min(last.at + wait, first.at + maxWait);
    if (due > at) return;
    settled.push({ value: last.value, at: due });
    first = undefined;
  };
  for (const coming of comings) {
    closeBefore(coming.at);
    first ??= coming;
    last = coming;
  }
  closeBefore(Number.POSITIVE_INFINITY);
  return settled;
}

/** What an aggregator emits: event by event in time, of queues that are kept by hand. */
export function aggregatesOf(
  comings: readonly Coming[],
  { names, needed, timeout }: { names: readonly string[]; needed: number; timeout: number },
) {
  const queues = new Map<string, Coming[]>(names.map((name) => [name, []]));
  const emitted: Emitted[] = [];
  const settle = (time: number): void => {
    for (;;) {
      const ready = names.filter((name) => queues.get(name)?.length);
      if (ready.length === 0) return;
      const due = Math.min(...ready.map((name) => (queues.get(name)?.[0]?.at ?? 0) + timeout));
      const isComplete = ready.length >= needed;
      if (!isComplete && due > time) return;
      const values = Object.fromEntries(ready.map((name) => [name, queues.get(name)?.shift()?.value]));
      const missing = names.filter((name) => !ready.includes(name));
      if (isComplete) emitted.push({ event: 'output', value: values, at: time });
      else emitted.push({ event: 'timedOut', value: { values, missing }, at: due });
    }
  };
  for (const coming of comings) {
    settle(coming.at);
    queues.get(coming.slot)?.push(coming);
    settle(coming.at);
  }
  settle(Number.POSITIVE_INFINITY);
  return emitted;
}
