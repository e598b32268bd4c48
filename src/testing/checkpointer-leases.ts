import assert from 'node:assert/strict';
import type { Checkpointer, Lease } from '../checkpoint/checkpointer.ts';
import { systemClock } from '../clock.ts';
import { assertRefused } from './checkpointer-asserts.ts';
import { CLOCK_SLACK_MS, eventually, nextTurn, takeOver, tryAcquire } from './checkpointer-waiting.ts';
import { begin, ID, write, type Open, type Cases } from './checkpointer-writer.ts';

const LEASE_MS = 40;
const MAX_ROUNDS = 20;

/**
 * Demands that a lease is kept for three times its length while it is renewed. On a machine that stands still for a whole
 * lease it is lost with good reason, or nobody looks in time: such a round counts for nothing.
 */
async function assertKeeps(
  checkpointer: Checkpointer,
  renew: (lease: Lease) => Promise<unknown>,
): Promise<void> {
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const lease = await takeOver(checkpointer);
    const began = systemClock.now();
    let hasOutlived = false;
    let taken: Lease | undefined;
    while (taken === undefined && systemClock.now() < began + 3 * LEASE_MS) {
      const renewedAt = systemClock.now();
      await renew(lease);
      taken = await tryAcquire(checkpointer);
      if (taken !== undefined) assertOver(systemClock.now() - renewedAt);
      else hasOutlived ||= renewedAt > began + LEASE_MS;
      await nextTurn();
    }
    if (taken === undefined && hasOutlived) return;
    await checkpointer.release(taken ?? lease);
  }
  assert.fail('This machine is too slow for the test: no lease was kept');
}

function assertOver(heldMs: number): void {
  assert.ok(
    heldMs >= LEASE_MS - CLOCK_SLACK_MS,
    `Expected a lease of ${LEASE_MS} ms, but it was taken over within ${heldMs} ms`,
  );
}

/** Waits for a running workflow to be held by nobody. */
async function ranOut(checkpointer: Checkpointer): Promise<void> {
  await eventually('the lease has run out', async () =>
    (await checkpointer.get(ID))?.status === 'abandoned' ? true : undefined,
  );
}

/** Who may write to a workflow. */
export const leaseCases: Cases = {
  'a workflow that does not exist yet is acquired': async (open: Open) => {
    const checkpointer = await open();

    const lease = await checkpointer.acquire(ID);

    assert.equal(lease.workflowId, ID);
    assert.ok(Number.isFinite(lease.token), `Expected \`token\` to be a number, got ${String(lease.token)}`);
  },

  'a workflow that somebody holds is acquired by nobody else': async (open) => {
    const checkpointer = await open();
    await begin(checkpointer);

    const second = checkpointer.acquire(ID);

    await assertRefused(second, 'WORKFLOW_ALREADY_RUNNING');
  },

  'of many that acquire at once, exactly one succeeds': async (open) => {
    const checkpointer = await open();

    const leases = await Promise.all(Array.from({ length: 20 }, () => tryAcquire(checkpointer)));

    assert.equal(leases.filter((lease) => lease !== undefined).length, 1);
  },

  'a lease that was given up is had by the next one at once': async (open) => {
    const checkpointer = await open();
    const { lease } = await begin(checkpointer);

    await checkpointer.release(lease);

    assert.equal((await checkpointer.acquire(ID)).workflowId, ID);
  },

  'a lease may be given up twice': async (open) => {
    const checkpointer = await open();
    const { lease } = await begin(checkpointer);

    await checkpointer.release(lease);
    await checkpointer.release(lease);

    assert.equal((await checkpointer.acquire(ID)).workflowId, ID);
  },

  'a lease of one workflow leaves the others free': async (open) => {
    const checkpointer = await open();
    const one = await begin(checkpointer, 'one');
    const two = await begin(checkpointer, 'two');

    await checkpointer.release(one.lease);

    await two.append();
    await assertRefused(checkpointer.acquire('two'), 'WORKFLOW_ALREADY_RUNNING');
  },

  'each lease of a workflow has a higher token than all before it': async (open) => {
    const checkpointer = await open();
    const tokens: number[] = [];
    for (let round = 0; round < 20; round += 1) {
      const lease = await checkpointer.acquire(ID);
      tokens.push(lease.token);
      await checkpointer.release(lease);
    }

    assert.deepEqual(
      tokens,
      [...new Set(tokens)].toSorted((a, b) => a - b),
    );
  },

  'tokens go on rising after the workflow was deleted': async (open) => {
    const checkpointer = await open();
    const tokens: number[] = [];
    for (let round = 0; round < 5; round += 1) {
      // Several in one ms put the token ahead of the clock: then the time alone gives a lower one.
      for (let turn = 0; turn < 10; turn += 1) {
        const lease = await checkpointer.acquire(ID);
        tokens.push(lease.token);
        await checkpointer.release(lease);
      }
      tokens.push((await write(checkpointer)).lease.token);
      await checkpointer.delete(ID);
    }

    assert.deepEqual(
      tokens,
      [...new Set(tokens)].toSorted((a, b) => a - b),
    );
  },

  'a lease is taken over when its time is up': async (open) => {
    const checkpointer = await open({ lease: 5 });
    const { lease } = await begin(checkpointer);

    const taken = await takeOver(checkpointer);

    assert.ok(taken.token > lease.token);
  },

  'a lease is not taken over before its time is up': async (open) => {
    const checkpointer = await open({ lease: LEASE_MS });
    const before = systemClock.now();
    await checkpointer.acquire(ID);

    await takeOver(checkpointer);

    assertOver(systemClock.now() - before);
  },

  'a lease that is renewed is kept beyond its time': async (open) => {
    const checkpointer = await open({ lease: LEASE_MS });

    await assertKeeps(checkpointer, (lease) => checkpointer.renew(lease));
  },

  'a lease whose time is up still writes, as long as nobody has taken it': async (open) => {
    const checkpointer = await open({ lease: 5 });
    const writer = await begin(checkpointer);
    await ranOut(checkpointer);

    await writer.append({ status: 'paused' });

    assert.equal((await checkpointer.get(ID))?.status, 'paused');
  },

  'a lease whose time is up can be renewed, as long as nobody has taken it': async (open) => {
    const checkpointer = await open({ lease: 5 });
    const { lease } = await begin(checkpointer);
    await ranOut(checkpointer);

    await checkpointer.renew(lease);

    assert.ok((await takeOver(checkpointer)).token > lease.token);
  },
};
