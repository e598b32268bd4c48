import type { Blob } from '../log/codec.ts';
import type { ForkOrigin, LogMessage, RunStatus } from '../log/messages.ts';

/** What becomes of a workflow. `abandoned`: the process that ran it is gone, and nobody has resumed it yet. */
export type WorkflowStatus = RunStatus | 'abandoned';

/** What is known of a workflow without reading its log. Times are ms since the epoch. */
export interface WorkflowRecord {
  readonly workflowId: string;
  readonly status: WorkflowStatus;
  /** The name of the node or graph. */
  readonly target: string;
  readonly runId: string;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly forkedFrom?: ForkOrigin;
}

/** Which workflows to list. */
export interface WorkflowQuery {
  readonly status?: WorkflowStatus | undefined;
  /** At most so many. Default: 100. */
  readonly limit?: number | undefined;
  /** That of the page before. */
  readonly cursor?: string | undefined;
}

/** Workflows in the order in which they were created. */
export interface WorkflowPage extends ReadonlyArray<WorkflowRecord> {
  /** To be given for the next page; left out on the last one. */
  readonly cursor?: string;
}

/** How much of the log of a workflow is kept once it has completed or was cancelled; until then all of it is. */
export type Retention =
  /** Everything. */
  | 'full'
  /** Its beginning and its result. */
  | 'latest'
  /** Besides, its last so many steps. */
  | { readonly steps: number };

/** Options that every checkpointer has. */
export interface CheckpointerOptions {
  /** Default: `'full'`. */
  readonly retention?: Retention | undefined;
  /** How long a workflow is kept after its end, in ms. Default: for ever. */
  readonly ttl?: number | undefined;
  /**
   * How long a process that gives no sign of life keeps a workflow, in ms; it gives one three times in that time. A dead
   * process of the same host is taken over at once. Default: 30,000.
   */
  readonly lease?: number | undefined;
  /** The most bytes of one input, output or answer, as text; a larger one cannot be stored. Default: 64 MiB. */
  readonly maxValueBytes?: number | undefined;
  /** Values from so many bytes on are stored once, however often they come up in a workflow. Default: 64 KiB. */
  readonly blobBytes?: number | undefined;
}

/** The options of a checkpointer, with their defaults. */
export interface CheckpointerSettings {
  readonly retention: Retention;
  readonly ttlMs: number;
  readonly leaseMs: number;
  readonly maxValueBytes: number;
  readonly blobBytes: number;
}

/** The right to write to a workflow, until another has it: each `acquire` gives a higher `token` than all before. */
export interface Lease {
  readonly workflowId: string;
  readonly token: number;
  /** True where nothing is stored of the workflow: then it need not be read. May be left out. */
  readonly isNew?: boolean;
}

/** What is written of a workflow when it begins. */
export interface WorkflowHead {
  readonly target: string;
  readonly runId: string;
  readonly forkedFrom?: ForkOrigin;
}

/** What is appended in one piece: all of it or nothing. */
export interface CheckpointBatch {
  /** How many entries there are before it. */
  readonly first: number;
  /** Lines of JSON, without line breaks. */
  readonly entries: readonly string[];
  /** The status of the workflow from here. */
  readonly status: RunStatus;
  /** Of the first batch of a workflow. */
  readonly head?: WorkflowHead;
  /** Those of them that the workflow has already are left out by whoever appends. */
  readonly blobs?: readonly Blob[];
  /** It need not be on disk yet: a power failure may take it, with all that follows; the end of the process may not. */
  readonly isRelaxed?: boolean;
  /** Gives the lease up with it. */
  readonly releases?: boolean;
  /** Takes the place of all entries and blobs before it, of which `first` says how many there were; then there are only its own. */
  readonly replaces?: boolean;
}

/** All that is stored of a workflow. */
export interface StoredWorkflow {
  readonly record: WorkflowRecord;
  readonly entries: readonly string[];
  readonly blobs: ReadonlyMap<string, string>;
}

/**
 * Keeps the logs of durable workflows. An entry that was appended is there after a crash; entries are never changed, and
 * what cannot be read back whole is an error, never a shorter log.
 *
 * Every method rejects with a {@link CheckpointError} CHECKPOINT when the store cannot be used, is damaged, or was written
 * by a newer version. `checkpointerContract` of `troupe/testing` tests all of this.
 */
export interface Checkpointer extends AsyncDisposable {
  readonly settings: CheckpointerSettings;
  /**
   * Takes the lease of a workflow, which need not exist yet.
   *
   * @throws {@link WorkflowAlreadyRunningError} WORKFLOW_ALREADY_RUNNING while another has it and is alive.
   */
  acquire(workflowId: string): Promise<Lease>;
  /** @throws {@link WorkflowAlreadyRunningError} WORKFLOW_ALREADY_RUNNING when another has taken it. */
  renew(lease: Lease): Promise<void>;
  /** Gives a lease up; what another has taken stays as it is. */
  release(lease: Lease): Promise<void>;
  /**
   * Appends; when it resolves, the entries are safe.
   *
   * @throws {@link WorkflowAlreadyRunningError} WORKFLOW_ALREADY_RUNNING when the lease is not the newest one, or was given
   * up: then nothing is written.
   */
  append(lease: Lease, batch: CheckpointBatch): Promise<void>;
  /** All that is stored; undefined for an unknown workflow. */
  read(workflowId: string): Promise<StoredWorkflow | undefined>;
  /** What is known of a workflow; undefined for an unknown one. */
  get(workflowId: string): Promise<WorkflowRecord | undefined>;
  list(query?: WorkflowQuery): Promise<WorkflowPage>;
  /**
   * The log of a workflow, oldest entry first.
   *
   * @throws {@link WorkflowNotFoundError} WORKFLOW_NOT_FOUND
   */
  history(workflowId: string): Promise<readonly LogMessage[]>;
  /**
   * Removes a workflow.
   *
   * @throws {@link WorkflowNotFoundError} WORKFLOW_NOT_FOUND; {@link WorkflowAlreadyRunningError} WORKFLOW_ALREADY_RUNNING
   */
  delete(workflowId: string): Promise<void>;
  /** Closes what it has opened; everything after that is a {@link CheckpointError}. May be called again. */
  close(): Promise<void>;
}
