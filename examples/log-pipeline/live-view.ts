import { setInterval as every } from 'node:timers/promises';

import type { RoutineMetrics, Runtime } from 'troupe/flow';

const everyMs = 100;
const barWidth = 20;

/** Draws a line for each routine of a flow, again and again, where there is a terminal. Gives what ends that. */
export function watch(runtime: Runtime, flowName: string, out: NodeJS.WriteStream): () => Promise<void> {
  const end = new AbortController();
  const view = out.isTTY
    ? redraw(out, () => linesOf(runtime.metrics().flows?.[flowName] ?? {}), end.signal)
    : null;
  return async () => {
    end.abort();
    await view;
  };
}

async function redraw(
  out: NodeJS.WriteStream,
  lines: () => readonly string[],
  signal: AbortSignal,
): Promise<void> {
  let drawn = 0;
  const draw = (): void => {
    if (drawn > 0) out.moveCursor(0, -drawn);
    const now = lines();
    for (const line of now) {
      out.clearLine(0);
      out.write(`${line.slice(0, out.columns)}\n`);
    }
    drawn = now.length;
  };
  draw();
  try {
    for await (const _ of every(everyMs, undefined, { signal })) draw();
  } catch (error) {
    if (!signal.aborted) throw error;
    draw();
  }
}

function linesOf(routines: Readonly<Record<string, RoutineMetrics>>): readonly string[] {
  return Object.entries(routines).map(([name, { messages, activations, durationMs, slots }]) => {
    const waiting = Object.values(slots);
    const depth = waiting.reduce((sum, slot) => sum + slot.depth, 0);
    const pressure = Math.max(...waiting.map((slot) => slot.pressure));
    return [
      name.padEnd(8),
      `${messages} messages`.padStart(16),
      `${activations} runs`.padStart(12),
      `${durationMs.mean.toFixed(2)} ms each`.padStart(16),
      `  ${'█'.repeat(Math.round(pressure * barWidth)).padEnd(barWidth, '·')} ${depth} waiting`,
    ].join('');
  });
}

/** A line for each routine with what is the same at each run: how many messages it got, and on how many it failed. */
export function summaryOf(runtime: Runtime, flowName: string): readonly string[] {
  const routines = Object.entries(runtime.metrics().flows?.[flowName] ?? {});
  return routines.map(
    ([name, { messages, failed }]) =>
      `  ${name.padEnd(8)}${String(messages).padStart(6)} messages${failed > 0 ? `, ${failed} failed` : ''}`,
  );
}
