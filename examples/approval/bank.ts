import { existsSync, readFileSync } from 'node:fs';
import { appendFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';

const requestSchema = z.object({
  /** What it was asked to do. */
  order: z.string(),
  /** The idempotency key that came with it. */
  key: z.string(),
  /** The process that asked. */
  by: z.string(),
  /** Whether it had done that before, and so did nothing. */
  isRepeat: z.boolean(),
});

/** One request that has reached the bank. */
export type BankRequest = z.infer<typeof requestSchema>;

/**
 * Stands for a service outside: what it does cannot be undone by ending a process. As such services should, it takes an
 * idempotency key with each order, and does not carry out again what it has done under that key.
 */
export class Bank {
  readonly #path: string;
  readonly #client: { readonly name: string; readonly replyMs: number };

  /** `replyMs`: how long a reply is under way to this client. */
  constructor(path: string, client: { readonly name: string; readonly replyMs: number }) {
    this.#path = path;
    this.#client = client;
  }

  /** Carries out an order, and gives its reference when the reply has come. */
  async carryOut(order: string, key: string): Promise<string> {
    const done = readRequests(this.#path);
    const isRepeat = done.some((request) => request.key === key);
    const request: BankRequest = { order, key, by: this.#client.name, isRepeat };
    await appendFile(this.#path, `${JSON.stringify(request)}\n`);
    console.log(`bank: ${order}${isRepeat ? ' was done before, under the same key' : ''}`);
    await wait(this.#client.replyMs);
    return `${order}, reference ${key.slice(-2)}`;
  }
}

/** Every request that has reached the bank whose book this is, oldest first. */
export function readRequests(path: string): readonly BankRequest[] {
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, 'utf8').split('\n').filter(Boolean);
  return lines.map((line) => requestSchema.parse(JSON.parse(line)));
}
