import {
  END,
  graph,
  ifElse,
  input,
  interrupt,
  machineNode,
  route,
  type AnyGraph,
  type AnyNode,
} from 'troupe';
import { describe, expect, test } from 'vitest';
import { createMachine, fromPromise, setup } from 'xstate';
import { step } from './build-parts.ts';

// The `run` of these nodes wraps what their author wrote.

function built(node: AnyNode): AnyGraph {
  return graph({ name: 'g', nodes: [node, step('a')] });
}

const routeTo = (run: (given: { n: number }) => 'a' | typeof END): AnyGraph =>
  built(route({ name: 'pick', inputs: { n: input<number>() }, targets: ['a', END], run }));
const forkBy = (run: () => boolean): AnyGraph => built(ifElse({ name: 'pick', then: 'a', else: END, run }));
const askBy = (run: () => unknown): AnyGraph => built(interrupt({ name: 'ask', response: 'r', run }));
const machineOf = (machine: ConstructorParameters<typeof Object>[0]): AnyGraph =>
  built(machineNode({ name: 'machine', machine: machine as never, output: 'm' }));

const waiting = (by: number) =>
  setup({ actions: { count: () => by } }).createMachine({
    initial: 'on',
    states: { on: { entry: 'count', always: 'off' }, off: { type: 'final' } },
  });

describe('the hash of a definition', () => {
  test.each<readonly [what: string, one: AnyGraph, other: AnyGraph]>([
    ['a route', routeTo(({ n }) => (n < 3 ? 'a' : END)), routeTo(({ n }) => (n < 4 ? 'a' : END))],
    ['an ifElse', forkBy(() => true), forkBy(() => false)],
    ['an interrupt', askBy(() => 'One?'), askBy(() => 'Two?')],
    [
      'a machine',
      machineOf(createMachine({ initial: 'a', states: { a: { type: 'final' } } })),
      machineOf(createMachine({ initial: 'b', states: { b: { type: 'final' } } })),
    ],
    [
      'an action of a machine',
      machineOf(setup({ actions: { count: () => 1 } }).createMachine({ entry: 'count' })),
      machineOf(setup({ actions: { count: () => 2 } }).createMachine({ entry: 'count' })),
    ],
    ['other actor logic', machineOf(fromPromise(async () => 1)), machineOf(fromPromise(async () => 2))],
  ])('tells apart the bodies of %s', (_, one, other) => {
    expect(one.hash.definition).not.toBe(other.hash.definition);
    expect(one.hash.structure).toBe(other.hash.structure);
  });

  test.each<readonly [what: string, make: () => AnyGraph]>([
    ['a route', () => routeTo(({ n }) => (n < 3 ? 'a' : END))],
    ['an interrupt', () => askBy(() => 'One?')],
    ['a machine', () => machineOf(waiting(1))],
  ])('is the same for equal bodies of %s', (_, make) => {
    expect(make().hash).toEqual(make().hash);
  });
});
