import {
  createRunner,
  graph,
  input,
  interrupt,
  node,
  type Checkpointer,
  type Runner,
  type RunResult,
} from 'troupe';
import { memoryCheckpointer } from 'troupe/checkpoint';
import { describe, expect, onTestFinished, test } from 'vitest';
import { rejectionOf } from '../support/deferred.ts';
import { ID, labelsOf, logIn, Notes } from './call-crash.ts';

const notes = new Notes();
const draft = node({
  name: 'draft',
  inputs: { topic: input<string>() },
  output: 'text',
  run: ({ topic }) => {
    notes.add('draft');
    return `About ${topic}`;
  },
});
const approve = interrupt({
  name: 'approve',
  inputs: { text: input<string>() },
  response: 'decision',
  run: ({ text }) => {
    notes.add('approve');
    return { text };
  },
});
const sign = interrupt({
  name: 'sign',
  inputs: { decision: input<unknown>() },
  response: 'signature',
  run: ({ decision }) => ({ prompt: 'Sign?', decision }),
});
const send = node({
  name: 'send',
  inputs: { text: input<string>(), signature: input<unknown>() },
  output: 'sent',
  run: ({ text, signature }) => {
    notes.add('send');
    return `${text}, ${String(signature)}`;
  },
});
const letter = graph({ name: 'letter', nodes: [draft, approve, sign, send] });

function openRunner(checkpointer: Checkpointer): Runner {
  const runner = createRunner({ checkpointer });
  onTestFinished(() => runner.close({ drain: false }));
  return runner;
}

const keysOf = ({ pauses }: Pick<RunResult, 'pauses'>): string[] => pauses.map(({ key }) => key);

async function begin(runner: Runner, workflowId = ID) {
  const result = await runner.run(letter, { topic: 'tea' }, { workflowId });
  notes.take();
  return result;
}

describe('a workflow that waits for an answer', () => {
  test('is on record as paused', async () => {
    const store = memoryCheckpointer();

    const result = await begin(openRunner(store));

    expect(result).toMatchObject({ status: 'paused', workflowId: ID });
    expect(await store.get(ID)).toMatchObject({ status: 'paused', runId: result.runId });
    expect(labelsOf(await logIn(store)).at(-1)).toBe('RunPause');
  });

  test('is answered by its workflow id', async () => {
    const runner = openRunner(memoryCheckpointer());
    await begin(runner);

    const next = await runner.respond(ID, 'decision', 'yes');
    const { outputs } = await runner.respond(ID, 'signature', 'Ada');

    expect(keysOf(next)).toEqual(['signature']);
    expect(outputs).toMatchObject({ sent: 'About tea, Ada' });
  });

  test('is answered by its run id', async () => {
    const runner = openRunner(memoryCheckpointer());
    const { runId } = await begin(runner);
    await runner.respond(runId, 'decision', 'yes');

    const { outputs } = await runner.respond(runId, 'signature', 'Ada');

    expect(outputs).toMatchObject({ sent: 'About tea, Ada' });
    expect(notes.take()).toEqual(['send']);
  });

  test('is answered by its handle, which settles at the end', async () => {
    const runner = openRunner(memoryCheckpointer());
    const handle = runner.iter(letter, { topic: 'tea' }, { workflowId: ID });
    for await (const { type } of handle) if (type === 'Interrupt') break;
    await handle.respond('decision', 'yes');
    await handle.respond('signature', 'Ada');

    expect((await handle.result).outputs).toMatchObject({ sent: 'About tea, Ada' });
  });

  test('is not on record as running while it waits, so that anybody may go on with it', async () => {
    const store = memoryCheckpointer();
    await begin(openRunner(store));

    const other = openRunner(store);
    const { pauses } = await other.resume(letter, ID);

    expect(pauses).toMatchObject([{ key: 'decision', value: { text: 'About tea' } }]);
    expect(notes.take()).toEqual(['approve']);
  });

  test('refuses a key that nobody asks for, and waits on', async () => {
    const runner = openRunner(memoryCheckpointer());
    await begin(runner);

    const error = await rejectionOf(runner.respond(ID, 'decisoin', 'yes'));
    const next = await runner.respond(ID, 'decision', 'yes');

    expect(error).toMatchObject({ code: 'UNKNOWN_RESPONSE' });
    expect(keysOf(next)).toEqual(['signature']);
  });

  test('refuses a second answer', async () => {
    const runner = openRunner(memoryCheckpointer());
    await begin(runner);
    await runner.respond(ID, 'decision', 'yes');

    expect(await rejectionOf(runner.respond(ID, 'decision', 'no'))).toMatchObject({
      code: 'INTERRUPT_ALREADY_RESOLVED',
    });
  });

  test('is unknown to respond in a runner that has not resumed it', async () => {
    const store = memoryCheckpointer();
    const { runId } = await begin(openRunner(store));
    const other = openRunner(store);

    expect(await rejectionOf(other.respond(ID, 'decision', 'yes'))).toMatchObject({ code: 'UNKNOWN_ID' });
    expect(await rejectionOf(other.respond(runId, 'decision', 'yes'))).toMatchObject({ code: 'UNKNOWN_ID' });
  });
});

describe('a resume with answers', () => {
  test('refuses one that the graph never asks for, and gives the workflow back', async () => {
    const store = memoryCheckpointer();
    await begin(openRunner(store));
    const before = await logIn(store);
    const other = openRunner(store);

    const error = await rejectionOf(other.resume(letter, ID, { responses: { decisoin: 'yes' } }));

    expect(error).toMatchObject({
      code: 'UNKNOWN_RESPONSE',
      hint: expect.stringContaining('decision') as string,
    });
    expect((await logIn(store)).entries).toEqual(before.entries);
    expect(keysOf(await other.resume(letter, ID, { responses: { decision: 'yes' } }))).toEqual(['signature']);
  });

  test('may bring all of them', async () => {
    const store = memoryCheckpointer();
    await begin(openRunner(store));

    const { status, outputs } = await openRunner(store).resume(letter, ID, {
      responses: { signature: 'Ada', decision: 'yes' },
    });

    expect(status).toBe('completed');
    expect(outputs).toMatchObject({ sent: 'About tea, Ada' });
  });

  test('keeps one for later over another process', async () => {
    const store = memoryCheckpointer();
    await begin(openRunner(store));
    const second = openRunner(store);
    const paused = await second.resume(letter, ID, { responses: { signature: 'Ada' } });
    await second.close();

    const { outputs } = await openRunner(store).resume(letter, ID, { responses: { decision: 'yes' } });

    expect(keysOf(paused)).toEqual(['decision']);
    expect(outputs).toMatchObject({ sent: 'About tea, Ada' });
  });

  test('in the runner in which it is paused repeats no work', async () => {
    const runner = openRunner(memoryCheckpointer());
    await begin(runner);

    const next = await runner.resume(letter, ID, { responses: { decision: 'yes' } });

    expect(keysOf(next)).toEqual(['signature']);
    expect(notes.take()).toEqual([]);
  });

  test.each([null, 'yes', ['yes']])('refuses answers that are %j', async (responses) => {
    const runner = openRunner(memoryCheckpointer());
    await begin(runner);

    const error = await rejectionOf(
      runner.resume(letter, ID, { responses: responses as unknown as Record<string, unknown> }),
    );

    expect(error).toMatchObject({ code: 'INVALID_INPUT' });
  });
});

describe('a workflow that is paused in one runner and answered in another', () => {
  test('goes on in the first with all that the other has done', async () => {
    const store = memoryCheckpointer();
    const [first, other] = [openRunner(store), openRunner(store)];
    await begin(first);
    await other.resume(letter, ID, { responses: { decision: 'yes' } });
    notes.take();

    const { outputs } = await first.respond(ID, 'signature', 'Ada');

    expect(outputs).toMatchObject({ sent: 'About tea, Ada' });
    expect(notes.take()).toEqual(['send']);
    expect((await store.get(ID))?.status).toBe('completed');
  });

  test('goes to and fro between them', async () => {
    const loops = node('loops', async (_: unknown, ctx) => {
      const said: unknown[] = [];
      for (let n = 0; n < 4; n += 1) said.push(await ctx.interrupt(`${n}?`, { key: 'next' }));
      return said;
    });
    const store = memoryCheckpointer();
    const [first, other] = [openRunner(store), openRunner(store)];
    await first.run(loops, undefined, { workflowId: ID });

    await other.resume(loops, ID, { responses: { next: 'a' } });
    await first.respond(ID, 'next', 'b');
    await other.respond(ID, 'next', 'c');
    const { answer } = await first.respond(ID, 'next', 'd');

    expect(answer).toEqual(['a', 'b', 'c', 'd']);
  });

  test('tells the first that the question was answered', async () => {
    const store = memoryCheckpointer();
    const [first, other] = [openRunner(store), openRunner(store)];
    await begin(first);
    await other.resume(letter, ID, { responses: { decision: 'yes' } });

    const error = await rejectionOf(first.respond(ID, 'decision', 'no'));

    expect(error).toMatchObject({ code: 'INTERRUPT_ALREADY_RESOLVED' });
    expect((await first.resume(letter, ID, { responses: { signature: 'Ada' } })).status).toBe('completed');
  });

  test('tells the first that it has ended', async () => {
    const store = memoryCheckpointer();
    const [first, other] = [openRunner(store), openRunner(store)];
    await begin(first);
    await other.resume(letter, ID, { responses: { decision: 'yes', signature: 'Ada' } });

    const error = await rejectionOf(first.respond(ID, 'decision', 'no'));

    expect(error).toMatchObject({ code: 'WORKFLOW_ALREADY_COMPLETED' });
  });

  test('takes one of two answers that come at the same moment', async () => {
    const store = memoryCheckpointer();
    const [first, other] = [openRunner(store), openRunner(store)];
    await begin(first);
    await other.resume(letter, ID);

    const settled = await Promise.allSettled([
      first.respond(ID, 'decision', 'first'),
      other.respond(ID, 'decision', 'other'),
    ]);

    const answers = (await store.history(ID)).filter(({ type }) => type === 'InterruptResolved');
    expect(answers).toHaveLength(1);
    expect(settled.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    const lost = settled.find((each) => each.status === 'rejected');
    expect(lost?.reason).toMatchObject({
      code: expect.stringMatching(/^(WORKFLOW_ALREADY_RUNNING|INTERRUPT_ALREADY_RESOLVED)$/u) as string,
    });
  });

  test('settles the handle of the first when that goes on with it', async () => {
    const store = memoryCheckpointer();
    const [first, other] = [openRunner(store), openRunner(store)];
    const handle = first.iter(letter, { topic: 'tea' }, { workflowId: ID });
    for await (const { type } of handle) if (type === 'Interrupt') break;
    while ((await store.get(ID))?.status !== 'paused') await new Promise((resolve) => setImmediate(resolve));
    await other.resume(letter, ID, { responses: { decision: 'yes' } });

    await first.respond(ID, 'signature', 'Ada');

    expect((await handle.result).outputs).toMatchObject({ sent: 'About tea, Ada' });
  });
});

test('answers may be given while other work goes on, and are on record before anybody goes on with them', async () => {
  const store = memoryCheckpointer();
  const runner = openRunner(store);
  const seen: unknown[] = [];
  const asks = node('asks', async (_: unknown, ctx) => {
    const said = await ctx.interrupt('Go?', { key: 'go' });
    seen.push((await store.history(ID)).some(({ type }) => type === 'InterruptResolved'));
    return said;
  });
  await runner.run(asks, undefined, { workflowId: ID });

  await runner.respond(ID, 'go', 'yes');

  expect(seen).toEqual([true]);
});
