import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

const commands = ['all', 'start', 'status', 'answer', 'finish'] as const;
export type Command = (typeof commands)[number];

export interface Settings {
  readonly command: Command;
  /** What follows the command. */
  readonly word: string | undefined;
  /** The folder of the store and of the bank's book; undefined: one of its own, removed at the end. */
  readonly dir: string | undefined;
  /** How long a reply of the bank is under way, in ms. */
  readonly replyMs: number;
  /** Whether the driver ends a process in the middle of a payment as well. */
  readonly crashes: boolean;
}

export const usage = `Usage: npm run approval -- [command] [options]

  all           run all of the commands below as processes, and end one while it waits (default)
  start         begin to pay an invoice, and wait for the approval
  status        list the workflows and their open questions
  answer yes    approve it; or: answer no
  finish        go on with what was begun and has nobody at work on it

  --dir DIR     where everything is kept (default ./approval-out; all: a temporary folder)
  --crash       all: end one more process, after the bank has paid and before its reply has come
  --reply MS    how long a reply of the bank is under way (default 0)
  --help        show this text`;

/**
 * The settings that the arguments ask for, or `'help'`.
 *
 * @throws TypeError or RangeError when an argument is unknown or out of range
 */
export function readSettings(args: readonly string[]): Settings | 'help' {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      dir: { type: 'string' },
      crash: { type: 'boolean', default: false },
      reply: { type: 'string', default: '0' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  const [name = 'all', word, ...rest] = positionals;
  const command = commands.find((each) => each === name);
  const needsWord = command === 'answer';
  if (command === undefined || rest.length > 0 || (word !== undefined) !== needsWord)
    throw new RangeError(`Expected one of the commands below, got '${positionals.join(' ')}'`);
  const replyMs = Number(values.reply);
  if (!Number.isInteger(replyMs) || replyMs < 0)
    throw new RangeError(`Expected --reply to be an integer from 0, got '${values.reply}'`);
  const given = values.dir === undefined ? undefined : resolve(values.dir);
  const dir = given ?? (command === 'all' ? undefined : resolve('approval-out'));
  return { command, word, dir, replyMs, crashes: values.crash };
}
