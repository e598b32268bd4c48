import type { PlanMember, PlanPort } from '../graph/plan.ts';
import type { GraphBoard } from './graph-board.ts';

/** Why a node does not run; undefined when it may. */
export type Verdict = { readonly status: 'skipped' | 'blocked'; readonly reason: string } | undefined;

/** Whether a node whose predecessors are all settled can run, and why not. */
export function verdictOn(board: GraphBoard, member: PlanMember): Verdict {
  return gateVerdict(board, member) ?? orderVerdict(board, member) ?? inputVerdict(board, member);
}

/** The first input that is not there, of a node that has what it needs otherwise. */
export function missingPort(board: GraphBoard, { ports }: PlanMember): PlanPort | undefined {
  return ports.find(
    ({ variable, hasDefault, isOptional }) => !hasDefault && !isOptional && !board.hasValue(variable),
  );
}

/** Whether every announcement that a node waits for was made. */
export function isAnnounced(board: GraphBoard, { waits }: PlanMember): boolean {
  return waits.every(({ emitters }) => emitters.some((emitter) => board.stateOf(emitter).hasCompleted));
}

/** Why a gated node was not chosen. */
function gateVerdict(board: GraphBoard, member: PlanMember): Verdict {
  if (member.gates.length === 0 || board.isChosen(member)) return undefined;
  const bad = member.gates.find((gate) => board.stateOf(gate).isBad);
  if (bad !== undefined) return blockedBy(board, bad);
  const reasons = member.gates.map((gate) => describeDecision(board, gate));
  return { status: 'skipped', reason: reasons.join('; ') };
}

function describeDecision(board: GraphBoard, gate: number): string {
  const { name } = board.memberOf(gate);
  const { hasCompleted, lastDecision } = board.stateOf(gate);
  if (!hasCompleted) return `gate "${name}" was skipped`;
  const chosen = Array.isArray(lastDecision) ? lastDecision : [lastDecision];
  const names = chosen.filter((each) => each !== null).map((each) => `"${each}"`);
  return `gate "${name}" chose ${names.length === 0 ? 'no target' : names.join(', ')}`;
}

function orderVerdict(board: GraphBoard, { waits, after, component }: PlanMember): Verdict {
  for (const { name, emitters } of waits) {
    const bad = emitters.find((emitter) => board.stateOf(emitter).isBad);
    if (emitters.some((emitter) => board.stateOf(emitter).hasCompleted)) continue;
    if (bad !== undefined) return blockedBy(board, bad);
    return { status: 'skipped', reason: `it waits for "${name}", which was never announced` };
  }
  const bad = after.find(
    (before) => board.stateOf(before).isBad && board.memberOf(before).component !== component,
  );
  return bad === undefined ? undefined : blockedBy(board, bad);
}

function inputVerdict(board: GraphBoard, member: PlanMember): Verdict {
  for (const { variable } of member.ports) {
    const bad = board.producersOf(variable).find((producer) => board.stateOf(producer).isBad);
    if (bad !== undefined && bad !== member.index) return blockedBy(board, bad);
  }
  const port = missingPort(board, member);
  if (port === undefined) return undefined;
  const producers = board.producersOf(port.variable).map((producer) => board.memberOf(producer).name);
  const [only] = producers;
  const why =
    only === undefined
      ? 'nobody gave it'
      : producers.length === 1
        ? `node "${only}" did not make it`
        : `none of ${producers.map((name) => `"${name}"`).join(', ')} made it`;
  return { status: 'skipped', reason: `input "${port.name}" can no longer arrive: ${why}` };
}

function blockedBy(board: GraphBoard, index: number): Verdict {
  const { name } = board.memberOf(index);
  const { phase } = board.stateOf(index);
  return { status: 'blocked', reason: `node "${name}" ${phase === 'failed' ? 'failed' : 'is blocked'}` };
}
