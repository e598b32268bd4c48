import fc from 'fast-check';
import { node } from 'troupe';
import {
  allSlotsReady,
  batchSize,
  custom,
  event,
  flow,
  immediate,
  routine,
  slot,
  timeInterval,
  type AnyRoutine,
  type Flow,
  type Overflow,
  type Policy,
  type RoutineContext,
  type RoutineErrorPolicy,
} from 'troupe/flow';

/** What is posted and emitted: it knows its way. */
export interface Parcel {
  /** The ids of the jobs that it belonged to when it was sent. */
  readonly owners: readonly string[];
  /** Where it was posted, and each slot and event that it went through since. */
  readonly way: readonly string[];
  /** The number of its post, and of each emit on its way. */
  readonly order: readonly number[];
}

/** A random policy. */
export type PolicyPlan =
  | { readonly kind: 'immediate' | 'allSlotsReady' }
  | { readonly kind: 'batchSize'; readonly size: number }
  | { readonly kind: 'timeInterval'; readonly ms: number }
  | { readonly kind: 'custom'; readonly size: number; readonly ms: number };

/** How a body takes its time: not at all, some promises long, or some milliseconds. */
export type Pace = 'sync' | 'promise' | number;

/** On which activations a body fails, and in which of their attempts. */
export interface Failing {
  readonly every: number;
  readonly attempts: number;
  readonly isLate: boolean;
}

/** A random routine. */
export interface RoutinePlan {
  readonly slots: readonly { readonly capacity: number; readonly overflow: Overflow }[];
  readonly policy: PolicyPlan;
  readonly concurrency: number;
  readonly pace: Pace;
  /** Whether its emits are awaited one by one, all at once, or not at all. */
  readonly style: 'each' | 'all' | 'never';
  /** How often it emits each event for a message. */
  readonly copies: number;
  readonly failing: Failing | null;
  readonly onError: RoutineErrorPolicy | null;
  readonly timeout: number | null;
  /** Which activations cancel their first job: every so many; null for none. */
  readonly cancelling: number | null;
  /** Whether it calls a node, before it emits or beside that. */
  readonly calls: 'never' | 'before' | 'beside';
  readonly critical: boolean;
}

/** A connection of a random flow, by the places of its parts. */
export interface LinkPlan {
  readonly from: number;
  readonly event: number;
  readonly to: number;
  readonly slot: number;
}

/** A random flow. */
export interface FlowPlan {
  readonly routines: readonly RoutinePlan[];
  readonly links: readonly LinkPlan[];
  /** How many events may follow a post, so that loops end. */
  readonly rounds: number;
}

/** Which random flows there are to be. */
export interface Form {
  readonly isCyclic?: boolean;
  readonly overflows?: readonly Overflow[];
  readonly capacities?: readonly number[];
  /** The most slots of a routine. */
  readonly maxSlots?: number;
  readonly policies?: readonly PolicyPlan['kind'][];
  readonly concurrency?: { readonly min: number; readonly max: number };
  readonly hasFailures?: boolean;
}

/** What bodies tell of themselves. */
export interface Observer {
  sleep(ms: number): Promise<void>;
  /** A body begins; what is returned is to be told when it waits (true), works on (false), and ends (no argument). */
  begin(name: string, data: Data, ctx: Context): (isWaiting?: boolean) => void;
  /** The body of a node that a body calls. */
  help(ctx: Context): Promise<void>;
}

export type Data = Readonly<Record<string, readonly Parcel[]>>;
export type Context = RoutineContext;

const EVENTS = ['e0', 'e1'] as const;
const KINDS = ['immediate', 'allSlotsReady', 'batchSize', 'timeInterval', 'custom'] as const;

// A post of a random flow leads to at most so many messages.
const MOST_MESSAGES = 40;

/** The name of a routine, by its place. */
export function nameAt(place: number): string {
  return `r${place}`;
}

/** How many messages a post leads to, by the slots in which they come in. */
export function messagesOf(plan: FlowPlan, start: { routine: number; slot: number }): Map<string, number> {
  const found = new Map<string, number>();
  const visit = (to: number, into: number, times: number, rounds: number): void => {
    const name = `${nameAt(to)}.s${into}`;
    found.set(name, (found.get(name) ?? 0) + times);
    if (rounds === 0) return;
    const copies = plan.routines[to]?.copies ?? 1;
    for (const link of plan.links)
      if (link.from === to) visit(link.to, link.slot, times * copies, rounds - 1);
  };
  visit(start.routine, start.slot, 1, plan.rounds);
  return found;
}

function sizeOf(plan: FlowPlan): number {
  const sums = plan.routines.map((_, routineAt) =>
    [...messagesOf(plan, { routine: routineAt, slot: 0 }).values()].reduce((sum, each) => sum + each, 0),
  );
  return Math.max(...sums);
}

function policyOf(kinds: readonly PolicyPlan['kind'][]): fc.Arbitrary<PolicyPlan> {
  const shape = { size: fc.integer({ min: 1, max: 3 }), ms: fc.integer({ min: 1, max: 12 }) };
  return fc.record({ kind: fc.constantFrom(...kinds), ...shape });
}

const failure = fc.constantFrom('stop' as const, 'continue' as const, 'skip' as const);
const retries = { maxAttempts: 2, delay: 3, jitter: 'none' as const };

const errorPolicy: fc.Arbitrary<RoutineErrorPolicy> = fc.oneof(
  failure,
  // oxlint-disable-next-line unicorn/no-thenable -- the name is that of the option
  failure.map((after): RoutineErrorPolicy => ({ retry: retries, then: after })),
);

function routinePlan(form: Form): fc.Arbitrary<RoutinePlan> {
  const {
    overflows = ['reject', 'block', 'dropOldest', 'dropNewest'],
    capacities = [1, 2, 3, 1_000],
    maxSlots = 2,
    policies = KINDS,
    concurrency = { min: 1, max: 3 },
    hasFailures = true,
  } = form;
  const never = fc.constant(null);
  const failing = fc.record({
    every: fc.integer({ min: 1, max: 4 }),
    attempts: fc.integer({ min: 1, max: 2 }),
    isLate: fc.boolean(),
  });
  return fc.record({
    slots: fc.array(
      fc.record({ capacity: fc.constantFrom(...capacities), overflow: fc.constantFrom(...overflows) }),
      { minLength: 1, maxLength: maxSlots },
    ),
    policy: policyOf(policies),
    concurrency: fc.integer(concurrency),
    pace: fc.oneof(fc.constantFrom('sync' as const, 'promise' as const), fc.integer({ min: 0, max: 8 })),
    style: fc.constantFrom('each' as const, 'all' as const, 'never' as const),
    copies: fc.integer({ min: 1, max: 2 }),
    failing: hasFailures ? fc.option(failing, { freq: 2 }) : never,
    onError: hasFailures ? fc.option(errorPolicy) : never,
    timeout: hasFailures ? fc.option(fc.integer({ min: 3, max: 6 }), { freq: 2 }) : never,
    cancelling: hasFailures ? fc.option(fc.integer({ min: 1, max: 5 }), { freq: 1 }) : never,
    calls: fc.constantFrom('never' as const, 'never' as const, 'before' as const, 'beside' as const),
    critical: hasFailures ? fc.nat(15).map((each) => each === 15) : fc.constant(false),
  });
}

/** Random flows of a form. */
export function flowPlan(form: Form = {}): fc.Arbitrary<FlowPlan> {
  const nat = fc.nat(41);
  return fc
    .record({
      routines: fc.array(routinePlan(form), { minLength: 2, maxLength: 7 }),
      stems: fc.array(fc.tuple(nat, nat, nat), { minLength: 6, maxLength: 6 }),
      extra: fc.array(fc.tuple(nat, nat, nat, nat), { maxLength: 6 }),
      rounds: fc.integer({ min: 1, max: 8 }),
    })
    .map(({ routines, stems, extra, rounds }) => {
      const count = routines.length;
      const chosen = routines
        .slice(1)
        .map((_, at): readonly number[] => {
          const [from = 0, via = 0, into = 0] = stems[at] ?? [];
          return [from % (at + 1), via, at + 1, into];
        })
        .concat(extra.map(([from, via, to, into]) => [from % count, via, to % count, into]));
      const links = chosen.map(([from = 0, via = 0, to = 0, into = 0]): LinkPlan => ({
        from,
        event: via % EVENTS.length,
        to,
        slot: into % (routines[to]?.slots.length ?? 1),
      }));
      const kept = links.filter(({ from, to }) => form.isCyclic !== false || from < to);
      const unique = [...new Map(kept.map((link) => [JSON.stringify(link), link])).values()];
      return bounded({ routines, links: unique, rounds });
    });
}

function bounded(plan: FlowPlan): FlowPlan {
  if (plan.rounds === 0 || sizeOf(plan) <= MOST_MESSAGES) return plan;
  return bounded({ ...plan, rounds: plan.rounds - 1 });
}

function policyFrom(plan: RoutinePlan): Policy {
  const { policy, slots } = plan;
  const least = Math.min(...slots.map(({ capacity }) => capacity));
  switch (policy.kind) {
    case 'immediate':
      return immediate();
    case 'allSlotsReady':
      return allSlotsReady({ flush: slots.length > 1 });
    case 'batchSize':
      return batchSize(Math.min(policy.size, least));
    case 'timeInterval':
      return timeInterval(policy.ms);
    default:
      return someOrLate(policy.size, policy.ms);
  }
}

/** So many of the first slot that has them, or one of it when it has waited for some time. */
function someOrLate(size: number, ms: number): Policy {
  return custom(({ slots, now }) => {
    let askAt: number | undefined;
    for (const [name, { size: waiting, oldestAt = now }] of Object.entries(slots)) {
      if (waiting >= size) return { take: { [name]: size }, reason: 'some' };
      if (waiting > 0 && now - oldestAt >= ms) return { take: { [name]: 1 }, reason: 'late' };
      if (waiting > 0) askAt = Math.min(askAt ?? Infinity, oldestAt + ms);
    }
    return askAt !== undefined && { askAt };
  });
}

interface Part {
  readonly name: string;
  readonly plan: RoutinePlan;
  readonly rounds: number;
  readonly observer: Observer;
}

function routineOf(part: Part): AnyRoutine {
  const { name, plan } = part;
  let activations = 0;
  const run = (data: Data, ctx: Context): unknown => {
    if (ctx.attempt === 1) activations += 1;
    const turn = { data, ctx, number: activations };
    return plan.pace === 'sync' ? actNow(part, turn) : act(part, turn);
  };
  return routine({
    name,
    slots: Object.fromEntries(plan.slots.map((options, at) => [`s${at}`, slot<Parcel>(options)])),
    events: Object.fromEntries(EVENTS.map((each) => [each, event<Parcel>()])),
    policy: policyFrom(plan),
    concurrency: plan.concurrency,
    timeout: plan.timeout,
    critical: plan.critical,
    ...(plan.onError === null ? {} : { onError: plan.onError }),
    run,
  });
}

interface Turn {
  readonly data: Data;
  readonly ctx: Context;
  readonly number: number;
}

function actNow(part: Part, turn: Turn): void {
  const end = part.observer.begin(part.name, turn.data, turn.ctx);
  try {
    disturb(part, turn, false);
    for (const [name, parcel] of outgoing(part, turn)) void turn.ctx.emit(name, parcel);
    disturb(part, turn, true);
  } finally {
    end();
  }
}

async function act(part: Part, turn: Turn): Promise<void> {
  const { observer, plan } = part;
  const { ctx, data } = turn;
  const tell = observer.begin(part.name, data, ctx);
  try {
    if (typeof plan.pace === 'number') await observer.sleep(plan.pace);
    else await Promise.resolve();
    disturb(part, turn, false);
    const parcels = outgoing(part, turn);
    tell(true);
    const call = plan.calls === 'never' ? undefined : ctx.call(node('helper', () => observer.help(ctx)));
    if (plan.calls === 'before') await call;
    if (plan.style === 'each') for (const [name, parcel] of parcels) await ctx.emit(name, parcel);
    const sent = plan.style === 'each' ? [] : parcels.map(([name, parcel]) => ctx.emit(name, parcel));
    if (plan.style === 'all') await Promise.all(sent);
    if (call !== undefined) await call;
    // What does not wait for its emits has no place any more where they wait.
    if (plan.style !== 'never') tell(false);
    disturb(part, turn, true);
  } finally {
    tell();
  }
}

/** What goes wrong in a body, before it emits or after. */
function disturb({ name, plan }: Part, { ctx, number }: Turn, isLate: boolean): void {
  const { cancelling } = plan;
  if (cancelling !== null && !isLate && number % cancelling === 0) ctx.job.cancel();
  const { failing } = plan;
  if (failing === null || failing.isLate !== isLate) return;
  if (number % failing.every === 0 && ctx.attempt <= failing.attempts) throw new Error(`${name} failed`);
}

/** What a body emits for its messages. */
function outgoing({ name, plan, rounds }: Part, { data, ctx }: Turn): [name: string, parcel: Parcel][] {
  const owners = ctx.jobs.map(({ id }) => id);
  return Object.entries(data).flatMap(([into, parcels]) =>
    parcels
      .filter(({ way }) => way.length < rounds)
      .flatMap(({ way, order }) =>
        EVENTS.flatMap((via) =>
          Array.from({ length: plan.copies }, (_, copy): [string, Parcel] => [
            via,
            { owners, way: [...way, `${name}.${into}>${via}`], order: [...order, copy] },
          ]),
        ),
      ),
  );
}

/** The flow of a plan. */
export function buildFlow({ routines, links, rounds }: FlowPlan, observer: Observer): Flow {
  const parts = routines.reduce<Flow>(
    (built, plan, at) => built.add(routineOf({ name: nameAt(at), plan, rounds, observer })),
    flow('random') as unknown as Flow, // its routines have no names that types know
  );
  return links.reduce<Flow>(
    (built, link) => built.connect(`${nameAt(link.from)}.e${link.event}`, `${nameAt(link.to)}.s${link.slot}`),
    parts,
  );
}
