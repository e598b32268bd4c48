import { cacheKey } from '../cache/key.ts';
import { CheckpointError } from '../errors.ts';
import type { RunSettings } from '../actors/settings.ts';
import { RunHistory } from '../log/run-history.ts';
import type { RecordedRun } from '../log/recorded-run.ts';
import type { AnyNode } from '../nodes/contract.ts';
import type { RunOptions } from './options.ts';
import { endedResult, type RunResult } from './result.ts';
import type { RunRegistry } from './run-registry.ts';
import type { Ticket } from './ticket.ts';
import { openWorkflow, readStored } from './workflow-opening.ts';
import { openingOf } from './workflows.ts';

/** The items of a durable map. */
export interface ItemWorkflows {
  /** The id of the next item with that input: the same for the same input, whatever its place. */
  idOf(input: unknown): string;
  /** Runs an item, or goes on with it; gives the result of one that has ended for good. */
  launch(
    ticket: Ticket,
    item: { readonly workflowId: string; readonly input: unknown; readonly settings: RunSettings },
  ): Promise<RunResult | undefined>;
}

/** The items of a map that was given a `workflowId`; undefined for any other. */
export function itemWorkflows(
  registry: RunRegistry,
  target: AnyNode,
  options: RunOptions,
): ItemWorkflows | undefined {
  const { workflowId: parent } = options;
  if (parent === undefined) return undefined;
  const counts = new Map<string, number>();
  return {
    idOf: (input) => {
      const hash = hashOf(target, input);
      const count = counts.get(hash) ?? 0;
      counts.set(hash, count + 1);
      return `${parent}/${hash}${count === 0 ? '' : `-${count}`}`;
    },
    launch: async (ticket, { workflowId, input, settings }) => {
      const way = { type: 'run', given: input } as const;
      const opening = openingOf(registry, { target, workflowId, way, options });
      const known = await opening.checkpointer.get(workflowId);
      if (known?.status === 'completed' || known?.status === 'cancelled') {
        const stored = await opening.checkpointer.read(workflowId);
        if (stored !== undefined) return resultOf(readStored(stored), target, settings, workflowId);
      }
      const workflow = await openWorkflow(opening);
      const durable = workflow.durable(() => undefined);
      if (ticket.isOver) {
        await durable.journal.detach();
        return undefined;
      }
      const { runId } = workflow;
      ticket.rebind(runId, registry.placeFor(runId, target, options));
      const ofRun: RunSettings = { ...settings, runId, workflowId };
      registry.start(ticket, { target, input: workflow.input, settings: ofRun, durable });
      return undefined;
    },
  };
}

/** The result of a workflow that has ended, from its log. */
function resultOf(
  record: RecordedRun,
  target: AnyNode,
  { redact }: RunSettings,
  workflowId: string,
): RunResult | undefined {
  if (record.end === undefined) return undefined;
  const history = new RunHistory(record.start.runId, redact);
  for (const message of record.messages) history.log.append(message);
  const { status, answer, error } = record.end;
  return endedResult({ history, target, produced: {}, workflowId }, { status, answer, error });
}

function hashOf(target: AnyNode, input: unknown): string {
  const found = cacheKey({
    nodeName: target.name,
    ports: { inputs: [], outputs: [] },
    version: 'item',
    source: '',
    input,
  });
  if ('key' in found) return found.key.slice(-24);
  throw new CheckpointError(`An item of a durable map cannot be stored: ${found.reason}`, {
    hint: 'Map over plain data.',
  });
}
