import { defineChart, toTable } from './chart.ts';

/** The life of one run. */
export const runChart = defineChart({
  id: 'run',
  initial: 'running',
  context: {},
  states: {
    running: {
      on: {
        PAUSE: { target: 'paused' },
        COMPLETE: { target: 'completed' },
        FAIL: { target: 'failed' },
        CANCEL: { target: 'cancelled' },
        TIME_OUT: { target: 'timedOut' },
      },
    },
    paused: {
      on: {
        RESUME: { target: 'running' },
        COMPLETE: { target: 'completed' },
        FAIL: { target: 'failed' },
        CANCEL: { target: 'cancelled' },
        TIME_OUT: { target: 'timedOut' },
      },
    },
    completed: { final: true },
    failed: { final: true },
    cancelled: { final: true },
    timedOut: { final: true },
  },
  guards: {},
  updates: {},
});

/** The run's chart, ready to run. */
export const runTable = toTable(runChart);
