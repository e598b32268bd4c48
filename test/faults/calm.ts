import { createRunner } from 'troupe';
import type { Checkpointer } from 'troupe/checkpoint';
import { PERMISSION, PROVISIONS, voyageOf, type Effect } from './voyage.ts';

/** A voyage that nothing disturbs. */
export async function calmVoyage(): Promise<{
  readonly outputs: unknown;
  readonly effects: readonly Effect[];
}> {
  const effects: Effect[] = [];
  await using runner = createRunner();
  const voyage = voyageOf({ note: (effect) => effects.push(effect), work: async () => {} });
  const { outputs } = await runner.run(voyage, { ...PROVISIONS, permission: PERMISSION });
  return { outputs, effects };
}

/** Brings a workflow to where it waits for an answer, or past it to its end, and leaves it there. */
export async function prepareVoyage(
  checkpointer: Checkpointer,
  workflowId: string,
  until: 'question' | 'end' = 'question',
): Promise<void> {
  await using runner = createRunner({ checkpointer });
  const voyage = voyageOf({ note: () => {}, work: async () => {} });
  const answers = until === 'end' ? { permission: PERMISSION } : {};
  await runner.run(voyage, { ...PROVISIONS, ...answers }, { workflowId });
}
