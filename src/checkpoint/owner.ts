import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** The process that holds a lease. */
export interface Owner {
  /** Where its `pid` is one: the name of the host, and on Linux this boot of it and the namespace of its pids. */
  readonly host: string;
  readonly pid: number;
  /** When the process began, in ticks since its host did; 0 where the system does not say. Tells a reused pid. */
  readonly startedAt: number;
}

let owner: Owner | undefined;

/** This process, as others shall know it. */
export function currentOwner(): Owner {
  owner ??= { host: hostOf(), pid: process.pid, startedAt: ownStart() };
  return owner;
}

/** Whether a process is known to be dead: only for one of this host, and never for one that is merely stopped. */
export function isGone({ host, pid, startedAt }: Owner): boolean {
  if (host !== currentOwner().host || !Number.isSafeInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: a process of somebody else is alive.
    return error instanceof Error && 'code' in error && error.code === 'ESRCH';
  }
  if (startedAt === 0 || currentOwner().startedAt === 0) return false;
  const state = readLinuxState(String(pid));
  return state !== undefined && (state.isZombie || state.startedAt !== startedAt);
}

/** Two containers, or two machines of one image, may have the same name, and then a pid of one says nothing of the other. */
function hostOf(): string {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${hostname()} ${boot} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return hostname(); // not on Linux
  }
}

function ownStart(): number {
  const state = readLinuxState('self');
  // The /proc of another namespace of pids speaks of other processes.
  return state?.pid === process.pid ? state.startedAt : 0;
}

interface LinuxState {
  readonly pid: number;
  /** Dead, but its parent has not asked how it ended; signals still find it. */
  readonly isZombie: boolean;
  readonly startedAt: number;
}

function readLinuxState(pid: string): LinuxState | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined; // not on Linux, hidden from this user, or just gone
  }
  // The second field is the name in parentheses, which may hold any character; the 22nd is the start.
  const [state = '', ...fields] = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return {
    pid: Number.parseInt(text, 10),
    isZombie: state === 'Z' || state === 'X',
    startedAt: Number(fields[18]),
  };
}
