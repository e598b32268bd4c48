import { setImmediate as nextTurn } from 'node:timers/promises';
import { WorkflowNotFoundError } from 'troupe';
import type { WorkflowRecord } from 'troupe/checkpoint';
import { pageOf, undefinedFor, type Methods } from './shared-memory.ts';

/** A checkpointer that shows its records otherwise. */
function showing(change: (record: WorkflowRecord) => object): Methods {
  const shown = (record: WorkflowRecord) => change(record) as WorkflowRecord; // as the defect has it
  return (good) => ({
    get: async (id) => {
      const record = await good.get(id);
      return record && shown(record);
    },
    read: async (id) => {
      const stored = await good.read(id);
      return stored && { ...stored, record: shown(stored.record) };
    },
    list: async (query) => {
      const page = await good.list(query);
      return pageOf(page.map(shown), page.cursor);
    },
  });
}

/** A checkpointer that knows workflows by something else than their ids. */
function naming(nameOf: (id: string) => string): Methods {
  return (good) => ({
    acquire: async (id) => ({ ...(await good.acquire(nameOf(id))), workflowId: id }),
    append: (lease, batch) => good.append({ ...lease, workflowId: nameOf(lease.workflowId) }, batch),
    read: (id) => good.read(nameOf(id)),
    get: (id) => good.get(nameOf(id)),
  });
}

/** Defects of what is stored. */
export const storeDefects: Readonly<Record<string, Methods>> = {
  'sorts entries': (good) => ({
    read: async (id) => {
      const stored = await good.read(id);
      return stored && { ...stored, entries: stored.entries.toSorted((a, b) => (a < b ? -1 : 1)) };
    },
  }),
  'writes JSON anew': (good) => ({
    append: (lease, batch) =>
      good.append(lease, {
        ...batch,
        entries: batch.entries.map((line) => JSON.stringify(JSON.parse(line))),
      }),
  }),
  'cuts entries off': (good) => ({
    append: (lease, batch) =>
      good.append(lease, { ...batch, entries: batch.entries.map((line) => line.slice(0, 65_535)) }),
  }),
  'reads 500 entries at most': (good) => ({
    read: async (id) => {
      const stored = await good.read(id);
      return stored && { ...stored, entries: stored.entries.slice(0, 500) };
    },
  }),
  'joins the entries of a batch': (good) => ({
    append: (lease, batch) => good.append(lease, { ...batch, entries: batch.entries.join('\n').split('\n') }),
  }),
  'does not look where a batch begins': (good) => ({
    append: async (lease, batch) => {
      const first = (await good.read(lease.workflowId))?.entries.length ?? 0;
      await good.append(lease, { ...batch, first });
    },
  }),
  'looks too early': (good) => ({
    append: async (lease, batch) => {
      const before = (await good.read(lease.workflowId))?.entries.length ?? 0;
      if (before !== batch.first) return good.append(lease, batch);
      await nextTurn();
      const first = (await good.read(lease.workflowId))?.entries.length ?? 0;
      return good.append(lease, { ...batch, first });
    },
  }),
  'stores half of what it refuses': (good) => ({
    append: async (lease, batch) => {
      try {
        await good.append(lease, batch);
      } catch (error) {
        const first = (await good.read(lease.workflowId))?.entries.length ?? 0;
        await good.append(lease, { ...batch, first, entries: [] }).catch(() => undefined);
        throw error;
      }
    },
  }),
  'reads what is still written to': (good) => {
    const live = new Map<string, string[]>();
    return {
      read: async (id) => {
        const stored = await good.read(id);
        const entries = live.get(id) ?? [];
        live.set(id, entries);
        entries.splice(0, entries.length, ...(stored?.entries ?? []));
        return stored && { ...stored, entries };
      },
      append: async (lease, batch) => {
        await good.append(lease, batch);
        live.get(lease.workflowId)?.push(...batch.entries);
      },
    };
  },
  'keeps the arrays it was given': (good) => {
    const kept: (readonly string[])[] = [];
    return {
      append: async (lease, batch) => {
        kept.push(batch.entries);
        await good.append(lease, batch);
      },
      read: async (id) => {
        const stored = await good.read(id);
        return stored && { ...stored, entries: kept.flat() };
      },
    };
  },
  'loses large values': (good) => ({
    append: (lease, batch) => good.append(lease, { ...batch, blobs: [] }),
  }),
  'has large values in common': (good) => {
    const all = new Map<string, string>();
    return {
      append: async (lease, batch) => {
        for (const { hash, text } of batch.blobs ?? []) all.set(hash, text);
        await good.append(lease, batch);
      },
      read: async (id) => {
        const stored = await good.read(id);
        return stored && { ...stored, blobs: all };
      },
    };
  },
  'replaces nothing': (good) => ({
    append: (lease, batch) => good.append(lease, { ...batch, replaces: false }),
  }),
  'counts what was replaced': (good) => {
    let replaced = 0;
    return {
      append: async (lease, batch) => {
        await good.append(lease, { ...batch, first: batch.first - replaced });
        if (batch.replaces === true) replaced += batch.first;
      },
    };
  },
  'begins anew when it replaces': (good) => {
    const replaced = new Set<string>();
    return {
      append: async (lease, batch) => {
        await good.append(lease, batch);
        if (batch.replaces === true) replaced.add(lease.workflowId);
      },
      get: async (id) => {
        const record = await good.get(id);
        return record && replaced.has(id) ? { ...record, createdAt: record.updatedAt + 1 } : record;
      },
    };
  },
  'rejects what is unknown': (good) => ({
    read: async (id) => (await good.read(id)) ?? Promise.reject(new WorkflowNotFoundError(id)),
    get: async (id) => (await good.get(id)) ?? Promise.reject(new WorkflowNotFoundError(id)),
  }),
  'forgets where a workflow came from': showing((record) => {
    const { forkedFrom: _origin, ...known } = record;
    return known;
  }),
  'tells of an origin that is none': showing((record) => ({ forkedFrom: undefined, ...record })),
  'lists less than it gets': (good) => ({
    list: async (query) => {
      const page = await good.list(query);
      return pageOf(
        page.map((record) => ({ ...record, runId: '' })),
        page.cursor,
      );
    },
  }),
  'counts seconds': showing((record) => ({
    ...record,
    createdAt: record.createdAt / 1_000,
    updatedAt: record.updatedAt / 1_000,
  })),
  'never changes a time': showing((record) => ({ ...record, updatedAt: record.createdAt })),
  'keeps the first status': (good) => {
    const first = new Map<string, 'running'>();
    return {
      append: async (lease, batch) => {
        await good.append(lease, { ...batch, status: first.get(lease.workflowId) ?? batch.status });
        first.set(lease.workflowId, 'running');
      },
    };
  },
  'calls abandoned whatever nobody holds': (good) => ({
    get: async (id) => {
      const record = await good.get(id);
      const lease = await undefinedFor('WORKFLOW_ALREADY_RUNNING', good.acquire(id));
      if (lease === undefined) return record;
      await good.release(lease);
      return record && { ...record, status: 'abandoned' };
    },
  }),
  'calls nothing abandoned': showing((record) => ({
    ...record,
    status: record.status === 'abandoned' ? 'running' : record.status,
  })),
  'calls abandoned what was taken over': (good) => {
    const left = new Set<string>();
    return {
      append: async (lease, batch) => {
        await good.append(lease, batch);
        if (batch.releases === true) left.add(lease.workflowId);
      },
      get: async (id) => {
        const record = await good.get(id);
        return record && left.has(id) ? { ...record, status: 'abandoned' } : record;
      },
    };
  },
  'begins a workflow when it is acquired': (good, { newest }) => ({
    get: async (id) =>
      (await good.get(id)) ??
      (newest.has(id)
        ? { workflowId: id, status: 'running', target: '', runId: '', createdAt: 0, updatedAt: 0 }
        : undefined),
  }),
  'takes ids for names of files': naming((id) => id.toLowerCase()),
  'normalises ids': naming((id) => id.normalize()),
  'cuts ids off': naming((id) => id.slice(0, 255)),
  'tells history backwards': (good) => ({ history: async (id) => (await good.history(id)).toReversed() }),
  'has no values in its history': (good) => ({
    history: async (id) => (await good.history(id)).map(({ type, time }) => ({ type, time }) as never),
  }),
  'has an empty history of what is unknown': (good) => ({
    history: async (id) => (await undefinedFor('WORKFLOW_NOT_FOUND', good.history(id))) ?? [],
  }),
  'leaves out what it cannot read': (good) => ({
    history: async (id) => (await undefinedFor('CHECKPOINT', good.history(id))) ?? [],
  }),
};
