import { CheckpointError } from '../errors.ts';
import type { CheckpointerOptions, CheckpointerSettings, Retention } from './checkpointer.ts';

const SHARED = ['retention', 'ttl', 'lease', 'maxValueBytes', 'blobBytes'] as const;

/**
 * The options of a checkpointer with their defaults.
 *
 * @throws {@link CheckpointError} CHECKPOINT when one is unknown or not of the form asked for; `own` are those that only
 * this checkpointer has.
 */
export function settingsOf(
  owner: string,
  options: CheckpointerOptions,
  own: readonly string[] = [],
): CheckpointerSettings {
  assertKnown(owner, options, [...SHARED, ...own]);
  const { retention = 'full', ttl, lease = 30_000, maxValueBytes = 2 ** 26, blobBytes = 2 ** 16 } = options;
  assertRetention(retention);
  assertPositive('ttl', ttl);
  assertPositive('lease', lease);
  assertPositive('maxValueBytes', maxValueBytes);
  assertPositive('blobBytes', blobBytes);
  return { retention, ttlMs: ttl ?? Number.POSITIVE_INFINITY, leaseMs: lease, maxValueBytes, blobBytes };
}

function assertKnown(owner: string, options: unknown, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null)
    throw new CheckpointError(`Expected the options of ${owner} to be an object`, {
      hint: 'Give an object.',
    });
  const unknown = Object.keys(options).find((key) => !known.includes(key));
  if (unknown === undefined) return;
  throw new CheckpointError(`Unknown option \`${unknown}\` of ${owner}`, {
    hint: `There are ${known.map((key) => `\`${key}\``).join(', ')}.`,
  });
}

function assertPositive(name: string, value: unknown): void {
  if (value === undefined || (typeof value === 'number' && value > 0)) return;
  throw new CheckpointError(
    `Expected \`${name}\` to be a number > 0, got a ${typeof value}${typeof value === 'number' ? ` (${value})` : ''}`,
    { hint: `Leave \`${name}\` out for its default.` },
  );
}

function assertRetention(retention: unknown): asserts retention is Retention {
  if (retention === 'full' || retention === 'latest') return;
  const isRecord = typeof retention === 'object' && retention !== null;
  const steps: unknown = isRecord ? Reflect.get(retention, 'steps') : undefined;
  if (Number.isSafeInteger(steps) && Number(steps) >= 0) return;
  throw new CheckpointError('Expected `retention` to be one of "full", "latest", { steps }', {
    hint: '`steps` is an integer >= 0.',
  });
}
