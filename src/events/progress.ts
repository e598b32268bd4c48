import { afterThisTurn } from '../clock.ts';
import type { EventProcessor, TroupeEvent } from './events.ts';

/** Where progress is shown. */
export interface ProgressStream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** Options of {@link progress}. */
export interface ProgressOptions {
  /** Default: `process.stderr`. */
  readonly stream?: ProgressStream;
}

interface Count {
  created: number;
  ended: number;
  failed: number;
}

/**
 * A processor that shows how far a run is: a bar for each node name on a terminal, plain lines elsewhere.
 *
 * @example
 * ```ts
 * import { createRunner, node, progress } from 'troupe';
 *
 * const hello = node('hello', () => 'hello');
 * await using runner = createRunner({ processors: [progress()] });
 * await runner.run(hello);
 * ```
 */
export function progress({ stream = process.stderr }: ProgressOptions = {}): EventProcessor {
  const counts = new Map<string, Count>();
  let drawnLines = 0;
  let isDue = false;
  let liveRuns = 0;
  const draw = (): void => {
    isDue = false;
    const lines = [...counts].map(([name, each]) => bar(name, each, stream.columns ?? 80));
    const up = drawnLines === 0 ? '' : `\u001B[${drawnLines}A`;
    stream.write(`${up}\u001B[0J${lines.join('\n')}\n`);
    drawnLines = lines.length;
  };
  return {
    onEvent: (event) => {
      if (stream.isTTY !== true) {
        const line = plainLine(event);
        if (line !== undefined) stream.write(`${line}\n`);
        return;
      }
      if (event.type === 'RunStart') {
        // The bars of runs that go on at the same time stand together.
        if (liveRuns === 0) {
          counts.clear();
          drawnLines = 0;
        }
        liveRuns += 1;
      } else if (event.type === 'RunEnd') liveRuns -= 1;
      if (event.type === 'Interrupt') {
        // Whoever answers writes below the bars: what comes later must not be drawn over it.
        if (isDue) draw();
        drawnLines = 0;
        return;
      }
      if (!count(counts, event)) return;
      if (event.type === 'RunEnd') {
        draw();
        return;
      }
      // A burst of events is drawn once.
      if (isDue) return;
      isDue = true;
      afterThisTurn(() => isDue && draw());
    },
    close: () => {
      if (isDue) draw();
    },
  };
}

/** Counts an event; false for one that changes no bar. */
function count(counts: Map<string, Count>, event: TroupeEvent): boolean {
  if (event.type === 'RunEnd') return true;
  if (!('nodeName' in event)) return false;
  const known = counts.get(event.nodeName) ?? { created: 0, ended: 0, failed: 0 };
  switch (event.type) {
    case 'RequestCreation':
      known.created += 1;
      break;
    case 'RequestSuccess':
      known.ended += 1;
      break;
    case 'RequestFailure':
    case 'RequestCreationFailure':
    case 'RequestTimedOut':
    case 'RequestCancelled':
      known.ended += 1;
      known.failed += 1;
      break;
    default:
      return false;
  }
  counts.set(event.nodeName, known);
  return true;
}

function bar(name: string, { created, ended, failed }: Count, columns: number): string {
  const tail = ` ${ended}/${created}${failed === 0 ? '' : ` (${failed} not well)`}`;
  const label = name.length > 24 ? `${name.slice(0, 23)}…` : name.padEnd(24);
  const width = Math.max(5, Math.min(40, columns - label.length - tail.length - 4));
  const filled = Math.round((ended / created) * width);
  return `${label} ${'█'.repeat(filled)}${'░'.repeat(width - filled)}${tail}`;
}

function plainLine(event: TroupeEvent): string | undefined {
  switch (event.type) {
    case 'RunStart':
      return `${event.target}: started`;
    case 'NodeRetry':
      return `${event.nodeName}: attempt ${event.attempt} failed, again in ${Math.round(event.delayMs)} ms`;
    case 'NodeEnd':
      return `${event.nodeName}: done in ${event.durationMs} ms`;
    case 'NodeError':
      return `${event.nodeName}: failed`;
    case 'NodeSkipped':
      return `${event.nodeName}: skipped, ${event.reason}`;
    case 'Interrupt':
      return `${event.node}: waits for "${event.key}"`;
    case 'RunEnd':
      return `run ${event.status} in ${event.durationMs} ms`;
    default:
      return undefined;
  }
}
