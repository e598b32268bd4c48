import { join } from 'node:path';
import type { Checkpointer } from 'troupe/checkpoint';
import { newFolder, Sailor } from './processes.ts';
import type { StoreKind } from './store-kinds.ts';
import { openStore, type StorePlace } from './stores.ts';
import type { SailorSettings } from './talk.ts';

/** A store, and the processes that share it. */
export interface Bay extends AsyncDisposable {
  readonly place: StorePlace;
  readonly checkpointer: Checkpointer;
  readonly effects: string;
  readonly start: (more?: Partial<SailorSettings>, through?: readonly string[]) => Promise<Sailor>;
}

/** A store of that kind, which is removed with it; the processes are ended. */
export async function openBay(kind: StoreKind): Promise<Bay> {
  const folder = await newFolder();
  const store = kind.create(folder.dir);
  const { place } = store;
  const checkpointer = openStore(place);
  const effects = join(folder.dir, 'effects');
  const sailors: Sailor[] = [];
  return {
    place,
    checkpointer,
    effects,
    start: async (more = {}, through = []) => {
      const settings = { store: place, effects, process: sailors.length, ...more };
      const sailor = await Sailor.start(settings, through);
      sailors.push(sailor);
      return sailor;
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(sailors.map((sailor) => sailor.kill()));
      await checkpointer.close();
      await store[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}
