import { randomUUID } from 'node:crypto';
import { systemClock } from '../clock.ts';
import { CheckpointError } from '../errors.ts';
import type { LogMessage } from '../log/messages.ts';
import type {
  CheckpointBatch,
  Checkpointer,
  CheckpointerSettings,
  Lease,
  StoredWorkflow,
  WorkflowPage,
  WorkflowQuery,
  WorkflowRecord,
} from './checkpointer.ts';
import { currentOwner, isGone, type Owner } from './owner.ts';
import type { PostgresConnection, Row } from './postgres-connection.ts';
import { recordOf, storedWorkflowOf, workflowRowOf } from './postgres-rows.ts';
import type { PostgresStatements } from './postgres-statements.ts';
import { alreadyRunning, damaged, historyOf, notFound, pageOf, readQuery } from './reading.ts';

/** Beyond that a time is no limit, and no number of the database. */
const LONGEST_MS = 2 ** 50;
/** An entry of an index must fit into a third of a page. */
const MAX_ID_BYTES = 2_048;
/** How often what is over is looked for, at most. */
const PURGE_EVERY_MS = 60_000;

/** Keeps workflows in the tables of one schema. */
export class PostgresCheckpointer implements Checkpointer {
  readonly settings: CheckpointerSettings;
  readonly #connection: PostgresConnection;
  readonly #statements: PostgresStatements;
  readonly #leaseMs: number;
  /** Null: for ever. */
  readonly #ttlMs: number | null;
  /** The last call of each workflow that changes it. */
  readonly #turns = new Map<string, Promise<unknown>>();
  #purgedAt = Number.NEGATIVE_INFINITY;

  constructor(
    settings: CheckpointerSettings,
    connection: PostgresConnection,
    statements: PostgresStatements,
  ) {
    this.settings = settings;
    this.#connection = connection;
    this.#statements = statements;
    this.#leaseMs = Math.ceil(Math.min(settings.leaseMs, LONGEST_MS));
    this.#ttlMs = settings.ttlMs > LONGEST_MS ? null : Math.ceil(settings.ttlMs);
  }

  async acquire(workflowId: string): Promise<Lease> {
    this.#check(workflowId);
    await this.#purge();
    const { host, pid, startedAt } = currentOwner();
    // By its own claim a second try knows what the first one took.
    const claim = randomUUID();
    const take = (gone: number): Promise<readonly Row[]> =>
      this.#connection.query(this.#statements.acquire, [
        workflowId,
        claim,
        host,
        pid,
        startedAt,
        this.#leaseMs,
        this.#ttlMs,
        gone,
      ]);
    const answer = await pastTheDead(workflowId, take);
    if (answer.outcome === 'damaged') throw entriesWithoutRow(workflowId);
    return { workflowId, token: answer.token };
  }

  async renew({ workflowId, token }: Lease): Promise<void> {
    await this.#inTurn(workflowId, async () => {
      const rows = await this.#connection.query(this.#statements.renew, [workflowId, token, this.#leaseMs]);
      if (rows.length === 0) throw alreadyRunning(workflowId);
    });
  }

  async release({ workflowId, token }: Lease): Promise<void> {
    await this.#inTurn(workflowId, async () => {
      await this.#connection.query(this.#statements.release, [workflowId, token]);
    });
  }

  async append({ workflowId, token }: Lease, batch: CheckpointBatch): Promise<void> {
    const { first, entries, status, head, blobs = [], releases = false, replaces = false } = batch;
    const values = [
      workflowId,
      token,
      randomUUID(), // by it a second try knows that the first one was done
      first,
      entries.length,
      entries.join('\n'),
      blobs.length === 0 ? null : JSON.stringify(blobs.map(({ hash, text }) => [hash, text])),
      status,
      head === undefined ? null : JSON.stringify(head),
      replaces,
      releases ? 0 : this.#leaseMs,
    ];
    await this.#inTurn(workflowId, async () => {
      const [row] = await this.#connection.query(this.#statements.append, values);
      const outcome = row?.[0] ?? '';
      if (outcome === 'done') return;
      if (outcome === 'fenced') throw alreadyRunning(workflowId);
      if (outcome === 'unknown') throw notFound(workflowId);
      if (outcome === 'damaged') throw damaged(workflowId, 'its row is not what was written');
      throw new CheckpointError(
        `Workflow "${workflowId}" has ${outcome.replace('length ', '')} entries, and not ${first}`,
        { hint: 'Read it again.' },
      );
    });
  }

  async read(workflowId: string): Promise<StoredWorkflow | undefined> {
    this.#check(workflowId);
    const rows = await this.#connection.query(this.#statements.read, [workflowId, this.#ttlMs], {
      isLong: true,
    });
    const [head, ...parts] = rows;
    if (head === undefined) return undefined;
    if (head[0] !== '-1') throw entriesWithoutRow(workflowId);
    const row = workflowRowOf(head[2] ?? '');
    return row.isOver ? undefined : storedWorkflowOf(row, parts);
  }

  async get(workflowId: string): Promise<WorkflowRecord | undefined> {
    this.#check(workflowId);
    const [[text, hasEntries] = []] = await this.#connection.query(this.#statements.get, [
      workflowId,
      this.#ttlMs,
    ]);
    if (typeof text !== 'string') {
      if (hasEntries === 't') throw entriesWithoutRow(workflowId);
      return undefined;
    }
    const row = workflowRowOf(text);
    return row.isOver ? undefined : recordOf(row);
  }

  async list(query?: WorkflowQuery): Promise<WorkflowPage> {
    this.#connection.assertOpen();
    const { status, limit, after } = readQuery(query);
    await this.#purge();
    const isByLife = status === 'running' || status === 'abandoned';
    const gone = isByLife ? await this.#goneOwners() : [];
    const page = this.#statements.page({ status, limit, after, ttlMs: this.#ttlMs, gone });
    const rows = await this.#connection.query(...page);
    // A process that has died since then is one of the next list: this one shows what was asked for.
    const records = rows.map(([text]) => recordOf(workflowRowOf(text ?? ''), isByLife ? status : undefined));
    return pageOf(records, limit);
  }

  async history(workflowId: string): Promise<readonly LogMessage[]> {
    const stored = await this.read(workflowId);
    if (stored === undefined) throw notFound(workflowId);
    return historyOf(stored);
  }

  async delete(workflowId: string): Promise<void> {
    this.#check(workflowId);
    let isAgain = false;
    const remove = (gone: number): Promise<readonly Row[]> =>
      this.#connection.query(this.#statements.delete, [workflowId, this.#ttlMs, gone], {
        onTryAgain: () => {
          isAgain = true;
        },
      });
    const { outcome } = await pastTheDead(workflowId, remove);
    // The try before may have removed it: that it is gone is all that is left to see.
    if (outcome === 'unknown' && !isAgain) throw notFound(workflowId);
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #check(workflowId: string): void {
    this.#connection.assertOpen();
    if (!/\0|\p{Surrogate}/u.test(workflowId) && Buffer.byteLength(workflowId) <= MAX_ID_BYTES) return;
    throw new CheckpointError('Postgres cannot keep a workflow of that id', {
      hint: `An id has at most ${MAX_ID_BYTES} bytes as UTF-8, no null character, and no half of a surrogate pair.`,
    });
  }

  /** What was asked for without waiting happens in that order too, though it may go over several connections. */
  async #inTurn(workflowId: string, work: () => Promise<void>): Promise<void> {
    this.#check(workflowId);
    const before = this.#turns.get(workflowId);
    const turn = before === undefined ? work() : before.then(work, work);
    this.#turns.set(workflowId, turn);
    try {
      await turn;
    } finally {
      if (this.#turns.get(workflowId) === turn) this.#turns.delete(workflowId);
    }
  }

  async #purge(): Promise<void> {
    const ttlMs = this.#ttlMs;
    const now = systemClock.now();
    if (ttlMs === null || now - this.#purgedAt < Math.min(ttlMs, PURGE_EVERY_MS)) return;
    this.#purgedAt = now;
    await this.#connection.query(this.#statements.purge, [ttlMs]);
  }

  /** Those of this host that hold a lease although they are dead. */
  async #goneOwners(): Promise<readonly Owner[]> {
    const { host } = currentOwner();
    const rows = await this.#connection.query(this.#statements.owners, [host]);
    return rows
      .map(([pid, startedAt]) => ({ host, pid: Number(pid), startedAt: Number(startedAt) }))
      .filter((owner) => isGone(owner));
  }
}

interface LeaseAnswer {
  readonly outcome: string;
  readonly token: number;
}

/** What the store answers, past the leases of processes of this host that are dead. */
async function pastTheDead(
  workflowId: string,
  ask: (gone: number) => Promise<readonly Row[]>,
): Promise<LeaseAnswer> {
  for (let gone = 0; ;) {
    const [row] = await ask(gone); // oxlint-disable-line no-await-in-loop -- each question depends on the answer before
    const [outcome = '', token, host, pid, startedAt] = row ?? [];
    const answer = { outcome: outcome ?? '', token: Number(token) };
    if (outcome !== 'held') return answer;
    const owner = { host: host ?? '', pid: Number(pid), startedAt: Number(startedAt) };
    if (answer.token === gone || !isGone(owner)) throw alreadyRunning(workflowId);
    gone = answer.token;
  }
}

function entriesWithoutRow(workflowId: string): CheckpointError {
  return damaged(workflowId, 'there are entries, but its row is missing');
}
