import {
  createRunner,
  FatalError,
  input,
  node,
  type AnyNode,
  type ExecutionInfo,
  type Node,
  type NodeContext,
  type Runner,
  type RunHandle,
  type TroupeEvent,
} from 'troupe';
import { fakeClock, type FakeClock } from 'troupe/testing';
import type { Scenario, Step, Tree } from './call-tree.ts';

/** A snapshot that somebody read in the middle of a run, and what it said then. */
export interface Look {
  readonly info: ExecutionInfo;
  readonly text: string;
  /** The state of each request's actor when the snapshot was read. */
  readonly states: ReadonlyMap<string, unknown>;
}

/** What became of a random run. */
export interface Performance {
  readonly info: ExecutionInfo;
  /** The final snapshot again, after everything that bodies had left behind has come to its end too. */
  readonly later: ExecutionInfo;
  readonly looks: readonly Look[];
  readonly events: readonly TroupeEvent[];
}

const strict = node({ name: 'strict', inputs: { n: input<number>() }, run: ({ n }) => n });
const syncLeaf = node('syncLeaf', (throws: boolean) => {
  if (throws) throw new Error('syncLeaf');
  return 'sync';
});
const syncParent = node('syncParent', (throws: boolean, ctx) => ctx.callSync(syncLeaf, throws));

/** Runs a scenario to its end on a clock of its own. */
export async function perform(scenario: Scenario): Promise<Performance> {
  const { tree, cancelAt, ...options } = scenario;
  const clock = fakeClock();
  const stage = new Stage(clock);
  const events: TroupeEvent[] = [];
  await using runner = createRunner({
    clock,
    ...options,
    interruptHandlers: { handled: () => 'handled' },
    inspect: (event) => {
      const { actorRef } = event;
      if (event.type === '@xstate.actor' && 'id' in actorRef) stage.actors.set(String(actorRef.id), actorRef);
    },
    subscriber: (event) => {
      events.push(event);
      stage.look(event.runId);
    },
  });
  stage.runner = runner;
  const handle = runner.iter(stage.nodeOf(tree), undefined, { onFailure: 'return' });
  if (cancelAt !== null) clock.setTimeout(() => handle.cancel('outside'), cancelAt);

  await driveToEnd(handle, clock);
  const { info } = await handle.result;
  await clock.runAll();

  return { info, later: runner.info.run(handle.runId), looks: stage.looks, events };
}

/** All that a snapshot says, without the stacks of errors. */
export function textOf({ status, steps, stamps, requests, nodes }: ExecutionInfo): string {
  const versions = Array.from(requests, ({ history }) =>
    history.map((version) => ({ ...version, history: [], error: version.error instanceof Error })),
  );
  const identifiers = stamps.map(({ identifier }) => identifier);
  return JSON.stringify([
    status,
    steps,
    identifiers,
    versions,
    Array.from(nodes, ({ history }) => history.length),
  ]);
}

async function driveToEnd(handle: RunHandle<unknown, object>, clock: FakeClock): Promise<void> {
  let isOver = false;
  void handle.result.finally(() => (isOver = true));
  for (let turn = 0; turn < 200; turn += 1) {
    await clock.runAll();
    if (isOver) return;
    // A question may be gone by the time that its answer comes; that is no matter here.
    for (const { key } of handle.pauses) void handle.respond(key, 'answer').catch(() => undefined);
  }
  throw new Error('The run does not end');
}

class Stage {
  runner: Runner | undefined;
  readonly actors = new Map<string, { getSnapshot(): unknown }>();
  readonly looks: Look[] = [];
  readonly #clock: FakeClock;
  #nodes = 0;

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  look(runId: string): void {
    if (this.runner === undefined) return;
    const info = this.runner.info.run(runId);
    if (this.looks.at(-1)?.info === info) return;
    const states = new Map(
      Array.from(info.requests, ({ id }) => {
        const snapshot = this.actors.get(id)?.getSnapshot() as { value?: unknown } | undefined; // a chart's
        return [id, snapshot?.value] as const;
      }),
    );
    this.looks.push({ info, text: textOf(info), states });
  }

  nodeOf(tree: Tree): Node<void, string> {
    const name = `n${this.#nodes}`;
    this.#nodes += 1;
    const policies = {
      retry: { maxAttempts: tree.attempts, delay: 5 },
      timeout: tree.timeout,
      ...(tree.hasFallback ? { fallback: () => 'fallback' } : {}),
    };
    const children = new Map(
      tree.steps.map((step) => [
        step,
        step.kind === 'call' ? step.trees.map((each) => this.nodeOf(each)) : [],
      ]),
    );
    return node(
      name,
      async (_: void, ctx) => {
        this.look(ctx.runId);
        for (const step of tree.steps) {
          await this.#take(step, children.get(step) ?? [], ctx);
          this.look(ctx.runId);
        }
        if (tree.end === 'throw' || (tree.end === 'throwOnce' && ctx.attempt === 1)) throw new Error(name);
        if (tree.end === 'fatal') throw new FatalError(name);
        if (tree.end === 'hang') await new Promise<never>(() => {});
        return name;
      },
      policies,
    );
  }

  async #take(step: Step, children: readonly Node<void, string>[], ctx: NodeContext): Promise<void> {
    switch (step.kind) {
      case 'wait':
        await new Promise<void>((resolve) => this.#clock.setTimeout(resolve, step.ms));
        break;
      case 'look':
        break;
      case 'chunk':
        ctx.emitChunk('chunk');
        break;
      case 'write':
        ctx.context.put('key', ctx.requestId);
        break;
      case 'ask':
        await ctx.interrupt('question', { key: step.isHandled ? 'handled' : 'asked' });
        break;
      case 'badInput':
        await ctx.call(strict as AnyNode, { m: 1 }).catch(() => undefined);
        break;
      case 'sync':
        await ctx.call(syncParent, step.throws).catch(() => undefined);
        break;
      case 'cancelChild':
        this.#cancelChild(ctx);
        break;
      case 'call':
        await this.#call(step, children, ctx).catch((error: unknown) => {
          if (!step.catches) throw error;
        });
    }
  }

  #cancelChild({ runId, nodeId }: NodeContext): void {
    const requests = this.runner?.info.run(runId).requests;
    const live = requests?.children(nodeId).find(({ endedAt }) => endedAt === undefined);
    if (live !== undefined) this.runner?.cancel(live.id, 'inside');
  }

  async #call(
    { how }: Extract<Step, { kind: 'call' }>,
    children: readonly Node<void, string>[],
    ctx: NodeContext,
  ): Promise<void> {
    if (how === 'each') {
      for (const child of children) await ctx.call(child);
      return;
    }
    const calls = children.map((child) => ctx.call(child));
    if (how === 'all') await Promise.all(calls);
    if (how === 'race') await Promise.race(calls);
  }
}
