import { describe, expect, test } from 'vitest';
import { createActor, getNextSnapshot, type AnyMachineSnapshot } from 'xstate';
import { invocationLogic, type InvocationEvent } from '../../src/actors/invocation.ts';
import { toMachine } from '../../src/machines/chart.ts';
import { invocationChart } from '../../src/machines/invocation.ts';
import { eventsOf, simplePaths, type Path } from './paths.ts';

const EVENTS = eventsOf(invocationChart.states) as readonly InvocationEvent[];
const FINAL = ['succeeded', 'failed', 'cancelled', 'timedOut'];
const machine = toMachine(invocationChart);
const paths = simplePaths(machine, EVENTS, 2);

function partsOf({ value, context, status }: { value: unknown; context: unknown; status: string }): unknown {
  return { value, context, status };
}

/** Where the actor is after a path. */
function actorAfter({ steps }: Path) {
  const actor = createActor(invocationLogic).start();
  for (const { event } of steps)
    if (event.type !== 'xstate.init') actor.send(event as { type: InvocationEvent });
  return actor;
}

/** Where one more event leads the actor after a path; from an end, nowhere. */
function answer(path: Path, type: InvocationEvent): unknown {
  const actor = actorAfter(path);
  if (actor.getSnapshot().status === 'active') actor.send({ type });
  return [path.name, type, partsOf(actor.getSnapshot())];
}

/** Where one more event leads the chart after a path. */
function expected({ name, steps }: Path, type: InvocationEvent): unknown {
  const last = steps.at(-1)?.state as AnyMachineSnapshot; // a path has at least its first state
  const next = last.status === 'active' ? getNextSnapshot(machine, last, { type }) : last;
  return [name, type, partsOf(next)];
}

describe('the actor of an invocation', () => {
  test('starts where its chart starts', () => {
    expect(partsOf(createActor(invocationLogic).start().getSnapshot())).toEqual(
      partsOf(createActor(machine).start().getSnapshot()),
    );
  });

  test('has a chart with many simple paths, which reach all of its states', () => {
    const reached = new Set(paths.flatMap(({ steps }) => steps.map(({ state }) => String(state.value))));

    expect(paths.length).toBeGreaterThan(20);
    expect([...reached].toSorted()).toEqual(Object.keys(invocationChart.states).toSorted());
  });

  test('goes every simple path of its chart, step by step', () => {
    for (const { name, steps } of paths) {
      const actor = createActor(invocationLogic).start();
      for (const { event, state } of steps) {
        if (event.type !== 'xstate.init') actor.send(event as { type: InvocationEvent });
        expect([name, partsOf(actor.getSnapshot())]).toEqual([name, partsOf(state)]);
      }
    }
  });

  test('answers every event after every simple path as its chart does', () => {
    for (const path of paths)
      for (const type of EVENTS) expect(answer(path, type)).toEqual(expected(path, type));
  });

  test('is the same snapshot after an event that its chart has no way for', () => {
    const actor = createActor(invocationLogic).start();
    const before = actor.getSnapshot();

    actor.send({ type: 'ANSWER' });

    expect(actor.getSnapshot()).toBe(before);
  });

  test('has the output of the event that ended it', () => {
    const actor = createActor(invocationLogic).start();

    actor.send({ type: 'START' });
    actor.send({ type: 'SUCCEED', output: 42 });

    expect(actor.getSnapshot()).toMatchObject({ status: 'done', output: 42 });
  });

  test('can have undefined as its output', () => {
    const actor = createActor(invocationLogic).start();

    actor.send({ type: 'START' });
    actor.send({ type: 'SUCCEED', output: undefined });

    expect(actor.getSnapshot()).toMatchObject({ status: 'done', value: 'succeeded', output: undefined });
  });
});

describe('the chart of an invocation', () => {
  test('has the statuses of the contract as its states', () => {
    expect(Object.keys(invocationChart.states)).toEqual(['pending', 'running', 'interrupted', ...FINAL]);
  });

  test('is done in its terminal states, and only there', () => {
    const done = new Set(
      paths.flatMap(({ steps }) =>
        steps.filter(({ state }) => state.status === 'done').map(({ state }) => String(state.value)),
      ),
    );
    const active = new Set(
      paths.flatMap(({ steps }) =>
        steps.filter(({ state }) => state.status === 'active').map(({ state }) => String(state.value)),
      ),
    );

    expect([...done].toSorted()).toEqual(FINAL.toSorted());
    expect([...active].toSorted()).toEqual(['interrupted', 'pending', 'running']);
  });

  test('can be cancelled from every state that is not terminal', () => {
    const ways = Object.entries(invocationChart.states).filter(([name]) => !FINAL.includes(name));

    expect(ways.map(([name, { on = {} }]) => [name, 'CANCEL' in on])).toEqual([
      ['pending', true],
      ['running', true],
      ['interrupted', true],
    ]);
  });

  test('counts no negative questions, and none that is open when it runs', () => {
    const states = paths.flatMap(({ steps }) => steps.map(({ state }) => state));

    expect(states.filter(({ context }) => Number(context['openQuestions']) < 0)).toEqual([]);
    expect(
      states.filter(({ value, context }) => value === 'running' && context['openQuestions'] !== 0),
    ).toEqual([]);
    expect(
      states.filter(({ value, context }) => value === 'interrupted' && context['openQuestions'] === 0),
    ).toEqual([]);
  });
});
