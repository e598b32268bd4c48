import type { MessageCounts } from '../../actors/flow/flow-state.ts';
import type { FlowWorker } from '../../actors/flow/flow-worker.ts';
import type { PlanSlot } from '../../flow/plan.ts';
import type { JobStatus } from '../../flow/contract.ts';

import type { FlowEntry } from './worker-register.ts';

/** What has become of messages. `posted` is the sum of all others. */
export interface MessageMetrics {
  /** How many came into slots, by posts and by emits. */
  readonly posted: number;
  /** How many were worked on with success. */
  readonly delivered: number;
  /** How many were dropped: by a full slot, by a breakpoint, or with their job. */
  readonly dropped: number;
  /** How many a routine has failed on. */
  readonly deadLettered: number;
  /** How many a breakpoint holds. */
  readonly parked: number;
  /** How many wait in slots. */
  readonly queued: number;
  /** How many are worked on. */
  readonly running: number;
}

/** What a slot looks like. */
export interface SlotMetrics {
  /** How many messages wait in it, and the most that ever did. */
  readonly depth: number;
  readonly maxDepth: number;
  readonly capacity: number;
  /** The part of the capacity that is used, in the worker in which it is the largest; 0 of an unbounded slot. */
  readonly pressure: number;
}

/** What a routine has done, in all workers of its flow. */
export interface RoutineMetrics {
  readonly activations: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly skipped: number;
  /** How many messages it was given. */
  readonly messages: number;
  /** How many activations there are now. */
  readonly running: number;
  /** How long activations took, retries included. */
  readonly durationMs: { readonly total: number; readonly mean: number; readonly max: number };
  readonly slots: Readonly<Record<string, SlotMetrics>>;
}

/** What `metrics()` gives. */
export interface RuntimeMetrics {
  /** How many jobs are in each status; of the final ones, how many have come there so far. */
  readonly jobs: Readonly<Record<JobStatus, number>>;
  readonly messages: MessageMetrics;
  /** How many workers have not ended. */
  readonly workers: number;
  /** By the names of flows and routines; only with `monitoring`. */
  readonly flows?: Readonly<Record<string, Readonly<Record<string, RoutineMetrics>>>>;
}

/** What has become of the messages of workers; `before`: of those that are not known any more. */
export function messageMetrics(workers: readonly FlowWorker[], before: MessageCounts): MessageMetrics {
  const sum = { ...before, parked: 0, queued: 0, running: 0 };
  for (const { state } of workers) {
    const { counts, parked, queued, activations } = state;
    sum.posted += counts.posted;
    sum.delivered += counts.delivered;
    sum.dropped += counts.dropped;
    sum.deadLettered += counts.deadLettered;
    sum.parked += parked.size;
    sum.queued += queued;
    for (const { mails } of activations.values())
      sum.running += mails.reduce((count, list) => count + list.length, 0);
  }
  return sum;
}

/** What the routines of flows have done, by the names of the flows and of the routines. */
export function flowMetrics(entries: readonly FlowEntry[]): NonNullable<RuntimeMetrics['flows']> {
  return Object.fromEntries(entries.map((entry) => [entry.flow.name, routinesOf(entry)]));
}

function routinesOf({ flow, meter, workers }: FlowEntry): Readonly<Record<string, RoutineMetrics>> {
  const found = flow.plan.routines.flatMap(({ index, name, slots }): [string, RoutineMetrics][] => {
    const count = meter?.routines[index];
    if (count === undefined) return [];
    const { activations, succeeded, failed, skipped, messages, totalMs, maxMs, maxDepths } = count;
    const running = workers.reduce((sum, { state }) => sum + (state.routines[index]?.running ?? 0), 0);
    const ended = activations - running;
    const durationMs = { total: totalMs, mean: ended > 0 ? totalMs / ended : 0, max: maxMs };
    const depths = slots.map((slot, place): [string, SlotMetrics] => [
      slot.name,
      slotMetrics(slot, workers, maxDepths[place] ?? 0),
    ]);
    const counts = { activations, succeeded, failed, skipped, messages, running };
    return [[name, { ...counts, durationMs, slots: Object.fromEntries(depths) }]];
  });
  return Object.fromEntries(found);
}

function slotMetrics(
  { index, slot: { capacity } }: PlanSlot,
  workers: readonly FlowWorker[],
  maxDepth: number,
): SlotMetrics {
  const sizes = workers.map(({ state }) => state.mailboxes[index]?.size ?? 0);
  const pressure = Number.isFinite(capacity) ? Math.max(0, ...sizes) / capacity : 0;
  return { depth: sizes.reduce((sum, size) => sum + size, 0), maxDepth, capacity, pressure };
}
