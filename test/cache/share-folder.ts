/**
 * A process of its own for disk.test.ts: `share-folder.ts <dir> <name> <count>` writes entries of its own and one that all
 * write, then reads what is there and prints what it saw.
 */
import { diskCache } from 'troupe/cache';

const [dir = '', name = '', count = '0'] = process.argv.slice(2);
await using cache = diskCache({ dir });

const writes: Promise<void>[] = [];
for (let index = 0; index < Number(count); index += 1) {
  writes.push(
    cache.set(`${name} ${index}`, `${name} wrote ${index}`),
    cache.set('shared', 'x'.repeat(1_000)),
  );
}
await Promise.all(writes);

console.log(
  JSON.stringify({
    own: cache.get(`${name} 0`),
    shared: cache.get('shared')?.length,
    first: cache.get('first'),
  }),
);
