import { setImmediate as nextTurn } from 'node:timers/promises';
import { CheckpointError, WorkflowAlreadyRunningError } from 'troupe';
import type { Checkpointer, StoredWorkflow, WorkflowRecord } from 'troupe/checkpoint';
import { undefinedFor, type Methods } from './shared-memory.ts';

/** Defects of how workflows and checkpointers end. */
export const endDefects: Readonly<Record<string, Methods>> = {
  'deletes nothing': () => ({ delete: async () => {} }),
  'deletes everything': (good) => ({
    delete: async (id) => {
      await good.delete(id);
      for (const { workflowId } of await good.list()) await good.delete(workflowId);
    },
  }),
  'deletes what is held': (good, { inner, newest }) => ({
    delete: async (id) => {
      const lease = newest.get(id);
      if (lease !== undefined) await inner.release(lease);
      await good.delete(id);
    },
  }),
  'deletes only what has ended': (good) => ({
    delete: async (id) => {
      if ((await good.get(id))?.status === 'abandoned') throw new WorkflowAlreadyRunningError(id);
      await good.delete(id);
    },
  }),
  'deletes what is not there': (good) => ({
    delete: (id) => undefinedFor('WORKFLOW_NOT_FOUND', good.delete(id)),
  }),
  'hides what it deletes': (good) => {
    const hidden = new Set<string>();
    return {
      delete: async (id) => void hidden.add(id),
      acquire: async (id) => {
        hidden.delete(id);
        return good.acquire(id);
      },
      get: async (id) => (hidden.has(id) ? undefined : good.get(id)),
      read: async (id) => (hidden.has(id) ? undefined : good.read(id)),
    };
  },
  'lets what waits grow too old': (good) => ({
    list: async (query) => (await good.list(query)).filter(({ status }) => status !== 'paused'),
  }),
  'has settings of its own': (good) => ({ settings: { ...good.settings, leaseMs: 60_000 } }),
  'never closes': () => ({ close: async () => {} }),
  'reads on after it was closed': (_, { inner }) => ({ get: (id) => inner.get(id) }),
  'writes on after it was closed': (_, { inner }) => ({
    append: (lease, batch) => inner.append(lease, batch),
  }),
  'closes once': (good) => {
    let isClosed = false;
    return {
      close: async () => {
        if (isClosed) throw new CheckpointError('It is closed');
        isClosed = true;
        await good.close();
      },
    };
  },
  'is not closed by its block': () => ({ [Symbol.asyncDispose]: async () => {} }),
};

function remembering<Answer>(ask: (id: string) => Promise<Answer>): (id: string) => Promise<Answer> {
  const answers = new Map<string, Answer>();
  return async (id) => {
    const answer = answers.get(id) ?? (await ask(id));
    answers.set(id, answer);
    return answer;
  };
}

/** Defects of several checkpointers on one store. */
export const sharingDefects: Readonly<Record<string, Methods>> = {
  'remembers what it has read': (good: Checkpointer) => ({
    read: remembering<StoredWorkflow | undefined>((id) => good.read(id)),
  }),
  'remembers what it has got': (good) => ({
    get: remembering<WorkflowRecord | undefined>((id) => good.get(id)),
  }),
  'knows only its own leases': (good, { inner, newest }) => {
    const own = new Set<string>();
    return {
      acquire: async (id) => {
        const lease = newest.get(id);
        if (lease !== undefined && !own.has(id)) await inner.release(lease);
        own.add(id);
        return good.acquire(id);
      },
      get: async (id) => {
        const record = await good.get(id);
        return record?.status === 'running' && !own.has(id) ? { ...record, status: 'abandoned' } : record;
      },
    };
  },
  'closes the store for all': (good, { inner }) => ({
    close: async () => {
      await good.close();
      await inner.close();
    },
  }),
  'writes later than it says': (good) => ({
    append: async (lease, batch) => {
      void nextTurn()
        .then(() => good.append(lease, batch))
        .catch(() => undefined);
    },
  }),
};
