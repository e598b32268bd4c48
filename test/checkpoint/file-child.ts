/**
 * A process of its own for the tests of the file checkpointer: `file-child.ts <what> <dir> <lease in ms> <id>`. It prints
 * a line for each thing that is done.
 */
import { writeSync } from 'node:fs';
import { once } from 'node:events';
import { isTroupeError } from 'troupe';
import { fileCheckpointer, type Checkpointer, type Lease } from 'troupe/checkpoint';
import { blobOf, HEAD, line, lines } from './file-parts.ts';

const [what = '', dir = '', lease = '', id = ''] = process.argv.slice(2);
const checkpointer = fileCheckpointer({ dir, lease: Number(lease) });

function say(text: string): void {
  writeSync(1, `${text}\n`);
}

async function begin(workflowId: string): Promise<Lease> {
  const taken = await checkpointer.acquire(workflowId);
  await checkpointer.append(taken, { first: 0, entries: [line(0)], status: 'running', head: HEAD });
  return taken;
}

/** Appends until it is killed, and says what is safe. */
async function appendForEver(): Promise<void> {
  const taken = await begin(id);
  for (let first = 1; ; first += 2) {
    say(String(first));
    // Every other kind of write as well: a status, a large value.
    const isPause = first % 7 === 0;
    await checkpointer.append(taken, {
      first,
      entries: lines(first, 2),
      status: isPause ? 'paused' : 'running',
      ...(first % 5 === 0 ? { blobs: [blobOf(`["${first}"]`)] } : {}),
    });
  }
}

/** Takes a workflow and tries to write to it, much later. */
async function holdAndWrite(): Promise<void> {
  const taken = await begin(id);
  say('held');
  await once(process.stdin, 'data');
  for (const [name, act] of Object.entries(actsOf(checkpointer, taken)))
    say(`${name} ${await outcomeOf(act)}`);
}

function actsOf(store: Checkpointer, taken: Lease): Readonly<Record<string, () => Promise<unknown>>> {
  return {
    append: () => store.append(taken, { first: 1, entries: [line(99)], status: 'completed', releases: true }),
    renew: () => store.renew(taken),
    release: () => store.release(taken),
  };
}

async function outcomeOf(act: () => Promise<unknown>): Promise<string> {
  try {
    await act();
    return 'done';
  } catch (error) {
    return isTroupeError(error) ? error.code : String(error);
  }
}

/** Writes a workflow of its own, and another one if it is the first to take it. */
async function writeBesides(): Promise<void> {
  const own = await begin(id);
  for (let first = 1; first < 100; first += 1)
    await checkpointer.append(own, { first, entries: [line(first)], status: 'running' });
  await checkpointer.append(own, { first: 100, entries: [], status: 'completed', releases: true });
  const outcome = await outcomeOf(() => begin('shared'));
  await checkpointer.close();
  say(outcome);
  await once(process.stdin, 'data');
}

/** Writes workflows of each kind, one of them not to its end, and waits. */
async function fill(): Promise<void> {
  const store = checkpointer;
  const done = { status: 'completed', releases: true } as const;
  await begin('short');
  const large = blobOf(JSON.stringify([`${'ü'.repeat(3_000)}🎈`]));
  const paused = await begin('paused/ü🎈');
  await store.append(paused, {
    first: 1,
    entries: lines(1, 3),
    status: 'running',
    blobs: [large, blobOf('[1]')],
  });
  await store.append(paused, { first: 4, entries: [], status: 'paused', releases: true });
  const replaced = await begin('replaced');
  await store.append(replaced, { first: 1, entries: lines(1, 4), ...done });
  await store.append(await store.acquire('replaced'), {
    first: 5,
    entries: lines(7, 2),
    replaces: true,
    ...done,
  });
  const deleted = await begin('deleted');
  await store.append(deleted, { first: 1, entries: [], ...done });
  await store.delete('deleted');
  const long = await begin('long');
  for (let first = 1; first < 12; first += 1)
    await store.append(long, { first, entries: [line(first)], status: 'running' });
  say('filled');
  await once(process.stdin, 'data');
}

const acts: Readonly<Record<string, () => Promise<void>>> = {
  appendForEver,
  fill,
  holdAndWrite,
  writeBesides,
};
await acts[what]?.();
