// What a message costs on its way through three routines, each of which works on it by itself, against three root
// `fromPromise` actors; and whether a message of a million costs more than one of a hundred thousand.
import type { Policy } from '../src/flow/index.ts';
import { measureFloor } from './floor.ts';
import { expectEqual, interleave, micros, note, perItem, pick, report } from './harness.ts';
import { batchSize, createRuntime, event, flow, immediate, routine, slot } from './troupe-flow.ts';

const MESSAGES = pick(100_000, 10_000);
const MANY = pick(1_000_000, 40_000);
const ROUNDS = pick({ warmup: 1, measured: 7 }, { warmup: 1, measured: 3 });
const HOPS = 3;

function chain(policy: Policy, isAsync: boolean) {
  const slots = { input: slot<number>({ capacity: 100, overflow: 'block' }) };
  const events = { output: event<number>() };
  const pass = isAsync
    ? routine({
        name: 'pass',
        slots,
        events,
        policy,
        run: async ({ input }, ctx) => {
          for (const n of input) await ctx.emit('output', n);
        },
      })
    : routine({
        name: 'pass',
        slots,
        events,
        policy,
        run: ({ input }, ctx) => {
          for (const n of input) void ctx.emit('output', n);
        },
      });
  return flow('chain')
    .add(pass, 'a')
    .add(pass, 'b')
    .add(pass, 'c')
    .connect('a.output', 'b.input')
    .connect('b.output', 'c.input');
}

type Chain = ReturnType<typeof chain>;

async function push(given: Chain, messages: number): Promise<number> {
  await using runtime = createRuntime({ concurrency: 1, retain: 100 });
  runtime.exec(given);
  const figure = await perItem(messages, async () => {
    for (let n = 0; n < messages; n += 1) await runtime.post(given, 'a', 'input', n);
    await runtime.waitUntilAllJobsFinished();
  });
  expectEqual('the jobs that have completed', runtime.metrics().jobs.completed, messages);
  expectEqual('the messages that were worked on', runtime.metrics().messages.delivered, messages * HOPS);
  return figure;
}

async function benchCost(name: string, given: Chain, limit?: { readonly atMost: number }): Promise<void> {
  const pairs = await interleave(
    ROUNDS,
    () => push(given, MESSAGES),
    async () => HOPS * (await measureFloor(MESSAGES)),
  );
  note(name, { message: micros(pairs.ours), 'three actors': micros(pairs.theirs) });
  report({ name, values: pairs.ratios, ...(limit && { limit }) });
}

await benchCost('flow/a message, 3 hops', chain(batchSize(1), true), { atMost: 2 });
await benchCost('flow/a message, 3 hops, sync bodies', chain(batchSize(1), false));
await benchCost('flow/a message, 3 hops, immediate', chain(immediate(), true));

const name = `flow/${MANY} messages / ${MESSAGES}`;
const pairs = await interleave(
  { warmup: 1, measured: pick(3, 3) },
  () => push(chain(batchSize(1), true), MANY),
  () => push(chain(batchSize(1), true), MESSAGES),
);
note(name, { many: micros(pairs.ours), few: micros(pairs.theirs) });
report({ name, values: pairs.ratios, limit: { atMost: 1.3 } });
