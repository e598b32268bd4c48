import type { WorkflowRecord } from 'troupe/checkpoint';
import { pageOf, type Methods } from './shared-memory.ts';

type Order = (a: WorkflowRecord, b: WorkflowRecord) => number;

/** A checkpointer whose cursors are numbers of workflows, in another order if one is given. */
function countingPages(order?: Order): Methods {
  return (good) => ({
    list: async ({ status, limit = 100, cursor = '0' } = {}) => {
      const listed = await good.list({ status, limit: 10_000 });
      const all = order === undefined ? listed : listed.toSorted(order);
      const end = Number(cursor) + limit;
      return pageOf(all.slice(Number(cursor), end), end < all.length ? String(end) : undefined);
    },
  });
}

const byId: Order = (a, b) => (a.workflowId < b.workflowId ? -1 : 1);

/** Defects of lists. */
export const listDefects: Readonly<Record<string, Methods>> = {
  'always leads to one more page': (good) => ({
    list: async (query) => {
      const page = await good.list(query);
      return pageOf(page, page.cursor ?? '0:');
    },
  }),
  'lists in the order of ids': countingPages(byId),
  'lists in the order of changes': countingPages((a, b) => b.updatedAt - a.updatedAt),
  'lists every status': (good) => ({ list: (query) => good.list({ ...query, status: undefined }) }),
  'lists nothing abandoned': (good) => ({
    list: async (query) => (query?.status === 'abandoned' ? [] : good.list(query)),
  }),
  'lists all at once': (good) => ({ list: (query) => good.list({ ...query, limit: 10_000 }) }),
  'lists 50 at most': (good) => ({ list: (query) => good.list({ limit: 50, ...query }) }),
  'leads from a full page to the next one': (good) => ({
    list: async (query) => {
      const page = await good.list(query);
      return pageOf(page, page.length === query?.limit ? (page.cursor ?? '9:') : undefined);
    },
  }),
  'goes on after all of the same ms': (good) => ({
    list: async (query) => {
      const page = await good.list(query);
      return pageOf(page, page.cursor?.replace(/:.*/su, ':\uFFFF'));
    },
  }),
  'counts where a page ends': countingPages(),
  'chooses from a page what it lists': (good) => ({
    list: async ({ status, ...query } = {}) => {
      const page = await good.list(query);
      return pageOf(
        page.filter((record) => status === undefined || record.status === status),
        page.cursor,
      );
    },
  }),
  'mends limits': (good) => ({
    list: (query) => good.list({ ...query, limit: Math.max(1, Math.trunc(query?.limit ?? 100) || 1) }),
  }),
  'begins again at a bad cursor': (good) => ({
    list: async (query) => {
      const isKnown = query?.cursor === undefined || /^\d+:/u.test(query.cursor);
      return good.list(isKnown ? query : { ...query, cursor: undefined });
    },
  }),
};
