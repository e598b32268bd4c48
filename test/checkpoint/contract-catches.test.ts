import { AssertionError } from 'node:assert';
import { describe, expect, test } from 'vitest';
import { isTroupeError } from 'troupe';
import { checkpointerContract } from 'troupe/testing';
import { endDefects, sharingDefects } from './end-defects.ts';
import { leaseDefects } from './lease-defects.ts';
import { listDefects } from './list-defects.ts';
import { sharedMemory, type Defect } from './shared-memory.ts';
import { storeDefects } from './store-defects.ts';

const methods = { ...leaseDefects, ...storeDefects, ...listDefects, ...endDefects, ...sharingDefects };

/** What a checkpointer that breaks a promise does. */
const defects: ReadonlyMap<string, Defect> = new Map<string, Defect>([
  ...Object.entries(methods).map(([name, each]) => [name, { methods: each }] as const),
  ['takes no options', { options: () => ({}) }],
  ['never removes what has ended', { options: (given) => ({ ...given, ttl: undefined }) }],
  ['has a store of its own', { isAlone: true }],
]);

/** Every case of the suite, and some checkpointers that it is to fail for. */
const catches: readonly (readonly [name: string, ...defects: string[]])[] = [
  // Leases.
  ['a workflow that does not exist yet is acquired', 'acquires only what exists'],
  ['a workflow that somebody holds is acquired by nobody else', 'gives the lease to everybody'],
  ['of many that acquire at once, exactly one succeeds', 'shares a lease among those who ask at once'],
  ['a lease that was given up is had by the next one at once', 'keeps what was given up'],
  ['a lease may be given up twice', 'gives nothing up twice'],
  ['a lease of one workflow leaves the others free', 'gives up all leases at once'],
  ['each lease of a workflow has a higher token than all before it', 'has falling tokens'],
  ['tokens go on rising after the workflow was deleted', 'counts tokens anew after a deletion'],
  ['a lease is taken over when its time is up', 'keeps leases for ever', 'has falling tokens'],
  ['a lease is not taken over before its time is up', 'gives the lease to everybody'],
  ['a lease that is renewed is kept beyond its time', 'renews nothing'],
  [
    'a lease whose time is up still writes, as long as nobody has taken it',
    'lets nobody write after his time',
  ],
  [
    'a lease whose time is up can be renewed, as long as nobody has taken it',
    'lets nobody renew after his time',
  ],
  // Fencing.
  ['after a takeover the old lease appends nothing', 'does not fence appends'],
  ['after a takeover the old lease replaces nothing', 'does not fence replacements'],
  ['after a takeover the old lease cannot be renewed', 'renews what is lost', 'renews nothing'],
  ['after a takeover the new lease appends', 'lets only the first one write'],
  [
    'giving up a lease that was taken over leaves the new one as it is',
    'gives up whatever lease there is',
    'gives up all leases at once',
  ],
  [
    'a batch of a lease that was taken over does not give up the new one',
    'gives up with a batch that is refused',
  ],
  ['a lease that was given up appends nothing', 'takes again what was given up', 'keeps what was given up'],
  ['a lease that was given up cannot be renewed', 'renews what is lost', 'keeps what was given up'],
  [
    'a lease that was given up before the first batch begins no workflow',
    'takes again what was given up',
    'keeps what was given up',
  ],
  ['a batch gives its lease up where it says so', 'gives nothing up with a batch'],
  ['a lease that was given up by a batch appends nothing more', 'takes again what was given up'],
  [
    'a lease of before a deletion writes nothing',
    'begins a deleted workflow again',
    'takes again what was given up',
  ],
  [
    'a lease of before a deletion does not write to the workflow that has the id now',
    'does not fence appends',
  ],
  // What is stored.
  ['entries come back in the order in which they were appended', 'sorts entries'],
  ['entries come back character by character', 'writes JSON anew'],
  ['an entry of 1 MB comes back', 'cuts entries off'],
  ['1,000 batches come back', 'reads 500 entries at most'],
  ['10,000 entries of one batch come back', 'reads 500 entries at most'],
  ['a batch without entries adds none', 'joins the entries of a batch'],
  [
    'a batch that begins before the end of the log is refused whole',
    'does not look where a batch begins',
    'stores half of what it refuses',
  ],
  [
    'a batch that begins past the end of the log is refused whole',
    'does not look where a batch begins',
    'stores half of what it refuses',
  ],
  ['a batch that is refused does not give up its lease', 'gives up with a batch that is refused'],
  ['of two batches that are appended at one place at once, one is stored', 'looks too early'],
  ['what was read does not change with what is appended later', 'reads what is still written to'],
  ['what was appended does not change with the arrays that it came in', 'keeps the arrays it was given'],
  ['large values come back by their hashes', 'loses large values'],
  [
    'a large value is of the workflow that it was appended to, and of no other',
    'has large values in common',
    'deletes everything',
  ],
  [
    'a batch that replaces takes the place of all entries and large values before it',
    'replaces nothing',
    'has large values in common',
  ],
  ['a workflow whose entries were replaced is the same workflow', 'begins anew when it replaces'],
  ['after a batch that replaces, the log goes on behind its entries', 'counts what was replaced'],
  [
    'a batch that replaces is refused when it does not know how many entries there were',
    'does not look where a batch begins',
    'stores half of what it refuses',
  ],
  ['a workflow that is unknown reads as undefined', 'rejects what is unknown'],
  // Records and histories.
  ['a record tells what the workflow began with', 'forgets where a workflow came from'],
  ['the record of a workflow that is no fork has no origin', 'tells of an origin that is none'],
  ['get, read and list tell the same of a workflow', 'lists less than it gets'],
  ['times are whole ms since the epoch', 'counts seconds'],
  ['a batch moves the time of the last change, and not that of the beginning', 'never changes a time'],
  ['a workflow has the status of its last batch', 'keeps the first status'],
  ['a workflow that is neither running nor held keeps its status', 'calls abandoned whatever nobody holds'],
  ['a paused workflow whose lease has run out is still paused', 'calls abandoned whatever nobody holds'],
  ['a running workflow whose lease was given up is abandoned', 'calls nothing abandoned'],
  ['a running workflow whose lease has run out is abandoned', 'takes no options'],
  ['an abandoned workflow that somebody acquires is running', 'calls abandoned what was taken over'],
  ['a workflow that was acquired, and has no batch yet, is unknown', 'begins a workflow when it is acquired'],
  ['a workflow that is unknown has no record', 'rejects what is unknown'],
  [
    'any text can be an id, and no two are taken for each other',
    'takes ids for names of files',
    'normalises ids',
    'cuts ids off',
  ],
  [
    'the history is the log as messages, oldest first',
    'tells history backwards',
    'has no values in its history',
  ],
  ['the history holds large values in their places', 'has no values in its history', 'loses large values'],
  ['the history of a workflow that is unknown is an error', 'has an empty history of what is unknown'],
  [
    'a log with a line that is no entry is an error, and no shorter history',
    'leaves out what it cannot read',
  ],
  ['a log that lacks a large value is an error', 'leaves out what it cannot read'],
  // Lists.
  ['an empty store lists nothing, on one page', 'always leads to one more page'],
  [
    'workflows are listed in the order in which they were created',
    'lists in the order of ids',
    'lists in the order of changes',
  ],
  ['a workflow keeps its place when it changes', 'lists in the order of ids'],
  ['a list holds those of the status that is asked for', 'lists every status'],
  ['a list tells abandoned workflows from running ones', 'lists nothing abandoned', 'lists every status'],
  ['a page holds as many as may be, and leads to the next one', 'lists all at once'],
  [
    'the last page leads nowhere, also when it is full',
    'always leads to one more page',
    'leads from a full page to the next one',
  ],
  ['a page holds 100 unless told otherwise', 'lists 50 at most', 'lists all at once'],
  [
    'pages hold every workflow once, in the order of the whole list',
    'goes on after all of the same ms',
    'always leads to one more page',
  ],
  ['pages of one status hold each of them once', 'chooses from a page what it lists', 'lists every status'],
  [
    'workflows that are added between two pages neither hide nor repeat others',
    'lists in the order of changes',
  ],
  ['workflows that are deleted between two pages hide no others', 'counts where a page ends'],
  ['a limit that is no number of workflows is refused', 'mends limits'],
  ['a cursor that came from nowhere is refused', 'begins again at a bad cursor'],
  // Ends.
  [
    'a workflow that was deleted is gone',
    'deletes nothing',
    'hides what it deletes',
    'has an empty history of what is unknown',
  ],
  ['deleting one workflow leaves the others as they are', 'deletes everything'],
  ['a workflow that somebody holds is not deleted', 'deletes what is held'],
  ['an abandoned workflow can be deleted', 'deletes only what has ended'],
  ['a workflow that does not exist is not deleted', 'deletes what is not there'],
  ['the id of a deleted workflow can be used for another one', 'hides what it deletes'],
  ['a workflow that has ended is gone when its time is up', 'never removes what has ended'],
  ['a workflow is gone when its time is up, however it has ended', 'never removes what has ended'],
  ['a workflow that has not ended is kept, however old it is', 'lets what waits grow too old'],
  ['the id of a workflow whose time was up can be used for another one', 'never removes what has ended'],
  ['a checkpointer has the settings that were given', 'takes no options'],
  ['settings that were not given have their defaults', 'has settings of its own'],
  [
    'a closed checkpointer does nothing more',
    'never closes',
    'reads on after it was closed',
    'writes on after it was closed',
  ],
  ['a checkpointer may be closed again, and at once', 'closes once'],
  ['a checkpointer that was never used can be closed', 'never closes'],
  ['a checkpointer is closed at the end of its block', 'is not closed by its block'],
  // Several on one store.
  [
    'what one checkpointer has appended, another one reads at once',
    'remembers what it has read',
    'writes later than it says',
  ],
  ['every change of a status is seen by the others at once', 'remembers what it has got'],
  ['a workflow that one holds is running for the others', 'knows only its own leases'],
  ['a workflow that one holds is acquired by no other', 'knows only its own leases'],
  ['a workflow that one holds is deleted by no other', 'deletes what is held'],
  ['of two that acquire a workflow at once, one has it', 'shares a lease among those who ask at once'],
  ['a workflow that one has given up, another one continues', 'has a store of its own'],
  [
    'who wakes up after another has taken over appends nothing',
    'does not fence appends',
    'renews what is lost',
    'gives up whatever lease there is',
  ],
  ['tokens rise from one checkpointer to the next', 'has a store of its own'],
  ['a workflow that one has deleted is gone for all', 'remembers what it has read'],
  ['many write many workflows at once', 'has a store of its own'],
  ['what was stored is there when the store is opened again', 'has a store of its own'],
  ['closing one checkpointer leaves the others open', 'closes the store for all'],
  [
    'an append that is under way when its checkpointer is closed is stored whole, or refused',
    'writes later than it says',
  ],
];

/** Whether the suite has failed, and not the defect. */
function isVerdict(error: unknown): boolean {
  return error instanceof AssertionError || isTroupeError(error);
}

const good = checkpointerContract({ createStore: () => sharedMemory() });

describe('a good checkpointer that shares its store', () => {
  test.each(good.map(({ name, run }) => [name, run] as const))('%s', async (_, run) => {
    await expect(run()).resolves.toBeUndefined();
  });
});

/** Side by side: some fail only because something does not come in time. */
describe.concurrent('the suite fails for a checkpointer that', () => {
  const rows = catches.flatMap(([name, ...each]) => each.map((defect) => [defect, name] as const));

  test.each(rows)('%s: %s', async (defect, name) => {
    const createStore = () => sharedMemory(defects.get(defect));

    const broken = checkpointerContract({ createStore }).find((each) => each.name === name);

    await expect(broken?.run()).rejects.toSatisfy(isVerdict);
  });
});

test('every case of the suite fails for some checkpointer', () => {
  expect(catches.map(([name]) => name)).toEqual(good.map(({ name }) => name));
});

test('every defect is caught', () => {
  expect(new Set(catches.flatMap(([, ...each]) => each))).toEqual(new Set(defects.keys()));
});

test('where two checkpointers cannot share a store, only the cases of several are left out', () => {
  const alone = checkpointerContract({ createStore: () => sharedMemory(), unshared: 'for this test' });

  const names = new Set(alone.map(({ name }) => name));
  const leftOut = good.filter(({ name }) => !names.has(name));

  expect(leftOut[0]?.name).toBe('what one checkpointer has appended, another one reads at once');
  expect(leftOut).toHaveLength(14);
});
