import {
  createRuntime,
  flow,
  routine,
  slot,
  type AnyRoutine,
  type Job,
  type Runtime,
  type RuntimeOptions,
  type Worker,
} from 'troupe/flow';
import { memoryCheckpointer, type Checkpointer } from 'troupe/checkpoint';
import { fakeClock } from 'troupe/testing';
import type { FlowStage } from '../support/flows.ts';

const WORKER = 'worker';

/** What a routine has emitted, and when. */
export interface Emitted {
  readonly event: string;
  readonly value: unknown;
  readonly at: number;
}

export interface TryOut extends FlowStage {
  readonly worker: Worker;
  /** All that came out, in order. */
  readonly emitted: readonly Emitted[];
  /** The values of one event. */
  readonly of: (event: string) => readonly unknown[];
  readonly post: (value: unknown, slot?: string) => Promise<Job>;
}

export interface TryOutOptions {
  /** What the receiver of all events does with each message. */
  readonly receive?: (value: unknown) => unknown;
  /** How many messages may wait for it, before the routine has to. Default: 1,000, and more are refused. */
  readonly room?: number;
  readonly runtime?: RuntimeOptions;
}

/** A flow `f` of a routine, with its name, and `out`, which gets all that it emits: a slot for each event. */
function flowOf(made: AnyRoutine, receiver: AnyRoutine) {
  let f = flow('f').add(made, made.name).add(receiver, 'out');
  for (const name of Object.keys(made.events)) f = f.connect(`${made.name}.${name}`, `out.${name}`);
  return f;
}

/** A receiver of all that a routine emits, which keeps what came and when. */
function receiverOf(made: AnyRoutine, now: () => number, { receive, room }: TryOutOptions) {
  const emitted: Emitted[] = [];
  const names = Object.keys(made.events);
  const bounds = room === undefined ? {} : ({ capacity: room, overflow: 'block' } as const);
  const out = routine({
    name: 'out',
    slots: Object.fromEntries(names.map((name) => [name, slot(bounds)])),
    run: async (data) => {
      for (const name of names)
        for (const value of data[name] ?? []) {
          emitted.push({ event: name, value, at: now() });
          await receive?.(value);
        }
    },
  });
  return { out, emitted };
}

/** Runs a routine on a fake clock that starts at 1,000. */
export function tryOut(made: AnyRoutine, options: TryOutOptions = {}): TryOut {
  const clock = fakeClock({ now: 1_000 });
  const { out, emitted } = receiverOf(made, () => clock.now(), options);
  const runtime = createRuntime({ ...options.runtime, clock });
  const worker = runtime.exec(flowOf(made, out), { workerId: WORKER });
  return { ...stageOf(made, runtime, emitted), clock, worker };
}

/** The same routine elsewhere, where it goes on from a snapshot. */
export async function elsewhere(made: AnyRoutine, { runtime, clock: before }: TryOut): Promise<TryOut> {
  const snapshot = JSON.stringify(await runtime.snapshot());
  await runtime.shutdown({ wait: false });
  const clock = fakeClock({ now: before.now() });
  const { out, emitted } = receiverOf(made, () => clock.now(), {});
  const next = createRuntime({ clock, snapshot, flows: [flowOf(made, out)] });
  const worker = next.worker(WORKER);
  if (worker === undefined) throw new Error('The worker is not in the snapshot');
  return { ...stageOf(made, next, emitted), clock, worker };
}

/** The same routine in a process that goes on after another has died, which wrote into a checkpointer. */
export async function afterCrash(
  made: AnyRoutine,
  { clock: before }: TryOut,
  store: Checkpointer,
): Promise<TryOut & { readonly store: Checkpointer }> {
  const clock = fakeClock({ now: before.now() });
  const copy = await copyOf(store);
  const { out, emitted } = receiverOf(made, () => clock.now(), {});
  const next = createRuntime({ clock, checkpointer: copy });
  const worker = next.exec(flowOf(made, out), { workerId: WORKER });
  return { ...stageOf(made, next, emitted), clock, worker, store: copy };
}

function stageOf(
  { name }: AnyRoutine,
  runtime: Runtime,
  emitted: readonly Emitted[],
): Omit<TryOut, 'clock' | 'worker'> {
  return {
    runtime,
    emitted,
    of: (event) => emitted.filter((each) => each.event === event).map(({ value }) => value),
    post: (value, slotName = 'input') => runtime.post('f', name, slotName, value),
  };
}

/** A store as a process leaves it that dies now. */
async function copyOf(store: Checkpointer): Promise<Checkpointer> {
  const stored = await store.read(WORKER);
  const copy = memoryCheckpointer();
  if (stored === undefined) return copy;
  const { entries, record, blobs: texts } = stored;
  const lease = await copy.acquire(WORKER);
  const blobs = Array.from(texts, ([hash, text]) => ({ hash, text }));
  const { status, target, runId } = record;
  if (status === 'abandoned') throw new Error('The worker was abandoned');
  await copy.append(lease, { first: 0, entries, status, head: { target, runId }, blobs });
  await copy.release(lease);
  return copy;
}
