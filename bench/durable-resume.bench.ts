// A workflow of 10,000 steps whose process died in the last one: the time from `resume()` to the first new body, against
// the time to read the same records from the bare store. Each round has a copy of what was recorded.
import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { createFolder, fileCheckpointer, openBareRecords } from './durable-store.ts';
import { longWorkflows, type Shape } from './durable-workflows.ts';
import { expectEqual, format, inChild, interleave, median, note, pick, report, type Row } from './harness.ts';
import { createRunner } from './troupe.ts';

const STEPS = pick(10_000, 2_000);
const ROUNDS = pick({ warmup: 5, measured: 15 }, { warmup: 1, measured: 5 });

/** Opening a store is in neither figure: both have read something before. */
async function measureResume(dir: string, shape: Shape): Promise<number> {
  await using checkpointer = fileCheckpointer({ dir });
  expectEqual('how many workflows there are', (await checkpointer.list()).length, 1);
  await using runner = createRunner({ checkpointer, retain: 1 });
  let first: { readonly step: number; readonly at: number } | undefined;
  const workflow = longWorkflows[shape](STEPS, (step) => {
    first ??= { step, at: performance.now() };
  });
  const start = performance.now();
  expectEqual('how many steps it has had', await workflow.resume(runner), STEPS);
  expectEqual('the first new step', first?.step, STEPS - 1);
  return (first?.at ?? Number.NaN) - start;
}

async function measureRead(dir: string): Promise<number> {
  using records = await openBareRecords(dir);
  const start = performance.now();
  const rows = await records.readAll();
  const took = performance.now() - start;
  expectEqual('whether there is a row for each step', rows >= STEPS, true);
  return took;
}

async function bench(shape: Shape, judged: Pick<Row, 'goal'>): Promise<void> {
  await using folder = await createFolder();
  const recorded = join(folder.path, 'recorded');
  const copy = join(folder.path, 'copy');
  await inChild('durable-record.ts', [recorded, shape, String(STEPS)]);
  const onCopy = async (measure: (dir: string, shape: Shape) => Promise<number>): Promise<number> => {
    await rm(copy, { recursive: true, force: true });
    await cp(recorded, copy, { recursive: true });
    return measure(copy, shape);
  };
  const pairs = await interleave(
    ROUNDS,
    () => onCopy(measureResume),
    () => onCopy(measureRead),
  );
  const millis = (values: readonly number[]): string => `${format(median(values))} ms`;
  const name = `durable-resume/${shape} of ${STEPS.toLocaleString('en')}`;
  note(name, { 'to the first new body': millis(pairs.ours), 'to read the records': millis(pairs.theirs) });
  report({ name, values: pairs.ratios, ...judged });
}

await bench('loop', { goal: { atMost: 3 } });
await bench('calls', {});
