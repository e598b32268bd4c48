import type { RunContext } from './contract.ts';

/**
 * Fills bare `{key}` placeholders of a text from the context. Unknown keys stay as written, `{{key}}` becomes `{key}`,
 * and what is filled in is not looked through again. Texts go in as they are, other values as JSON.
 *
 * @example
 * ```ts
 * import { context, createRunner, inject, node } from 'troupe';
 *
 * const greet = node('greet', () => inject('Hello {user}, not {{user}}', context()));
 * await using runner = createRunner({ context: { user: 'Ada' } });
 * console.log((await runner.run(greet)).answer); // Hello Ada, not {user}
 * ```
 */
export function inject(text: string, context: Pick<RunContext, 'get' | 'has'>): string {
  return text.replaceAll(
    /\{\{([^{}]*)\}\}|\{([^{}]+)\}/g,
    (written, escaped: string | undefined, key: string | undefined) => {
      if (escaped !== undefined) return `{${escaped}}`;
      if (key === undefined || !context.has(key)) return written;
      const value = context.get(key);
      return typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value);
    },
  );
}
