import type { Connection } from './parts.ts';

/** Which routines each routine sends to, by name. */
export type Links = ReadonlyMap<string, readonly string[]>;

/** Whom each routine sends to. */
export function receiversOf(names: Iterable<string>, connections: readonly Connection[]): Links {
  const links = new Map(Array.from(names, (name) => [name, new Array<string>()]));
  for (const { from, to } of connections) links.get(from.routine)?.push(to.routine);
  return links;
}

/** The names that links lead to from some, themselves included, the near ones first. */
export function reached(from: readonly string[], links: Links): ReadonlySet<string> {
  const found = new Set(from);
  // The set grows while it is walked.
  for (const name of found) for (const next of links.get(name) ?? []) found.add(next);
  return found;
}

/**
 * The strongly connected components that have a cycle, in the order of their first names; each from its first name on,
 * the way the links lead. By Kosaraju's algorithm, without recursion, in time linear in names and links.
 */
export function cyclesOf(receivers: Links): readonly (readonly string[])[] {
  const senders = reversed(receivers);
  const componentOf = new Map<string, string[]>();
  for (const root of leavesFirst(receivers).toReversed()) collect(root, senders, componentOf);
  for (const name of receivers.keys()) componentOf.get(name)?.push(name);
  const components = new Set(Array.from(receivers.keys(), (name) => componentOf.get(name) ?? []));
  return Array.from(components, (names) => walk(names, receivers)).filter(
    ([first = '', ...others]) => others.length > 0 || receivers.get(first)?.includes(first) === true,
  );
}

function reversed(links: Links): Links {
  const back = new Map(Array.from(links.keys(), (name) => [name, new Array<string>()]));
  for (const [name, others] of links) for (const other of others) back.get(other)?.push(name);
  return back;
}

/** The names, each after those that it leads to, as far as there is no way back. */
export function leavesFirst(links: Links): string[] {
  const seen = new Set<string>();
  const left: string[] = [];
  for (const root of links.keys()) {
    const path = seen.has(root) ? [] : [{ name: root, next: 0 }];
    for (let at = path.at(-1); at !== undefined; at = path.at(-1)) {
      seen.add(at.name);
      const others = links.get(at.name) ?? [];
      while (at.next < others.length && seen.has(others[at.next] ?? '')) at.next += 1;
      const next = others[at.next];
      if (next !== undefined) path.push({ name: next, next: 0 });
      else left.push(path.pop()?.name ?? '');
    }
  }
  return left;
}

/** Gives what leads to the root the same component, unless it has one already. */
function collect(root: string, senders: Links, componentOf: Map<string, string[]>): void {
  const component: string[] = [];
  const open = [root];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (componentOf.has(name)) continue;
    componentOf.set(name, component);
    for (const sender of senders.get(name) ?? []) open.push(sender);
  }
}

function walk(members: readonly string[], links: Links): readonly string[] {
  const inside = new Set(members);
  const within = new Map(
    members.map((name) => [name, links.get(name)?.filter((each) => inside.has(each)) ?? []]),
  );
  return [...reached(members.slice(0, 1), within)];
}
