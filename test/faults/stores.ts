import { fileCheckpointer, type Checkpointer, type CheckpointerOptions } from 'troupe/checkpoint';
import { postgresCheckpointer } from 'troupe/checkpoint/postgres';

/** Where a store is, so that every process can open it. */
export type StorePlace =
  | { readonly type: 'file'; readonly dir: string; readonly maxBytes?: number }
  | {
      readonly type: 'postgres';
      readonly connectionString: string;
      readonly schema: string;
      readonly retryFor?: number;
    };

/** Opens a store. */
export function openStore(place: StorePlace, options: CheckpointerOptions = {}): Checkpointer {
  const { type, ...own } = place;
  // Small, so that the workflows of the tests have values that are stored by themselves.
  const all = { blobBytes: 256, ...options, ...own };
  return type === 'file'
    ? fileCheckpointer(all as Parameters<typeof fileCheckpointer>[0]) // of that type
    : postgresCheckpointer(all as Parameters<typeof postgresCheckpointer>[0]); // of that type
}
