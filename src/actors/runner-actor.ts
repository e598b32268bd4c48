import { createActor, type AnyActorRef } from 'xstate';
import { runnerChart } from '../machines/runner.ts';
import { fromChart } from './chart-logic.ts';
import { guardInspector, type Inspector } from './inspector.ts';
import { MapActors, type ItemRoot } from './run-actors.ts';
import type { Run } from './run.ts';
import { createRunLogic, singleRun } from './run-logic.ts';

const runnerLogic = fromChart(runnerChart);

/** A run of a runner: the runner knows how to make it. */
type MakeRun = (self: AnyActorRef) => Run;

/**
 * The root actor of a runner: it counts the runs. Where somebody inspects, the actors of the runs are its children, in one
 * system. Otherwise each run is a system of its own: XState registers every actor of a system in one map, and the old
 * tables of a map that lives long keep short runs from being collected early (two thirds of a short run's garbage).
 */
export class RunnerActor {
  readonly #actor: AnyActorRef;
  readonly #isInspected: boolean;

  constructor(actor: AnyActorRef, isInspected: boolean) {
    this.#actor = actor;
    this.#isInspected = isInspected;
  }

  /** The actors that the items of a map share; none where somebody inspects, and each run is shown with its own. */
  createMapActors(): MapActors | undefined {
    return this.#isInspected ? undefined : new MapActors();
  }

  /** Starts the actor of a run, with the run that is made for it. */
  spawn(runId: string, make: MakeRun, items?: ItemRoot): Run {
    const runs = singleRun();
    const logic = createRunLogic<undefined, unknown>(
      (_input, { self }) =>
        () =>
          make(self),
      runs,
    );
    const parent = this.#isInspected ? this.#actor : items?.ref;
    const actor = createActor(logic, {
      id: runId,
      input: undefined,
      ...(parent === undefined ? {} : { parent }),
    });
    // A root whose failure nobody hears would end the process; the run itself tells of it.
    if (parent === undefined || this.#isInspected) actor.subscribe({ error: () => undefined });
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
