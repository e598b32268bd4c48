import type {
  CheckpointBatch,
  Checkpointer,
  Lease,
  Retention,
  WorkflowHead,
} from '../checkpoint/checkpointer.ts';
import { afterThisTurn } from '../clock.ts';
import { CheckpointError, isTroupeError, WorkflowAlreadyRunningError } from '../errors.ts';
import { SharedTimer } from './shared-timer.ts';
import { MessageEncoder, type Blob, type StoredValue, ValueTooLargeError } from '../log/codec.ts';
import type { AnyMessage, NodeStartMessage, RequestCreationMessage, RunStatus } from '../log/messages.ts';
import { UnstorableValueError } from '../stored-value.ts';

/** When a message counts as written: on disk before anything of it shows, or some time later. */
export type Durability = 'sync' | 'async';

/** What a journal needs. */
export interface JournalOptions {
  readonly checkpointer: Checkpointer;
  readonly lease: Lease;
  readonly durability: Durability;
  /** How many entries the workflow has. */
  readonly length: number;
  /** The large values that it has. */
  readonly blobs: Iterable<string>;
  readonly status: RunStatus;
  /** Of a workflow that is not there yet. */
  readonly head: WorkflowHead | undefined;
}

/** The entries of the messages that the journal was given. */
export type StoredFields = Parameters<MessageEncoder['message']>[1];

// Without a caller who waits, so long is collected before it is written, in ms, or so many entries.
const ASYNC_DELAY_MS = 10;
const ASYNC_ENTRIES = 2_000;

/** Who is told, once, when writing has failed for good. */
export interface JournalHost {
  fail(error: Error): void;
}

interface Effect {
  /** How many entries have to be safe before. */
  readonly position: number;
  readonly act: () => void;
}

/**
 * Writes the log of one workflow to its checkpointer, in order and in as few pieces as possible, and holds back whatever
 * would show a message before it is written.
 */
export class Journal {
  readonly workflowId: string;
  /** Whose log it writes. */
  host: JournalHost | undefined;
  readonly #checkpointer: Checkpointer;
  readonly #encoder: MessageEncoder;
  readonly #isSync: boolean;
  readonly #known: Set<string>;
  #lease: Lease | undefined;
  #head: WorkflowHead | undefined;
  #status: RunStatus;
  /** How many entries the store has. */
  #stored: number;
  /** How many it was given, and how many of those are safe. */
  #given = 0;
  #safe = 0;
  #pending: string[] = [];
  /** What was called, as long as nothing else has come. */
  #lastCall: RequestCreationMessage | undefined;
  #blobs: Blob[] = [];
  /** What takes the place of all that was written, ahead of what is pending. */
  #replacement: readonly string[] | undefined;
  #effects: Effect[] = [];
  #isScheduled = false;
  #isHeld = false;
  #heldWaiters: (() => void)[] = [];
  #writing: Promise<void> | undefined;
  #failure: Error | undefined;
  #isDetached = false;
  #releasesNext = false;
  readonly #heartbeat: SharedTimer<Journal>;
  /** The lease that is just being renewed. */
  #renewing: Lease | undefined;
  /** Whether what is being written gives the lease up. */
  #isReleasing = false;

  constructor(options: JournalOptions) {
    const { checkpointer, lease, durability, length, blobs, status, head } = options;
    this.workflowId = lease.workflowId;
    this.#checkpointer = checkpointer;
    this.#encoder = new MessageEncoder(checkpointer.settings);
    this.#isSync = durability === 'sync';
    this.#known = new Set(blobs);
    this.#lease = lease;
    this.#head = head;
    this.#status = status;
    this.#stored = length;
    this.#heartbeat = heartbeatOf(checkpointer);
    this.#heartbeat.add(this);
  }

  /** Why nothing more is written, where that has failed. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /**
   * Makes a value ready to be stored.
   *
   * @throws {@link CheckpointError} CHECKPOINT naming workflow, node and path when it cannot be.
   */
  prepare(value: unknown, node: string): StoredValue {
    try {
      return this.#encoder.value(value);
    } catch (cause) {
      throw this.#unstorable(cause, node);
    }
  }

  /** Takes a message; it is written with those that come in the same turn. */
  append(message: AnyMessage, fields?: StoredFields): void {
    if (this.#isOver) return;
    const call = this.#lastCall;
    this.#lastCall = undefined;
    if (message.type === 'NodeStart' && call !== undefined && this.#begin(call, message)) return;
    const { text, blobs } = this.#encoder.message(message, fields);
    this.#pending.push(text);
    this.#given += 1;
    if (message.type === 'RequestCreation') this.#lastCall = message;
    this.#addBlobs(blobs);
    this.#status = statusAfter(message) ?? this.#status;
    this.#schedule();
  }

  #addBlobs(blobs: readonly Blob[]): void {
    for (const blob of blobs) {
      if (this.#known.has(blob.hash)) continue;
      this.#known.add(blob.hash);
      this.#blobs.push(blob);
    }
  }

  /** What is called and begins at once has one entry. Returns whether that is so: the call is still to be written. */
  #begin(call: RequestCreationMessage, start: NodeStartMessage): boolean {
    const last = this.#pending.at(-1);
    const text = last === undefined ? undefined : this.#encoder.begun(last, call, start);
    if (text === undefined) return false;
    this.#pending[this.#pending.length - 1] = text;
    return true;
  }

  /** Puts these messages in the place of all so far, written or not. */
  replace(messages: readonly AnyMessage[]): void {
    const entries = messages.map((message) => this.#encoder.message(message));
    this.#replacement = entries.map(({ text }) => text);
    this.#pending = [];
    this.#lastCall = undefined;
    // With the log all of its large values go.
    this.#known.clear();
    this.#blobs = [];
    for (const { blobs } of entries) this.#addBlobs(blobs);
    this.#given += 1;
    this.#schedule();
  }

  /** How much of a log that has ended for good is kept. */
  get retention(): Retention {
    return this.#checkpointer.settings.retention;
  }

  /** Writes nothing for now, until {@link proceed}. */
  hold(): void {
    this.#isHeld = true;
  }

  /** Writes what was held back. */
  proceed(): void {
    this.#isHeld = false;
    this.#letGo();
    this.#schedule();
  }

  /** Whoever waits for something to be written while nothing is. */
  #waitHeld(): Promise<void> {
    return new Promise((resolve) => this.#heldWaiters.push(resolve));
  }

  #letGo(): void {
    const waiters = this.#heldWaiters;
    this.#heldWaiters = [];
    for (const goOn of waiters) goOn();
  }

  /** Acts when everything so far may show: under `'async'` at once. */
  after(act: () => void): void {
    if (this.#isSync) this.afterWritten(act);
    else act();
  }

  /** Acts when everything so far is written. */
  afterWritten(act: () => void): void {
    const isWaiting = this.#effects.length > 0 || this.#given > this.#safe;
    if (this.#isOver || !isWaiting) {
      act();
      return;
    }
    this.#effects.push({ position: this.#given, act });
    if (!this.#isSync) this.writeSoon();
  }

  /** Resolves when everything so far is written, and rejects when that has failed. */
  async flush(options: { readonly releases?: boolean } = {}): Promise<void> {
    if (options.releases === true) this.#releasesNext = true;
    if (this.#isDetached) return;
    while (!this.#isOver && (this.#hasPending || this.#writing !== undefined || this.#releasesNext))
      await (this.#isHeld ? this.#waitHeld() : (this.#writing ?? this.#write()));
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Whether the workflow is still as this journal has left it, after its lease was given up; takes the lease again. */
  async retake(): Promise<boolean> {
    if (this.#isReleasing) await this.#writing;
    if (this.#lease !== undefined || this.#isOver) return true;
    const lease = await this.#checkpointer.acquire(this.workflowId);
    const stored = await this.#checkpointer.read(this.workflowId);
    if (stored?.entries.length !== this.#stored) {
      await this.#checkpointer.release(lease);
      return false;
    }
    this.#lease = lease;
    this.#heartbeat.add(this);
    return true;
  }

  /**
   * Writes nothing more, not even what is on its way to be, and gives the lease up: the workflow stays as it is, unless it
   * is to be removed.
   */
  async detach({ removes = false }: { readonly removes?: boolean } = {}): Promise<void> {
    if (!this.#isOver) {
      this.#isDetached = true;
      this.#drop();
    }
    await this.#writing;
    await this.#release();
    // Where it cannot be removed, it is one that nobody has gone on with.
    if (removes) await this.#checkpointer.delete(this.workflowId).catch(() => undefined);
  }

  get #hasPending(): boolean {
    return this.#pending.length > 0 || this.#replacement !== undefined;
  }

  get #isOver(): boolean {
    return this.#isDetached || this.#failure !== undefined;
  }

  #schedule(): void {
    if (this.#isHeld || this.#isOver || !this.#hasPending) return;
    if (this.#isSync) this.writeSoon();
    // At once: bodies that never wait for anything outside leave no turn to timers as long as they go on.
    else if (this.#pending.length >= ASYNC_ENTRIES) this.#writeNow();
    else writes.add(this);
  }

  /** Writes what has come, after this turn. */
  writeSoon(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    afterThisTurn(() => {
      this.#isScheduled = false;
      this.#writeNow();
    });
  }

  #writeNow(): void {
    if (this.#writing === undefined) void this.#write();
  }

  /** Of what fails the host is told. */
  #write(): Promise<void> {
    if (!this.#isSync) writes.delete(this);
    const isNothing = !this.#hasPending && !this.#releasesNext;
    if (this.#isHeld || this.#isOver || isNothing) return Promise.resolve();
    this.#writing = this.#send(this.#takeBatch(), this.#given);
    return this.#writing;
  }

  #takeBatch(): CheckpointBatch {
    const replacement = this.#replacement;
    const blobs = this.#blobs;
    const batch: CheckpointBatch = {
      first: this.#stored,
      entries: replacement === undefined ? this.#pending : [...replacement, ...this.#pending],
      status: this.#status,
      ...(this.#isSync ? {} : { isRelaxed: true }),
      ...(this.#head === undefined ? {} : { head: this.#head }),
      ...(blobs.length === 0 ? {} : { blobs }),
      ...(this.#releasesNext ? { releases: true } : {}),
      ...(replacement === undefined ? {} : { replaces: true }),
    };
    this.#pending = [];
    this.#blobs = [];
    this.#replacement = undefined;
    this.#isReleasing = this.#releasesNext;
    this.#releasesNext = false;
    return batch;
  }

  /** `given`: how many entries are safe with it. */
  async #send(batch: CheckpointBatch, given: number): Promise<void> {
    try {
      if (this.#lease === undefined) {
        this.#lease = await this.#checkpointer.acquire(this.workflowId);
        this.#heartbeat.add(this);
      }
      if (batch.entries.length > 0) await this.#checkpointer.append(this.#lease, batch);
      else await this.#checkpointer.release(this.#lease);
      this.#onSent(batch, given);
    } catch (error) {
      this.#fail(error);
    }
    this.#writing = undefined;
    this.#isReleasing = false;
    try {
      this.#runEffects();
    } catch (error) {
      this.#fail(error);
    }
    this.#schedule();
  }

  #onSent(batch: CheckpointBatch, given: number): void {
    this.#head = undefined;
    this.#stored = batch.entries.length + (batch.replaces === true ? 0 : this.#stored);
    this.#safe = given;
    if (batch.releases !== true) return;
    this.#lease = undefined;
    this.#heartbeat.delete(this);
  }

  #runEffects(): void {
    if (this.#isOver || this.#effects.length === 0) return;
    const after = this.#effects.findIndex(({ position }) => position > this.#safe);
    const due = this.#effects.splice(0, after === -1 ? this.#effects.length : after);
    for (const { act } of due) act();
  }

  #fail(cause: unknown): void {
    if (this.#isOver) return;
    this.#failure = isTroupeError(cause)
      ? cause
      : new CheckpointError(`Workflow "${this.workflowId}" could not be written`, {
          hint: 'It can be resumed from what was written before.',
          cause,
        });
    this.#drop();
    void this.#release();
    this.host?.fail(this.#failure);
  }

  /** What was to show something that was not written never will. */
  #drop(): void {
    this.#pending = [];
    this.#replacement = undefined;
    this.#blobs = [];
    this.#effects = [];
    this.#releasesNext = false;
    if (!this.#isSync) writes.delete(this);
    this.#heartbeat.delete(this);
    this.#letGo();
  }

  async #release(): Promise<void> {
    const lease = this.#lease;
    this.#lease = undefined;
    this.#heartbeat.delete(this);
    if (lease === undefined) return;
    try {
      await this.#checkpointer.release(lease);
    } catch {
      // It runs out by itself, and why the store does not answer was told when it did not write.
    }
  }

  /** Gives a sign of life. */
  beat(): void {
    void this.#renew();
  }

  async #renew(): Promise<void> {
    const lease = this.#lease;
    if (lease === undefined) return;
    this.#heartbeat.add(this);
    if (this.#renewing === lease || this.#isReleasing) return;
    this.#renewing = lease;
    try {
      await this.#checkpointer.renew(lease);
    } catch (error) {
      // Where the store does not answer, the next sign may still come in time.
      if (error instanceof WorkflowAlreadyRunningError && this.#lease === lease) this.#fail(error);
    }
    if (this.#renewing === lease) this.#renewing = undefined;
  }

  #unstorable(cause: unknown, node: string): CheckpointError {
    const [where, what] =
      cause instanceof UnstorableValueError
        ? [cause.path, cause.what]
        : ['(root)', cause instanceof Error ? cause.message : String(cause)];
    const hint =
      cause instanceof ValueTooLargeError
        ? 'Store it elsewhere and pass a reference to it, or raise `maxValueBytes` of the checkpointer.'
        : 'Pass plain data: no functions, and no instances of classes of your own.';
    return new CheckpointError(
      `Workflow "${this.workflowId}" cannot store a value of node "${node}" at ${where}: ${what}`,
      { hint, cause },
    );
  }
}

/** What is written without anybody waiting for it. */
const writes = new SharedTimer<Journal>({
  delayMs: ASYNC_DELAY_MS,
  call: (journal) => journal.writeSoon(),
  isRef: true,
});

const heartbeats = new WeakMap<Checkpointer, SharedTimer<Journal>>();

/** A day: a timer for far longer would keep the process alive. */
const LONGEST_SILENCE_MS = 86_400_000;

/** Signs of life are given three times in the time of a lease, and each day. */
function heartbeatOf(checkpointer: Checkpointer): SharedTimer<Journal> {
  const found = heartbeats.get(checkpointer);
  if (found !== undefined) return found;
  const { leaseMs } = checkpointer.settings;
  const made = new SharedTimer<Journal>({
    delayMs: Math.min(leaseMs / 3, LONGEST_SILENCE_MS),
    call: (journal) => journal.beat(),
    isRef: false,
  });
  heartbeats.set(checkpointer, made);
  return made;
}

function statusAfter(message: AnyMessage): RunStatus | undefined {
  switch (message.type) {
    case 'RunPause':
      return 'paused';
    case 'RunStart':
    case 'RunResume':
    case 'RunContinue':
      return 'running';
    case 'RunEnd':
      return message.status;
    default:
      return undefined;
  }
}
