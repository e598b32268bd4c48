import type { ParkedMessage } from '../../flow/contract.ts';
import { cloneData } from '../../clone.ts';
import type { Mail } from './mailbox.ts';
import type { WorkerCore } from './worker-core.ts';

/** Where messages are parked. */
export interface BreakpointRule {
  /** The place of the slot in the flow. */
  readonly slot: number;
  readonly when: ((value: unknown) => boolean) | undefined;
}

/** The breakpoints of a worker: each parks the messages that come into its slot. */
export class Breakpoints {
  readonly #core: WorkerCore;
  readonly #rules = new Set<BreakpointRule>();
  readonly #parked = new Map<number, BreakpointRule>();

  constructor(core: WorkerCore) {
    this.#core = core;
  }

  add(rule: BreakpointRule): void {
    this.#rules.add(rule);
  }

  /** Removes it, and lets go what it has parked. */
  remove(rule: BreakpointRule): void {
    this.#rules.delete(rule);
    this.release(rule);
  }

  /** What a breakpoint has parked, oldest first. */
  parkedBy(rule: BreakpointRule): readonly ParkedMessage[] {
    return this.#mailsOf(rule).map(({ id, value, jobs, source, at }) => ({
      id,
      value: cloneData(value),
      jobs: jobs.map((job) => job.id),
      source,
      at,
      workerId: this.#core.id,
    }));
  }

  /** Parks a message that has just come into its slot, where a breakpoint says so. */
  park(mail: number, slot: number, value: unknown): void {
    if (this.#rules.size === 0) return;
    for (const rule of this.#rules) {
      if (rule.slot !== slot || !this.#isMeant(rule, value)) continue;
      this.#parked.set(mail, rule);
      this.#core.append({ type: 'MessagePark', mail, slot, time: this.#core.now() });
      return;
    }
  }

  /** Lets go what breakpoints have parked of which nobody knows any more: those of another process. */
  releaseForgotten(): void {
    const core = this.#core;
    for (const { id, slot } of Array.from(core.state.parked.values())) {
      if (this.#parked.has(id)) continue;
      core.append({ type: 'MessageRelease', mail: id, slot: slot.index, time: core.now() });
    }
  }

  /** What a condition throws at is parked: it is nothing that may go on unseen. */
  #isMeant({ when }: BreakpointRule, value: unknown): boolean {
    try {
      return when?.(cloneData(value)) !== false;
    } catch (error) {
      this.#core.settings.logger.error({ err: error }, 'The condition of a breakpoint threw');
      return true;
    }
  }

  /** Puts the oldest so many of those that it has parked into their slot, full or not. */
  release(rule: BreakpointRule, count = Number.POSITIVE_INFINITY): number {
    const core = this.#core;
    const mails = this.#mailsOf(rule).slice(0, count);
    for (const { id, slot } of mails) {
      this.#parked.delete(id);
      core.append({ type: 'MessageRelease', mail: id, slot: slot.index, time: core.now() });
      core.dispatcher.wake(slot.routine);
    }
    core.dispatcher.run();
    return mails.length;
  }

  /** Gives a parked message another value; false where it has none of that id. */
  edit(rule: BreakpointRule, id: number, value: unknown): boolean {
    if (this.#parked.get(id) !== rule) return false;
    const core = this.#core;
    const own = cloneData(value);
    const stored = core.journal?.prepare(own, core.plan.name);
    const fields = stored === undefined ? undefined : { value: stored };
    core.append({ type: 'MessageEdit', mail: id, value: own, time: core.now() }, fields);
    return true;
  }

  /** Gives up a parked message; whoever it belonged to is told by the caller. */
  drop(rule: BreakpointRule, id: number): Mail | undefined {
    if (this.#parked.get(id) !== rule) return undefined;
    const core = this.#core;
    const mail = core.state.parked.get(id);
    this.#parked.delete(id);
    if (mail === undefined) return undefined;
    const { index } = mail.slot;
    core.append({ type: 'MessageDrop', mail: id, slot: index, reason: 'breakpoint', time: core.now() });
    return mail;
  }

  #mailsOf(rule: BreakpointRule): readonly Mail[] {
    const { parked } = this.#core.state;
    const mails: Mail[] = [];
    for (const [id, owner] of this.#parked) {
      const mail = parked.get(id);
      if (mail === undefined) this.#parked.delete(id); // its job has ended
      else if (owner === rule) mails.push(mail);
    }
    return mails;
  }
}
