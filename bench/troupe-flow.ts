import { pathToFileURL } from 'node:url';

import type * as Flow from '../src/flow/index.ts';

const chosen = process.env['TROUPE_BENCH_ENTRY'];
const entry =
  chosen === undefined
    ? new URL('../dist/flow/index.js', import.meta.url)
    : new URL('flow/index.js', pathToFileURL(chosen));

/** Of the same build as what `troupe.ts` gives. */
export const { batchSize, createRuntime, event, flow, immediate, routine, slot } = (await import(
  entry.href
)) as typeof Flow;
