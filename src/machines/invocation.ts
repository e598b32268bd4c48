import { defineChart } from './chart.ts';

/** What an invocation's chart counts. */
export interface InvocationCounts {
  /** Attempts begun. */
  readonly attempts: number;
  /** Questions that wait for an answer. */
  readonly openQuestions: number;
}

/** The life of one node invocation. Its status is the state it is in. */
export const invocationChart = defineChart({
  id: 'invocation',
  initial: 'pending',
  context: { attempts: 0, openQuestions: 0 },
  states: {
    pending: {
      on: {
        START: { target: 'running', update: 'countAttempt' },
        FAIL: { target: 'failed' },
        CANCEL: { target: 'cancelled' },
      },
    },
    running: {
      on: {
        RETRY: { update: 'countAttempt' },
        ASK: { target: 'interrupted', update: 'openQuestion' },
        SUCCEED: { target: 'succeeded' },
        FAIL: { target: 'failed' },
        CANCEL: { target: 'cancelled' },
        TIME_OUT: { target: 'timedOut' },
      },
    },
    interrupted: {
      on: {
        ASK: { update: 'openQuestion' },
        ANSWER: [
          { guard: 'isLastQuestion', target: 'running', update: 'closeQuestion' },
          { update: 'closeQuestion' },
        ],
        WITHDRAW: { target: 'running', update: 'closeAllQuestions' },
        SUCCEED: { target: 'succeeded' },
        FAIL: { target: 'failed' },
        CANCEL: { target: 'cancelled' },
        TIME_OUT: { target: 'timedOut' },
      },
    },
    succeeded: { final: true },
    failed: { final: true },
    cancelled: { final: true },
    timedOut: { final: true },
  },
  guards: {
    isLastQuestion: (context) => context.openQuestions === 1,
  },
  updates: {
    countAttempt: (context) => ({ ...context, attempts: context.attempts + 1 }),
    openQuestion: (context) => ({ ...context, openQuestions: context.openQuestions + 1 }),
    closeQuestion: (context) => ({ ...context, openQuestions: context.openQuestions - 1 }),
    closeAllQuestions: (context) => ({ ...context, openQuestions: 0 }),
  },
});

/** The states of an invocation. */
export type InvocationState = keyof (typeof invocationChart)['states'];
