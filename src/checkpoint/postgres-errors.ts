import { CheckpointError, isTroupeError, toError, type TroupeError } from '../errors.ts';

/** What the server itself says, with the five characters of its SQLSTATE. */
interface ServerError extends Error {
  readonly code: string;
}

function isServerError(error: unknown): error is ServerError {
  // Those of Node have a `code` too, and may have five characters as well.
  return error instanceof Error && 'severity' in error && 'code' in error && typeof error.code === 'string';
}

/**
 * The server is stopping or starting (57P), has no connection left (53300), has lost one (08), or asks for another try
 * (40001, 40P01).
 */
const TROUBLE = /^(57P0[1235]|53300|08\w{3}|40001|40P01)$/u;

/** Whether the connection is at fault, so that another try may do. */
export function isTrouble(error: unknown): boolean {
  if (isServerError(error)) return TROUBLE.test(error.code);
  return !isTroupeError(error);
}

const HINTS: readonly (readonly [code: RegExp, hint: string])[] = [
  [/^(28|3D000)/u, 'Check the user, the password and the database of `connectionString`.'],
  [/^42501/u, 'Give the user the rights, or let one who has them open the store once.'],
  [/^25006/u, 'Connect to the primary server: this one only reads.'],
  [/^53/u, 'Make room, and go on: nothing was written in part.'],
  [/^XX/u, 'The files of the database are damaged: restore it from a backup.'],
];

/** The error for a call that the database has failed; `name` is that of the database. */
export function storeError(error: unknown, name: string): TroupeError {
  if (isTroupeError(error)) return error;
  if (!isServerError(error))
    return new CheckpointError(`Cannot reach the Postgres database ${name}: ${describe(error)}`, {
      hint: 'Check that the server runs, and the host and the port of `connectionString`.',
      cause: error,
    });
  const hint = HINTS.find(([code]) => code.test(error.code))?.[1] ?? 'See the message of the server.';
  return new CheckpointError(
    `The Postgres database ${name} has refused: ${error.message} (SQLSTATE ${error.code})`,
    {
      hint,
      cause: error,
    },
  );
}

/** The error for a connection string that cannot be used. Its cause is left out: it may hold the string. */
export function parametersError(error: unknown): CheckpointError {
  return new CheckpointError(`\`connectionString\` cannot be used: ${describe(error)}`, {
    hint: "It is of the form 'postgres://user:password@host:5432/database'.",
  });
}

/** Where a name stands for several addresses, the message is empty and the code is all there is. */
function describe(error: unknown): string {
  const { message } = toError(error);
  if (message !== '') return message;
  return error instanceof Error && 'code' in error ? String(error.code) : 'it failed';
}
