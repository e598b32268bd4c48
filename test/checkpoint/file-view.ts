import { isDeepStrictEqual } from 'node:util';
import { isTroupeError } from 'troupe';
import { fileCheckpointer } from 'troupe/checkpoint';

/** What can be seen of a folder: a value, or the code of an error, by what was asked. */
export type View = Readonly<Record<string, unknown>>;

/** What is seen of something that is damaged. */
export const DAMAGED = 'CHECKPOINT';

/** All that can be seen of a folder with workflows of these ids. */
export async function viewOf(dir: string, ids: readonly string[]): Promise<View> {
  const view: Record<string, unknown> = {};
  await using checkpointer = fileCheckpointer({ dir });
  const see = async (what: string, look: () => Promise<unknown>): Promise<void> => {
    view[what] = await look().catch((error: unknown) => (isTroupeError(error) ? error.code : String(error)));
  };
  for (const id of ids) {
    await see(`get ${id}`, () => checkpointer.get(id));
    await see(`read ${id}`, () => checkpointer.read(id));
    await see(`history ${id}`, () => checkpointer.history(id));
  }
  await see('list', async () => [...(await checkpointer.list())]);
  for (const status of ['abandoned', 'paused', 'completed'] as const)
    await see(`list ${status}`, async () => [...(await checkpointer.list({ status }))]);
  await see('second page', async () => {
    const { cursor = '' } = await checkpointer.list({ limit: 2 });
    return [...(await checkpointer.list({ cursor }))];
  });
  return view;
}

/** What is neither as it is in truth nor said to be damaged. */
export function faultsOf(view: View, truth: View): readonly string[] {
  return Object.entries(view)
    .filter(([what, seen]) => seen !== DAMAGED && !isDeepStrictEqual(seen, truth[what]))
    .map(([what, seen]) => `${what}: ${JSON.stringify(seen)}`);
}
