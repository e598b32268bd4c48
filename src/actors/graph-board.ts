import { cloneData } from '../clone.ts';
import type { GraphPlan, PlanMember, PlanPort } from '../graph/plan.ts';
import type { Decision } from '../nodes/gates.ts';
import { returnsRecord } from '../nodes/node.ts';

/** Where a node of a graph stands. */
export interface MemberState {
  phase: 'waiting' | 'running' | 'completed' | 'skipped' | 'blocked' | 'failed';
  /** How often it was started. */
  runs: number;
  /** Whether it has completed at least once. */
  hasCompleted: boolean;
  /** Of a gate: what it decided and nothing has used up yet. */
  decision: Decision;
  /** Of a gate: what it decided last. */
  lastDecision: Decision;
  /** Whether what depends on it must not run. */
  isBad: boolean;
}

/** Tells whether a value that is written is the same as the one before. */
export type Sameness = (before: unknown, now: unknown) => boolean;

// What a variable holds before anything was written to it.
const NOTHING = Symbol('nothing');

/** What one run of a graph knows: the values that were written, the decisions that were made, and where each node stands. */
export class GraphBoard {
  readonly plan: GraphPlan;
  readonly #states: MemberState[];
  readonly #values: unknown[];
  readonly #produced = new Map<string, unknown>();

  constructor(plan: GraphPlan) {
    this.plan = plan;
    this.#states = plan.members.map(initialState);
    this.#values = plan.variables.map(() => NOTHING);
  }

  stateOf(index: number): MemberState {
    const state = this.#states[index];
    if (state === undefined) throw new RangeError(`There is no node ${index}`);
    return state;
  }

  memberOf(index: number): PlanMember {
    const member = this.plan.members[index];
    if (member === undefined) throw new RangeError(`There is no node ${index}`);
    return member;
  }

  /** The nodes that write a variable. */
  producersOf(variable: number): readonly number[] {
    return this.plan.variables[variable]?.producers ?? [];
  }

  /** The nodes that run again when a variable is written. */
  readersOf(variable: number): readonly number[] {
    return this.plan.variables[variable]?.readers ?? [];
  }

  /** The value of a variable; undefined also where it has none. */
  valueOf(variable: number): unknown {
    const value = this.#values[variable];
    return value === NOTHING ? undefined : value;
  }

  hasValue(variable: number): boolean {
    return this.#values[variable] !== NOTHING;
  }

  /** Gives a variable the value that the graph was started with. */
  seed(variable: number, value: unknown): void {
    this.#values[variable] = value;
  }

  /** Everything that was produced so far, by the graph's own names; of what was selected, that alone. */
  produced(): ReadonlyMap<string, unknown> {
    const { outputs, isSelected } = this.plan;
    if (!isSelected) return this.#produced;
    return new Map([...this.#produced].filter(([name]) => outputs.some((output) => output.name === name)));
  }

  /** What a graph that has ended returns, by its own names. */
  outputs(): Map<string, unknown> {
    const outputs = new Map<string, unknown>();
    for (const { name, producers } of this.plan.outputs) {
      const value = this.#produced.has(name) ? this.#produced.get(name) : this.#passedOn(producers);
      if (value !== NOTHING) outputs.set(name, value);
    }
    return outputs;
  }

  /** The ports of a node whose values come from other nodes, not from outside. */
  wiredPorts({ ports }: PlanMember): readonly PlanPort[] {
    return ports.filter(
      ({ name, variable }) => this.#produced.has(name) && this.producersOf(variable).length > 0,
    );
  }

  /** What a node gets. */
  inputOf({ ports, node }: PlanMember): Record<string, unknown> | undefined {
    if (node.inputs === undefined) return undefined;
    const input: Record<string, unknown> = {};
    for (const { name, variable, hasDefault, default: fallback } of ports) {
      const value = this.#values[variable];
      if (value !== NOTHING) input[name] = value;
      else if (hasDefault) input[name] = cloneData(fallback);
    }
    return input;
  }

  /** A node starts: what its gates decided for it is used up. */
  start({ index, gates, name }: PlanMember): void {
    const state = this.stateOf(index);
    state.phase = 'running';
    state.runs += 1;
    for (const gate of gates) {
      const decider = this.stateOf(gate);
      if (decider.decision === name) decider.decision = null;
      else if (Array.isArray(decider.decision))
        decider.decision = decider.decision.filter((each: string) => each !== name);
    }
  }

  /** A node has returned: its outputs are written; the variables that now hold something else. */
  complete(member: PlanMember, value: unknown, isSame?: Sameness): readonly number[] {
    const state = this.stateOf(member.index);
    state.phase = 'completed';
    state.hasCompleted = true;
    const { writes, node } = member;
    if (node.gate !== undefined) {
      this.#decide(member, value as Decision); // as the gate itself checked it
      return [];
    }
    const [only] = writes;
    if (only !== undefined && !returnsRecord(node))
      return this.#write(only.name, value, only.variables, isSame);
    const written: number[] = [];
    for (const { name, variables } of writes) {
      // A graph inside may have skipped the node that makes a name.
      if (node.kind === 'graph' && !Object.hasOwn(value as object, name)) continue;
      written.push(...this.#write(name, partOf(value, name), variables, isSame));
    }
    return written;
  }

  /** A node will not run. What a run was given to start it with is then no value for others. */
  leaveOut(member: PlanMember, status: 'skipped' | 'blocked'): void {
    const state = this.stateOf(member.index);
    state.phase = status;
    if (status === 'blocked') state.isBad = true;
    const { members, isCyclic } = this.plan.components[member.component] ?? { members: [], isCyclic: false };
    if (isCyclic && members.some((each) => this.stateOf(each).hasCompleted)) return;
    for (const { name, variables } of member.writes) {
      if (this.#produced.has(name)) continue;
      for (const variable of variables)
        if (this.plan.variables[variable]?.isShared === false) this.#values[variable] = NOTHING;
    }
  }

  /** Whether a gate chose a node, and the node has not run since. */
  isChosen({ gates, name }: PlanMember): boolean {
    for (const gate of gates) {
      const { decision } = this.stateOf(gate);
      if (decision === name || (Array.isArray(decision) && decision.includes(name))) return true;
    }
    return false;
  }

  #write(name: string, value: unknown, variables: readonly number[], isSame?: Sameness): readonly number[] {
    const before = this.#produced.has(name) ? this.#produced.get(name) : this.#values[variables[0] ?? -1];
    this.#produced.set(name, value);
    for (const variable of variables) this.#values[variable] = value;
    return isSame !== undefined && before !== NOTHING && isSame(before, value) ? [] : variables;
  }

  #decide(gate: PlanMember, decision: Decision): void {
    const state = this.stateOf(gate.index);
    state.decision = decision;
    state.lastDecision = decision;
    // A gate that is not chosen itself loses what it had decided before.
    for (const target of gate.targets.values()) {
      const member = this.memberOf(target);
      if (member.node.gate !== undefined && !this.isChosen(member)) this.stateOf(target).decision = null;
    }
  }

  /** What a loop that never wrote a name hands on: the value that it was started with. */
  #passedOn(producers: readonly number[]): unknown {
    for (const producer of producers) {
      const { component, writes } = this.memberOf(producer);
      const loop = this.plan.components[component];
      if (loop?.isCyclic !== true || !loop.members.some((each) => this.stateOf(each).hasCompleted)) continue;
      const seeded = writes
        .flatMap(({ variables }) => variables)
        .find(
          (variable) =>
            this.hasValue(variable) && producers.every((each) => this.producersOf(variable).includes(each)),
        );
      if (seeded !== undefined) return this.#values[seeded];
    }
    return NOTHING;
  }
}

function initialState(): MemberState {
  return {
    phase: 'waiting',
    runs: 0,
    hasCompleted: false,
    decision: null,
    lastDecision: null,
    isBad: false,
  };
}

function partOf(value: unknown, name: string): unknown {
  const isThere = typeof value === 'object' && value !== null && Object.hasOwn(value, name);
  return isThere ? (value as Record<string, unknown>)[name] : undefined;
}
