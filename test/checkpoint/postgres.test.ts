import { execFile } from 'node:child_process';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { inspect, promisify } from 'node:util';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { describe, expect, test, vi } from 'vitest';
import { postgresCheckpointer, type PostgresCheckpointerOptions } from 'troupe/checkpoint/postgres';
import { findPostgres, newSchema, sql } from './postgres-desk.ts';
import { batchOf, begin, entriesOf, TestStore } from './postgres-store.ts';

vi.setConfig({ testTimeout: 60_000 }); // of many connections, on a busy machine

const connectionString = (await findPostgres()) ?? '';
const PASSWORD = 'wr0ng-secret';
const run = promisify(execFile);

/** The connection string of the server for tests, with other parts. */
function urlWith(
  parts: Partial<Pick<URL, 'username' | 'password' | 'port' | 'pathname' | 'search'>>,
): string {
  return Object.assign(new URL(connectionString), parts).href;
}

/** Whatever a rejection shows of itself, to the last hidden property. */
async function rejectionOf(
  promise: Promise<unknown>,
): Promise<{ readonly error: unknown; readonly text: string }> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return { error, text: inspect(error, { depth: 20, showHidden: true }) };
}

describe('an option of a checkpointer in Postgres', () => {
  const wrong: readonly [what: string, options: unknown][] = [
    ['no object', null],
    ['no connection string', {}],
    ['an empty connection string', { connectionString: '' }],
    ['a connection string of something else', { connectionString: `mysql://ada:${PASSWORD}@localhost/db` }],
    ['a list of parameters', { connectionString: `host=localhost password=${PASSWORD}` }],
    ['a password with a slash', { connectionString: `postgres://ada:12/${PASSWORD}@localhost/db` }],
    ['a password with a question mark', { connectionString: `postgres://ada:12?${PASSWORD}@localhost/db` }],
    ['a password with a hash', { connectionString: `postgres://ada:12#${PASSWORD}@localhost/db` }],
    ['an empty schema', { connectionString: 'postgres://localhost/db', schema: '' }],
    ['a schema that is no text', { connectionString: 'postgres://localhost/db', schema: 5 }],
    ['a schema of the server', { connectionString: 'postgres://localhost/db', schema: 'pg_catalog' }],
    ['a schema of 64 bytes', { connectionString: 'postgres://localhost/db', schema: 'ü'.repeat(32) }],
    ['a negative time to try again', { connectionString: 'postgres://localhost/db', retryFor: -1 }],
    [
      'a time to try again of no number',
      { connectionString: 'postgres://localhost/db', retryFor: Number.NaN },
    ],
    ['a lease of no time', { connectionString: 'postgres://localhost/db', lease: 0 }],
    ['an unknown one', { connectionString: 'postgres://localhost/db', dir: 'here' }],
  ];

  test.each(wrong)('is refused when it is %s, without a word of the password', async (_, options) => {
    const { error, text } = await rejectionOf(
      (async () => postgresCheckpointer(options as PostgresCheckpointerOptions))(),
    );

    expect(error).toMatchObject({ code: 'CHECKPOINT', hint: expect.stringMatching(/./u) as string });
    expect(text).not.toContain(PASSWORD);
  });

  test.each([
    'postgres://localhost',
    'postgresql://ada:p%40ss%2Fword@localhost:5432/db?sslmode=disable',
    'postgres://localhost/db?user=ada@tenant',
    'socket:/var/run/postgresql?db=db',
    '/var/run/postgresql db',
  ])('may be the connection string %s', async (text) => {
    const checkpointer = postgresCheckpointer({ connectionString: text });

    await expect(checkpointer.close()).resolves.toBeUndefined();
  });
});

describe.skipIf(connectionString === '')('a connection string that leads nowhere', () => {
  const strings: readonly [what: string, connectionString: () => string | Promise<string>][] = [
    [
      'a server that is not there',
      async () => urlWith({ password: PASSWORD, port: String(await closedPort()) }),
    ],
    ['a wrong password', () => urlWith({ password: PASSWORD })],
    ['an unknown user', () => urlWith({ username: 'nobody', password: PASSWORD })],
    ['an unknown database', () => urlWith({ pathname: '/nowhere' })],
    ['a port that is no number', () => `postgres://ada:${PASSWORD}@localhost:port/db`],
    [
      'a certificate that is not there',
      () => urlWith({ password: PASSWORD, search: '?sslrootcert=/nowhere' }),
    ],
  ];

  test.each(strings)('because of %s is an error at once, without a word of the password', async (_, make) => {
    await using checkpointer = postgresCheckpointer({ connectionString: await make(), retryFor: 600_000 });

    const { error, text } = await rejectionOf(checkpointer.acquire('any'));

    expect(error).toMatchObject({ code: 'CHECKPOINT', hint: expect.stringMatching(/./u) as string });
    expect(text).not.toContain(PASSWORD);
    expect(text).not.toContain(new URL(connectionString).password);
  });

  test.each([
    ['that answers something else', 'HTTP/1.1 400 Bad Request\r\n\r\n'],
    ['that says nothing', ''],
  ])('because of a server %s is an error soon', async (_, answer) => {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      if (answer !== '') socket.end(answer);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    await using checkpointer = postgresCheckpointer({
      connectionString: urlWith({ port: String(port) }),
      retryFor: 0,
    });

    await expect(checkpointer.get('any')).rejects.toMatchObject({ code: 'CHECKPOINT' });
    server.close();
  });

  test('can be used when what was wrong is mended', async () => {
    const database = newSchema();
    await using checkpointer = postgresCheckpointer({
      connectionString: urlWith({ pathname: `/${database}` }),
    });
    await expect(checkpointer.acquire('any')).rejects.toMatchObject({ code: 'CHECKPOINT' });

    await sql(connectionString, `CREATE DATABASE ${database}`);
    const lease = await checkpointer.acquire('any');
    await checkpointer.close();
    await sql(connectionString, `DROP DATABASE ${database}`);

    expect(lease.workflowId).toBe('any');
  });
});

async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function idsIn(store: TestStore, table: string): Promise<readonly unknown[]> {
  const rows = await store.sql(`SELECT DISTINCT workflow_id FROM $schema.${table}`);
  return rows.map((row) => row['workflow_id']);
}

describe.skipIf(connectionString === '')('the store of a checkpointer in Postgres', () => {
  test('may have a schema of any name', async () => {
    const schema = `it's "${newSchema()}" — ; DROP`;
    await using checkpointer = postgresCheckpointer({ connectionString, schema });

    await begin(checkpointer, 'quoted', 2);

    expect(await entriesOf(checkpointer, 'quoted')).toEqual(['entry 0', 'entry 1']);
    await sql(connectionString, `DROP SCHEMA "${schema.replaceAll('"', '""')}" CASCADE`);
  });

  test('sees nothing of another schema', async () => {
    await using one = new TestStore(connectionString);
    await using two = new TestStore(connectionString);
    await begin(one.open(), 'mine', 1);

    const found = await two.open().get('mine');

    expect(found).toBeUndefined();
  });

  test('of a newer version is refused before anything is done', async () => {
    await using store = new TestStore(connectionString);
    await store.open().list();
    await store.sql('UPDATE $schema.checkpoint_version SET version = 99');

    const newer = store.open();

    await expect(newer.acquire('any')).rejects.toMatchObject({
      code: 'CHECKPOINT',
      message: expect.stringContaining('version 99') as string,
    });
    expect(await store.sql('SELECT * FROM $schema.checkpoint_workflows')).toEqual([]);
  });

  test('that has lost a table is an error at once', async () => {
    await using store = new TestStore(connectionString);
    const checkpointer = store.open({ retryFor: 600_000 });
    const lease = await begin(checkpointer, 'any', 1);
    await store.sql('DROP TABLE $schema.checkpoint_entries');

    await expect(checkpointer.append(lease, batchOf(1))).rejects.toMatchObject({ code: 'CHECKPOINT' });
  });

  test('without its version is damaged', async () => {
    await using store = new TestStore(connectionString);
    await store.open().list();
    await store.sql('DELETE FROM $schema.checkpoint_version');

    await expect(store.open().acquire('any')).rejects.toMatchObject({ code: 'CHECKPOINT' });
  });

  test('is not made twice by many that come at the same moment', async () => {
    await using store = new TestStore(connectionString);

    await Promise.all(Array.from({ length: 12 }, (_, index) => begin(store.open(), `of ${index}`, 1)));

    expect(await store.open().list()).toHaveLength(12);
    expect(await store.sql('SELECT * FROM $schema.checkpoint_version')).toEqual([{ version: 1 }]);
  });

  test('can be used by one who may not make it', async () => {
    await using store = new TestStore(connectionString);
    const user = `guest_${store.schema}`;
    await store.open().list();
    await store.sql(
      `CREATE ROLE ${user} LOGIN PASSWORD 'guest'`,
      `GRANT USAGE ON SCHEMA $schema TO ${user}`,
      `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA $schema TO ${user}`,
    );
    const guest = store.open({ connectionString: urlWith({ username: user, password: 'guest' }) });

    await begin(guest, 'of a guest', 2);

    expect(await entriesOf(guest, 'of a guest')).toHaveLength(2);
    await guest.close();
    await store.sql(`DROP OWNED BY ${user}`, `DROP ROLE ${user}`);
  });

  test('can be made by one who may do that in a schema only', async () => {
    await using store = new TestStore(connectionString);
    const user = `guest_${store.schema}`;
    await store.sql(
      `CREATE ROLE ${user} LOGIN PASSWORD 'guest'`,
      `CREATE SCHEMA $schema AUTHORIZATION ${user}`,
    );
    const guest = store.open({ connectionString: urlWith({ username: user, password: 'guest' }) });

    await begin(guest, 'of a guest', 2);

    expect(await entriesOf(guest, 'of a guest')).toHaveLength(2);
    await guest.close();
    await store.sql(`DROP OWNED BY ${user} CASCADE`, `DROP ROLE ${user}`);
  });

  test('that is missing is an error for one who may not make it', async () => {
    await using store = new TestStore(connectionString);
    const user = `guest_${store.schema}`;
    await store.sql(`CREATE ROLE ${user} LOGIN PASSWORD 'guest'`);
    const guest = store.open({ connectionString: urlWith({ username: user, password: 'guest' }) });

    await expect(guest.acquire('any')).rejects.toMatchObject({
      code: 'CHECKPOINT',
      hint: expect.stringContaining('rights') as string,
    });

    await guest.close();
    await store.sql(`DROP ROLE ${user}`);
  });

  test('in a database that cannot hold all texts is refused', async () => {
    const database = newSchema();
    await sql(
      connectionString,
      `CREATE DATABASE ${database} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0`,
    );
    await using checkpointer = postgresCheckpointer({
      connectionString: urlWith({ pathname: `/${database}` }),
    });

    await expect(checkpointer.acquire('any')).rejects.toMatchObject({
      code: 'CHECKPOINT',
      message: expect.stringContaining('LATIN1') as string,
    });

    await checkpointer.close();
    await sql(connectionString, `DROP DATABASE ${database}`);
  });

  test('has its appends on disk even where the default is not to wait for that', async () => {
    await using store = new TestStore(connectionString);
    const checkpointer = store.open({
      connectionString: urlWith({ search: '?options=-c%20synchronous_commit%3Doff' }),
    });
    await checkpointer.list();
    await store.sql(
      'CREATE TABLE $schema.seen (setting text)',
      `CREATE FUNCTION $schema.note() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN INSERT INTO $schema.seen VALUES (current_setting(''synchronous_commit'')); RETURN NEW; END'`,
      'CREATE TRIGGER note BEFORE INSERT ON $schema.checkpoint_entries FOR EACH ROW EXECUTE FUNCTION $schema.note()',
    );

    await begin(checkpointer, 'safe', 1);

    expect(await store.sql('SELECT * FROM $schema.seen')).toEqual([{ setting: 'on' }]);
  });

  test('works where transactions are serializable by default', async () => {
    await using store = new TestStore(connectionString);
    const options = urlWith({ search: '?options=-c%20default_transaction_isolation%3Dserializable' });
    const checkpointers = [1, 2, 3, 4].map(() => store.open({ connectionString: options }));

    const leases = await Promise.all(
      checkpointers.map((checkpointer, index) => begin(checkpointer, `of ${index}`, 5)),
    );

    expect(leases).toHaveLength(4);
    expect(await store.open().list()).toHaveLength(4);
  });

  test('keeps nothing of a lease that was given up before there was a workflow', async () => {
    await using store = new TestStore(connectionString);
    const checkpointer = store.open();

    await checkpointer.release(await checkpointer.acquire('never'));

    expect(await store.sql('SELECT * FROM $schema.checkpoint_workflows')).toEqual([]);
  });

  test('keeps no row of a workflow whose time is up', async () => {
    await using store = new TestStore(connectionString);
    const checkpointer = store.open();
    const lease = await begin(checkpointer, 'over', 1);
    await checkpointer.append(lease, batchOf(1, { status: 'completed', releases: true }));
    await begin(checkpointer, 'running', 1);
    const reader = store.open({ ttl: 1 });

    await vi.waitUntil(async () => {
      await reader.list();
      return (await idsIn(store, 'checkpoint_workflows')).length === 1;
    });

    expect(await idsIn(store, 'checkpoint_workflows')).toEqual(['running']);
    expect(await idsIn(store, 'checkpoint_entries')).toEqual(['running']);
  });

  test('keeps a workflow whose time is up for those who hold it', async () => {
    await using store = new TestStore(connectionString);
    const checkpointer = store.open();
    const lease = await begin(checkpointer, 'held', 1);
    await checkpointer.append(lease, batchOf(1, { status: 'failed' }));
    const reader = store.open({ ttl: 1 });

    await vi.waitUntil(async () => (await reader.list()).length === 0);
    await reader.acquire('another');
    await checkpointer.append(lease, batchOf(2));

    expect(await entriesOf(checkpointer, 'held')).toHaveLength(3);
  });

  test.each(['null \0 character', 'half of a pair \ud83d', 'x'.repeat(2_049)])(
    'refuses an id that Postgres cannot keep as it is',
    async (workflowId) => {
      await using store = new TestStore(connectionString);

      await expect(store.open().acquire(workflowId)).rejects.toMatchObject({ code: 'CHECKPOINT' });
    },
  );

  test('lists ids of the longest kind', async () => {
    await using store = new TestStore(connectionString);
    const checkpointer = store.open();
    const ids = Array.from({ length: 3 }, (_, index) => `${index}`.repeat(2_048));
    for (const id of ids) await begin(checkpointer, id, 1);

    const [first, second] = await checkpointer.list({ status: 'running', limit: 2 });

    expect([first?.workflowId, second?.workflowId]).toEqual(ids.slice(0, 2));
  });
});

describe('the package pg', () => {
  test('is loaded on first use only, and is asked for where it is missing', { timeout: 60_000 }, async () => {
    const away = await mkdtemp(join(tmpdir(), 'troupe-no-pg-'));
    const source = fileURLToPath(new URL('../../src', import.meta.url));
    await cp(source, join(away, 'src'), { recursive: true });
    await writeFile(join(away, 'package.json'), '{ "type": "module" }');
    const script = `
      import { memoryCheckpointer } from './src/checkpoint/index.ts';
      import { postgresCheckpointer } from './src/checkpoint/postgres.ts';
      await memoryCheckpointer().acquire('any');
      await postgresCheckpointer({ connectionString: 'postgres://localhost' })
        .acquire('any')
        .catch(({ code, hint }) => console.log(code, hint));
    `;
    await writeFile(join(away, 'main.ts'), script);
    const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;

    const { stdout } = await run(process.execPath, ['--import', tsx, join(away, 'main.ts')], { cwd: away });
    await rm(away, { recursive: true });

    expect(stdout).toBe('CHECKPOINT npm install pg\n');
  });
});
