import { cloneData } from '../../clone.ts';
import type { PlanRoutine } from '../../flow/plan.ts';
import type { AnyNode, NodeContext } from '../../nodes/contract.ts';
import { checkPolicies, freezeNode } from '../../nodes/node.ts';
import { generatorKind, isPromiseLike } from '../body.ts';
import type { Emissions } from './emission.ts';
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
      return settled(body(cloneData(data), ctx), emissions);
    },
    body: routine.run,
  });
}

/** What a body gives, when all that it has emitted has come to its end. */
function settled(result: unknown, emissions: Emissions): unknown {
  if (isPromiseLike(result)) return result.then((late) => settled(late, emissions));
  if (generatorKind(result) === undefined) return emissions.settled(result);
  return followed(result as AsyncGenerator<unknown, unknown>, emissions);
}

/** Its emits are made while it is asked, not when it is made. */
async function* followed(
  generator: AsyncGenerator<unknown, unknown> | Generator<unknown, unknown>,
  emissions: Emissions,
): AsyncGenerator<unknown, unknown> {
  return await emissions.settled(yield* generator);
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
