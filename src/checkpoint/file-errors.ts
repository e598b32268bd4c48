import { CheckpointError, toError } from '../errors.ts';

const FULL = [
  'is full',
  'Make room on its disk, raise `maxBytes`, or delete workflows; then it can be used again. Nothing was written.',
] as const;

/** What SQLite or the system calls a failure, and what that is to a user. */
const MEANINGS: Readonly<Record<string, readonly [what: string, hint: string]>> = {
  SQLITE_FULL: FULL,
  ENOSPC: FULL,
  EDQUOT: FULL,
  SQLITE_BUSY: [
    'is locked',
    'Look for a process that was stopped while it wrote, or for a backup that holds the file.',
  ],
  SQLITE_CORRUPT: ['is damaged', 'Restore it from a backup.'],
  SQLITE_NOTADB: ['is damaged, or no store of Troupe', 'Restore it from a backup, or name another folder.'],
};

const OTHERWISE = [
  'cannot be used',
  'Check that its folder is one that this process may write, on a disk that has room.',
] as const;

/** The error for a failure of the database. */
export function storeError(path: string, thrown: unknown): CheckpointError {
  const cause = toError(thrown);
  const [what, hint] = MEANINGS[codeOf(cause)] ?? OTHERWISE;
  return new CheckpointError(`The store "${path}" ${what}: ${cause.message}`, { hint, cause });
}

/** The error for a database that is not what was written. */
export function damagedStore(path: string, what: string, hint = ''): CheckpointError {
  return new CheckpointError(`The store "${path}" is damaged: ${what}`, {
    hint: `Restore its folder from a backup. ${hint}`.trimEnd(),
  });
}

/** Whether a statement was refused because a row with such a key is there already, or by a trigger. */
export function isConflict(error: unknown): boolean {
  return error instanceof CheckpointError && codeOf(error.cause) === 'SQLITE_CONSTRAINT';
}

/** Whether a statement was refused as such, by a row that is there, a trigger or for want of room; it has changed nothing. */
export function isRefusal(error: CheckpointError): boolean {
  const code = codeOf(error.cause);
  return code === 'SQLITE_CONSTRAINT' || code === 'SQLITE_FULL';
}

/** The error for what was written and cannot be put on disk. */
export function unflushed(path: string, thrown: unknown): CheckpointError {
  const cause = toError(thrown);
  return new CheckpointError(`The store "${path}" cannot be put on disk: ${cause.message}`, {
    hint: 'What was written last may be lost in a power failure. Look after the disk, then open the store again.',
    cause,
  });
}

/** Whether a statement found the database locked: the same may succeed a moment later. */
export function isLocked(error: unknown): boolean {
  return error instanceof CheckpointError && LOCKED.has(codeOf(error.cause));
}

const LOCKED: ReadonlySet<string> = new Set(['SQLITE_BUSY', 'SQLITE_LOCKED', 'SQLITE_PROTOCOL']);

/** Without what SQLite adds to tell one kind of it from another, as in `SQLITE_BUSY_SNAPSHOT`. */
function codeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return /^SQLITE_[^_]+/u.exec(code)?.[0] ?? code;
}
