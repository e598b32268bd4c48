import { fromNode, node } from 'troupe';
import { describe, expect, test } from 'vitest';
import { createActor, initialTransition } from 'xstate';
import { toMachine, toTable } from '../../src/machines/chart.ts';
import { runChart, runTable } from '../../src/machines/run.ts';
import { runnerChart } from '../../src/machines/runner.ts';
import { eventsOf, simplePaths } from './paths.ts';

type RunEvent = Parameters<typeof runTable.next>[1];
const runnerTable = toTable(runnerChart);

type RunnerEvent = Parameters<typeof runnerTable.next>[1];

const FINAL = ['completed', 'failed', 'cancelled', 'timedOut'];
const machine = toMachine(runChart);
const paths = simplePaths(machine, eventsOf(runChart.states), 0);

describe('the table of a run', () => {
  test('starts where its chart starts', () => {
    const [initial] = initialTransition(machine);

    expect(runTable.initial.value).toBe(initial.value);
  });

  test('goes every simple path of its chart, step by step', () => {
    for (const { name, steps } of paths) {
      let position = runTable.initial;
      for (const { event, state } of steps) {
        if (event.type !== 'xstate.init') position = runTable.next(position, event.type as RunEvent);
        expect([name, position.value, runTable.isFinal(position.value)]).toEqual([
          name,
          state.value,
          state.status === 'done',
        ]);
      }
    }
  });

  test('reaches every state of its chart on some path', () => {
    const reached = new Set(paths.flatMap(({ steps }) => steps.map(({ state }) => String(state.value))));

    expect([...reached].toSorted()).toEqual(Object.keys(runChart.states).toSorted());
  });

  test('stays where it is on an event that there is no way for', () => {
    expect(runTable.next(runTable.initial, 'RESUME')).toBe(runTable.initial);
  });

  test.each(FINAL)('never leaves %s', (value) => {
    const end = { value: value as 'completed', context: {} };

    for (const event of eventsOf(runChart.states)) expect(runTable.next(end, event as RunEvent)).toBe(end);
  });
});

describe('the chart of a run', () => {
  test('has the statuses of the contract as its states', () => {
    expect(Object.keys(runChart.states)).toEqual(['running', 'paused', ...FINAL]);
  });

  test('is what inspectors get with the actor of a run', () => {
    const actor = createActor(fromNode(node('n', () => 1)));

    expect(actor.logic).toHaveProperty('config.states', machine.config.states);
  });
});

describe('the table of a runner', () => {
  const runnerMachine = toMachine(runnerChart);
  const runnerPaths = simplePaths(runnerMachine, eventsOf(runnerChart.states), 3);

  test('goes every simple path of its chart, step by step', () => {
    for (const { name, steps } of runnerPaths) {
      let position = runnerTable.initial;
      for (const { event, state } of steps) {
        if (event.type !== 'xstate.init') position = runnerTable.next(position, event.type as RunnerEvent);
        expect([name, position]).toEqual([name, { value: state.value, context: state.context }]);
      }
    }
  });

  test('takes no run once it is closing', () => {
    const draining = { value: 'draining', context: { live: 1 } } as const;

    expect(runnerTable.next(draining, 'RUN')).toBe(draining);
  });

  test('is closed when the last run has ended, and not before', () => {
    const draining = { value: 'draining', context: { live: 2 } } as const;

    const one = runnerTable.next(draining, 'RUN_ENDED');

    expect(one).toEqual({ value: 'draining', context: { live: 1 } });
    expect(runnerTable.next(one, 'RUN_ENDED').value).toBe('closed');
  });
});
