// Heap per finished node with its info kept, and growth over further runs when only ten are retained.
import { format, inChild, note, numbersOf, pick, report } from './harness.ts';

const NODES = pick(100_000, 20_000);
const ROUNDS = pick(5, 3);

/** The first few thousand runs add compiled code, which stays; growth is what comes after them. */
const GROWTH = pick(
  { warmup: 10_000, further: 20_000, step: 500 },
  { warmup: 4_000, further: 4_000, step: 250 },
);

const LIMIT_KIB = 1.2;

/**
 * Zero within noise. The smallest leak there can be, one slot of a collection and one object with one field, costs 32
 * bytes a run or more; what the collector and the compiler add and take away over the same runs is below half of that.
 * The short form's few runs are still among those that add compiled code, so it only finds a leak of real objects.
 */
const GROWTH_TOLERANCE_BYTES = pick(16, 32);

async function benchPerNode(shape: string): Promise<void> {
  const untouched: number[] = [];
  const read: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const answer = await inChild('heap.ts', [shape, String(NODES)], ['--expose-gc']);
    untouched.push(...numbersOf(answer, 'untouched').map(toKib));
    read.push(...numbersOf(answer, 'read').map(toKib));
  }
  const unit = 'KiB/node';
  report({ name: `memory/${shape}, info untouched`, values: untouched, unit, limit: { atMost: LIMIT_KIB } });
  report({ name: `memory/${shape}, info read`, values: read, unit, limit: { atMost: LIMIT_KIB } });
}

async function benchGrowth(): Promise<void> {
  const slopes: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const args = ['growth', ...Object.values(GROWTH).map(String)];
    const samples = numbersOf(await inChild('heap.ts', args, ['--expose-gc']), 'samples');
    slopes.push(slopeOf(samples) / GROWTH.step);
    note('memory/growth', {
      [`after ${GROWTH.warmup} runs`]: `${format(toKib(samples[0] ?? Number.NaN))} KiB`,
      [`after ${GROWTH.warmup + GROWTH.further}`]: `${format(toKib(samples.at(-1) ?? Number.NaN))} KiB`,
    });
  }
  report({ name: 'memory/growth', values: slopes, unit: 'B/run', limit: { atMost: GROWTH_TOLERANCE_BYTES } });
}

function toKib(bytes: number): number {
  return bytes / 1_024;
}

/** Least squares over all samples, so that no single collection decides. */
function slopeOf(samples: readonly number[]): number {
  const middle = (samples.length - 1) / 2;
  const mean = samples.reduce((sum, value) => sum + value, 0) / samples.length;
  const covariance = samples.reduce((sum, value, i) => sum + (i - middle) * (value - mean), 0);
  const variance = samples.reduce((sum, _, i) => sum + (i - middle) ** 2, 0);
  return covariance / variance;
}

await benchPerNode('in-sequence');
await benchPerNode('at-once');
await benchGrowth();
