import { stringify } from 'yaml';
import type { RoutineErrorPolicy } from './contract.ts';
import type { FlowConnectionJSON, FlowJSON } from './flow-types.ts';
import type { Connection, FlowParts } from './parts.ts';

/** A connection of a flow that was read from a description, which named the function. */
export interface NamedConnection extends Connection {
  readonly mapName?: string;
}

/** A flow as JSON. */
export function flowAsJSON({ name, routines, connections, onError }: FlowParts): FlowJSON {
  const maps = mapNamesOf(connections);
  return {
    version: 1,
    name,
    routines: Array.from(routines, ([inFlow, routine]) => ({ name: inFlow, routine: routine.name })),
    connections: connections.map((connection, index) => connectionAsJSON(connection, maps[index])),
    ...(onError === undefined || holdsCode(onError) ? {} : { onError: asData(onError) }),
  };
}

/** A flow as YAML. */
export function flowAsYAML(parts: FlowParts): string {
  return stringify(flowAsJSON(parts), { lineWidth: 0 });
}

/**
 * What the function of each connection is called: its name in the description that it came from, else its own. The
 * second function of a name gets a number.
 */
export function mapNamesOf(connections: readonly NamedConnection[]): readonly (string | undefined)[] {
  const names = new Map<unknown, string>();
  const taken = new Set<string>();
  for (const { map, mapName } of connections) {
    if (mapName === undefined) continue;
    taken.add(mapName);
    if (!names.has(map)) names.set(map, mapName);
  }
  return connections.map(({ map, mapName }) => {
    if (map === undefined || mapName !== undefined) return mapName;
    const name = names.get(map) ?? freeName(map.name, taken);
    names.set(map, name);
    taken.add(name);
    return name;
  });
}

function freeName(own: unknown, taken: ReadonlySet<string>): string {
  // No record can safely have `__proto__`, and `flowFromJSON` gets the functions in one.
  const base = typeof own === 'string' && own !== '' && own !== '__proto__' ? own : 'map';
  let name = base;
  for (let count = 2; taken.has(name); count += 1) name = `${base}${count}`;
  return name;
}

function connectionAsJSON({ from, to }: Connection, map: string | undefined): FlowConnectionJSON {
  const ends = { from: `${from.routine}.${from.event}`, to: `${to.routine}.${to.slot}` };
  return map === undefined ? ends : { ...ends, map };
}

function holdsCode(policy: RoutineErrorPolicy): boolean {
  return typeof policy === 'object' && policy.retry.on !== undefined;
}

/** A copy without what is `undefined`. */
function asData(policy: RoutineErrorPolicy): RoutineErrorPolicy {
  return JSON.parse(JSON.stringify(policy)) as RoutineErrorPolicy; // all that a checked policy holds is data
}
