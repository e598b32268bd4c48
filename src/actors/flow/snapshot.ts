import { CheckpointError, FlowConfigError } from '../../errors.ts';
import type { DeadLetter } from '../../flow/contract.ts';
import type { FlowPlan } from '../../flow/plan.ts';
import { fromStored, toStored } from '../../log/codec.ts';
import type { ActivationJSON, JobJSON, MailJSON, WorkerJSON } from '../../log/worker-json.ts';
import { UnstorableValueError } from '../../stored-value.ts';
import { Activation, type Sent } from './activation.ts';
import { FlowJob, type JobHost } from './flow-job.ts';
import type { FlowState } from './flow-state.ts';
import type { Mail } from './mailbox.ts';
import type { WorkerCore } from './worker-core.ts';

/** What a flow is known again by: its parts, their order, and how they are connected. */
export function structureOf({ name, routines, parts }: FlowPlan): string {
  const members = routines.map(({ name: own, slots, events }) => [
    own,
    slots.map((slot) => slot.name),
    [...events.keys()],
  ]);
  const wires = parts.connections.map(({ from, to }) => [from.routine, from.event, to.routine, to.slot]);
  return JSON.stringify([name, members, wires]);
}

/** What a worker holds just now, as JSON. What is at work is kept as begun, to run again. */
export function snapshotOf(
  { id, state, book }: Pick<WorkerCore, 'id' | 'state' | 'book'>,
  timeLeftOf: (job: FlowJob) => number | undefined,
): WorkerJSON {
  const { plan, nextMail, nextActivation, counts } = state;
  const jobs = state.jobs.values();
  const places = new Map(jobs.map((job, place) => [job, place]));
  const mailJSON = ({ id: mail, value, jobs: owners, source, at, hops, slot }: Mail): MailJSON => [
    mail,
    stored(value, () => `a message for "${plan.routines[slot.routine]?.name}.${slot.name}"`),
    owners.map((job) => places.get(job)).filter((place) => place !== undefined),
    source,
    at,
    hops,
  ];
  const parked = [...state.parked.values()];
  return {
    id,
    flow: plan.name,
    structure: structureOf(plan),
    nextMail,
    nextActivation,
    counts: { ...counts },
    jobs: jobs.map((job) => jobJSON(job, timeLeftOf(job))),
    ended: book.endedOf(id).map((job) => jobJSON(job)),
    slots: state.mailboxes.map((mailbox) =>
      [...parked.filter(({ slot }) => slot === mailbox.slot), ...mailbox.all()]
        .toSorted((a, b) => a.id - b.id)
        .map(mailJSON),
    ),
    activations: state.activations.values().map((activation) => activationJSON(activation, mailJSON)),
    routines: state.routines.map(({ settled: values, lastAt, plan: { name } }) => ({
      state: stored([...values], () => `the state of routine "${name}"`),
      ...(lastAt === undefined ? {} : { lastAt }),
    })),
  };
}

function activationJSON(
  { id, routine, begun, mails, resumption, sent }: Activation,
  mailJSON: (mail: Mail) => MailJSON,
): ActivationJSON {
  return {
    id,
    routine: routine.index,
    reason: begun.reason,
    time: begun.time,
    mails: mails.map((list) => list.map(mailJSON)),
    ...(sent?.length ? { sent: stored(sent, () => `what routine "${routine.name}" has emitted`) } : {}),
    ...(resumption === undefined ? {} : { resumption: { attempt: resumption.attempt, at: resumption.at } }),
  };
}

/** A job as JSON. */
function jobJSON(job: FlowJob, timeLeftMs?: number): JobJSON {
  const { id, status, metadata, createdAt, startedAt, completedAt, error, values, deadLetters } = job;
  const what = (): string => `job "${id}"`;
  return {
    id,
    status,
    metadata: stored(metadata, what),
    createdAt,
    startedAt,
    completedAt,
    ...(error === undefined ? {} : { error: stored(error, what) }),
    values: stored([...(values ?? [])], what),
    deadLetters: stored(deadLetters, what),
    ...(timeLeftMs === undefined ? {} : { timeLeftMs }),
  };
}

/** A job that was made JSON. */
export function readJob(json: JobJSON, host: JobHost): FlowJob {
  const { id, status, createdAt, startedAt, completedAt, error } = json;
  const metadata = fromStored(json.metadata) as Readonly<Record<string, unknown>>; // as `jobJSON` wrote it
  const job = new FlowJob({ id, metadata, createdAt }, host);
  job.restore({
    status,
    startedAt,
    completedAt,
    ...(error === undefined ? {} : { error: fromStored(error) }),
    values: fromStored(json.values) as readonly (readonly [string, unknown])[],
    deadLetters: fromStored(json.deadLetters) as readonly DeadLetter[],
  });
  return job;
}

/**
 * Fills the state of a new worker with what another has held.
 *
 * @throws {@link FlowConfigError} FLOW_CONFIG when that was of another flow.
 */
export function loadSnapshot(state: FlowState, json: WorkerJSON, host: JobHost): readonly FlowJob[] {
  if (json.structure !== structureOf(state.plan))
    throw new FlowConfigError(`Flow "${state.plan.name}" is not the one that was stored`, {
      hint: 'Go on with the routines, slots, events and connections that it had, in the same order.',
    });
  const jobs = json.jobs.map((each) => readJob(each, host));
  for (const job of jobs) state.jobs.add(job.id, job);
  const readMail = (slot: Mail['slot'], [id, value, owners, source, at, hops]: MailJSON): Mail => ({
    id,
    slot,
    value: fromStored(value),
    jobs: ownersOf(owners, jobs),
    source,
    at,
    hops,
  });
  for (const [place, mailbox] of state.mailboxes.entries()) {
    for (const each of json.slots[place] ?? []) {
      const mail = readMail(mailbox.slot, each);
      mailbox.push(mail);
      for (const job of mail.jobs) job.queued += 1;
    }
  }
  for (const each of json.activations) loadActivation(state, each, readMail);
  for (const [place, record] of state.routines.entries()) {
    const { state: values, lastAt } = json.routines[place] ?? { state: [] };
    record.settle(Object.fromEntries(fromStored(values) as [string, unknown][])); // as `snapshotOf` wrote it
    record.lastAt = lastAt;
  }
  Object.assign(state.counts, json.counts);
  state.nextMail = json.nextMail;
  state.nextActivation = json.nextActivation;
  return jobs;
}

function loadActivation(
  state: FlowState,
  json: ActivationJSON,
  readMail: (slot: Mail['slot'], mail: MailJSON) => Mail,
): void {
  const { id, routine, reason, time, resumption } = json;
  const record = state.routines[routine];
  if (record === undefined) return;
  const mails = record.mailboxes.map(({ slot }, place) =>
    (json.mails[place] ?? []).map((mail) => readMail(slot, mail)),
  );
  const take = mails.map(({ length }) => length);
  const begun = { type: 'RoutineActivation', activation: id, routine, take, reason, time } as const;
  const activation = new Activation({ ...begun, requestId: undefined }, record.plan, mails);
  activation.resumption = resumption;
  if (json.sent !== undefined) activation.sent = fromStored(json.sent) as Sent[]; // as it was written
  state.activations.add(id, activation);
  record.running += 1;
  for (const { jobs } of mails.flat()) for (const job of jobs) job.working += 1;
  for (const job of activation.jobs) job.activations.push(activation);
}

function ownersOf(places: readonly number[], jobs: readonly FlowJob[]): readonly FlowJob[] {
  const owners = places.map((place) => jobs[place]).filter((job) => job !== undefined);
  const [only] = owners;
  return owners.length === 1 && only !== undefined ? only.alone : owners;
}

function stored(value: unknown, what: () => string): unknown {
  try {
    return toStored(value);
  } catch (cause) {
    if (!(cause instanceof UnstorableValueError)) throw cause;
    throw new CheckpointError(`Cannot store ${what()} at ${cause.path}: ${cause.what}`, {
      hint: 'Pass plain data: no functions, and no instances of classes of your own.',
      cause,
    });
  }
}
