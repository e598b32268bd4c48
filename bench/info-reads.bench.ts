// What it costs to look at a run while it runs. A read after every node sees one change, whether 1,000 or 100,000 nodes
// exist by then: its cost must follow what changed.
import { setImmediate } from 'node:timers/promises';

import { noop } from './floor.ts';
import { expectEqual, micros, note, pick, report } from './harness.ts';
import { createRunner, node } from './troupe.ts';

const FEW = 1_000;
const MANY = pick(100_000, 20_000);
const ROUNDS = pick({ warmup: 1, measured: 7 }, { warmup: 1, measured: 3 });
const PERIODS = [1, 10, 100, 1_000] as const;

/** How many nodes a window of timed reads spans. */
const WINDOW = 2_000;

const leaf = node('leaf', async (_: number, ctx) => {
  await noop();
  return ctx.requestId;
});

interface Windows {
  /** Mean microseconds per read when FEW nodes exist, and when MANY do. */
  readonly few: number;
  readonly many: number;
}

/** One run; `info` is read after each `period` nodes all along, and timed in two windows. */
async function measureReads(period: number): Promise<Windows> {
  await using runner = createRunner({ retain: 1 });
  const few = createWindow(FEW);
  const many = createWindow(MANY);
  const reader = node('reader', async (count: number, ctx) => {
    // The body may start before `iter` has returned the handle.
    await setImmediate();
    for (let calls = 1; calls <= count; calls++) {
      const lastId = await ctx.call(leaf, calls);
      if (calls % period !== 0) continue;
      const elapsed = timeRead(lastId, calls);
      few.add(calls, elapsed);
      many.add(calls, elapsed);
    }
  });
  const handle = runner.iter(reader, MANY + WINDOW);

  function timeRead(lastId: string, calls: number): number {
    const start = performance.now();
    const { requests } = handle.info;
    const size = requests.size;
    const output = requests.get(lastId)?.output;
    const elapsed = performance.now() - start;
    if (size !== calls + 1 || output !== lastId)
      expectEqual('what was read', `${size} ${String(output)}`, `${calls + 1} ${lastId}`);
    return elapsed;
  }

  await handle.result;
  return { few: few.mean(), many: many.mean() };
}

function createWindow(start: number) {
  let reads = 0;
  let total = 0;
  return {
    add: (calls: number, elapsed: number) => {
      if (calls <= start || calls > start + WINDOW) return;
      reads++;
      total += elapsed;
    },
    mean: () => (total * 1_000) / reads,
  };
}

const costs = new Map<number, Windows[]>(PERIODS.map((period) => [period, []]));
for (let round = -ROUNDS.warmup; round < ROUNDS.measured; round++) {
  for (const period of PERIODS) {
    const windows = await measureReads(period);
    if (round >= 0) costs.get(period)?.push(windows);
  }
}

for (const [period, windows] of costs) {
  const name = `info-reads/every-${period}`;
  const ratios = windows.map(({ few, many }) => many / few);
  note(name, {
    [`a read at ${FEW}`]: micros(windows.map(({ few }) => few)),
    [`at ${MANY}`]: micros(windows.map(({ many }) => many)),
  });
  // Longer periods have few reads to a window, too few to hold a limit by.
  report({ name, values: ratios, ...(period === 1 && { limit: { atMost: 3 } }) });
}

// Per changed node a rare read may cost less than a frequent one, never more.
const [often, seldom] = [costs.get(1) ?? [], costs.get(100) ?? []];
report({
  name: 'info-reads/per-change, 100:1',
  values: seldom.map(({ many }, i) => many / 100 / (often[i]?.many ?? Number.NaN)),
});
