import { describe, expect, test } from 'vitest';
import { defineChart } from '../../src/machines/chart.ts';
import { invocationChart } from '../../src/machines/invocation.ts';
import { chartToMermaid } from '../../src/machines/mermaid.ts';
import { runChart } from '../../src/machines/run.ts';

const door = defineChart({
  id: 'door',
  initial: 'shut',
  context: { turns: 0 },
  states: {
    shut: {
      on: {
        OPEN: [{ guard: 'isUnlocked', target: 'open', update: 'count' }, { update: 'count' }],
        BREAK: { target: 'broken' },
      },
    },
    open: { on: { SHUT: { target: 'shut' } } },
    broken: { final: true },
  },
  guards: { isUnlocked: ({ turns }: { turns: number }) => turns > 1 },
  updates: { count: ({ turns }: { turns: number }) => ({ turns: turns + 1 }) },
});

function arrowsOf(text: string): string[] {
  return text.split('\n').filter((line) => line.includes('-->') && !line.includes('[*]'));
}

describe('a chart as Mermaid', () => {
  test('is a state diagram with its start, its ways, its guards and its ends', () => {
    expect(chartToMermaid(door)).toMatchInlineSnapshot(`
      "stateDiagram-v2
        [*] --> shut
        shut --> open : OPEN [isUnlocked] / count
        shut --> shut : OPEN / count
        shut --> broken : BREAK
        open --> shut : SHUT
        broken --> [*]"
    `);
  });

  test.each([
    ['an invocation', invocationChart],
    ['a run', runChart],
  ])('has an arrow for each way of %s', (_, chart) => {
    const ways = Object.values<{ on?: object }>(chart.states).flatMap(({ on = {} }) =>
      Object.values(on).flat(),
    );

    expect(arrowsOf(chartToMermaid(chart))).toHaveLength(ways.length);
  });

  test.each([
    ['an invocation', invocationChart],
    ['a run', runChart],
  ])('names each state of %s', (_, chart) => {
    const text = chartToMermaid(chart);

    expect(Object.keys(chart.states).filter((name) => !text.includes(name))).toEqual([]);
  });
});
