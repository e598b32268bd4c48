import { defineChart, toTable } from './chart.ts';

/** The life of a worker of a flow. */
export const workerChart = defineChart({
  id: 'worker',
  initial: 'starting',
  context: {},
  states: {
    // What was stored of it is being read.
    starting: {
      on: {
        OPEN: { target: 'running' },
        STOP: { target: 'stopped' },
        FAIL: { target: 'failed' },
      },
    },
    running: {
      on: {
        PAUSE: { target: 'paused' },
        DRAIN: { target: 'draining' },
        STOP: { target: 'stopped' },
        FAIL: { target: 'failed' },
      },
    },
    paused: {
      on: {
        RESUME: { target: 'running' },
        DRAIN: { target: 'draining' },
        STOP: { target: 'stopped' },
        FAIL: { target: 'failed' },
      },
    },
    // It takes no more posts, and does what is left.
    draining: {
      on: {
        STOP: { target: 'stopped' },
        FAIL: { target: 'failed' },
      },
    },
    stopped: { final: true },
    failed: { final: true },
  },
  guards: {},
  updates: {},
});

/** The worker's chart, ready to run. */
export const workerTable = toTable(workerChart);
