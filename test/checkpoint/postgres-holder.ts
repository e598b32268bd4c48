/**
 * A process of its own for the tests of Postgres: `postgres-holder.ts <connection string> <schema> <workflow>` takes the
 * workflow and appends to it, and prints after each append how many entries there are, until it is killed.
 */
import { postgresCheckpointer } from 'troupe/checkpoint/postgres';
import { batchOf } from './postgres-store.ts';

const [connectionString = '', schema = '', workflowId = ''] = process.argv.slice(2);
const checkpointer = postgresCheckpointer({ connectionString, schema, lease: 600_000 });
const lease = await checkpointer.acquire(workflowId);
for (let first = 0; ; first += 1) {
  await checkpointer.append(lease, batchOf(first));
  console.log(first + 1);
}
