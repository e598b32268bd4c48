import { createRunLogic, type RunLogic } from '../actors/run-logic.ts';
import { Run } from '../actors/run.ts';
import type { RunListener } from '../actors/run-end.ts';
import { createRunId } from '../ids.ts';
import { toNode } from '../graph/target.ts';
import type { AnyGraph } from '../graph/types.ts';
import type { AnyNode, Target } from '../nodes/contract.ts';
import { resolveInputs } from '../nodes/resolve-input.ts';
import { assertKnownOptions } from '../nodes/validate.ts';
import { checkRunnerOptions, EMBEDDED_OPTIONS, type RunnerOptions } from './options.ts';
import { partsOf, runnerLogger, settingsOf } from './settings-of.ts';
import { savePlace } from './save-state.ts';
import { Ticket } from './ticket.ts';

/** Options of an embedded run: a runner's, as far as they concern one run. */
export type EmbeddingOptions = Omit<RunnerOptions, 'logFile' | 'retain' | 'inspect'>;

/**
 * Actor logic that runs a node, to be invoked or spawned by any XState machine. The actor's input is the node's; its
 * output is the answer; a failure or a cancel is its error. It takes `{ type: 'respond', key, value }` and
 * `{ type: 'cancel', reason }`, emits every event, and its snapshot's context shows `status`, `pauses` and `outputs`.
 *
 * A persisted snapshot of a run that has ended restores it; one that has not runs anew from its input.
 *
 * @throws {@link InvalidInputError} INVALID_INPUT when the node or an option is not of the form asked for.
 *
 * @example
 * ```ts
 * import { fromNode, node } from 'troupe';
 * import { createActor, toPromise } from 'xstate';
 *
 * const double = node('double', async (n: number) => n * 2);
 * const actor = createActor(fromNode(double), { input: 21 });
 * actor.on('NodeEnd', ({ durationMs }) => console.log(`took ${durationMs} ms`));
 * actor.start();
 * console.log(await toPromise(actor)); // 42
 * ```
 */
export function fromNode<Input, Output>(
  node: Target<Input, Output>,
  options: EmbeddingOptions = {},
): RunLogic<Input, Output> {
  assertKnownOptions('fromNode', options, EMBEDDED_OPTIONS);
  return embed(toNode('what is run', node), options);
}

/**
 * Actor logic that runs a graph, as `fromNode` does a node: the actor's input is the graph's, its output are the graph's
 * outputs by name.
 *
 * @throws {@link InvalidInputError} INVALID_INPUT when the graph or an option is not of the form asked for.
 *
 * @example
 * ```ts
 * import { fromGraph, graph, input, node } from 'troupe';
 * import { createActor, toPromise } from 'xstate';
 *
 * const double = node({ name: 'double', inputs: { n: input<number>() }, output: 'twice', run: ({ n }) => n * 2 });
 * const actor = createActor(fromGraph(graph({ name: 'doubling', nodes: [double] })), { input: { n: 21 } });
 * actor.start();
 * console.log(await toPromise(actor)); // { twice: 42 }
 * ```
 */
export function fromGraph<Input, Outputs>(
  graph: AnyGraph<Input, Outputs>,
  options: EmbeddingOptions = {},
): RunLogic<Input, Outputs> {
  assertKnownOptions('fromGraph', options, EMBEDDED_OPTIONS);
  return embed(toNode('what is run', graph), options);
}

function embed<Input, Output>(node: AnyNode, options: EmbeddingOptions): RunLogic<Input, Output> {
  checkRunnerOptions(options);
  return createRunLogic<Input, Output>((input, seat) => {
    const checked = node.inputs === undefined ? input : resolveInputs(node, node.inputs, input);
    const ready = (resolved: unknown) => (): Run => {
      const run = embeddedRun(node, resolved, options, seat);
      // Bodies do not run inside a transition of whoever started the actor.
      queueMicrotask(() => run.begin());
      return run;
    };
    return node.inputs !== undefined && checked instanceof Promise ? checked.then(ready) : ready(checked);
  });
}

type Seat = Parameters<Parameters<typeof createRunLogic>[0]>[1];

function embeddedRun(target: AnyNode, input: unknown, options: EmbeddingOptions, { self, emit }: Seat): Run {
  const runId = createRunId();
  const logger = runnerLogger({ options, fileLogger: undefined });
  const { processors, saveState } = options;
  const ticket = new Ticket({
    runId,
    throwsOnFailure: false,
    isSync: false,
    save:
      typeof saveState === 'string'
        ? savePlace(saveState, options.name ?? target.name, { runId, logger })
        : undefined,
    logger,
    processors: processors ?? [],
    onPaused: () => undefined,
    onEnded: (over) => void over.closeObservers(),
  });
  const settings = settingsOf(partsOf(options, undefined), { runId, options: {}, isSync: false, emit });
  const listener: RunListener = ticket;
  const run = new Run({ target, input, settings, self, listener });
  ticket.run = run;
  return run;
}
