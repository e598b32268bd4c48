/** What the tests and the processes that they start say to each other. */
import type { CheckpointerOptions } from 'troupe/checkpoint';
import type { StorePlace } from './stores.ts';
import type { Effect } from './voyage.ts';

export interface SailorSettings {
  readonly store: StorePlace;
  readonly options?: CheckpointerOptions;
  readonly durability?: 'sync' | 'async';
  /** The file in which the bodies write down what they do. */
  readonly effects: string;
  /** Which process wrote it. */
  readonly process: number;
  /** Bodies that wait to be released. */
  readonly holds?: readonly string[];
  /** A file: until it is there, a body that was released keeps its thread busy. */
  readonly gate?: string;
  /** The user and group as whom it runs, where it was started by root. */
  readonly user?: number;
}

export interface Answer {
  /** Answers the question when it is asked. */
  readonly isAnswered?: boolean;
}

export type Command = (
  | { readonly do: 'run'; readonly input?: Readonly<Record<string, unknown>> }
  | { readonly do: 'resume'; readonly responses?: Readonly<Record<string, unknown>> }
  | { readonly do: 'respond' }
  | { readonly do: 'fork'; readonly at?: number; readonly to: string }
  | { readonly do: 'map'; readonly input: { readonly deck: string[] } }
) &
  Answer & {
    readonly workflowId: string;
    /** Another store than that of the process, for this command alone. */
    readonly store?: StorePlace;
  };

export type Outcome =
  | {
      readonly status: string;
      readonly outputs: unknown;
      readonly steps: number;
      readonly requests: number;
    }
  | { readonly status: 'rejected'; readonly code: string; readonly message: string };

export type Report =
  | { readonly type: 'ready' }
  | { readonly type: 'effect'; readonly effect: Effect }
  | { readonly type: 'holds'; readonly name: string }
  | { readonly type: 'outcome'; readonly workflowId: string; readonly outcome: Outcome };
