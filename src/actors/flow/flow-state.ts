import { recordOf } from '../../clone.ts';
import { UnknownRoutineError } from '../../errors.ts';
import type { DeadLetter, FailurePolicy } from '../../flow/contract.ts';
import type { FlowPlan, PlanRoutine } from '../../flow/plan.ts';
import type {
  FlowMessage,
  JobEndMessage,
  JobMessage,
  JobPostMessage,
  JobValueMessage,
  MessageDropMessage,
  MessageEditMessage,
  MessageParkMessage,
  RoutineActivationMessage,
  RoutineEmitMessage,
  RoutineEndMessage,
  RoutineRetryMessage,
} from '../../log/flow-messages.ts';
import { didYouMean } from '../../suggest.ts';
import { Table } from '../table.ts';
import { Activation } from './activation.ts';
import { FlowJob, type JobHost } from './flow-job.ts';
import { Mailbox, type Mail } from './mailbox.ts';

/** What has become of the messages of a worker. */
export interface MessageCounts {
  /** How many came into slots, by posts and by emits. */
  posted: number;
  /** How many were worked on with success. */
  delivered: number;
  /** How many were dropped: by a full slot, or with the job that they belonged to. */
  dropped: number;
  /** How many a routine has failed on. */
  deadLettered: number;
}

/** What becomes of the messages of an activation. */
const COUNTED = {
  done: 'delivered',
  cancelled: 'dropped',
  stop: 'deadLettered',
  continue: 'deadLettered',
  skip: 'deadLettered',
} as const;

/** A routine in a worker. */
export class RoutineRecord {
  readonly plan: PlanRoutine;
  readonly mailboxes: readonly Mailbox[];
  /** Those of its slots. */
  readonly names: ReadonlySet<string>;
  /** What bodies see and set. */
  readonly state = new Map<string, unknown>();
  /** What those have set that have ended. */
  readonly settled = new Map<string, unknown>();
  /** When it was last activated. */
  lastAt: number | undefined;
  /** How many activations of it there are. */
  running = 0;

  constructor(plan: PlanRoutine, mailboxes: readonly Mailbox[]) {
    this.plan = plan;
    this.mailboxes = mailboxes;
    this.names = new Set(mailboxes.map(({ slot }) => slot.name));
  }

  /** An activation that has ended has set these. */
  settle(values: Readonly<Record<string, unknown>>): void {
    for (const key of Object.keys(values)) {
      this.settled.set(key, values[key]);
      // Another one that is still at work may have set it since.
      if (this.running === 0 || !this.state.has(key)) this.state.set(key, values[key]);
    }
  }
}

/**
 * What a worker holds: messages, jobs, and what routines keep. It is a fold over the worker's messages and changes in no
 * other way, so that what is read back is what was there.
 */
export class FlowState {
  readonly plan: FlowPlan;
  readonly mailboxes: readonly Mailbox[];
  readonly routines: readonly RoutineRecord[];
  /** Those that have not ended. */
  readonly jobs = new Table<string, FlowJob>();
  readonly activations = new Table<number, Activation>();
  readonly parked = new Map<number, Mail>();
  /** Whether what activations have emitted is kept until they end. */
  keepsSent = false;
  readonly counts: MessageCounts = { posted: 0, delivered: 0, dropped: 0, deadLettered: 0 };
  nextMail = 0;
  nextActivation = 0;
  readonly #host: JobHost;

  constructor(plan: FlowPlan, host: JobHost) {
    this.plan = plan;
    this.#host = host;
    this.mailboxes = plan.slots.map((slot) => new Mailbox(slot));
    this.routines = plan.routines.map(
      (routine) =>
        new RoutineRecord(
          routine,
          this.mailboxes.filter(({ slot }) => slot.routine === routine.index),
        ),
    );
  }

  /**
   * A copy of the state of a routine.
   *
   * @throws {@link UnknownRoutineError} UNKNOWN_ROUTINE
   */
  stateOf(name: string): Readonly<Record<string, unknown>> {
    const planned = this.plan.find(name);
    if (planned === undefined) {
      const names = this.plan.routines.map((each) => each.name);
      throw new UnknownRoutineError(`Flow "${this.plan.name}" has no routine "${name}"`, {
        hint: didYouMean(name, names),
      });
    }
    const state = this.routines[planned.index]?.state ?? new Map<string, unknown>();
    return recordOf(Object.fromEntries(state)) as Readonly<Record<string, unknown>>; // a record stays one
  }

  /** The states of all routines, by name. */
  allStates(): Readonly<Record<string, Readonly<Record<string, unknown>>>> {
    return Object.fromEntries(this.plan.routines.map(({ name }) => [name, this.stateOf(name)]));
  }

  /** How many messages wait in slots. */
  get queued(): number {
    return this.mailboxes.reduce((sum, { size }) => sum + size, 0);
  }

  /** How many things it holds. */
  get size(): number {
    return this.queued + this.parked.size + this.activations.size + this.jobs.size;
  }

  /** All has been read back: what routines have kept is what bodies see. */
  onRead(): void {
    for (const { state, settled } of this.routines) for (const [key, value] of settled) state.set(key, value);
  }

  apply(message: FlowMessage): void {
    switch (message.type) {
      case 'JobPost':
        this.#post(message);
        break;
      case 'RoutineActivation':
        this.#activate(message);
        break;
      case 'RoutineEmit':
        this.#emit(message);
        break;
      case 'RoutineEnd':
        this.#end(message);
        break;
      case 'RoutineRetry':
        this.#retry(message);
        break;
      case 'WorkerStart':
        break;
      case 'MessageDrop':
        this.#drop(message);
        break;
      case 'MessagePark':
        this.#park(message);
        break;
      case 'MessageRelease':
        this.#release(message);
        break;
      case 'MessageEdit':
        this.#edit(message);
        break;
      case 'JobValue':
        this.#setValue(message);
        break;
      default:
        this.#endJob(message);
    }
  }

  #post(message: JobPostMessage): void {
    const { job: id, metadata, mail, slot, value, time } = message;
    const job = new FlowJob({ id, metadata, createdAt: time }, this.#host);
    this.jobs.add(id, job);
    job.note(message);
    this.#deliver({ id: mail, slot, value, jobs: job.alone, source: 'post', at: time, hops: 0 });
  }

  #activate(message: RoutineActivationMessage): void {
    const { activation: id, routine, take, time } = message;
    const record = at(this.routines, routine);
    const mails = record.mailboxes.map((mailbox, place) => mailbox.take(take[place] ?? 0));
    const activation = new Activation(message, record.plan, mails);
    this.activations.add(id, activation);
    if (id >= this.nextActivation) this.nextActivation = id + 1;
    record.running += 1;
    record.lastAt = time;
    for (const list of mails) {
      for (const { jobs } of list) {
        for (const job of jobs) {
          job.queued -= 1;
          job.working += 1;
        }
      }
    }
    for (const job of activation.jobs) {
      job.activate(time);
      job.activations.push(activation);
      job.note(message);
    }
  }

  #emit(message: RoutineEmitMessage): void {
    const activation = this.activations.get(message.activation);
    if (activation === undefined) return;
    const { event, mail: first, value, time } = message;
    const { routine, openJobs, hops } = activation;
    const jobs = openJobs;
    const source = { routine: routine.name, event };
    for (const [index, { slot }] of (routine.events.get(event) ?? []).entries())
      this.#deliver({
        id: first + index,
        slot: slot.index,
        value: value[index],
        jobs,
        source,
        at: time,
        hops: hops + 1,
      });
    if (this.keepsSent) activation.noteSent(message);
    note(jobs, message);
  }

  #deliver(given: Omit<Mail, 'slot'> & { readonly slot: number }): void {
    const { id, slot, value, jobs, source, at: time, hops } = given;
    const mailbox = at(this.mailboxes, slot);
    mailbox.push({ id, slot: mailbox.slot, value, jobs, source, at: time, hops });
    if (id >= this.nextMail) this.nextMail = id + 1;
    this.counts.posted += 1;
    for (const job of jobs) job.queued += 1;
  }

  #end(message: RoutineEndMessage): void {
    const { activation: id, outcome, value } = message;
    const activation = this.activations.get(id);
    if (activation === undefined) return;
    this.activations.delete(id);
    const record = at(this.routines, activation.routine.index);
    record.running -= 1;
    if (value !== undefined) record.settle(value);
    for (const list of activation.mails) {
      this.counts[COUNTED[outcome]] += list.length;
      for (const { jobs } of list) for (const job of jobs) job.working -= 1;
    }
    if (outcome !== 'done' && outcome !== 'cancelled') this.#fail(activation, outcome, message);
    for (const job of activation.jobs) {
      job.removeActivation(activation);
      job.note(message);
    }
  }

  #fail(activation: Activation, policy: FailurePolicy, message: RoutineEndMessage): void {
    addDeadLetters(activation, policy, message);
    // A critical one fails all that there are.
    const failing = activation.routine.critical ? this.jobs.values() : activation.jobs;
    if (activation.routine.critical || policy === 'stop') for (const job of failing) job.failure = message;
  }

  #retry(message: RoutineRetryMessage): void {
    const activation = this.activations.get(message.activation);
    if (activation === undefined) return;
    activation.resumption = message;
    activation.sent = undefined;
    note(activation.jobs, message);
  }

  #drop(message: MessageDropMessage): void {
    const mail = this.parked.get(message.mail) ?? this.mailboxes[message.slot]?.remove(message.mail);
    if (mail === undefined) return;
    this.parked.delete(mail.id);
    this.counts.dropped += 1;
    for (const job of mail.jobs) {
      job.queued -= 1;
      job.note(message);
    }
  }

  #park(message: MessageParkMessage): void {
    const mail = this.mailboxes[message.slot]?.remove(message.mail);
    if (mail === undefined) return;
    this.parked.set(mail.id, mail);
    note(mail.jobs, message);
  }

  #release(message: MessageParkMessage): void {
    const mail = this.parked.get(message.mail);
    if (mail === undefined) return;
    this.parked.delete(mail.id);
    this.mailboxes[message.slot]?.push(mail);
    note(mail.jobs, message);
  }

  /** Drops the first messages of the slots that nobody needs, and gives how many those were. */
  #dropFirst(job: FlowJob): number {
    let dropped = 0;
    for (const mailbox of this.mailboxes) {
      for (let { first } = mailbox; first !== undefined && dropped < job.queued; { first } = mailbox) {
        if (isNeeded(first)) break;
        mailbox.shift();
        dropped += 1;
      }
    }
    this.counts.dropped += dropped;
    return dropped;
  }

  #edit(message: MessageEditMessage): void {
    const mail = this.parked.get(message.mail);
    if (mail === undefined) return;
    mail.value = message.value;
    note(mail.jobs, message);
  }

  #setValue(message: JobValueMessage): void {
    const job = this.jobs.get(message.job);
    if (job === undefined) return;
    (job.values ??= new Map()).set(message.key, message.value);
    job.note(message);
  }

  #endJob(message: JobEndMessage): void {
    const job = this.jobs.get(message.job);
    if (job === undefined) return;
    this.jobs.delete(job.id);
    job.end(message);
    job.note(message);
    if (job.queued === 0) return;
    // Who ends many jobs ends the oldest first, whose messages are the first.
    if (this.#dropFirst(job) === job.queued) {
      job.queued = 0;
      return;
    }
    // What belongs to other jobs as well stays, for them.
    for (const mailbox of this.mailboxes) this.counts.dropped += mailbox.retain(isNeeded).length;
    for (const mail of this.parked.values()) {
      if (isNeeded(mail)) continue;
      this.parked.delete(mail.id);
      this.counts.dropped += 1;
    }
    job.queued = 0;
  }
}

function addDeadLetters(
  { routine, mails, jobs }: Activation,
  policy: FailurePolicy,
  { error, time }: RoutineEndMessage,
): void {
  for (const job of jobs) {
    const letters: DeadLetter[] = [];
    for (const mail of mails.flat()) {
      if (!mail.jobs.includes(job)) continue;
      const { slot, value } = mail;
      letters.push({ routine: routine.name, slot: slot.name, value, error, policy, at: time });
    }
    job.addDeadLetters(letters);
  }
}

function isNeeded({ jobs }: Mail): boolean {
  return jobs.some(({ hasEnded }) => !hasEnded);
}

function note(jobs: readonly FlowJob[], message: JobMessage): void {
  for (const job of jobs) job.note(message);
}

function at<Item>(items: readonly Item[], index: number): Item {
  const item = items[index];
  if (item === undefined) throw new RangeError(`The flow has no part ${index}`);
  return item;
}
