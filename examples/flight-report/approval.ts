import type { Interface } from 'node:readline/promises';
import { z } from 'zod';

export const approvalSchema = z.object({
  approved: z.boolean(),
  /** How the answer was given, as the report says it after "Approved". */
  by: z.string().min(1),
  note: z.string().default(''),
});

export const questionSchema = z.object({
  prompt: z.string(),
  conclusions: z.array(z.object({ headline: z.string(), detail: z.string() })),
});

export type Approval = z.input<typeof approvalSchema>;
export type Question = z.output<typeof questionSchema>;

export function describeQuestion({ conclusions }: Question): string {
  return conclusions
    .map(({ headline, detail }, index) => `${index + 1}. ${headline}\n   ${detail}\n`)
    .join('\n');
}

/** Asks at the terminal; anything but a yes, and the end of the input, is a no. */
export async function askForApproval({ prompt }: Question, terminal: Interface): Promise<Approval> {
  const lines = terminal[Symbol.asyncIterator]();
  const ask = async (text: string): Promise<string> => {
    terminal.setPrompt(text);
    terminal.prompt();
    const line = await lines.next();
    return line.done === true ? '' : line.value.trim();
  };

  const approved = /^y(es)?$/i.test(await ask(`${prompt} [y/N] `));
  const note = approved ? await ask('A note for the report (may be empty): ') : '';
  return { approved, by: 'at the terminal', note };
}
