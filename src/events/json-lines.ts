import { once } from 'node:events';
import { createWriteStream, type WriteStream } from 'node:fs';
import { toJsonValue } from '../json-value.ts';
import type { EventProcessor } from './events.ts';

/**
 * A processor that appends every event to a file, one JSON object a line. The file is opened when the first event comes,
 * and a slow disk holds back this processor only.
 *
 * @example
 * ```ts
 * import { createRunner, jsonLines, node } from 'troupe';
 * import { tmpdir } from 'node:os';
 * import { join } from 'node:path';
 *
 * const hello = node('hello', () => 'hello');
 * await using runner = createRunner({ processors: [jsonLines(join(tmpdir(), 'events.jsonl'))] });
 * await runner.run(hello);
 * ```
 */
export function jsonLines(path: string): EventProcessor {
  let stream: WriteStream | undefined;
  let failure: Error | undefined;
  const open = (): WriteStream => {
    const opened = createWriteStream(path, { flags: 'a' });
    opened.on('error', (error) => (failure = error));
    return opened;
  };
  return {
    onEvent: async (event) => {
      if (failure !== undefined) throw failure;
      stream ??= open();
      if (!stream.write(`${JSON.stringify(toJsonValue(event, ''))}\n`)) await once(stream, 'drain');
    },
    close: async () => {
      if (stream === undefined || failure !== undefined) return;
      stream.end();
      await once(stream, 'close');
      stream = undefined;
    },
  };
}
