/** The final statuses of a job. */
export type JobEndStatus = 'completed' | 'failed' | 'cancelled' | 'timedOut';

/** A message: its id, its value, the places of its jobs, where it came from, when, and its hops. */
export type MailJSON = readonly [
  id: number,
  value: unknown,
  jobs: readonly number[],
  source: 'post' | { readonly routine: string; readonly event: string },
  at: number,
  hops: number,
];

/** A job as JSON. */
export interface JobJSON {
  readonly id: string;
  readonly status: 'pending' | 'running' | JobEndStatus;
  readonly metadata: unknown;
  readonly createdAt: number;
  readonly startedAt?: number | undefined;
  readonly completedAt?: number | undefined;
  readonly error?: unknown;
  readonly values: unknown;
  readonly deadLetters: unknown;
  /** What is left of its time, in ms. */
  readonly timeLeftMs?: number | undefined;
}

export interface ActivationJSON {
  readonly id: number;
  readonly routine: number;
  readonly reason: string;
  readonly time: number;
  /** By the places of the routine's slots. */
  readonly mails: readonly (readonly MailJSON[])[];
  /** What it has emitted. */
  readonly sent?: unknown;
  /** Its next attempt, and when it is due. */
  readonly resumption?: { readonly attempt: number; readonly at: number };
}

/** What a worker holds, as JSON. */
export interface WorkerJSON {
  readonly id: string;
  readonly flow: string;
  /** By which a flow is known again. */
  readonly structure: string;
  readonly nextMail: number;
  readonly nextActivation: number;
  readonly counts: {
    readonly posted: number;
    readonly delivered: number;
    readonly dropped: number;
    readonly deadLettered: number;
  };
  /** Those that have not ended. */
  readonly jobs: readonly JobJSON[];
  /** Those that have ended and are kept. */
  readonly ended: readonly JobJSON[];
  /** By the places of the slots; what was parked is in its old place. */
  readonly slots: readonly (readonly MailJSON[])[];
  readonly activations: readonly ActivationJSON[];
  readonly routines: readonly { readonly state: unknown; readonly lastAt?: number }[];
}
