import { graph, ifElse, input, interrupt, node, type NodeContext } from 'troupe';
import { z } from 'zod';

import type { Bank } from './bank.ts';

export interface Invoice {
  readonly number: string;
  readonly supplier: string;
  readonly euros: number;
}

/** The bank is no data: each process puts its own into the context. The key is the same in whichever process this runs. */
function askBank(order: string, { context, idempotencyKey }: NodeContext): Promise<string> {
  return context.get<Bank>('bank').carryOut(order, idempotencyKey);
}

const reserve = node({
  name: 'reserve',
  inputs: { invoice: input<Invoice>() },
  output: 'reservation',
  run: ({ invoice }, ctx) => askBank(`reserve ${invoice.euros} €`, ctx),
});

const approve = interrupt({
  name: 'approve',
  inputs: { invoice: input<Invoice>(), reservation: input<string>() },
  response: 'decision',
  schema: z.enum(['yes', 'no']),
  run: ({ invoice }) => `Pay ${invoice.euros} € to ${invoice.supplier}?`,
});

const isApproved = ifElse({
  name: 'isApproved',
  inputs: { decision: input<'yes' | 'no'>() },
  then: 'pay',
  else: 'release',
  run: ({ decision }) => decision === 'yes',
});

const pay = node({
  name: 'pay',
  inputs: { invoice: input<Invoice>(), reservation: input<string>() },
  output: 'payment',
  run: ({ invoice }, ctx) => askBank(`pay ${invoice.euros} €`, ctx),
});

const release = node({
  name: 'release',
  inputs: { invoice: input<Invoice>(), reservation: input<string>() },
  output: 'released',
  run: ({ invoice }, ctx) => askBank(`release ${invoice.euros} €`, ctx),
});

const advise = node({
  name: 'advise',
  inputs: { invoice: input<Invoice>(), payment: input<string>() },
  output: 'advice',
  run: ({ invoice }, ctx) => askBank(`advise ${invoice.supplier}`, ctx),
});

/** Takes `invoice`; gives `advice` when it was paid, `released` when it was not approved. */
export const payInvoice = graph({
  name: 'payInvoice',
  nodes: [reserve, approve, isApproved, pay, release, advise],
});
