import { setTimeout as sleep } from 'node:timers/promises';

import { aggregator, batcher, filter, flow, mapRoutine, routine, slot } from 'troupe/flow';

import { parseLine, type Damage, type EnrichedStrike } from './strikes.ts';

/** So many in a batch; a batch that is not full waits until the pipeline is drained. */
export const batchSize = 500;

/** What a strike must cost to be told at once, in dollars. */
export const alarmingCost = 1_000_000;

export interface CostOfBatch {
  readonly strikes: number;
  readonly military: number;
  readonly dollars: number;
}

export type DamageCounts = Readonly<Partial<Record<Damage, number>>>;

/** What the pipeline has found, in the state of `total`. */
export interface Totals extends CostOfBatch {
  readonly batches: number;
  readonly damages: DamageCounts;
}

export const noTotals: Totals = { batches: 0, strikes: 0, military: 0, dollars: 0, damages: {} };

/** A slot that makes whoever sends to it wait while it is full: so nothing reads faster than the slowest can work. */
const narrow = { capacity: 64, overflow: 'block' } as const;

const parse = mapRoutine('parse', parseLine, {
  input: slot(narrow),
  onError: 'continue', // what it throws on becomes a dead letter
});

const enrich = mapRoutine(
  'enrich',
  ({ operator, ...strike }: ReturnType<typeof parseLine>): EnrichedStrike => ({
    ...strike,
    isMilitary: operator === 'MILITARY',
  }),
  { input: slot(narrow) },
);

const costly = filter('costly', ({ costDollars }: EnrichedStrike) => costDollars >= alarmingCost, {
  input: slot(narrow),
});

const alert = routine({
  name: 'alert',
  slots: { strike: slot<EnrichedStrike>() },
  run: ({ strike }, { state }) => {
    state.set('alerts', [...state.get<readonly EnrichedStrike[]>('alerts', []), ...strike]);
  },
});

const batch = batcher('batch', {
  input: slot<EnrichedStrike>({ capacity: batchSize, overflow: 'block' }),
  size: batchSize,
});

const cost = mapRoutine(
  'cost',
  (strikes: readonly EnrichedStrike[]): CostOfBatch => ({
    strikes: strikes.length,
    military: strikes.filter(({ isMilitary }) => isMilitary).length,
    dollars: strikes.reduce((sum, { costDollars }) => sum + costDollars, 0),
  }),
  { input: slot({ capacity: 1, overflow: 'block' }) },
);

const damage = mapRoutine(
  'damage',
  (strikes: readonly EnrichedStrike[]) => {
    const counts: Partial<Record<Damage, number>> = {};
    for (const { damage: kind } of strikes) counts[kind] = (counts[kind] ?? 0) + 1;
    return counts;
  },
  { input: slot({ capacity: 1, overflow: 'block' }) },
);

const join = aggregator('join', { slots: { cost: slot<CostOfBatch>(), damage: slot<DamageCounts>() } });

/** Adds up; `paceMs` for each batch, so that one can watch the others wait. */
const totalAt = (paceMs: number) =>
  routine({
    name: 'total',
    slots: {
      batch: slot<{ readonly cost: CostOfBatch; readonly damage: DamageCounts }>({
        capacity: 1,
        overflow: 'block',
      }),
    },
    run: async ({ batch: sums }, { state, signal }) => {
      for (const sum of sums) {
        if (paceMs > 0) await sleep(paceMs, undefined, { signal });
        state.set('totals', added(state.get('totals', noTotals), sum));
      }
    },
  });

function added(
  { batches, strikes, military, dollars, damages }: Totals,
  sum: { readonly cost: CostOfBatch; readonly damage: DamageCounts },
): Totals {
  const kinds = Object.entries(sum.damage) as [Damage, number][];
  return {
    batches: batches + 1,
    strikes: strikes + sum.cost.strikes,
    military: military + sum.cost.military,
    dollars: dollars + sum.cost.dollars,
    damages: {
      ...damages,
      ...Object.fromEntries(kinds.map(([kind, n]) => [kind, (damages[kind] ?? 0) + n])),
    },
  };
}

/** Lines of the log come in at `parse.input`. */
export const pipelineAt = (paceMs: number) =>
  flow('log-pipeline')
    .add(parse)
    .add(enrich)
    .add(costly)
    .add(alert)
    .add(batch)
    .add(cost)
    .add(damage)
    .add(join)
    .add(totalAt(paceMs), 'total')
    .connect('parse.output', 'enrich.input')
    .connect('enrich.output', 'costly.input')
    .connect('enrich.output', 'batch.input')
    .connect('costly.output', 'alert.strike')
    .connect('batch.batch', 'cost.input')
    .connect('batch.batch', 'damage.input')
    .connect('cost.output', 'join.cost')
    .connect('damage.output', 'join.damage')
    .connect('join.output', 'total.batch');
