import { noop } from './floor.ts';
import { loopOf } from './graphs.ts';
import { node, type createRunner } from './troupe.ts';

type Runner = ReturnType<typeof createRunner>;
type OnStep = (step: number) => void;

/** A workflow of many steps, one after the other; `onStep` is called in the body of each, with its number from 0. */
export interface LongWorkflow {
  readonly begin: (runner: Runner) => Promise<unknown>;
  /** Resolves with how many steps it has had when it has completed. */
  readonly resume: (runner: Runner) => Promise<unknown>;
}

const workflowId = 'long';

/** A graph that loops: each step is a node and a gate. */
function loop(steps: number, onStep: OnStep): LongWorkflow {
  const graph = loopOf(steps, onStep);
  return {
    begin: (runner) => runner.run(graph, { count: 0 }, { workflowId }),
    resume: async (runner) => (await runner.resume(graph, workflowId)).outputs['count'],
  };
}

/** One body that calls a node for each step. */
function calls(steps: number, onStep: OnStep): LongWorkflow {
  const step = node('step', async (at: number) => {
    await noop();
    onStep(at);
  });
  const parent = node('calls', async (count: number, ctx) => {
    for (let at = 0; at < count; at++) await ctx.call(step, at);
    return count;
  });
  return {
    begin: (runner) => runner.run(parent, steps, { workflowId }),
    resume: async (runner) => (await runner.resume(parent, workflowId)).answer,
  };
}

export const longWorkflows = { loop, calls };

export type Shape = keyof typeof longWorkflows;

export function isShape(name: string): name is Shape {
  return Object.hasOwn(longWorkflows, name);
}
