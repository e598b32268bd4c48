import fc from 'fast-check';
import {
  createRuntime,
  type Breakpoint,
  type Job,
  type JobStatus,
  type Runtime,
  type Worker,
} from 'troupe/flow';
import { fakeClock, type FakeClock } from 'troupe/testing';
import {
  buildFlow,
  flowPlan,
  nameAt,
  type Context,
  type Data,
  type FlowPlan,
  type Form,
  type Observer,
  type Parcel,
} from './random-flow.ts';

/** One thing that is done to a random flow from outside. */
export type Step =
  | { readonly act: 'post' | 'stop'; readonly at: number; readonly into: number }
  | { readonly act: 'advance' | 'cancel' | 'break' | 'step' | 'pause' | 'resume'; readonly at: number }
  | { readonly act: 'turn' | 'unbreak' };

/** A random flow, and what is done to it. */
export interface Scenario {
  readonly plan: FlowPlan;
  readonly steps: readonly Step[];
  readonly concurrency: number | null;
  readonly workers: number;
  readonly jobTimeout: number | null;
}

/** What has come to a body. */
export interface Delivery {
  readonly worker: string;
  readonly routine: string;
  readonly slot: string;
  readonly parcel: Parcel;
  readonly at: number;
}

const FINAL: ReadonlySet<JobStatus> = new Set<JobStatus>(['completed', 'failed', 'cancelled', 'timedOut']);

/** Whether a job has ended. */
export function hasEnded({ status }: Job): boolean {
  return FINAL.has(status);
}

// After so many turns without a change nothing happens any more.
const QUIET_TURNS = 6;

interface Work {
  readonly routine: string;
  readonly jobs: readonly Job[];
  isWaiting: boolean;
}

/** Steps of these kinds; posts are the most of them. */
export function stepsOf(...acts: readonly Step['act'][]): fc.Arbitrary<readonly Step[]> {
  const nat = fc.nat(20);
  const post = fc.record({ act: fc.constant('post' as const), at: nat, into: nat });
  const step: fc.Arbitrary<Step> = fc.record({ act: fc.constantFrom(...acts), at: nat, into: nat });
  return fc.array(fc.oneof({ weight: 3, arbitrary: post }, { weight: 2, arbitrary: step }), {
    minLength: 1,
    maxLength: 14,
  });
}

/** Random scenarios of flows of a form; where jobs may fail, some take too long. */
export function scenarioOf(form: Form, steps: fc.Arbitrary<readonly Step[]>): fc.Arbitrary<Scenario> {
  const jobTimeout = fc.option(fc.integer({ min: 1, max: 25 }), { freq: 2 });
  return fc.record({
    plan: flowPlan(form),
    steps,
    concurrency: fc.constantFrom(null, 1, 2, 3),
    workers: fc.constantFrom(1, 1, 2),
    jobTimeout: form.hasFailures === false ? fc.constant(null) : jobTimeout,
  });
}

/** A random flow at work, and what is seen of it. */
export class Conduct implements Observer {
  readonly clock: FakeClock = fakeClock();
  readonly runtime: Runtime;
  readonly workers: readonly Worker[];
  readonly jobs: Job[] = [];
  /** Why posts were refused. */
  readonly refusals: unknown[] = [];
  readonly deliveries: Delivery[] = [];
  /** What broke a law, seen while it happened. */
  readonly faults: string[] = [];
  /** Counts of messages that did not add up. */
  readonly miscounts: string[] = [];
  /** Where the posts that were taken went. */
  readonly taken: { readonly routine: number; readonly slot: number }[] = [];
  /** How often each job has ended. */
  readonly ends = new Map<string, number>();
  /** The most bodies that worked at once, and of each routine the most that had begun and not ended. */
  mostAtWork = 0;
  readonly mostOf = new Map<string, number>();
  /** How many posts have neither been taken nor refused. */
  openPosts = 0;
  readonly #scenario: Scenario;
  readonly #atWork = new Set<Work>();
  readonly #breakpoints: Breakpoint[] = [];
  #posts = 0;

  constructor(scenario: Scenario) {
    this.#scenario = scenario;
    const { plan, concurrency, workers, jobTimeout } = scenario;
    this.runtime = createRuntime({ clock: this.clock, concurrency, jobTimeout });
    const built = buildFlow(plan, this);
    this.workers = Array.from({ length: workers }, () => this.runtime.exec(built));
  }

  /** Does all steps, and then lets time pass until nothing happens any more. */
  async perform(): Promise<void> {
    for (const step of this.#scenario.steps) {
      await this.#take(step);
      this.look('after a step');
    }
    await this.#settle();
    this.look('at rest');
  }

  /** Lets all go on that was held. */
  async release(): Promise<void> {
    for (const each of this.#breakpoints) each.remove();
    for (const worker of this.workers) worker.resume();
    await this.#settle();
    this.look('after all was released');
  }

  /** Shuts down; whether that has come to its end. */
  async shutDown(wait = true): Promise<boolean> {
    let isDown = false;
    void this.runtime.shutdown({ wait }).then(() => {
      isDown = true;
    });
    await this.#settle(() => isDown);
    this.look('after the shutdown');
    return isDown;
  }

  async sleep(ms: number): Promise<void> {
    await new Promise<void>((resolve) => void this.clock.setTimeout(resolve, ms));
  }

  begin(routine: string, data: Data, ctx: Context): (isWaiting?: boolean) => void {
    const owner = `${ctx.worker.id} ${routine}`;
    const work: Work = { routine: owner, jobs: ctx.jobs, isWaiting: false };
    this.#note(routine, data, ctx);
    this.#atWork.add(work);
    ctx.signal.addEventListener('abort', () => this.#atWork.delete(work));
    this.#count(routine, owner);
    return (isWaiting) => {
      if (isWaiting === undefined) this.#atWork.delete(work);
      else work.isWaiting = isWaiting;
      this.#count(routine, owner);
    };
  }

  async help(ctx: Context): Promise<void> {
    const work: Work = { routine: 'helper', jobs: ctx.jobs, isWaiting: false };
    this.#atWork.add(work);
    ctx.signal.addEventListener('abort', () => this.#atWork.delete(work));
    this.#count('helper', 'helper');
    await this.sleep(2);
    this.#atWork.delete(work);
  }

  /** The counts of messages add up. */
  look(when: string): void {
    const { messages } = this.runtime.metrics();
    const { posted, delivered, dropped, deadLettered, parked, queued, running } = messages;
    const sum = delivered + dropped + deadLettered + parked + queued + running;
    if (posted !== sum || Object.values(messages).some((count) => count < 0))
      this.miscounts.push(`${when} the counts are ${JSON.stringify(messages)}`);
  }

  /** Lets time pass until nothing happens any more; what gives its place back takes turns in which no timer waits. */
  async #settle(isOver = () => false): Promise<void> {
    for (let quiet = 0; quiet < QUIET_TURNS && !isOver();) {
      const before = JSON.stringify(this.runtime.metrics());
      await this.clock.runAll();
      quiet = JSON.stringify(this.runtime.metrics()) === before ? quiet + 1 : 0;
    }
  }

  #count(routine: string, owner: string): void {
    const working = [...this.#atWork].filter(({ isWaiting }) => !isWaiting);
    this.mostAtWork = Math.max(this.mostAtWork, working.length);
    const own = [...this.#atWork].filter((each) => each.routine === owner);
    this.mostOf.set(routine, Math.max(this.mostOf.get(routine) ?? 0, own.length));
    this.look(`in ${routine}`);
  }

  #note(routine: string, data: Data, ctx: Context): void {
    if (ctx.jobs.every(hasEnded)) this.faults.push(`${routine} runs for nobody`);
    if (ctx.attempt > 1) return;
    const open = new Set<string>();
    for (const [slot, parcels] of Object.entries(data)) {
      for (const parcel of parcels) {
        this.deliveries.push({ worker: ctx.worker.id, routine, slot, parcel, at: this.clock.now() });
        const owners = parcel.owners.filter((id) => this.#isOpen(id));
        if (owners.length === 0) this.faults.push(`${routine} gets a message of nobody`);
        for (const owner of owners) open.add(owner);
      }
    }
    const jobs = ctx.jobs.map(({ id }) => id).toSorted();
    if (jobs.join(',') !== [...open].toSorted().join(','))
      this.faults.push(`${routine} works for ${jobs.join(',')} on messages of ${[...open].join(',')}`);
  }

  #isOpen(id: string): boolean {
    const job = this.runtime.getJob(id);
    return job !== undefined && !hasEnded(job);
  }

  async #take(step: Step): Promise<void> {
    switch (step.act) {
      case 'post':
        this.#post(step.at, step.into);
        break;
      case 'advance':
        await this.clock.advance(step.at);
        break;
      case 'turn':
        await Promise.resolve();
        break;
      case 'pause':
        void this.#workerAt(step.at)?.pause();
        break;
      case 'resume':
        this.#workerAt(step.at)?.resume();
        break;
      case 'cancel':
        if (this.jobs.length > 0) this.jobs[step.at % this.jobs.length]?.cancel();
        break;
      default:
        this.#halt(step);
    }
  }

  #workerAt(at: number): Worker | undefined {
    return this.workers[at % this.workers.length];
  }

  #halt(step: Step): void {
    const { routines } = this.#scenario.plan;
    if (step.act === 'stop') void this.#workerAt(step.at)?.stop({ drain: step.into % 2 === 0 });
    else if (step.act === 'break')
      this.#breakpoints.push(
        this.runtime.breakpoint({ flow: 'random', routine: nameAt(step.at % routines.length), slot: 's0' }),
      );
    else if (step.act === 'step') this.#breakpoints[step.at % this.#breakpoints.length]?.step();
    else this.#breakpoints.pop()?.remove();
  }

  #post(at: number, into: number): void {
    const { routines } = this.#scenario.plan;
    const place = at % routines.length;
    const slot = into % (routines[place]?.slots.length ?? 1);
    this.#posts += 1;
    const jobId = `j${this.#posts}`;
    const parcel: Parcel = { owners: [jobId], way: [], order: [this.#posts] };
    this.openPosts += 1;
    this.runtime.post('random', nameAt(place), `s${slot}`, parcel, { jobId }).then(
      (job) => {
        this.openPosts -= 1;
        this.taken.push({ routine: place, slot });
        this.jobs.push(job);
        void job.done.then((ended) => this.#onEnded(ended));
      },
      (error: unknown) => {
        this.openPosts -= 1;
        this.refusals.push(error);
      },
    );
  }

  #onEnded(job: Job): void {
    this.ends.set(job.id, (this.ends.get(job.id) ?? 0) + 1);
    if (!hasEnded(job)) this.faults.push(`${job.id} is done and ${job.status}`);
    for (const { routine, jobs } of this.#atWork) {
      if (jobs.every(hasEnded)) this.faults.push(`${routine} works for nobody`);
      if (job.status === 'completed' && jobs.includes(job))
        this.faults.push(`${routine} works for ${job.id}`);
    }
  }
}
