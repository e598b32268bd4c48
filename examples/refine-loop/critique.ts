import { z } from 'zod';

import { contentWords, countOf, readingEase, wordsOf } from './text.ts';

/** What a summary must keep to. */
export interface Limits {
  /** The most words it may have. */
  readonly words: number;
  /** The lowest score of Flesch's reading ease. */
  readonly ease: number;
  /** How often one word that is no key term may occur. */
  readonly repeats: number;
}

export const reviewSchema = z.object({
  words: z.number(),
  ease: z.number(),
  findings: z.array(
    z.discriminatedUnion('rule', [
      z.object({ rule: z.literal('missing'), term: z.string() }),
      z.object({ rule: z.literal('length'), over: z.number() }),
      z.object({ rule: z.literal('repeated'), word: z.string(), times: z.number() }),
      z.object({ rule: z.literal('readability'), below: z.number() }),
    ]),
  ),
});

/** A draft as it was measured. */
export type Review = z.infer<typeof reviewSchema>;
export type Finding = Review['findings'][number];

/** Measures a draft; what matters most comes first. */
export function measure(draft: string, terms: readonly string[], limits: Limits): Review {
  const words = wordsOf(draft).length;
  const ease = readingEase(draft);
  const counts = countOf(contentWords(draft));
  const findings: Finding[] = [
    ...terms.filter((term) => !counts.has(term)).map((term) => ({ rule: 'missing' as const, term })),
    ...(words > limits.words ? [{ rule: 'length' as const, over: words - limits.words }] : []),
    ...[...counts]
      .filter(([word, times]) => times > limits.repeats && !terms.includes(word))
      .map(([word, times]) => ({ rule: 'repeated' as const, word, times })),
    ...(ease < limits.ease ? [{ rule: 'readability' as const, below: limits.ease - ease }] : []),
  ];
  return { words, ease, findings };
}

export function describe(finding: Finding): string {
  switch (finding.rule) {
    case 'missing':
      return `says nothing of "${finding.term}"`;
    case 'length':
      return `${finding.over} words too long`;
    case 'repeated':
      return `"${finding.word}" occurs ${finding.times} times`;
    default:
      return `${finding.below} points too hard to read`;
  }
}
