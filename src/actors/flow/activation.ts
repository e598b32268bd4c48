import { isDeepStrictEqual } from 'node:util';
import type { FailurePolicy, MessageInfo } from '../../flow/contract.ts';
import type { PlanRoutine } from '../../flow/plan.ts';
import type { RoutineActivationMessage } from '../../log/flow-messages.ts';
import type { Logger } from '../../logger.ts';
import type { NodeContext } from '../../nodes/contract.ts';
import type { ActivationSeat, Attempt, Invocation, Outcome, OutcomeListener } from '../invocation.ts';
import type { Emissions } from './emission.ts';
import type { FlowJob } from './flow-job.ts';
import type { Mail } from './mailbox.ts';

/** An emit: its event, and what each receiver got. */
export interface Sent {
  readonly event: string;
  readonly value: readonly unknown[];
}

// What an attempt has emitted is kept up to so many emits.
const KEPT_EMITS = 10_000;

/** What an activation leaves to its worker. */
export interface ActivationHost {
  contextFor(activation: Activation, attempt: Attempt): NodeContext;
  loggerOver(activation: Activation, logger: Logger): Logger;
  onSettled(activation: Activation, outcome: Outcome): void;
}

/** A routine at work on some messages. */
export class Activation implements OutcomeListener, ActivationSeat {
  readonly id: number;
  readonly routine: PlanRoutine;
  /** The message that it began with. */
  readonly begun: RoutineActivationMessage;
  /** When it was begun here, in ms since the epoch. */
  startedAt: number;
  /** By the places of the routine's slots. */
  readonly mails: readonly (readonly Mail[])[];
  /** Whose messages they are. */
  readonly jobs: readonly FlowJob[];
  /** How many events lead to it. */
  readonly hops: number;
  /** Whom it runs for; none when it is only read back. */
  host: ActivationHost | undefined;
  invocation: Invocation | undefined;
  /** Where it goes on, when it was begun elsewhere and an attempt of it had failed. */
  resumption: { readonly attempt: number; readonly at: number } | undefined;
  /** What it has written into the state of its routine. */
  writes: Record<string, unknown> | undefined;
  /** The emits of its latest attempt. */
  emissions: Emissions | undefined;
  /** Whether nobody needs it any more. */
  isCancelled = false;
  /** What its attempt has emitted, of a durable worker; null where that is too much to be kept. */
  sent: Sent[] | null | undefined;
  /** What it had emitted before it was begun again elsewhere, and has not emitted again. */
  #known: readonly Sent[] = [];
  #met = 0;

  constructor(begun: RoutineActivationMessage, routine: PlanRoutine, mails: readonly (readonly Mail[])[]) {
    this.begun = begun;
    this.id = begun.activation;
    this.startedAt = begun.time;
    this.routine = routine;
    this.mails = mails;
    const { jobs, hops } = originOf(mails);
    this.jobs = jobs;
    this.hops = hops;
  }

  /** It has emitted. */
  noteSent({ event, value }: Sent): void {
    if (this.sent === null) return;
    this.sent ??= [];
    if (this.sent.length < KEPT_EMITS) this.sent.push({ event, value });
    else this.sent = null;
  }

  /** It is begun again: what it had emitted has gone, and need not go again. */
  beginAgain(): void {
    this.#known = this.sent?.slice() ?? [];
  }

  /** Whether an emit is one that had gone before. From the first that is another, all are new. */
  wasSent(event: string, value: readonly unknown[]): boolean {
    const next = this.#known[this.#met];
    if (next === undefined) return false;
    if (next.event === event && isDeepStrictEqual(next.value, value)) {
      this.#met += 1;
      return true;
    }
    this.#known = [];
    return false;
  }

  /** Those of its jobs that have not ended. */
  get openJobs(): readonly FlowJob[] {
    return this.jobs.some(hasEnded) ? this.jobs.filter((job) => !job.hasEnded) : this.jobs;
  }

  /** What becomes of a failure. */
  get onFailure(): FailurePolicy {
    return this.routine.onFailure;
  }

  /** What the body gets. */
  get data(): Readonly<Record<string, readonly unknown[]>> {
    const data: Record<string, readonly unknown[]> = {};
    for (const [at, { name }] of this.routine.slots.entries())
      data[name] = (this.mails[at] ?? []).map(({ value }) => value);
    return data;
  }

  /** What is known of the messages besides. */
  get infos(): Readonly<Record<string, readonly MessageInfo[]>> {
    return Object.fromEntries(
      this.routine.slots.map(({ name }, at) => [name, (this.mails[at] ?? []).map(infoOf)]),
    );
  }

  /** Why the policy activated the routine. */
  get reason(): string {
    return this.begun.reason;
  }

  contextFor(attempt: Attempt): NodeContext | undefined {
    return this.host?.contextFor(this, attempt);
  }

  loggerOver(logger: Logger): Logger {
    return this.host?.loggerOver(this, logger) ?? logger;
  }

  settle(outcome: Outcome): void {
    this.host?.onSettled(this, outcome);
  }
}

function infoOf({ id, source, at, hops }: Mail): MessageInfo {
  return { id, source, at, hops };
}

function hasEnded(job: FlowJob): boolean {
  return job.hasEnded;
}

function originOf(mails: readonly (readonly Mail[])[]): { jobs: readonly FlowJob[]; hops: number } {
  let jobs: readonly FlowJob[] = [];
  let hops = 0;
  let isMixed = false;
  let isEnded = false;
  for (const list of mails) {
    for (const mail of list) {
      if (mail.hops > hops) hops = mail.hops;
      if (jobs.length === 0) jobs = mail.jobs;
      else if (jobs !== mail.jobs) isMixed = true;
      isEnded ||= mail.jobs.some(hasEnded);
    }
  }
  if (isMixed) jobs = [...new Set(mails.flatMap((list) => list.flatMap((mail) => mail.jobs)))];
  return { jobs: isEnded ? jobs.filter((job) => !job.hasEnded) : jobs, hops };
}
