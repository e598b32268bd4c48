import { END, graph, ifElse, input, interrupt, node, route } from 'troupe';
import { z } from 'zod';

import { measure, type Limits, type Review } from './critique.ts';
import { firstDraft, revised } from './revise.ts';
import { keyTerms } from './text.ts';

const findTerms = node({
  name: 'findTerms',
  inputs: { source: input<string>(), termCount: input(6) },
  output: 'terms',
  run: ({ source, termCount }) => keyTerms(source, termCount),
});

const write = node({
  name: 'write',
  inputs: { source: input<string>(), terms: input<readonly string[]>() },
  output: 'draft',
  run: ({ source, terms }) => firstDraft(source, terms),
});

// critique -> goOn -> revise -> critique: a loop, as revise writes the draft that critique reads.
const critique = node({
  name: 'critique',
  inputs: { draft: input<string>(), terms: input<readonly string[]>(), limits: input<Limits>() },
  output: 'review',
  run: ({ draft, terms, limits }): Review => measure(draft, terms, limits),
});

const goOn = route({
  name: 'goOn',
  inputs: { review: input<Review>() },
  targets: ['revise', END], // END ends this branch: the loop is over, and what reads its draft can start
  run: ({ review }) => (review.findings.length > 0 ? 'revise' : END),
});

const revise = node({
  name: 'revise',
  inputs: {
    draft: input<string>(),
    review: input<Review>(),
    source: input<string>(),
    terms: input<readonly string[]>(),
  },
  output: 'draft',
  run: ({ draft, review: { findings }, source, terms }) =>
    findings[0] === undefined ? draft : revised(draft, findings[0], { source, terms }),
});

// It reads what the loop writes, so it asks once, about the last draft.
const approve = interrupt({
  name: 'approve',
  inputs: { draft: input<string>() },
  response: 'decision',
  schema: z.enum(['yes', 'no']),
  run: ({ draft }) => ({ prompt: 'Publish this summary?', draft }),
});

const isApproved = ifElse({
  name: 'isApproved',
  inputs: { decision: input<'yes' | 'no'>() },
  then: 'publish',
  else: END,
  run: ({ decision }) => decision === 'yes',
});

const publish = node({
  name: 'publish',
  inputs: { draft: input<string>(), review: input<Review>() },
  output: 'summary',
  run: ({ draft, review }) =>
    `# Summary\n\n${draft}\n\n${review.words} words, reading ease ${review.ease}.\n`,
});

/** Takes `source` and `limits`; gives `summary`, if the last draft was approved. */
export const refine = graph({
  name: 'refine',
  nodes: [findTerms, write, critique, goOn, revise, approve, isApproved, publish],
  maxIterations: 20, // a summary that cannot be brought within its limits ends in an InfiniteLoopError
});
