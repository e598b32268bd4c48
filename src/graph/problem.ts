import { GraphConfigError } from '../errors.ts';

/** The error for a graph that is not well formed. */
export function problem({ name }: { readonly name: string }, what: string, hint: string): GraphConfigError {
  return new GraphConfigError(`In graph "${name}", ${what}`, { hint });
}

/** Names as they are shown in messages. */
export function list(names: readonly string[]): string {
  return names.length === 0 ? 'nothing' : names.map((name) => `"${name}"`).join(', ');
}
