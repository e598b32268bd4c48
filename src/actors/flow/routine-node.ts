import { cloneData } from '../../clone.ts';
import type { PlanRoutine } from '../../flow/plan.ts';
import type { AnyNode, NodeContext } from '../../nodes/contract.ts';
import { checkPolicies, freezeNode } from '../../nodes/node.ts';
import { isPromiseLike } from '../body.ts';
import type { RoutineBodyContext } from './routine-context.ts';

/**
 * The activations of a routine as invocations. Each attempt gets data of its own, as a body may change what it gets; and
 * it is not over before its emits are.
 */
export function createRoutineNode({ name, routine, retry }: PlanRoutine): AnyNode {
  const { timeout } = routine;
  const body = routine.run as (data: unknown, ctx: unknown) => unknown; // the worker gives what the slots hold
  return freezeNode({
    kind: 'routine',
    name,
    inputs: undefined,
    outputs: [],
    policies: checkPolicies(name, {
      ...(retry === undefined ? {} : { retry }),
      ...(timeout === undefined ? {} : { timeout }),
    }),
    run: (data: unknown, ctx: NodeContext) => {
      const { emissions } = ctx as unknown as RoutineBodyContext; // the worker made it
      const result = body(cloneData(data), ctx);
      return isPromiseLike(result)
        ? result.then((late) => emissions.settled(late))
        : emissions.settled(result);
    },
    body: routine.run,
  });
}

/** The worker itself as the root of its invocations. */
export function createWorkerNode(name: string): AnyNode {
  return freezeNode({
    kind: 'graph',
    name,
    inputs: undefined,
    outputs: [],
    policies: {},
    run: () => undefined,
  });
}
