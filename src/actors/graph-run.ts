import { isDeepStrictEqual } from 'node:util';
import {
  keyOutside,
  type GraphNode,
  type GraphPlan,
  type PlanInput,
  type PlanMember,
} from '../graph/plan.ts';
import { resolveInputs, type MaybePromise } from '../nodes/resolve-input.ts';
import { asyncWork } from './async-work.ts';
import type { Coordinator } from './coordinator.ts';
import { GraphBoard } from './graph-board.ts';
import { GraphLoop, type LoopHost } from './graph-loop.ts';
import { verdictOn } from './graph-verdict.ts';
import type { Attempt, GraphView, Outcome } from './invocation.ts';
import type { Reporter } from './reporter.ts';
import type { RunSettings } from './settings.ts';

/** What a graph needs of the run that it is part of. */
export interface GraphHost {
  readonly settings: RunSettings;
  readonly coordinator: Coordinator;
  readonly reporter: Reporter;
}

/**
 * One run of one graph: starts each node as soon as what it depends on is settled. What is ready is found by counting,
 * never by looking through the nodes.
 */
export class GraphRun implements LoopHost, GraphView {
  readonly board: GraphBoard;
  readonly maxIterations: number;
  readonly #node: GraphNode;
  readonly #plan: GraphPlan;
  readonly #attempt: Attempt;
  readonly #host: GraphHost;
  /** How many components each component still waits for. */
  readonly #waiting: number[];
  // Most graphs have no loop, and most runs no answers.
  #loops: Map<number, GraphLoop> | undefined;
  #answers: Map<string, unknown> | undefined;
  #due: number[] = [];
  #isDraining = false;
  #unsettled: number;
  #failure: { readonly error: unknown } | undefined;

  constructor(node: GraphNode, attempt: Attempt, host: GraphHost) {
    const { plan } = node;
    this.board = new GraphBoard(plan);
    this.#node = node;
    this.#plan = plan;
    this.#attempt = attempt;
    this.#host = host;
    this.maxIterations =
      node.maxIterations ?? plan.maxIterations ?? limitAround(attempt) ?? host.settings.maxIterations;
    this.#waiting = plan.components.map((component) => component.predecessors);
    this.#unsettled = plan.components.length;
  }

  get produced(): Record<string, unknown> {
    return this.#named(this.board.produced());
  }

  get isOpen(): boolean {
    return this.#attempt.isOpen;
  }

  get goesOnAfterFailure(): boolean {
    return this.#host.settings.onError === 'continue';
  }

  /** Begins with what depends on nothing. */
  begin(input: Readonly<Record<string, unknown>>): void {
    this.#seed(input);
    for (const component of this.#plan.first) this.#due.push(component);
    this.#drain();
  }

  keyOutside(key: string): string {
    return keyOutside(this.#node, key);
  }

  get answerKeys(): Iterable<string> {
    return this.#answers?.keys() ?? [];
  }

  takeAnswer(key: string): { readonly value: unknown } | undefined {
    if (this.#answers?.has(key) !== true) return undefined;
    const value = this.#answers.get(key);
    this.#answers.delete(key);
    return { value };
  }

  launch(member: PlanMember, settle: (outcome: Outcome) => void): void {
    this.board.start(member);
    const input = this.board.inputOf(member);
    const { inputs } = member.node;
    if (this.#host.settings.validate === 'all' && inputs !== undefined && input !== undefined)
      this.#launchChecked(member, input, settle);
    else this.#spawn(member, { ok: true, value: input }, settle);
  }

  leaveOut(member: PlanMember, status: 'skipped' | 'blocked', reason: string): void {
    this.board.leaveOut(member, status);
    this.#host.reporter.leftOut(this.#attempt.invocation, { name: member.name, status, reason });
  }

  refuse(member: PlanMember, error: Error): void {
    const reason = error.message;
    this.#host.reporter.leftOut(this.#attempt.invocation, { name: member.name, status: 'failed', reason });
  }

  fail({ index }: PlanMember, error: unknown): void {
    const state = this.board.stateOf(index);
    state.phase = 'failed';
    state.isBad = true;
    this.#failure ??= { error };
    if (!this.goesOnAfterFailure) this.#attempt.onThrow(error);
  }

  settle(component: number): void {
    this.#unsettled -= 1;
    for (const next of this.#plan.components[component]?.successors ?? []) {
      const left = (this.#waiting[next] ?? 0) - 1;
      this.#waiting[next] = left;
      if (left === 0) this.#due.push(next);
    }
  }

  wake(component: number): void {
    this.#due.push(component);
    this.#drain();
  }

  /** Values by the names that they have outside. */
  #named(values: ReadonlyMap<string, unknown>): Record<string, unknown> {
    const named: Record<string, unknown> = {};
    for (const [name, value] of values) named[this.keyOutside(name)] = value;
    return named;
  }

  #drain(): void {
    if (this.#isDraining) return;
    this.#isDraining = true;
    // The list grows while it is walked: what ends on the stack makes more of it due.
    for (const component of this.#due) {
      if (!this.isOpen) break;
      this.#advance(component);
    }
    this.#due = [];
    this.#isDraining = false;
    if (this.#unsettled > 0 || !this.isOpen) return;
    if (this.#failure === undefined) this.#attempt.onReturn(this.#named(this.board.outputs()));
    else this.#attempt.onThrow(this.#failure.error);
  }

  #advance(index: number): void {
    const component = this.#plan.components[index];
    if (component === undefined) return;
    if (!component.isCyclic) {
      this.#runOnce(this.board.memberOf(component.members[0] ?? -1));
      return;
    }
    const loop = this.#loops?.get(index);
    if (loop !== undefined) {
      loop.advance();
      return;
    }
    const begun = new GraphLoop(this, component);
    this.#loops ??= new Map();
    this.#loops.set(index, begun);
    begun.begin();
  }

  #runOnce(member: PlanMember): void {
    const verdict = verdictOn(this.board, member);
    if (verdict !== undefined) {
      this.leaveOut(member, verdict.status, verdict.reason);
      this.settle(member.component);
      return;
    }
    this.launch(member, (outcome) => {
      if (!this.isOpen) return;
      if (outcome.ok) this.board.complete(member, outcome.value);
      else this.fail(member, outcome.error);
      this.settle(member.component);
      this.#drain();
    });
  }

  #seed(input: Readonly<Record<string, unknown>>): void {
    const { inputNames, answers } = this.#node;
    for (const name of Object.keys(input)) {
      const value = input[name];
      if (answers.has(name)) (this.#answers ??= new Map()).set(name, value);
      const port = this.#plan.inputs.get(inputNames.get(name) ?? '');
      // Who reads a default gets a copy of its own; only what was given, or bound, is one value for all.
      if (port === undefined || isDefault(port, value)) continue;
      for (const variable of port.variables) this.board.seed(variable, value);
    }
  }

  #spawn({ node }: PlanMember, input: Outcome, settle: (outcome: Outcome) => void): void {
    const { coordinator } = this.#host;
    const parent = this.#attempt.invocation;
    const { scope, isSync } = parent;
    const value = input.ok ? input.value : undefined;
    const failure = input.ok ? undefined : { error: input.error };
    coordinator.open({ node, input: value, parent, scope, isSync, failure }, { settle });
  }

  /** Checks what other nodes made; what came in from outside was checked there. */
  #checkWired(member: PlanMember, input: Record<string, unknown>): MaybePromise<unknown> {
    const { node } = member;
    const names = new Set(this.board.wiredPorts(member).map(({ name }) => name));
    const pick = <Value>(values: Readonly<Record<string, Value>>): Record<string, Value> =>
      Object.fromEntries(Object.entries(values).filter(([name]) => names.has(name)));
    const checked = resolveInputs(node, pick(node.inputs ?? {}), pick(input));
    return checked instanceof Promise
      ? checked.then((late) => ({ ...input, ...late }))
      : { ...input, ...checked };
  }

  #launchChecked(
    member: PlanMember,
    input: Record<string, unknown>,
    settle: (outcome: Outcome) => void,
  ): void {
    const { invocation } = this.#attempt;
    const { coordinator } = this.#host;
    try {
      const checked = this.#checkWired(member, input);
      if (!(checked instanceof Promise)) {
        this.#spawn(member, { ok: true, value: checked }, settle);
        return;
      }
      if (invocation.isSync) {
        checked.catch(() => undefined); // nobody waits for it
        throw asyncWork(`a schema of node "${member.name}" is asynchronous`);
      }
      invocation.callsInCheck += 1;
      coordinator.recount(invocation);
      const whenChecked = (outcome: Outcome): void => {
        invocation.callsInCheck -= 1;
        if (this.isOpen) this.#spawn(member, outcome, settle);
        coordinator.recount(invocation);
      };
      checked.then(
        (value) => whenChecked({ ok: true, value }),
        (error: unknown) => whenChecked({ ok: false, error }),
      );
    } catch (error) {
      this.#spawn(member, { ok: false, error }, settle);
    }
  }
}

/** Whether a value is the default that was filled in. Of texts and numbers it does not matter: nobody can change one. */
function isDefault({ hasDefault, isBound, default: fallback }: PlanInput, value: unknown): boolean {
  if (!hasDefault || isBound || typeof fallback !== 'object' || fallback === null) return false;
  return isDeepStrictEqual(value, fallback);
}

/** The limit of the graph that a graph is part of. */
function limitAround({ invocation }: Attempt): number | undefined {
  for (let each = invocation.parent; each !== undefined; each = each.parent)
    if (each.graph !== undefined) return each.graph.maxIterations;
  return undefined;
}
