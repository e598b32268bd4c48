import { createActor, type AnyActorRef } from 'xstate';
import { runnerChart } from '../machines/runner.ts';
import { fromChart } from './chart-logic.ts';
import { guardInspector, type Inspector } from './inspector.ts';
import type { Run } from './run.ts';
import { createRunLogic } from './run-logic.ts';

const runnerLogic = fromChart(runnerChart);

/** A run of a runner: the runner knows how to make it. */
type MakeRun = (self: AnyActorRef) => Run;

const runLogic = createRunLogic<MakeRun, unknown>((make, seat) => () => make(seat.self));

/** The root actor of a runner: it counts the runs, and is the parent of theirs. */
export class RunnerActor {
  readonly #actor: AnyActorRef;

  constructor(actor: AnyActorRef) {
    this.#actor = actor;
  }

  /** Starts the actor of a run, with the run that is made for it. */
  spawn(runId: string, make: MakeRun): Run {
    let made: Run | undefined;
    const actor = createActor(runLogic, {
      parent: this.#actor,
      id: runId,
      input: (self: AnyActorRef) => (made = make(self)),
    });
    actor.start();
    if (made === undefined) throw actor.getSnapshot().error;
    return made;
  }

  onRunStarted(): void {
    this.#actor.send({ type: 'RUN' });
  }

  onRunEnded(): void {
    this.#actor.send({ type: 'RUN_ENDED' });
  }

  /** Takes no more runs; may be called again. */
  close(): void {
    const { status }: { status: string } = this.#actor.getSnapshot();
    if (status === 'active') this.#actor.send({ type: 'CLOSE' });
  }
}

/** Starts a runner's root actor; `report` hears of an inspector that throws. */
export function createRunnerActor(
  inspector: Inspector | undefined,
  report: (error: unknown) => void,
): RunnerActor {
  const inspect = inspector === undefined ? {} : { inspect: guardInspector(inspector, report) };
  const actor: AnyActorRef = createActor(runnerLogic, { input: undefined, ...inspect });
  // XState throws a root's error out of the process where nobody listens.
  actor.subscribe({ error: report });
  actor.start();
  return new RunnerActor(actor);
}
