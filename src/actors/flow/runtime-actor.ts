import { createActor, type AnyActorRef } from 'xstate';
import { runnerChart } from '../../machines/runner.ts';
import { fromChart } from '../chart-logic.ts';
import { guardInspector, type Inspector } from '../inspector.ts';
import type { FlowWorker } from './flow-worker.ts';
import { createWorkerLogic, type SeatedWorker } from './worker-logic.ts';

const runtimeLogic = fromChart(runnerChart);

/** The root actor of a runtime: it counts the workers, and where somebody inspects it is the parent of their actors. */
export class RuntimeActor {
  readonly #actor: AnyActorRef;
  /** Whether somebody may watch its actors. */
  readonly isInspected: boolean;

  constructor(inspector: Inspector | undefined, report: (error: unknown) => void) {
    const inspect = inspector === undefined ? {} : { inspect: guardInspector(inspector, report) };
    const actor: AnyActorRef = createActor(runtimeLogic, { input: undefined, ...inspect });
    // XState throws a root's error out of the process where nobody listens.
    actor.subscribe({ error: report });
    actor.start();
    this.#actor = actor;
    this.isInspected = inspector !== undefined;
  }

  /** Starts the actor of a worker, with the worker that is made for it. */
  spawn(workerId: string, make: (self: AnyActorRef) => SeatedWorker): FlowWorker {
    let seated: SeatedWorker | undefined;
    const logic = createWorkerLogic((_past, { self }) => (seated = make(self)));
    const parent = this.isInspected ? { parent: this.#actor } : {};
    const actor: AnyActorRef = createActor(logic, { id: workerId, input: undefined, ...parent });
    // What a worker fails with is told by its jobs and its status.
    actor.subscribe({ error: () => undefined });
    actor.start();
    if (seated === undefined) throw new Error(`The actor of worker "${workerId}" did not start`);
    this.#actor.send({ type: 'RUN' });
    return seated.worker;
  }

  onWorkerEnded(): void {
    this.#actor.send({ type: 'RUN_ENDED' });
  }

  /** Takes no more workers; may be called again. */
  close(): void {
    const { status }: { status: string } = this.#actor.getSnapshot();
    if (status === 'active') this.#actor.send({ type: 'CLOSE' });
  }
}
