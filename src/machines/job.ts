import { defineChart, toTable } from './chart.ts';

/** The life of a job of a flow: everything that one post has set off. */
export const jobChart = defineChart({
  id: 'job',
  initial: 'pending',
  context: {},
  states: {
    pending: {
      on: {
        ACTIVATE: { target: 'running' },
        // All of its messages were dropped.
        COMPLETE: { target: 'completed' },
        FAIL: { target: 'failed' },
        CANCEL: { target: 'cancelled' },
        TIME_OUT: { target: 'timedOut' },
      },
    },
    running: {
      on: {
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

/** The job's chart, ready to run. */
export const jobTable = toTable(jobChart);
