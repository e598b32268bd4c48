import { setImmediate as nextTurn } from 'node:timers/promises';
import { CheckpointError, isTroupeError, WorkflowAlreadyRunningError, WorkflowNotFoundError } from 'troupe';
import type { Checkpointer, Lease } from 'troupe/checkpoint';
import { undefinedFor, type Methods, type SharedMemory } from './shared-memory.ts';

/** Whatever a lease says. */
async function takeAway(memory: SharedMemory, good: Checkpointer, workflowId: string): Promise<Lease> {
  const held = memory.newest.get(workflowId);
  if (held !== undefined) await memory.inner.release(held);
  return good.acquire(workflowId);
}

const pendings = new WeakMap<SharedMemory, Map<string, Promise<Lease>>>();

function pendingOf(memory: SharedMemory): Map<string, Promise<Lease>> {
  const pending = pendings.get(memory) ?? new Map<string, Promise<Lease>>();
  pendings.set(memory, pending);
  return pending;
}

/** A checkpointer whose tokens are others than those of its store. */
function tokens(
  outside: (inside: number, id: string) => number,
  inside: (outside: number, id: string) => number,
): Methods {
  const within = ({ workflowId, token }: Lease): Lease => ({ workflowId, token: inside(token, workflowId) });
  return (good) => ({
    acquire: async (id) => ({ workflowId: id, token: outside((await good.acquire(id)).token, id) }),
    renew: (lease) => good.renew(within(lease)),
    release: (lease) => good.release(within(lease)),
    append: (lease, batch) => good.append(within(lease), batch),
  });
}

/** Defects of leases. */
export const leaseDefects: Readonly<Record<string, Methods>> = {
  'acquires only what exists': (good) => ({
    acquire: async (id) => {
      if ((await good.get(id)) === undefined) throw new WorkflowNotFoundError(id);
      return good.acquire(id);
    },
  }),
  'gives the lease to everybody': (good, memory) => ({ acquire: (id) => takeAway(memory, good, id) }),
  'shares a lease among those who ask at once': (good, memory) => {
    const pending = pendingOf(memory);
    return {
      acquire: (id) => {
        const lease = pending.get(id) ?? nextTurn().then(() => good.acquire(id));
        pending.set(id, lease);
        return lease.finally(() => pending.delete(id));
      },
    };
  },
  'keeps what was given up': () => ({ release: async () => {} }),
  'gives nothing up twice': (good) => {
    const released = new Set<number>();
    return {
      release: async (lease) => {
        if (released.has(lease.token)) throw new CheckpointError('It is not yours');
        released.add(lease.token);
        await good.release(lease);
      },
    };
  },
  'gives up all leases at once': (good, { newest }) => ({
    release: async () => {
      for (const lease of newest.values()) await good.release(lease);
    },
  }),
  'has falling tokens': tokens(
    (token) => -token,
    (token) => -token,
  ),
  'counts tokens anew after a deletion': (good, memory) => {
    const offsets = new Map<string, number>();
    const offsetOf = (id: string) => offsets.get(id) ?? 0;
    const methods = tokens(
      (token, id) => token - offsetOf(id),
      (token, id) => token + offsetOf(id),
    );
    return {
      ...methods(good, memory),
      delete: async (id) => {
        await good.delete(id);
        offsets.set(id, memory.newest.get(id)?.token ?? 0);
      },
    };
  },
  'keeps leases for ever': (good, { newest }) => ({
    acquire: async (id) => {
      if (newest.has(id)) throw new WorkflowAlreadyRunningError(id);
      return good.acquire(id);
    },
    release: async (lease) => {
      await good.release(lease);
      newest.delete(lease.workflowId);
    },
  }),
  'renews nothing': () => ({ renew: async () => {} }),
  'lets nobody write after his time': (good) => ({
    append: async (lease, batch) => {
      if ((await good.get(lease.workflowId))?.status === 'abandoned')
        throw new WorkflowAlreadyRunningError(lease.workflowId);
      await good.append(lease, batch);
    },
  }),
  'lets nobody renew after his time': (good) => ({
    renew: async (lease) => {
      if ((await good.get(lease.workflowId))?.status === 'abandoned')
        throw new WorkflowAlreadyRunningError(lease.workflowId);
      await good.renew(lease);
    },
  }),
  'does not fence appends': (good, { newest }) => ({
    append: (lease, batch) => good.append(newest.get(lease.workflowId) ?? lease, batch),
  }),
  'does not fence replacements': (good, { newest }) => ({
    append: (lease, batch) =>
      good.append(batch.replaces === true ? (newest.get(lease.workflowId) ?? lease) : lease, batch),
  }),
  'renews what is lost': (good) => ({
    renew: async (lease) => {
      await undefinedFor('WORKFLOW_ALREADY_RUNNING', good.renew(lease));
    },
  }),
  'lets only the first one write': (good, memory) => {
    const first = new Map<string, number>();
    return {
      append: async (lease, batch) => {
        const { token } =
          first.get(lease.workflowId) === undefined ? lease : { token: first.get(lease.workflowId) };
        if (lease.token !== token) throw new WorkflowAlreadyRunningError(lease.workflowId);
        first.set(lease.workflowId, token);
        await good.append(memory.newest.get(lease.workflowId) ?? lease, batch);
      },
    };
  },
  'gives up whatever lease there is': (good, { newest }) => ({
    release: ({ workflowId, ...lease }) => good.release(newest.get(workflowId) ?? { workflowId, ...lease }),
  }),
  'gives up with a batch that is refused': (good, { newest }) => ({
    append: async (lease, batch) => {
      try {
        await good.append(lease, batch);
      } finally {
        if (batch.releases === true) await good.release(newest.get(lease.workflowId) ?? lease);
      }
    },
  }),
  'takes again what was given up': (good) => ({
    append: async (lease, batch) => {
      try {
        await good.append(lease, batch);
      } catch (error) {
        if (!isTroupeError(error, 'WORKFLOW_ALREADY_RUNNING')) throw error;
        await good.append(await good.acquire(lease.workflowId), batch);
      }
    },
  }),
  'gives nothing up with a batch': (good) => ({
    append: (lease, batch) => good.append(lease, { ...batch, releases: false }),
  }),
  'begins a deleted workflow again': (good) => ({
    append: async (lease, batch) => {
      if (batch.first === 0 || (await good.get(lease.workflowId)) !== undefined)
        return good.append(lease, batch);
      const head = { target: '', runId: '' };
      return good.append(await good.acquire(lease.workflowId), { ...batch, first: 0, head });
    },
  }),
};
