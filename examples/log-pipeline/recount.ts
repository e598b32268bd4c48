import { alarmingCost, batchSize, noTotals, type Totals } from './pipeline.ts';
import { parseLine, readLog, type Damage } from './strikes.ts';

export interface Findings extends Totals {
  readonly lines: number;
  readonly malformed: number;
  readonly alerts: number;
}

/** The same numbers without a flow: one loop over the log. */
export async function recount(): Promise<Findings> {
  const damages: Partial<Record<Damage, number>> = {};
  const found = { ...noTotals, lines: 0, malformed: 0, alerts: 0 };
  for await (const line of readLog()) {
    found.lines += 1;
    try {
      const { damage, costDollars, operator } = parseLine(line);
      found.strikes += 1;
      found.dollars += costDollars;
      if (operator === 'MILITARY') found.military += 1;
      if (costDollars >= alarmingCost) found.alerts += 1;
      damages[damage] = (damages[damage] ?? 0) + 1;
    } catch {
      found.malformed += 1;
    }
  }
  return { ...found, damages, batches: Math.ceil(found.strikes / batchSize) };
}
