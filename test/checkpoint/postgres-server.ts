/**
 * One Postgres server for all test files, as a global set-up: it is started when the first of them asks for it, and
 * stopped at the end. With TROUPE_TEST_POSTGRES, the connection string of a superuser, that server is used instead.
 */
import { spawn, execFile, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { access, chown, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    /** The port at which the connection string of a server is to be had, or an empty text where there is none. */
    postgresDesk: number;
  }
}

interface Server {
  readonly connectionString: string;
  stop(): Promise<void>;
}

const run = promisify(execFile);
/**
 * Runs a server until its own input ends, which it does too when the tests are killed. Then it ends the connections that
 * are left, and removes the folder.
 */
const GUARD = `exec 3<&0
  "$@" </dev/null & server=$!
  { cat <&3; kill -INT $server; } >/dev/null 2>&1 &
  wait $server
  cd / && rm -rf "$0"`;
const PASSWORD = 'k3pt-0ut-of-messages';

/** For vitest: `setup` of `globalSetup`. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  let starting: Promise<Server | undefined> | undefined;
  const desk = createServer((socket) => {
    starting ??= startServer();
    starting.then(
      (server) => socket.end(server?.connectionString ?? ''),
      (error: unknown) => socket.end(`failed: ${String(error)}`),
    );
  });
  desk.listen(0, '127.0.0.1');
  await once(desk, 'listening');
  desk.unref();
  project.provide('postgresDesk', (desk.address() as AddressInfo).port);
  return async () => {
    desk.close();
    const server = await starting?.catch(() => undefined);
    await server?.stop();
  };
}

async function startServer(): Promise<Server | undefined> {
  const given = process.env['TROUPE_TEST_POSTGRES'];
  if (given !== undefined && given !== '') return { connectionString: given, stop: async () => {} };
  const binaries = await findBinaries();
  if (binaries === undefined) return undefined;
  const dir = await mkdtemp(join(tmpdir(), 'troupe-postgres-'));
  try {
    return await startIn(dir, binaries);
  } catch (error) {
    await rm(dir, { recursive: true, force: true });
    throw error;
  }
}

async function startIn(dir: string, binaries: string): Promise<Server> {
  const user = await findUser();
  if (user !== undefined) await chown(dir, user.uid, user.gid);
  const files = join(dir, 'files');
  const secret = join(dir, 'password');
  await writeFile(secret, PASSWORD, { mode: 0o644 });
  const flags = ['--username=ada', '--auth=scram-sha-256', `--pwfile=${secret}`];
  await run(
    join(binaries, 'initdb'),
    [...flags, '--encoding=UTF8', '--no-locale', '--no-sync', '-D', files],
    { cwd: dir, ...user },
  );
  const port = await findPort();
  const settings = [
    'listen_addresses=127.0.0.1',
    `port=${port}`,
    'unix_socket_directories=',
    'fsync=off',
    'max_connections=200',
    'shared_buffers=32MB',
  ];
  const command = [
    join(binaries, 'postgres'),
    '-D',
    files,
    ...settings.flatMap((setting) => ['-c', setting]),
  ];
  const server = spawn('sh', ['-c', GUARD, dir, ...command], {
    cwd: dir,
    stdio: ['pipe', 'ignore', 'pipe'],
    ...user,
  });
  await untilReady(server);
  return {
    connectionString: `postgres://ada:${PASSWORD}@127.0.0.1:${port}/postgres`,
    stop: async () => {
      const ended = once(server, 'exit');
      server.stdin?.end();
      await ended;
    },
  };
}

/** The folder of `initdb` and `postgres`. */
async function findBinaries(): Promise<string | undefined> {
  const debian = '/usr/lib/postgresql';
  const versions = await readdir(debian).catch(() => []);
  const folders = [
    ...versions.toSorted((a, b) => Number(b) - Number(a)).map((version) => join(debian, version, 'bin')),
    ...(process.env['PATH'] ?? '').split(delimiter),
  ];
  for (const folder of folders) {
    try {
      await access(join(folder, 'initdb'));
      await access(join(folder, 'postgres'));
      return folder;
    } catch {
      // the next one
    }
  }
  return undefined;
}

/** Who shall run the server, where this process may not: Postgres refuses root. */
async function findUser(): Promise<{ readonly uid: number; readonly gid: number } | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const idOf = async (name: string, flag: string): Promise<number> =>
    Number((await run('id', [flag, name])).stdout);
  const name = await idOf('postgres', '-u').then(
    () => 'postgres',
    () => 'nobody',
  );
  return { uid: await idOf(name, '-u'), gid: await idOf(name, '-g') };
}

async function findPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function untilReady(server: ChildProcess): Promise<void> {
  if (server.stderr === null) throw new Error('The server has no output');
  const lines: string[] = [];
  // Read to the end, lest the server wait for room.
  const output = createInterface(server.stderr);
  await new Promise<void>((resolve, reject) => {
    output.on('line', (line) => {
      lines.push(line);
      if (line.includes('ready to accept connections')) resolve();
    });
    server.on('error', reject);
    server.on('exit', (code) => reject(new Error(`Postgres ended with ${code}: ${lines.join('\n')}`)));
  });
}
