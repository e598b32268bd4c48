import { assertKnownOptions, expected } from '../nodes/validate.ts';
import { RUN_OPTIONS, type RunOptions } from './options.ts';

/** Options of going on with a workflow: those of a run, and answers. */
export interface ResumeOptions extends Omit<RunOptions, 'workflowId'> {
  /** Answers by key. One for a question that is not asked yet is kept for it. */
  readonly responses?: Readonly<Record<string, unknown>> | undefined;
}

/** Options of a fork: those of a run, and where it begins. */
export interface ForkOptions<Input = unknown> extends Omit<RunOptions, 'workflowId'> {
  /**
   * The step after which it begins, as `info.stamps` and `info.at` count them. Default: the last one; with an `input` the
   * start.
   */
  readonly at?: number | undefined;
  /** Given in the place of the original's inputs of those names; what has completed by `at` does not run again. */
  readonly input?: Partial<Input> | Input | undefined;
  /** The id of the new workflow. Default: a new UUID. */
  readonly workflowId?: string | undefined;
}

/** Takes the options of going on with a workflow apart. */
export function readResumeOptions(
  owner: string,
  workflowId: unknown,
  options: ResumeOptions,
): { readonly responses: Readonly<Record<string, unknown>>; readonly ofRun: RunOptions } {
  assertWorkflowId(workflowId);
  assertKnownOptions(owner, options, ['responses', ...RUN_OPTIONS.filter((key) => key !== 'workflowId')]);
  const { responses = {}, ...ofRun } = options;
  if (typeof responses !== 'object' || responses === null || Array.isArray(responses))
    throw expected(`\`responses\` of ${owner}`, 'an object with answers by key', responses);
  return { responses, ofRun };
}

/** Takes the options of a fork apart. */
export function readForkOptions(
  from: unknown,
  options: ForkOptions,
): {
  readonly at: number | undefined;
  readonly input: unknown;
  readonly id: string | undefined;
  readonly ofRun: RunOptions;
} {
  assertWorkflowId(from);
  assertKnownOptions('fork', options, ['at', 'input', ...RUN_OPTIONS]);
  const { at, input, workflowId: id, ...ofRun } = options;
  if (id !== undefined) assertWorkflowId(id);
  if (at !== undefined && !(Number.isSafeInteger(at) && at >= 0))
    throw expected('`at` of fork', 'the number of a step, an integer >= 0', at);
  return { at, input, id, ofRun };
}

function assertWorkflowId(workflowId: unknown): asserts workflowId is string {
  if (typeof workflowId === 'string' && workflowId !== '') return;
  throw expected('the id of a workflow', 'a text that is not empty', workflowId);
}
