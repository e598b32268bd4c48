import { cloneData } from '../../clone.ts';
import { CancelledError, FlowConfigError, HopLimitError, WorkerStoppedError } from '../../errors.ts';
import type { PlanReceiver, PlanSlot } from '../../flow/plan.ts';
import { didYouMean } from '../../suggest.ts';
import type { StoredFields } from '../journal.ts';
import type { Activation } from './activation.ts';
import { pendingEmission, type PendingEmission } from './emission.ts';
import type { FlowJob } from './flow-job.ts';
import type { JobDesk } from './job-desk.ts';
import { findRing } from './ring.ts';
import type { RoutineBodyContext } from './routine-context.ts';
import type { Shipment } from './traffic.ts';
import type { WorkerCore } from './worker-core.ts';

/** What is posted. */
export interface PostRequest {
  readonly slot: PlanSlot;
  /** Its own: nobody else changes it. */
  readonly value: unknown;
  readonly jobId: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** Throws when there is a job of that id. */
  readonly assertNew: () => void;
  /** Called before the job is begun. */
  readonly onAccepted: () => void;
}

const SENT: Promise<void> = Promise.resolve();

/** Takes what is posted and emitted into the slots of a worker. */
export class PostOffice {
  readonly #core: WorkerCore;
  readonly #desk: JobDesk;

  constructor(core: WorkerCore, desk: JobDesk) {
    this.#core = core;
    this.#desk = desk;
  }

  /** Posts: the job that it sets off, at once or when its slot has room. Throws, or rejects, where it is refused. */
  post(request: PostRequest): FlowJob | Promise<FlowJob> {
    const core = this.#core;
    const { slot, jobId } = request;
    const stored = this.#stored(request);
    let outcome: { readonly job: FlowJob } | { readonly error: unknown } | undefined;
    let settle: (() => void) | undefined;
    core.traffic.admit({
      slots: [slot.index],
      way: `post:${slot.index}`,
      activation: undefined,
      send: () => {
        outcome = { job: this.#begin(request, stored) };
        settle?.();
      },
      hold: () => undefined,
      refuse: (error) => {
        outcome = { error };
        settle?.();
      },
    });
    const read = (): FlowJob => {
      if (outcome === undefined) throw new Error(`The post of job "${jobId}" has no outcome`);
      if ('error' in outcome) throw outcome.error;
      return outcome.job;
    };
    if (outcome !== undefined) return read();
    return new Promise<void>((resolve) => {
      settle = resolve;
    }).then(read);
  }

  /** Emits for a body. */
  emit(context: RoutineBodyContext, event: string, value: unknown): Promise<void> {
    const { activation, own: attempt } = context;
    if (!attempt.isOpen) return refused(context, new CancelledError('The attempt that emits has ended'));
    const receivers = activation.routine.events.get(event);
    if (receivers === undefined) return refused(context, unknownEvent(activation, event));
    if (receivers.length === 0) return SENT;
    const { maxHops } = this.#core.limits;
    if (activation.hops >= maxHops) return this.#stopEndless(context, maxHops);
    try {
      const values = receivers.map(({ map }) => carried(value, map));
      if (activation.wasSent(event, values)) return SENT;
      return this.#ship(context, { event, receivers, values });
    } catch (error) {
      return refused(context, error);
    }
  }

  /** Refuses the posts that wait for room. */
  refusePosts(): void {
    const error = workerStopped(this.#core.id);
    for (const shipment of this.#core.traffic.withdraw(({ activation }) => activation === undefined))
      shipment.refuse(error);
  }

  #begin({ slot, value, jobId, metadata, onAccepted }: PostRequest, stored: StoredFields): FlowJob {
    const core = this.#core;
    onAccepted();
    const mail = core.state.nextMail;
    core.append(
      { type: 'JobPost', job: jobId, metadata, mail, slot: slot.index, value, time: core.now() },
      stored,
    );
    const job = core.state.jobs.get(jobId);
    if (job === undefined) throw new Error(`Job "${jobId}" was not begun`);
    this.#desk.open(job);
    this.#arrived(mail, slot, value);
    return job;
  }

  #stored({ slot, value, metadata }: PostRequest): StoredFields {
    const { journal, plan } = this.#core;
    if (journal === undefined) return undefined;
    const name = plan.routines[slot.routine]?.name ?? '';
    return { value: journal.prepare(value, name), metadata: journal.prepare(metadata, name) };
  }

  #ship(
    context: RoutineBodyContext,
    given: { event: string; receivers: readonly PlanReceiver[]; values: readonly unknown[] },
  ): Promise<void> {
    const core = this.#core;
    const { activation, emissions } = context;
    const { event, receivers, values } = given;
    const stored = core.journal?.prepare(values, activation.routine.name);
    let pending: PendingEmission | undefined;
    let isSent = false;
    const shipment: Shipment = {
      slots: receivers.map(({ slot }) => slot.index),
      way: `${activation.routine.index}:${event}`,
      activation,
      send: () => {
        const mail = core.state.nextMail;
        core.append(
          { type: 'RoutineEmit', activation: activation.id, event, mail, value: values, time: core.now() },
          stored === undefined ? undefined : { value: stored },
        );
        for (const [index, { slot }] of receivers.entries()) this.#arrived(mail + index, slot, values[index]);
        isSent = true;
        core.dispatcher.runSoon();
        if (pending === undefined) return;
        emissions.blocked -= 1;
        this.#goOn(context, pending);
      },
      hold: () => {
        pending = pendingEmission();
        emissions.add(pending);
      },
      refuse: (error) => {
        pending ??= pendingEmission();
        emissions.refuse(pending, error);
      },
    };
    core.traffic.admit(shipment);
    if (isSent || pending === undefined) return SENT;
    this.breakRing();
    core.onSettled();
    return pending.promise;
  }

  /** A body whose emit has gone goes on when it has its place again. */
  #goOn({ activation, emissions }: RoutineBodyContext, pending: PendingEmission): void {
    const { coordinator } = this.#core.engine;
    const { invocation } = activation;
    if (invocation === undefined || invocation.hasEnded) {
      emissions.resolve(pending);
      return;
    }
    coordinator.resume(invocation, () => emissions.resolve(pending));
  }

  /** Where routines wait for room in each other's slots, an emit of one of them is refused: so the others go on. */
  breakRing(): void {
    const { state, traffic } = this.#core;
    for (let found = findRing(state, traffic); found !== undefined; found = findRing(state, traffic)) {
      const { shipment, names } = found;
      traffic.withdraw((each) => each === shipment);
      shipment.refuse(
        new FlowConfigError(`Routines wait for room in each other's slots: ${names.join(' → ')}`, {
          hint: "Give a slot of the ring a larger `capacity` or another `overflow` than 'block', or emit less for each message.",
        }),
      );
    }
  }

  /** A message has come into its slot. */
  #arrived(mail: number, slot: PlanSlot, value: unknown): void {
    const core = this.#core;
    const mailbox = core.state.mailboxes[slot.index];
    if (mailbox !== undefined && mailbox.size > mailbox.capacity) this.#overflow(mail, slot);
    core.breakpoints.park(mail, slot.index, value);
    this.#desk.rewatch();
    core.dispatcher.wake(slot.routine);
  }

  #overflow(mail: number, slot: PlanSlot): void {
    const core = this.#core;
    const { overflow } = slot.slot;
    const mailbox = core.state.mailboxes[slot.index];
    const dropped = overflow === 'dropOldest' ? mailbox?.first : mailbox?.last;
    if (dropped === undefined || (overflow !== 'dropOldest' && overflow !== 'dropNewest')) return;
    const { id } = overflow === 'dropOldest' ? dropped : { id: mail };
    core.append({ type: 'MessageDrop', mail: id, slot: slot.index, reason: overflow, time: core.now() });
    for (const job of dropped.jobs) this.#desk.completeIfDone(job);
  }

  #stopEndless(context: RoutineBodyContext, maxHops: number): Promise<void> {
    const { activation } = context;
    const error = new HopLimitError(
      `A message of routine "${activation.routine.name}" would be more than ${maxHops} hops from its post`,
      { hint: 'Let the cycle end, or raise `maxHops` of the runtime.' },
    );
    for (const job of activation.openJobs) this.#desk.end(job, 'failed', error);
    return refused(context, error);
  }
}

/** What a receiver gets: its own. */
function carried(value: unknown, map: PlanReceiver['map']): unknown {
  return cloneData(map === undefined ? value : map(value as never));
}

/** An emit that fails: its routine does too, unless it looks at it. */
function refused({ emissions }: RoutineBodyContext, error: unknown): Promise<void> {
  const pending = pendingEmission();
  emissions.refuse(pending, error);
  return pending.promise;
}

function unknownEvent({ routine }: Activation, event: string): FlowConfigError {
  return new FlowConfigError(`Routine "${routine.name}" has no event "${event}"`, {
    hint: didYouMean(event, [...routine.events.keys()]),
  });
}

/** The error for a worker that takes no more posts. */
export function workerStopped(id: string): WorkerStoppedError {
  return new WorkerStoppedError(`Worker "${id}" takes no more posts`, {
    hint: 'Post to another worker of the flow, or start one with `exec`.',
  });
}
