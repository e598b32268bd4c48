import { createActor, type AnyActorRef } from 'xstate';
import { runnerChart } from '../machines/runner.ts';
import { fromChart } from './chart-logic.ts';
import { guardInspector, type Inspector } from './inspector.ts';
import { SharedActors, type RunActors } from './run-actors.ts';
import type { Run } from './run.ts';
import { createRunLogic, singleRun } from './run-logic.ts';

const runnerLogic = fromChart(runnerChart);

/** A run of a runner: the runner knows how to make it. */
type MakeRun = (self: AnyActorRef, actors: RunActors | undefined) => Run;

/**
 * The root actor of a runner: it counts the runs. Where somebody inspects, the actors of the runs are its children, in one
 * system, each with a coordinator and a state keeper of its own. Otherwise some runs at a time share a system.
 */
export class RunnerActor {
  readonly #actor: AnyActorRef;
  readonly #isInspected: boolean;
  readonly #shared = new SharedActors();

  constructor(actor: AnyActorRef, isInspected: boolean) {
    this.#actor = actor;
    this.#isInspected = isInspected;
  }

  /** Starts the actor of a run, with the run that is made for it. */
  spawn(runId: string, make: MakeRun): Run {
    const runs = singleRun();
    const shared = this.#isInspected ? undefined : this.#shared.next();
    const logic = createRunLogic<undefined, unknown>(
      (_input, { self }) =>
        () =>
          make(self, shared?.actors),
      runs,
    );
    const actor = createActor(logic, { id: runId, input: undefined, parent: shared?.ref ?? this.#actor });
    actor.start();
    const run = runs.get(actor);
    if (run === undefined) throw actor.getSnapshot().error;
    return run;
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
    this.#shared.close();
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
  return new RunnerActor(actor, inspector !== undefined);
}
