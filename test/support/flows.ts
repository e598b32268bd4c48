import {
  createRuntime,
  event,
  routine,
  slot,
  type FlowEvent,
  type Job,
  type Routine,
  type RoutineContext,
  type RoutineDefinition,
  type Runtime,
  type RuntimeOptions,
  type Slot,
  type SlotOptions,
  type TraceEntry,
} from 'troupe/flow';
import { fakeClock, type FakeClock } from 'troupe/testing';
import { deferred, type Deferred } from './deferred.ts';

export interface FlowStage {
  readonly runtime: Runtime;
  readonly clock: FakeClock;
}

/** A runtime on a fake clock that starts at 1,000. */
export function flowStage(options: RuntimeOptions = {}): FlowStage {
  const clock = fakeClock({ now: 1_000 });
  return { runtime: createRuntime({ ...options, clock }), clock };
}

interface StepSlots {
  readonly [name: string]: Slot;
  readonly input: Slot<number>;
}

interface StepEvents {
  readonly [name: string]: FlowEvent;
  readonly output: FlowEvent<number>;
}

type Definition = RoutineDefinition<string, StepSlots, StepEvents>;

/** What a step gets. */
export type StepContext = RoutineContext<StepSlots, StepEvents>;

/** The body of a step. */
export type StepBody = (input: readonly number[], ctx: StepContext) => unknown;

/** A routine on numbers. */
export type Step<Name extends string> = Routine<
  Name,
  { readonly input: Slot<number> },
  { readonly output: FlowEvent<number> }
>;

export type StepOptions = Pick<
  Definition,
  'policy' | 'concurrency' | 'onError' | 'retry' | 'timeout' | 'critical'
> & { readonly slot?: SlotOptions<number> };

/** A routine with a slot `input` and an event `output`, both of numbers. */
export function step<const Name extends string>(
  name: Name,
  run: StepBody,
  { slot: slotOptions, ...options }: StepOptions = {},
): Step<Name> {
  return routine({
    ...options,
    name,
    slots: { input: slot<number>(slotOptions) },
    events: { output: event<number>() },
    run: ({ input }, ctx) => run(input, ctx as unknown as StepContext),
  });
}

/** A body that sends on each number. */
export const passOn: StepBody = async (input, ctx) => {
  for (const value of input) await ctx.emit('output', value);
};

/** A routine `sink` that keeps the numbers that come to it. */
export function sink(options: StepOptions = {}): { readonly routine: Step<'sink'>; readonly seen: number[] } {
  const seen: number[] = [];
  return { routine: step('sink', (input) => void seen.push(...input), options), seen };
}

/** A body whose activations all wait until they are let go. */
export interface Gate {
  readonly body: StepBody;
  /** What each activation was given, in the order of their beginnings. */
  readonly seen: (readonly number[])[];
  /** The contexts of the activations. */
  readonly contexts: StepContext[];
  /** Lets the oldest activation that waits go on. */
  release(): void;
  /** Lets all go on, also those to come. */
  open(): void;
}

/** A body whose activations wait until they are let go, and then do `after`. */
export function gate(after: StepBody = () => undefined): Gate {
  const seen: (readonly number[])[] = [];
  const contexts: StepContext[] = [];
  const waiting: Deferred<void>[] = [];
  let isOpen = false;
  return {
    seen,
    contexts,
    body: async (input, ctx) => {
      seen.push(input);
      contexts.push(ctx);
      if (!isOpen) {
        const own = deferred();
        waiting.push(own);
        await own.promise;
      }
      await after(input, ctx);
    },
    release: () => waiting.shift()?.resolve(),
    open: () => {
      isOpen = true;
      for (const each of waiting.splice(0)) each.resolve();
    },
  };
}

/** What happened to a job, as `type routine`. */
export function traceOf(job: Job): readonly string[] {
  return job.trace.map(({ type, routine: name }: TraceEntry) =>
    name === undefined ? type : `${type} ${name}`,
  );
}

/** The statuses of jobs. */
export function statusesOf(jobs: readonly Job[]): readonly string[] {
  return jobs.map(({ status }) => status);
}
