import type { Invocation } from './invocation.ts';

/** The key of a question as the whole run knows it, and the answer that was given for it up front. */
export function keyAtRoot(
  asker: Invocation,
  key: string,
): { readonly key: string; readonly answer: { readonly value: unknown } | undefined } {
  let known = key;
  let answer: { readonly value: unknown } | undefined;
  for (let each = asker.parent; each !== undefined; each = each.parent) {
    const { graph } = each;
    if (graph === undefined) continue;
    known = graph.keyOutside(known);
    answer ??= graph.takeAnswer(known);
  }
  return { key: known, answer };
}

/** A question of that key, at the root, was asked below a caller by what is not asked again: its answer is used up. */
export function spendAnswer(caller: Invocation, keyOfQuestion: string): void {
  for (let each: Invocation | undefined = caller; each !== undefined; each = each.parent) {
    const { graph, parent } = each;
    if (graph === undefined) continue;
    for (const key of graph.answerKeys) {
      if (keyOutsideOf(parent, key) !== keyOfQuestion) continue;
      graph.takeAnswer(key);
      return;
    }
  }
}

/** The key, at the root, of a key of an invocation. */
export function keyOutsideOf(invocation: Invocation | undefined, key: string): string {
  let known = key;
  for (let each = invocation; each !== undefined; each = each.parent)
    if (each.graph !== undefined) known = each.graph.keyOutside(known);
  return known;
}
