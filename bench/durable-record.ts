// Run by durable-resume.bench.ts: records a workflow, and ends its process in the body of the last step.
import { fileCheckpointer } from './durable-store.ts';
import { isShape, longWorkflows } from './durable-workflows.ts';
import { print } from './harness.ts';
import { createRunner } from './troupe.ts';

const [dir = '', shape = '', count = ''] = process.argv.slice(2);
if (!isShape(shape)) throw new Error(`No workflow is called "${shape}"`);
const steps = Number(count);

/** As in a crash nothing is closed, and the lease is not given up. */
function crashAtLast(step: number): void {
  if (step < steps - 1) return;
  print(JSON.stringify({ steps }));
  process.exit(0);
}

const runner = createRunner({ checkpointer: fileCheckpointer({ dir }), durability: 'sync' });
await longWorkflows[shape](steps, crashAtLast).begin(runner);
throw new Error('Expected the process to end before the workflow');
