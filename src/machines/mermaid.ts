import type { Chart, Transition } from './chart.ts';

type Listed = Transition<string, string, string> | readonly Transition<string, string, string>[] | undefined;

/** A chart as a Mermaid state diagram. */
export function chartToMermaid(chart: Pick<Chart, 'initial'> & { readonly states: object }): string {
  const lines = ['stateDiagram-v2', `  [*] --> ${chart.initial}`];
  for (const [name, state] of Object.entries<Chart['states'][string]>(chart.states as Chart['states'])) {
    for (const [event, listed] of Object.entries<Listed>(state.on ?? {})) {
      for (const transition of [listed ?? []].flat()) lines.push(arrow(name, event, transition));
    }
    if (state.final === true) lines.push(`  ${name} --> [*]`);
  }
  return lines.join('\n');
}

function arrow(
  from: string,
  event: string,
  { target, guard, update }: Transition<string, string, string>,
): string {
  const condition = guard === undefined ? '' : ` [${guard}]`;
  const effect = update === undefined ? '' : ` / ${update}`;
  return `  ${from} --> ${target ?? from} : ${event}${condition}${effect}`;
}
