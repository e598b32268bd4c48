import { defineChart } from './chart.ts';

/** The life of a runner: it takes runs while it is open, and is closed when the last one has ended. */
export const runnerChart = defineChart({
  id: 'runner',
  initial: 'open',
  // How many runs have not ended.
  context: { live: 0 },
  states: {
    open: {
      on: {
        RUN: { update: 'countRun' },
        RUN_ENDED: { update: 'forgetRun' },
        CLOSE: [{ guard: 'isIdle', target: 'closed' }, { target: 'draining' }],
      },
    },
    draining: {
      on: {
        RUN_ENDED: [{ guard: 'isLastRun', target: 'closed', update: 'forgetRun' }, { update: 'forgetRun' }],
      },
    },
    closed: { final: true },
  },
  guards: {
    isIdle: (context) => context.live === 0,
    isLastRun: (context) => context.live === 1,
  },
  updates: {
    countRun: (context) => ({ live: context.live + 1 }),
    forgetRun: (context) => ({ live: context.live - 1 }),
  },
});
