import { mermaidLabel } from '../mermaid-label.ts';
import type { AnyRoutine } from './contract.ts';
import { mapNamesOf } from './flow-json.ts';
import type { FlowParts } from './parts.ts';

/** A flow as a Mermaid flowchart. */
export function drawFlow({ routines, connections }: FlowParts): string {
  const ids = new Map(Array.from(routines.keys(), (name, index) => [name, `n${index}`]));
  const maps = mapNamesOf(connections);
  const boxes = Array.from(
    routines,
    ([name, routine]) => `${ids.get(name) ?? ''}[${mermaidLabel(titleOf(name, routine))}]`,
  );
  const arrows = connections.map(({ from, to }, index) => {
    const map = maps[index];
    const label = `${from.event} → ${to.slot}${map === undefined ? '' : ` (${map})`}`;
    return `${ids.get(from.routine) ?? ''} -->|${mermaidLabel(label)}| ${ids.get(to.routine) ?? ''}`;
  });
  return ['flowchart LR', ...[...boxes, ...arrows].map((line) => `  ${line}`)].join('\n');
}

function titleOf(name: string, { name: own, policy }: AnyRoutine): string {
  return `${name === own ? name : `${name} (${own})`}, ${policy.name}`;
}
