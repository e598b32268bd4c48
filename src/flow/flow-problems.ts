import type { AnyRoutine } from './contract.ts';
import { cyclesOf, reached, receiversOf, type Links } from './cycles.ts';
import type { FlowProblem } from './flow-types.ts';
import type { FlowParts } from './parts.ts';

/** What is wrong with a flow, and what is worth a look. */
export function problemsOf(parts: FlowParts): readonly FlowProblem[] {
  const { name, routines, connections } = parts;
  if (routines.size === 0)
    return [{ level: 'error', code: 'NO_ROUTINES', message: `Flow "${name}" has no routines`, where: [] }];
  const links = receiversOf(routines.keys(), connections);
  const cycles = cyclesOf(links);
  return [
    ...withoutSlots(parts),
    ...withoutConnections(parts),
    ...withoutFeeders(parts),
    ...unreachedCycles(cycles, links),
    ...cycles.map((cycle) => cycleProblem(cycle, parts)),
  ];
}

function withoutSlots({ routines }: FlowParts): FlowProblem[] {
  return [...routines]
    .filter(([, { slots }]) => Object.keys(slots).length === 0)
    .map(([name]) => warning('NO_SLOTS', `Routine "${name}" has no slots: it never runs`, [name]));
}

function withoutConnections({ routines, connections }: FlowParts): FlowProblem[] {
  if (routines.size === 1) return [];
  const connected = new Set(connections.flatMap(({ from, to }) => [from.routine, to.routine]));
  return [...routines.keys()]
    .filter((name) => !connected.has(name))
    .map((name) =>
      warning(
        'UNREACHED',
        `Routine "${name}" is connected to no other: it runs only on what is posted to it`,
        [name],
      ),
    );
}

function withoutFeeders({ routines, connections }: FlowParts): FlowProblem[] {
  const fed = new Set(connections.map(({ to }) => `${to.routine}.${to.slot}`));
  return [...routines].flatMap(([name, { slots }]) => {
    const paths = Object.keys(slots).map((slot) => `${name}.${slot}`);
    const unfed = paths.filter((path) => !fed.has(path));
    if (unfed.length === paths.length) return [];
    return unfed.map((path) =>
      warning('NO_FEEDER', `Slot "${path}" holds only what is posted to it: no connection feeds it`, [path]),
    );
  });
}

function unreachedCycles(cycles: readonly (readonly string[])[], links: Links): FlowProblem[] {
  if (links.size === 1) return [];
  const cyclic = new Set(cycles.flat());
  const found = reached(
    [...links.keys()].filter((name) => !cyclic.has(name)),
    links,
  );
  return cycles
    .filter(([first = '']) => !found.has(first))
    .map((cycle) =>
      warning(
        'UNREACHED',
        `No routine outside of a cycle leads to ${quoted(cycle)}: they run only when something is posted to one of them`,
        cycle,
      ),
    );
}

function cycleProblem(cycle: readonly string[], { routines, connections }: FlowParts): FlowProblem {
  const members = new Set(cycle);
  const inside = connections.filter(({ from, to }) => members.has(from.routine) && members.has(to.routine));
  const canWait = inside.every(({ to }) => overflowOf(routines.get(to.routine), to.slot) === 'block');
  const wait = canWait
    ? '; as every slot on the cycle has overflow "block", its routines may come to wait for each other'
    : '';
  return warning(
    'CYCLE',
    `There is a cycle of ${quoted(cycle)}: what goes round must end some time${wait}`,
    cycle,
  );
}

function overflowOf(routine: AnyRoutine | undefined, slot: string): string | undefined {
  return routine?.slots[slot]?.overflow;
}

function warning(code: FlowProblem['code'], message: string, where: readonly string[]): FlowProblem {
  return { level: 'warning', code, message, where };
}

function quoted(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(', ');
}
