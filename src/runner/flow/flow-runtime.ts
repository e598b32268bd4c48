import { FlowWorker } from '../../actors/flow/flow-worker.ts';
import type { FlowJob } from '../../actors/flow/flow-job.ts';
import { RuntimeActor } from '../../actors/flow/runtime-actor.ts';
import { Slots } from '../../actors/slots.ts';
import { openWorker } from '../../actors/flow/durable-worker.ts';
import type { WorkerJSON } from '../../log/worker-json.ts';
import { systemClock, type Clock } from '../../clock.ts';
import { RuntimeClosedError, UnknownIdError } from '../../errors.ts';
import type { Job, Worker } from '../../flow/contract.ts';
import type { AnyFlow } from '../../flow/flow-types.ts';
import { createId, createRunId } from '../../ids.ts';
import type { Logger } from '../../logger.ts';
import { assertFunction, assertKnownOptions, assertOneOf, assertTimeout } from '../../nodes/validate.ts';
import { openLogFile, type LogTarget } from '../logging.ts';
import { partsOf, runnerLogger, settingsOf, type RunnerParts } from '../settings-of.ts';
import { closeProcessors } from '../ticket.ts';
import { setBreakpoint } from './breakpoint.ts';
import { JobRegister } from './job-register.ts';
import { flowMetrics, messageMetrics, type RuntimeMetrics } from './metrics.ts';
import type { RuntimeSettings } from './runtime-options.ts';
import type {
  Breakpoint,
  BreakpointOptions,
  ExecOptions,
  JobQuery,
  Runtime,
  ShutdownOptions,
  SnapshotOptions,
} from './runtime.ts';
import { readSnapshot, takeSnapshot, type RuntimeSnapshot } from './snapshots.ts';
import { Posts, readPosting, slotOf, textOf, type PostArguments } from './posts.ts';
import { WorkerRegister, type FlowEntry } from './worker-register.ts';

/** Runs flows in this process. */
export class FlowRuntime implements Runtime {
  readonly #settings: RuntimeSettings;
  readonly #file: LogTarget | undefined;
  readonly #logger: Logger;
  readonly #parts: RunnerParts;
  readonly #clock: Clock;
  readonly #actor: RuntimeActor;
  readonly #slots: Slots | undefined;
  readonly #jobs: JobRegister;
  readonly #workers: WorkerRegister;
  readonly #posts: Posts;
  #closing: Promise<void> | undefined;

  constructor(settings: RuntimeSettings) {
    const { shared, concurrency, retain, flows } = settings;
    this.#settings = settings;
    this.#file = typeof shared.logFile === 'string' ? openLogFile(shared.logFile) : undefined;
    const fileLogger = this.#file?.logger;
    this.#logger = runnerLogger({ options: shared, fileLogger });
    this.#parts = partsOf(shared, fileLogger);
    this.#clock = shared.clock ?? systemClock;
    this.#actor = new RuntimeActor(shared.inspect ?? undefined, (error) =>
      this.#logger.error({ err: error }, 'The inspector threw'),
    );
    this.#slots = concurrency === Number.POSITIVE_INFINITY ? undefined : new Slots(concurrency);
    this.#jobs = new JobRegister(retain);
    this.#posts = new Posts(this.#jobs, settings.maxQueueSize);
    this.#workers = new WorkerRegister(flows, settings.monitoring);
    if (settings.snapshot !== undefined && settings.snapshot !== null) this.#restore(settings.snapshot);
  }

  get workers(): readonly Worker[] {
    return this.#workers.live.map(({ handle }) => handle);
  }

  get pauses(): Runtime['pauses'] {
    return this.#workers.live.flatMap((worker) =>
      worker.pauses.map((pause) => ({
        ...pause,
        workerId: worker.id,
        jobs: worker.jobsOf(pause.requestId).map(({ id }) => id),
      })),
    );
  }

  exec(flow: AnyFlow | string, options: ExecOptions = {}): Worker {
    this.#assertOpen();
    assertKnownOptions('exec', options, ['workerId']);
    const workerId = textOf('workerId', options.workerId) ?? createId();
    return this.#start(this.#workers.register(flow), workerId).handle;
  }

  post(...[flow, routine, slot, value, options = {}]: PostArguments): Promise<Job> {
    try {
      this.#assertOpen();
      const posting = readPosting({ flow, routine, slot, value }, options);
      const given = this.#workers.flowOf(flow);
      const planned = slotOf(given, routine, slot);
      // Only what nothing refuses starts a worker, or takes the turn of one.
      const hand = (give: (worker: FlowWorker) => FlowJob | Promise<FlowJob>): FlowJob | Promise<FlowJob> =>
        this.#hand(given, posting.workerId, give);
      return Promise.resolve(this.#posts.deliver(posting, planned, hand));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  getJob(id: string): Job | undefined {
    return this.#jobs.get(id);
  }

  listJobs(query: JobQuery = {}): readonly Job[] {
    assertKnownOptions('listJobs', query, ['status']);
    const { status } = query;
    assertOneOf('`status`', status, ['pending', 'running', 'completed', 'failed', 'cancelled', 'timedOut']);
    return this.#jobs.list().filter((job) => status === undefined || job.status === status);
  }

  async waitUntilAllJobsFinished(
    options: { readonly timeout?: number | null | undefined } = {},
  ): Promise<boolean> {
    assertKnownOptions('waitUntilAllJobsFinished', options, ['timeout']);
    const { timeout } = options;
    if (timeout !== 0) assertTimeout('`timeout`', timeout);
    const settled = this.#settled().then(() => true);
    if (timeout === undefined || timeout === null) return settled;
    return Promise.race([settled, this.#elapsed(timeout, settled).then(() => !this.#jobs.isBusy)]);
  }

  worker(id: string): Worker | undefined {
    return this.#workers.get(id)?.handle;
  }

  async respond(id: string, key: string, value: unknown): Promise<void> {
    this.#assertOpen();
    const job = this.#jobs.get(id);
    const worker = this.#workers.get(job?.workerId ?? id);
    if (worker === undefined)
      throw new UnknownIdError(`There is no job or worker "${id}"`, {
        hint: 'Use the `id` of a job, or of a worker.',
      });
    await worker.respond(key, value, job);
  }

  breakpoint(options: BreakpointOptions): Breakpoint {
    assertKnownOptions('breakpoint', options, ['flow', 'routine', 'slot', 'when']);
    const { flow, routine, slot, when } = options;
    const entry = this.#workers.register(flow);
    assertFunction('`when`', when);
    const planned = slotOf(entry.flow, routine, slot);
    return setBreakpoint(entry, { slot: planned.index, when });
  }

  metrics(): RuntimeMetrics {
    const messages = messageMetrics(this.#workers.all, this.#workers.forgotten);
    const { live, entries } = this.#workers;
    const counts = { jobs: this.#jobs.counts, messages, workers: live.length };
    return this.#settings.monitoring ? { ...counts, flows: flowMetrics(entries) } : counts;
  }

  async snapshot(options: SnapshotOptions = {}): Promise<RuntimeSnapshot> {
    assertKnownOptions('snapshot', options, ['timeout']);
    const { timeout } = options;
    if (timeout !== 0) assertTimeout('`timeout`', timeout);
    const { live } = this.#workers;
    const releases = live.map((worker) => worker.hold());
    try {
      const quiet = Promise.all(live.map((worker) => worker.quiet()));
      await (timeout === undefined ? quiet : Promise.race([quiet, this.#elapsed(timeout, quiet)]));
      return takeSnapshot(this.#workers.live);
    } finally {
      for (const release of releases) release();
    }
  }

  shutdown(options: ShutdownOptions = {}): Promise<void> {
    try {
      assertKnownOptions('shutdown', options, ['wait', 'timeout']);
      if (options.timeout !== 0) assertTimeout('`timeout`', options.timeout);
    } catch (error) {
      return Promise.reject(error);
    }
    this.#actor.close();
    const { wait = true, timeout } = options;
    const isFirst = this.#closing === undefined;
    this.#closing ??= this.#close(wait, timeout);
    // Who does not want to wait, or not so long, cancels what another call has left to drain.
    if (!isFirst) void this.#cutShort(wait, timeout);
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.shutdown();
  }

  /** Gives a post to the worker that it is for. */
  #hand(
    flow: AnyFlow,
    workerId: string | undefined,
    give: (worker: FlowWorker) => FlowJob | Promise<FlowJob>,
  ): FlowJob | Promise<FlowJob> {
    const isStarted = this.#settings.autoStart && workerId === undefined && this.#workers.isIdle(flow);
    if (!isStarted) return this.#workers.choose(flow, workerId, give);
    const worker = this.#start(this.#workers.register(flow), createId());
    try {
      return give(worker);
    } catch (error) {
      void worker.stop();
      throw error;
    }
  }

  #restore(given: unknown): void {
    for (const past of readSnapshot(given).workers)
      this.#start(this.#workers.register(past.flow), past.id, past);
  }

  #start(entry: FlowEntry, workerId: string, past?: WorkerJSON): FlowWorker {
    this.#workers.assertFree(workerId);
    const { maxHops, jobTimeoutMs } = this.#settings;
    const { checkpointer } = this.#settings.shared;
    const isDurable = checkpointer !== undefined && checkpointer !== null;
    const runId = createRunId();
    const settings = {
      ...settingsOf(this.#parts, { runId, options: {}, isSync: false }),
      slots: this.#slots,
      keyBase: workerId,
      ...(isDurable ? { workflowId: workerId } : {}),
    };
    const { plan } = entry.flow;
    const open = isDurable
      ? (): ReturnType<typeof openWorker> =>
          openWorker({
            checkpointer,
            durability: this.#settings.shared.durability ?? 'sync',
            workerId,
            runId,
            plan,
            now: () => this.#clock.now(),
          })
      : undefined;
    const worker: FlowWorker = this.#actor.spawn(workerId, (self) => ({
      worker: new FlowWorker({
        id: workerId,
        plan,
        settings,
        self,
        limits: { maxHops, jobTimeoutMs },
        book: this.#jobs,
        isInspected: this.#actor.isInspected,
        meter: entry.meter,
        past,
        open,
        onEnded: () => {
          this.#workers.retire(workerId);
          this.#actor.onWorkerEnded();
        },
      }),
      post: () => Promise.resolve(),
      jobs: () => this.#jobs.counts,
    }));
    this.#workers.add(entry, worker);
    worker.begin();
    return worker;
  }

  #assertOpen(): void {
    if (this.#closing === undefined) return;
    throw new RuntimeClosedError('The runtime was shut down', { hint: 'Create another one.' });
  }

  /** Cancels what is left, at once or after a time. */
  async #cutShort(
    wait: boolean,
    timeout: number | undefined,
    ended: Promise<unknown> = this.#closing ?? Promise.resolve(),
  ): Promise<void> {
    if (wait && timeout === undefined) return;
    if (wait && timeout !== undefined) await this.#elapsed(timeout, ended);
    for (const worker of this.#workers.live) void worker.stop({ reason: 'shutdown', keeps: true });
  }

  async #settled(): Promise<void> {
    // Those that are just being read have jobs that nobody knows yet.
    await Promise.all(this.#workers.live.map((worker) => worker.opened()));
    await this.#jobs.settled();
  }

  async #close(wait: boolean, timeout: number | undefined): Promise<void> {
    const { live } = this.#workers;
    const ended = Promise.all(
      live.map((worker) => worker.stop({ drain: wait, reason: 'shutdown', keeps: true })),
    );
    await this.#cutShort(wait, timeout, ended);
    await ended;
    const { subscriber, processors, caches } = this.#parts;
    await subscriber?.drained();
    await Promise.all(processors.map((processor) => processor.drained()));
    await Promise.all([...caches.values()].map((cache) => cache.settled()));
    await closeProcessors(this.#settings.shared.processors ?? [], this.#logger);
    this.#file?.close();
  }

  /** Resolves after a time, or when something else has come first. */
  async #elapsed(ms: number, other: Promise<unknown>): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = this.#clock.setTimeout(resolve, ms);
      const forget = (): void => {
        this.#clock.clearTimeout(timer);
        resolve();
      };
      other.then(forget, forget);
    });
  }
}
