import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '../logger.ts';
import type { ExecutionInfo } from '../log/execution-info.ts';

const SAFE_NAME = /^[\w.-]+$/;

/** Whether a name may become part of a file's name as it is. */
function isSafeFileName(name: string): boolean {
  return SAFE_NAME.test(name) && name !== '.' && name !== '..';
}

/** Where a run is saved. */
export interface SavePlace {
  readonly path: string;
  readonly directory: string;
}

/** `<name>_<runId>.json` in a folder; `<runId>.json`, and a warning, where the name is no safe file name. */
export function savePlace(
  directory: string,
  name: string,
  run: { readonly runId: string; readonly logger: Logger },
): SavePlace {
  const { runId, logger } = run;
  if (isSafeFileName(name)) return { directory, path: join(directory, `${name}_${runId}.json`) };
  logger.warn({ name, runId }, 'The name cannot be part of a file name; the run is saved under its id');
  return { directory, path: join(directory, `${runId}.json`) };
}

/** Writes a run's info to a file, whole or not at all. */
export async function saveState(path: string, directory: string, info: ExecutionInfo): Promise<void> {
  const text = info.graphSerialization();
  const temporary = `${path}.tmp`;
  await mkdir(directory, { recursive: true });
  try {
    const file = await open(temporary, 'w');
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** The same without waiting, for a synchronous run. */
export function saveStateSync(path: string, directory: string, info: ExecutionInfo): void {
  const text = info.graphSerialization();
  const temporary = `${path}.tmp`;
  mkdirSync(directory, { recursive: true });
  try {
    const file = openSync(temporary, 'w');
    try {
      writeFileSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}
