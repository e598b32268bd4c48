import { CheckpointError } from '../errors.ts';
import type { Query } from './postgres-connection.ts';

/** Of the tables and functions that this code reads and calls. */
const VERSION = 1;

/** A name as it stands in a statement. */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** Makes the schema and its tables, or brings them up to date. Several processes may do so at once. */
export async function prepareSchema(schema: string, query: Query): Promise<void> {
  await assertEncoding(query);
  if ((await versionOf(schema, query)) === VERSION) return;
  // Whatever the default is: what others have done while this one waited must be seen.
  await query('BEGIN ISOLATION LEVEL READ COMMITTED');
  // Held until the end of the transaction; whoever waits here finds everything done.
  await query("SELECT pg_advisory_xact_lock(hashtextextended('troupe checkpoint ' || $1, 0))", [schema]);
  const version = await versionOf(schema, query);
  if (version < VERSION) await migrate(schema, version, query);
  await query('COMMIT');
}

async function assertEncoding(query: Query): Promise<void> {
  const [row] = await query('SHOW server_encoding');
  if (row?.[0] === 'UTF8') return;
  throw new CheckpointError(
    `The database has the encoding ${String(row?.[0])}, which cannot hold all texts`,
    {
      hint: "Make it with the encoding UTF8: CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0.",
    },
  );
}

/** The version of a store, 0 where there is none. */
async function versionOf(schema: string, query: Query): Promise<number> {
  const table = `${quoteName(schema)}.checkpoint_version`;
  // Not `to_regclass`: in one transaction it goes on giving the answer that it gave before.
  const found = await query(
    `SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = $1 AND c.relname = 'checkpoint_version'`,
    [schema],
  );
  if (found.length === 0) return 0;
  const [row] = await query(`SELECT version FROM ${table}`);
  const version = Number(row?.[0]);
  if (!Number.isSafeInteger(version))
    throw new CheckpointError(`The store in schema "${schema}" is damaged: its version is missing`, {
      hint: 'Restore it from a backup.',
    });
  if (version > VERSION)
    throw new CheckpointError(
      `The store in schema "${schema}" is of version ${version}, and this one knows ${VERSION}`,
      { hint: 'It was written by a newer version of this package: update it, or use another `schema`.' },
    );
  return version;
}

async function migrate(schema: string, from: number, query: Query): Promise<void> {
  // Asked for first: `IF NOT EXISTS` needs the right to make schemas even where there is nothing to make.
  const found = await query('SELECT FROM pg_namespace WHERE nspname = $1', [schema]);
  if (found.length === 0) await query(`CREATE SCHEMA ${quoteName(schema)}`);
  for (const step of MIGRATIONS.slice(from)) {
    for (const statement of step(quoteName(schema))) await query(statement); // oxlint-disable-line no-await-in-loop
  }
}

/** The statements that lead from each version to the next one, from none to 1 first. Those that were released stay. */
const MIGRATIONS: readonly ((schema: string) => readonly string[])[] = [createTables];

function createTables(schema: string): readonly string[] {
  return [
    `CREATE TABLE ${schema}.checkpoint_version (version integer NOT NULL)`,
    `INSERT INTO ${schema}.checkpoint_version VALUES (1)`,
    // A lease may be taken before there is a workflow: then everything from \`head\` on is empty. Times are ms since the
    // epoch. \`expires_at\` is 0 when the lease was given up. The collation gives ids the same order on every server.
    // Rows leave room for their next version, so that an append need not touch an index.
    `CREATE TABLE ${schema}.checkpoint_workflows (
      workflow_id text COLLATE "C" PRIMARY KEY,
      token bigint NOT NULL,
      claim uuid NOT NULL,
      expires_at bigint NOT NULL,
      host text NOT NULL,
      pid integer NOT NULL,
      started_at bigint NOT NULL,
      head text,
      status text,
      created_at bigint,
      updated_at bigint,
      length bigint NOT NULL DEFAULT 0,
      parts bigint NOT NULL DEFAULT 0,
      chain bytea,
      batch uuid,
      checksum bytea
    ) WITH (fillfactor = 70)`,
    `CREATE INDEX checkpoint_workflows_created
      ON ${schema}.checkpoint_workflows (created_at, workflow_id)`,
    `CREATE INDEX checkpoint_workflows_status
      ON ${schema}.checkpoint_workflows (status, created_at, workflow_id)`,
    // One row holds what was appended in one piece: lines of JSON, and blobs as JSON of [hash, text].
    `CREATE TABLE ${schema}.checkpoint_entries (
      workflow_id text COLLATE "C" NOT NULL,
      part bigint NOT NULL,
      first bigint NOT NULL,
      size integer NOT NULL,
      text text NOT NULL,
      blobs text,
      chain bytea NOT NULL,
      batch uuid NOT NULL,
      PRIMARY KEY (workflow_id, part)
    )`,
    `CREATE FUNCTION ${schema}.checkpoint_now() RETURNS bigint LANGUAGE sql AS
      'SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint'`,
    `CREATE FUNCTION ${schema}.checkpoint_is_over(p_status text, p_updated_at bigint, p_ttl_ms bigint, p_now bigint)
      RETURNS boolean LANGUAGE sql IMMUTABLE AS $body$
        SELECT coalesce(p_status IN ('completed', 'failed', 'cancelled', 'timedOut')
          AND p_updated_at + p_ttl_ms < p_now, false)
      $body$`,
    `CREATE FUNCTION ${schema}.checkpoint_checksum(w ${schema}.checkpoint_workflows)
      RETURNS bytea LANGUAGE sql STABLE AS $body$
        SELECT sha256(convert_to(concat_ws(chr(10), w.status, w.created_at, w.updated_at, w.length,
          w.head, w.workflow_id), 'UTF8'))
      $body$`,
    createAcquire(schema),
    createAppend(schema),
    createDelete(schema),
  ];
}

function createAcquire(schema: string): string {
  return `CREATE FUNCTION ${schema}.checkpoint_acquire(
    p_id text, p_claim uuid, p_host text, p_pid integer, p_started_at bigint,
    p_lease_ms bigint, p_ttl_ms bigint, p_gone bigint
  ) RETURNS TABLE (outcome text, token bigint, host text, pid integer, started_at bigint)
  LANGUAGE plpgsql AS $body$
  #variable_conflict use_column
  DECLARE
    v_now bigint;
    v_row ${schema}.checkpoint_workflows;
    v_outcome text := 'taken';
  BEGIN
    LOOP
      v_now := ${schema}.checkpoint_now();
      INSERT INTO ${schema}.checkpoint_workflows AS w
        (workflow_id, token, claim, expires_at, host, pid, started_at)
      VALUES (p_id, floor(extract(epoch FROM clock_timestamp()) * 1000000)::bigint, p_claim, v_now + p_lease_ms,
        p_host, p_pid, p_started_at)
      ON CONFLICT (workflow_id) DO UPDATE SET token = greatest(w.token + 1, excluded.token), claim = p_claim,
        expires_at = excluded.expires_at, host = p_host, pid = p_pid, started_at = p_started_at
      WHERE w.expires_at <= v_now OR w.token = p_gone
      RETURNING * INTO v_row;
      EXIT WHEN FOUND;
      SELECT * INTO v_row FROM ${schema}.checkpoint_workflows WHERE workflow_id = p_id;
      IF FOUND THEN
        -- Its own claim: the answer to an earlier try was lost.
        v_outcome := CASE WHEN v_row.claim = p_claim THEN 'taken' ELSE 'held' END;
        EXIT;
      END IF;
    END LOOP;
    IF v_outcome = 'taken' AND v_row.head IS NULL THEN
      IF EXISTS (SELECT FROM ${schema}.checkpoint_entries WHERE workflow_id = p_id) THEN
        DELETE FROM ${schema}.checkpoint_workflows WHERE workflow_id = p_id;
        v_outcome := 'damaged';
      END IF;
    ELSIF v_outcome = 'taken' AND ${schema}.checkpoint_is_over(v_row.status, v_row.updated_at, p_ttl_ms, v_now) THEN
      DELETE FROM ${schema}.checkpoint_entries WHERE workflow_id = p_id;
      UPDATE ${schema}.checkpoint_workflows SET head = NULL, status = NULL, created_at = NULL, updated_at = NULL,
        length = 0, parts = 0, chain = NULL, batch = NULL, checksum = NULL
      WHERE workflow_id = p_id;
    END IF;
    RETURN QUERY SELECT v_outcome, v_row.token, v_row.host, v_row.pid, v_row.started_at;
  END
  $body$`;
}

function createAppend(schema: string): string {
  return `CREATE FUNCTION ${schema}.checkpoint_append(
    p_id text, p_token bigint, p_batch uuid, p_first bigint, p_size integer, p_text text, p_blobs text,
    p_status text, p_head text, p_replaces boolean, p_lease_ms bigint
  ) RETURNS text LANGUAGE plpgsql AS $body$
  DECLARE
    v_now bigint;
    w ${schema}.checkpoint_workflows;
  BEGIN
    IF current_setting('synchronous_commit') = 'off' THEN
      PERFORM set_config('synchronous_commit', 'on', true);
    END IF;
    SELECT * INTO w FROM ${schema}.checkpoint_workflows WHERE workflow_id = p_id FOR NO KEY UPDATE;
    -- Written by an earlier try, whose answer was lost. Another may have gone on with the workflow since.
    IF w.batch = p_batch OR ((p_replaces OR w.token <> p_token OR w.length <> p_first) AND EXISTS (
      SELECT FROM ${schema}.checkpoint_entries WHERE workflow_id = p_id AND batch = p_batch
    )) THEN
      RETURN 'done';
    END IF;
    IF w.token IS DISTINCT FROM p_token OR w.expires_at = 0 THEN
      RETURN 'fenced';
    END IF;
    v_now := ${schema}.checkpoint_now();
    IF w.head IS NULL THEN
      IF p_head IS NULL THEN
        RETURN 'unknown';
      END IF;
      w.head := p_head;
      w.created_at := v_now;
      w.chain := sha256(convert_to(p_id, 'UTF8'));
    ELSIF w.checksum IS DISTINCT FROM ${schema}.checkpoint_checksum(w) THEN
      RETURN 'damaged';
    END IF;
    IF w.length <> p_first THEN
      RETURN 'length ' || w.length;
    END IF;
    IF p_replaces THEN
      DELETE FROM ${schema}.checkpoint_entries WHERE workflow_id = p_id;
      w.length := 0;
      w.chain := sha256(convert_to(p_id, 'UTF8'));
    END IF;
    IF p_size > 0 OR p_blobs IS NOT NULL THEN
      w.chain := sha256(w.chain || convert_to(w.length || ':' || p_size || ':' || p_text, 'UTF8')
        || decode('00', 'hex') || convert_to(coalesce(p_blobs, ''), 'UTF8'));
      INSERT INTO ${schema}.checkpoint_entries (workflow_id, part, first, size, text, blobs, chain, batch)
      VALUES (p_id, w.parts, w.length, p_size, p_text, p_blobs, w.chain, p_batch);
      w.parts := w.parts + 1;
      w.length := w.length + p_size;
    END IF;
    w.status := p_status;
    w.updated_at := v_now;
    UPDATE ${schema}.checkpoint_workflows SET head = w.head, status = w.status, created_at = w.created_at,
      updated_at = w.updated_at, length = w.length, parts = w.parts, chain = w.chain,
      batch = p_batch, checksum = ${schema}.checkpoint_checksum(w),
      expires_at = CASE WHEN p_lease_ms = 0 THEN 0 ELSE v_now + p_lease_ms END
    WHERE workflow_id = p_id;
    RETURN 'done';
  END
  $body$`;
}

function createDelete(schema: string): string {
  return `CREATE FUNCTION ${schema}.checkpoint_delete(p_id text, p_ttl_ms bigint, p_gone bigint)
  RETURNS TABLE (outcome text, token bigint, host text, pid integer, started_at bigint)
  LANGUAGE plpgsql AS $body$
  #variable_conflict use_column
  DECLARE
    w ${schema}.checkpoint_workflows;
    v_outcome text := 'done';
  BEGIN
    SELECT * INTO w FROM ${schema}.checkpoint_workflows WHERE workflow_id = p_id FOR UPDATE;
    IF w.head IS NULL OR ${schema}.checkpoint_is_over(w.status, w.updated_at, p_ttl_ms, ${schema}.checkpoint_now()) THEN
      v_outcome := 'unknown';
    ELSIF w.expires_at > ${schema}.checkpoint_now() AND w.token IS DISTINCT FROM p_gone THEN
      v_outcome := 'held';
    ELSE
      DELETE FROM ${schema}.checkpoint_entries WHERE workflow_id = p_id;
      DELETE FROM ${schema}.checkpoint_workflows WHERE workflow_id = p_id;
    END IF;
    RETURN QUERY SELECT v_outcome, w.token, w.host, w.pid, w.started_at;
  END
  $body$`;
}
