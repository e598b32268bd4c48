import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmdirSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findPostgres, newSchema, sql } from '../checkpoint/postgres-desk.ts';
import type { StorePlace } from './stores.ts';

/** A place for a store that has little room. */
export interface SmallDisk extends AsyncDisposable {
  readonly place: StorePlace;
  /** Makes some room, and gives the place as it is then. */
  readonly grow: () => StorePlace;
  /** What starts a process that shall have no more room than that, where the disk itself has more. */
  readonly through?: () => readonly string[];
}

/** A kind of disk that gets full. */
export interface DiskKind {
  readonly name: string;
  /** Whether it can be had here. */
  readonly isThere: boolean;
  readonly create: (dir: string) => Promise<SmallDisk> | SmallDisk;
}

/** The store's own limit. */
export const limitedStore: DiskKind = {
  name: 'a folder with `maxBytes`',
  isThere: true,
  create: (dir) => {
    let maxBytes = 20_480;
    const placeOf = (): StorePlace => ({ type: 'file', dir: join(dir, 'limited'), maxBytes });
    return {
      place: placeOf(),
      grow: () => {
        maxBytes += 2_048;
        return placeOf();
      },
      [Symbol.asyncDispose]: async () => {},
    };
  },
};

/** A file system in memory, which root may mount. */
interface Mount extends Disposable {
  readonly path: string;
  readonly grow: () => void;
}

function mount(options: string, bytes: number, stepBytes: number): Mount {
  const path = mkdtempSync(join(tmpdir(), 'troupe-disk-'));
  let size = bytes;
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size},${options}`, 'tmpfs', path], {
      stdio: 'ignore',
    });
  } catch (error) {
    rmdirSync(path);
    throw error;
  }
  return {
    path,
    grow: () => {
      size += stepBytes;
      execFileSync('mount', ['-o', `remount,size=${size}`, path]);
    },
    [Symbol.dispose]: () => {
      execFileSync('umount', ['--lazy', path]);
      rmdirSync(path);
    },
  };
}

function canMount(): boolean {
  try {
    mount('mode=700', 65_536, 0)[Symbol.dispose]();
    return true;
  } catch {
    return false; // not root, not Linux, or a container that must not
  }
}

const isMountable = process.env['TROUPE_FAULT_NO_MOUNT'] === undefined && canMount();

/** Processes that may write no longer files: what is left of a full disk where nobody may mount one. */
function limitFiles(dir: string): SmallDisk {
  const place: StorePlace = { type: 'file', dir: join(dir, 'store') };
  let blocks = 128; // of 512 bytes, as POSIX has it
  return {
    place,
    grow: () => {
      blocks += 64;
      return place;
    },
    through: () => ['sh', '-c', `ulimit -f ${blocks}; exec "$@"`, 'sh'],
    [Symbol.asyncDispose]: async () => {},
  };
}

/** A disk that is full. */
export const smallDisk: DiskKind = {
  name: isMountable ? 'a folder on a small disk' : 'a folder whose files may grow no more',
  isThere: true,
  create: (dir) => {
    if (!isMountable) return limitFiles(dir);
    const disk = mount('mode=700', 131_072, 32_768);
    const place: StorePlace = { type: 'file', dir: join(disk.path, 'store') };
    return {
      place,
      grow: () => {
        disk.grow();
        return place;
      },
      [Symbol.asyncDispose]: async () => disk[Symbol.dispose](),
    };
  },
};

/** A disk of the server that is full: its files belong to the user who runs the server, so it has to be one of this machine. */
export async function findSmallTablespace(): Promise<DiskKind> {
  const connectionString = (await findPostgres()) ?? '';
  const owner = connectionString === '' ? undefined : await findOwner(connectionString);
  if (!isMountable || owner === undefined)
    console.warn(
      'No small disk for Postgres, its test is skipped: it needs root, and a server on this machine.',
    );
  return {
    name: 'Postgres with its tables on a small disk',
    isThere: isMountable && owner !== undefined,
    create: async () => {
      const disk = mount(`mode=700,uid=${owner?.uid},gid=${owner?.gid}`, 98_304, 16_384);
      const space = `small_${randomUUID().replaceAll('-', '')}`;
      const schema = newSchema();
      await sql(connectionString, `CREATE TABLESPACE ${space} LOCATION '${disk.path}'`);
      const url = new URL(connectionString);
      url.searchParams.set('options', `-c default_tablespace=${space}`);
      const place: StorePlace = { type: 'postgres', connectionString: url.href, schema };
      return {
        place,
        grow: () => {
          disk.grow();
          return place;
        },
        [Symbol.asyncDispose]: async () => {
          await sql(connectionString, `DROP SCHEMA IF EXISTS ${schema} CASCADE`, `DROP TABLESPACE ${space}`);
          disk[Symbol.dispose]();
        },
      };
    },
  };
}

async function findOwner(
  connectionString: string,
): Promise<{ readonly uid: number; readonly gid: number } | undefined> {
  const [row] = await sql(connectionString, 'SHOW data_directory');
  return statSync(String(row?.['data_directory']), { throwIfNoEntry: false });
}
