import type { WorkflowStatus } from './checkpointer.ts';
import type { Owner } from './owner.ts';
import type { Value } from './postgres-connection.ts';
import { quoteName } from './postgres-schema.ts';
import type { PagePosition } from './reading.ts';

/** A statement with the values for its places. */
export type Prepared = readonly [text: string, values: readonly Value[]];

/** What a page of workflows is asked by. */
export interface PageQuery {
  readonly status: WorkflowStatus | undefined;
  readonly limit: number;
  readonly after: PagePosition | undefined;
  readonly ttlMs: number | null;
  /** Those of this host that hold a lease although they are dead. */
  readonly gone: readonly Owner[];
}

/** The statements on the tables of one schema. */
export class PostgresStatements {
  readonly acquire: string;
  readonly append: string;
  readonly renew: string;
  readonly release: string;
  readonly get: string;
  readonly read: string;
  readonly delete: string;
  /** Removes what is over, but for what somebody holds. */
  readonly purge: string;
  /** The processes of a host that run workflows. */
  readonly owners: string;
  readonly #schema: string;
  readonly #now: string;

  constructor(schema: string) {
    const name = quoteName(schema);
    const workflows = `${name}.checkpoint_workflows`;
    const entries = `${name}.checkpoint_entries`;
    // Asked for once in a statement, and so of use to an index.
    const now = `(SELECT ${name}.checkpoint_now())`;
    this.#schema = name;
    this.#now = now;
    this.acquire = `SELECT * FROM ${name}.checkpoint_acquire($1, $2, $3, $4, $5, $6, $7, $8)`;
    this.append = `SELECT ${name}.checkpoint_append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`;
    this.delete = `SELECT * FROM ${name}.checkpoint_delete($1, $2, $3)`;
    this.renew = `UPDATE ${workflows} SET expires_at = ${now} + $3::bigint
      WHERE workflow_id = $1 AND token = $2 AND expires_at <> 0 RETURNING 1`;
    // A lease of what never became a workflow leaves nothing behind.
    this.release = `WITH gone AS (DELETE FROM ${workflows} WHERE workflow_id = $1 AND token = $2 AND head IS NULL)
      UPDATE ${workflows} SET expires_at = 0 WHERE workflow_id = $1 AND token = $2 AND head IS NOT NULL`;
    this.get = `SELECT (SELECT ${this.#rowOf('$2')} FROM ${workflows} w WHERE w.workflow_id = $1 AND w.head IS NOT NULL),
      EXISTS (SELECT FROM ${entries} WHERE workflow_id = $1)`;
    this.read = `SELECT -1 AS first, 0, ${this.#rowOf('$2')}::text, NULL, NULL, -1 AS part FROM ${workflows} w
      WHERE w.workflow_id = $1 AND w.head IS NOT NULL
      UNION ALL SELECT first, size, text, blobs, encode(chain, 'hex'), part FROM ${entries} WHERE workflow_id = $1
      ORDER BY part`;
    this.purge = `WITH over AS (
        SELECT workflow_id FROM ${workflows}
        WHERE status IN ('completed', 'failed', 'cancelled', 'timedOut') AND created_at < ${now} - $1::bigint
          AND ${name}.checkpoint_is_over(status, updated_at, $1::bigint, ${now}) AND expires_at <= ${now}
        LIMIT 1000 FOR UPDATE SKIP LOCKED
      ), emptied AS (DELETE FROM ${entries} e USING over WHERE e.workflow_id = over.workflow_id)
      DELETE FROM ${workflows} w USING over WHERE w.workflow_id = over.workflow_id`;
    this.owners = `SELECT DISTINCT pid, started_at FROM ${workflows}
      WHERE status = 'running' AND expires_at > ${now} AND host = $1`;
  }

  /** One more than the limit, where there are as many. */
  page({ status, limit, after, ttlMs, gone }: PageQuery): Prepared {
    const values: Value[] = [];
    const place = (value: Value, type: string): string => `$${values.push(value)}::${type}`;
    const ttl = place(ttlMs, 'bigint');
    const tests = [
      `w.head IS NOT NULL AND NOT ${this.#schema}.checkpoint_is_over(w.status, w.updated_at, ${ttl}, ${this.#now})`,
    ];
    if (after !== undefined)
      tests.push(
        `(w.created_at, w.workflow_id) > (${place(after.createdAt, 'bigint')}, ${place(after.workflowId, 'text')})`,
      );
    if (status !== undefined) {
      const stored = status === 'abandoned' ? 'running' : status;
      tests.push(`w.status = ${place(stored, 'text')}`);
    }
    if (status === 'running' || status === 'abandoned') {
      const host = place(gone[0]?.host ?? '', 'text');
      const starts = place(gone.map(({ pid, startedAt }) => `${pid}:${startedAt}`).join(), 'text');
      const isGone = `w.host = ${host} AND w.pid || ':' || w.started_at = ANY (string_to_array(${starts}, ','))`;
      const isAlive = `(w.expires_at > ${this.#now} AND NOT (${isGone}))`;
      tests.push(status === 'running' ? isAlive : `NOT ${isAlive}`);
    }
    const text = `SELECT ${this.#rowOf(ttl)} FROM ${this.#schema}.checkpoint_workflows w
      WHERE ${tests.join(' AND ')}
      ORDER BY w.created_at, w.workflow_id LIMIT ${place(limit + 1, 'bigint')}`;
    return [text, values];
  }

  /** A `WorkflowRow` as JSON. */
  #rowOf(ttl: string): string {
    return `json_build_object('workflowId', w.workflow_id, 'head', w.head, 'status', w.status,
      'createdAt', w.created_at, 'updatedAt', w.updated_at, 'length', w.length,
      'chain', encode(w.chain, 'hex'), 'checksum', encode(w.checksum, 'hex'),
      'isOver', ${this.#schema}.checkpoint_is_over(w.status, w.updated_at, ${ttl}::bigint, ${this.#now}),
      'isHeld', w.expires_at > ${this.#now},
      'owner', json_build_object('host', w.host, 'pid', w.pid, 'startedAt', w.started_at))`;
  }
}
