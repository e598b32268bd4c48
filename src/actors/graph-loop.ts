import { isDeepStrictEqual } from 'node:util';
import { InfiniteLoopError } from '../errors.ts';
import type { PlanComponent, PlanMember } from '../graph/plan.ts';
import type { GraphBoard } from './graph-board.ts';
import { isAnnounced, missingPort, verdictOn } from './graph-verdict.ts';
import type { Outcome } from './invocation.ts';

/** The graph that a loop is part of. */
export interface LoopHost {
  readonly board: GraphBoard;
  /** The most runs of one node within one loop. */
  readonly maxIterations: number;
  /** Whether the graph still runs, and has not been stopped. */
  readonly isOpen: boolean;
  /** Whether independent work goes on when a node has failed. */
  readonly goesOnAfterFailure: boolean;
  /** Starts a node, and tells how it ended. */
  launch(member: PlanMember, settle: (outcome: Outcome) => void): void;
  /** A node will not run. */
  leaveOut(member: PlanMember, status: 'skipped' | 'blocked', reason: string): void;
  /** A node may not run once more. */
  refuse(member: PlanMember, error: Error): void;
  /** A node has failed: with it the graph, unless the rest goes on first. */
  fail(member: PlanMember, error: unknown): void;
  /** Nothing in a component can run any more. */
  settle(component: number): void;
  /** A component has something to do next. */
  wake(component: number): void;
}

/**
 * One entry of a loop. Its nodes run in rounds: what is ready runs concurrently, and what it made is written together, in
 * the order of the node list, so that a loop takes the same way each time.
 */
export class GraphLoop {
  readonly #graph: LoopHost;
  readonly #board: GraphBoard;
  readonly #component: PlanComponent;
  readonly #members: ReadonlySet<number>;
  /** By index, whether an input of a node was written since it last ran; asked of ungated ones. */
  readonly #dirty: boolean[] = [];
  /** Who waits for what a node announces. */
  readonly #waiters = new Map<number, readonly number[]>();
  /** The variables that this loop has written. */
  readonly #written = new Set<number>();
  /** Those that may have become ready; all others are not. */
  readonly #candidates = new Set<number>();
  #outcomes: { readonly member: PlanMember; readonly outcome: Outcome }[] = [];
  #running = 0;
  #isBroken = false;

  constructor(graph: LoopHost, component: PlanComponent) {
    this.#graph = graph;
    this.#board = graph.board;
    this.#component = component;
    this.#members = new Set(component.members);
    for (const index of component.members) this.#noteWaits(graph.board.memberOf(index));
  }

  #noteWaits({ index, waits }: PlanMember): void {
    for (const emitter of waits.flatMap(({ emitters }) => emitters))
      this.#waiters.set(emitter, [...(this.#waiters.get(emitter) ?? []), index]);
  }

  /** Starts the first round. */
  begin(): void {
    const members = this.#component.members.map((index) => this.#board.memberOf(index));
    const entries = members.filter((member) => member.isEntry);
    for (const { index, gates } of entries.length > 0 ? entries : members) {
      if (gates.length === 0 || entries.length > 0) this.#dirty[index] = true;
      this.#candidates.add(index);
    }
    this.#start(entries.length > 0 ? entries : this.#starters(members));
  }

  /** Goes on after a round: writes what it made, and starts the next one. */
  advance(): void {
    const graph = this.#graph;
    const outcomes = this.#outcomes;
    this.#outcomes = [];
    if (outcomes.length > 1) outcomes.sort((a, b) => a.member.index - b.member.index);
    for (const { member, outcome } of outcomes) {
      if (outcome.ok) this.#apply(member, outcome.value);
      else {
        this.#isBroken = true;
        graph.fail(member, outcome.error);
      }
      if (!graph.isOpen) return;
    }
    this.#start(this.#isBroken ? [] : this.#ready());
  }

  /** The nodes that a loop starts with: ungated or chosen ones; else targets that are open by default; else gates. */
  #starters(members: readonly PlanMember[]): readonly PlanMember[] {
    const board = this.#board;
    const able = members.filter(
      (member) => missingPort(board, member) === undefined && isAnnounced(board, member),
    );
    const first = able.filter((member) =>
      member.gates.length === 0 ? member.node.gate === undefined : board.isChosen(member),
    );
    if (first.length > 0) return inOrder(first);
    const open = able.filter((member) => this.#isOpenByDefault(member));
    if (open.length > 0) return inOrder(open);
    // Gates before the loop that chose nothing of it have decided that it is not entered.
    if (members.some(({ gates }) => gates.some((gate) => !this.#members.has(gate)))) return [];
    return able.filter((member) => member.node.gate !== undefined && member.gates.length === 0);
  }

  #isOpenByDefault({ gates, node }: PlanMember): boolean {
    if (node.gate !== undefined || gates.length === 0 || gates.some((gate) => !this.#members.has(gate)))
      return false;
    return gates.some((gate) => this.#board.memberOf(gate).node.gate?.isDefaultOpen === true);
  }

  /** What is ready of the candidates. Those that are not will be candidates again when something changes for them. */
  #ready(): readonly PlanMember[] {
    const able: PlanMember[] = [];
    const candidates = [...this.#candidates];
    if (candidates.length > 1) candidates.sort((a, b) => a - b);
    for (const index of candidates) {
      const member = this.#board.memberOf(index);
      const isDue =
        member.gates.length === 0
          ? this.#dirty[index] === true
          : this.#board.isChosen(member) || this.#isEntryDue(member);
      if (isDue && missingPort(this.#board, member) === undefined && isAnnounced(this.#board, member))
        able.push(member);
      else this.#candidates.delete(index);
    }
    return able.length < 2 ? able : this.#inTurn(able);
  }

  /** An entry whose gates were cut away starts like an ungated node, once. */
  #isEntryDue({ index, isEntry }: PlanMember): boolean {
    return isEntry && this.#board.stateOf(index).runs === 0;
  }

  /** Leaves out who has to wait: a target for its gate, a gate for who writes its inputs, a waiter for its emitter. */
  #inTurn(able: readonly PlanMember[]): readonly PlanMember[] {
    const at = new Set(able.map(({ index }) => index));
    const withoutTargets = able.filter(({ gates }) => !gates.some((gate) => at.has(gate)));
    const going = new Set(withoutTargets.map(({ index }) => index));
    const isWritten = ({ index, ports }: PlanMember): boolean => {
      // What was never written holds what the loop was started with: a decision on it waits for the whole first turn.
      const isFresh = ports.some(({ variable }) => this.#written.has(variable));
      const writers = isFresh ? going : this.#comingFrom(going);
      return ports.some(({ variable }) =>
        this.#board.producersOf(variable).some((producer) => producer !== index && writers.has(producer)),
      );
    };
    const inTurn = inOrder(withoutTargets).filter(
      (member) => member.node.gate === undefined || !isWritten(member),
    );
    return inTurn.length > 0 ? inTurn : able;
  }

  /**
   * What runs now, and what that leads to without a decision or a question. It leads to an end, as a cycle of such nodes
   * is no legal graph.
   */
  #comingFrom(going: ReadonlySet<number>): ReadonlySet<number> {
    const coming = new Set(going);
    // The set grows while it is walked.
    for (const index of coming) {
      const written = this.#board.memberOf(index).writes.flatMap(({ variables }) => variables);
      const readers = written.flatMap((variable) => this.#board.readersOf(variable));
      for (const reader of readers) if (this.#follows(reader)) coming.add(reader);
    }
    return coming;
  }

  /** Whether a node of the loop runs just because an input of it is written. */
  #follows(index: number): boolean {
    const { gates, node } = this.#board.memberOf(index);
    return (
      this.#members.has(index) && gates.length === 0 && node.gate === undefined && node.question === undefined
    );
  }

  #start(round: readonly PlanMember[]): void {
    const graph = this.#graph;
    if (round.length === 0) {
      this.#settle();
      return;
    }
    this.#running = round.length;
    for (const member of round) {
      if (!graph.isOpen) return;
      this.#candidates.delete(member.index);
      this.#dirty[member.index] = false;
      if (this.#board.stateOf(member.index).runs >= graph.maxIterations) {
        const error = this.#endless(member);
        graph.refuse(member, error);
        this.#onEnd(member, { ok: false, error });
        continue;
      }
      graph.launch(member, (outcome) => this.#onEnd(member, outcome));
    }
  }

  #onEnd(member: PlanMember, outcome: Outcome): void {
    const graph = this.#graph;
    if (!graph.isOpen) return;
    // A failure does not wait for the rest of the round, unless the rest is to go on.
    if (!outcome.ok && !graph.goesOnAfterFailure) {
      graph.fail(member, outcome.error);
      return;
    }
    this.#outcomes.push({ member, outcome });
    this.#running -= 1;
    if (this.#running === 0) graph.wake(this.#component.index);
  }

  #apply(member: PlanMember, value: unknown): void {
    const { isFixpoint } = this.#board.plan;
    for (const variable of this.#board.complete(member, value, isFixpoint ? isDeepStrictEqual : undefined)) {
      this.#written.add(variable);
      for (const reader of this.#board.readersOf(variable)) this.#touch(reader, member, isFixpoint);
    }
    for (const waiter of this.#waiters.get(member.index) ?? []) this.#candidates.add(waiter);
    for (const target of member.targets.values()) if (this.#members.has(target)) this.#candidates.add(target);
  }

  /** An input of a node was written. */
  #touch(reader: number, writer: PlanMember, isFixpoint: boolean): void {
    if (!this.#members.has(reader)) return;
    // A node does not run again because of what it wrote itself, or it would for ever.
    if (reader === writer.index && !isFixpoint) return;
    this.#dirty[reader] = true;
    this.#candidates.add(reader);
  }

  #settle(): void {
    const graph = this.#graph;
    for (const index of this.#component.members) {
      const state = this.#board.stateOf(index);
      if (this.#isBroken) state.isBad = true;
      if (state.runs > 0) continue;
      const member = this.#board.memberOf(index);
      const verdict = this.#isBroken ? undefined : verdictOn(this.#board, member);
      if (this.#isBroken) graph.leaveOut(member, 'blocked', 'another node of its loop failed');
      else
        graph.leaveOut(
          member,
          verdict?.status ?? 'skipped',
          verdict?.reason ?? 'the loop ended before its turn came',
        );
    }
    graph.settle(this.#component.index);
  }

  #endless({ name }: PlanMember): InfiniteLoopError {
    const graph = this.#graph;
    const loop = this.#component.members.map((index) => this.#board.memberOf(index));
    const values = new Map<string, unknown>();
    for (const { writes } of loop) {
      for (const write of writes) {
        const variable = write.variables.find((each) => this.#board.hasValue(each));
        if (variable !== undefined) values.set(write.name, this.#board.valueOf(variable));
      }
    }
    return new InfiniteLoopError({
      node: name,
      graph: this.#board.plan.name,
      loop: loop.map((member) => member.name),
      maxIterations: graph.maxIterations,
      lastValues: Object.fromEntries(values),
    });
  }
}

/** Without those that come after others of them. */
function inOrder(members: readonly PlanMember[]): readonly PlanMember[] {
  const going = new Set(members.map(({ index }) => index));
  const first = members.filter(
    ({ after, waits }) =>
      !after.some((before) => going.has(before)) &&
      !waits.some(({ emitters }) => emitters.some((emitter) => going.has(emitter))),
  );
  return first.length > 0 ? first : members;
}
