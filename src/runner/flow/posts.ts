import type { FlowJob } from '../../actors/flow/flow-job.ts';
import type { FlowWorker } from '../../actors/flow/flow-worker.ts';
import { cloneData } from '../../clone.ts';
import { DuplicateIdError, QueueFullError, UnknownRoutineError, UnknownSlotError } from '../../errors.ts';
import type { AnyFlow } from '../../flow/flow-types.ts';
import type { PlanSlot } from '../../flow/plan.ts';
import { createId } from '../../ids.ts';
import { validate } from '../../nodes/resolve-input.ts';
import { assertKnownOptions, expected } from '../../nodes/validate.ts';
import { didYouMean } from '../../suggest.ts';
import type { JobRegister } from './job-register.ts';
import type { PostOptions } from './runtime.ts';

/** What `post` is given. */
export type PostArguments = readonly [
  flow: AnyFlow | string,
  routine: string,
  slot: string,
  value: unknown,
  options?: PostOptions,
];

/** What is posted, and its options. */
export interface Posting {
  readonly value: unknown;
  readonly where: string;
  readonly jobId: string;
  readonly workerId: string | undefined;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** Reads the options of a post. Throws where one is unknown or of the wrong form. */
export function readPosting(
  { routine, slot, value }: { flow: AnyFlow | string; routine: string; slot: string; value: unknown },
  options: PostOptions,
): Posting {
  assertKnownOptions('post', options, ['workerId', 'jobId', 'metadata']);
  const { metadata = {} } = options;
  if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata))
    throw expected('`metadata`', 'an object', metadata);
  return {
    value,
    where: `${routine}.${slot}`,
    jobId: textOf('jobId', options.jobId) ?? createId(),
    workerId: textOf('workerId', options.workerId),
    metadata: Object.freeze(cloneData(metadata)),
  };
}

/** Finds the worker that a post is for, and gives it what that gives. */
export type Hand = (give: (worker: FlowWorker) => FlowJob | Promise<FlowJob>) => FlowJob | Promise<FlowJob>;

/** Lets posts in: as many jobs as may be pending, each under an id of its own. */
export class Posts {
  readonly #jobs: JobRegister;
  readonly #maxQueueSize: number;

  constructor(jobs: JobRegister, maxQueueSize: number) {
    this.#jobs = jobs;
    this.#maxQueueSize = maxQueueSize;
  }

  /** Checks a post and gives it to a worker. Throws, or rejects, where it is refused; then nothing is left of it. */
  deliver(posting: Posting, slot: PlanSlot, hand: Hand): FlowJob | Promise<FlowJob> {
    const { jobId, value, where } = posting;
    const release = this.#reserve(jobId);
    try {
      const { schema } = slot.slot;
      if (schema === undefined) return this.#send(posting, { slot, value }, { hand, release });
      const checked = validate(schema, value, `The value for slot "${where}"`);
      if (!(checked instanceof Promise))
        return this.#send(posting, { slot, value: checked }, { hand, release });
      return checked
        .then((late) => this.#send(posting, { slot, value: late }, { hand, release }))
        .finally(release);
    } catch (error) {
      release();
      throw error;
    }
  }

  #send(
    { jobId, metadata }: Posting,
    { slot, value }: { slot: PlanSlot; value: unknown },
    { hand, release }: { hand: Hand; release: () => void },
  ): FlowJob | Promise<FlowJob> {
    const posted = hand((worker) =>
      worker.post({
        slot,
        value: cloneData(value),
        jobId,
        metadata,
        assertNew: () => {
          if (this.#jobs.get(jobId) !== undefined) throw duplicate(jobId);
        },
        onAccepted: release,
      }),
    );
    return posted instanceof Promise ? posted.finally(release) : posted;
  }

  #reserve(jobId: string): () => void {
    if (this.#jobs.has(jobId)) throw duplicate(jobId);
    if (this.#jobs.pending >= this.#maxQueueSize)
      throw new QueueFullError(`${this.#maxQueueSize} jobs are pending already`, {
        hint: 'Post more slowly, or raise `maxQueueSize` of the runtime.',
      });
    return this.#jobs.reserve(jobId);
  }
}

function duplicate(jobId: string): DuplicateIdError {
  return new DuplicateIdError(`There is a job "${jobId}" already`, {
    hint: 'Give each job an id of its own.',
  });
}

/** An option that is a text. Throws for one that is not, or is empty. */
export function textOf(what: string, value: unknown): string | undefined {
  if (value === undefined || (typeof value === 'string' && value !== '')) return value;
  throw expected(`\`${what}\``, 'a text that is not empty', value);
}

/**
 * A slot of a flow.
 *
 * @throws {@link UnknownRoutineError} UNKNOWN_ROUTINE, {@link UnknownSlotError} UNKNOWN_SLOT
 */
export function slotOf({ plan }: AnyFlow, routineName: string, slotName: string): PlanSlot {
  const routine = plan.find(routineName);
  if (routine === undefined)
    throw new UnknownRoutineError(`Flow "${plan.name}" has no routine "${routineName}"`, {
      hint: didYouMean(
        routineName,
        plan.routines.map(({ name }) => name),
      ),
    });
  const slot = routine.slots.find(({ name }) => name === slotName);
  if (slot !== undefined) return slot;
  throw new UnknownSlotError(`Routine "${routineName}" of flow "${plan.name}" has no slot "${slotName}"`, {
    hint: didYouMean(
      slotName,
      routine.slots.map(({ name }) => name),
    ),
  });
}
