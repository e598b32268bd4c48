import { custom, flow, type Job, type Policy, type PolicyView, type Verdict } from 'troupe/flow';
import { describe, expect, test } from 'vitest';
import { flowStage, gate, passOn, statusesOf, step, type FlowStage } from '../support/flows.ts';

/** One routine that keeps what it is given and why, and posts to it. */
function recording(stage: FlowStage, policy: Policy) {
  const seen: { readonly input: readonly number[]; readonly reason: string; readonly at: number }[] = [];
  const f = flow('f').add(
    step('a', (input, { reason }) => void seen.push({ input, reason, at: stage.clock.now() }), { policy }),
  );
  const worker = stage.runtime.exec(f);
  const post = async (...values: number[]): Promise<readonly Job[]> => {
    const jobs: Job[] = [];
    for (const value of values) jobs.push(await stage.runtime.post(f, 'a', 'input', value));
    return jobs;
  };
  return { seen, f, worker, post };
}

describe('`custom` at work', () => {
  test('is asked with size, capacity, messages, times and the time', async () => {
    const stage = flowStage();
    const views: unknown[] = [];
    const look = ({ slots, now, lastAt }: PolicyView): false => {
      const { size, capacity, messages, oldestAt, newestAt } = slots['input'] ?? { size: -1 };
      views.push({ size, capacity, messages, oldestAt, newestAt, now, lastAt });
      return false;
    };
    const { post } = recording(stage, custom(look));

    await post(7);
    await stage.clock.advance(5);
    await post(8);

    expect(views.at(-1)).toEqual({
      size: 2,
      capacity: 1_000,
      messages: [7, 8],
      oldestAt: 1_000,
      newestAt: 1_005,
      now: 1_005,
      lastAt: undefined,
    });
  });

  test('takes what it says, for its reason, and is asked again until it says no', async () => {
    const stage = flowStage();
    const two = custom(({ slots: { input } }) =>
      (input?.size ?? 0) >= 2 ? { take: { input: 2 }, reason: `of ${input?.size}` } : false,
    );
    const { seen, post, worker } = recording(stage, two);
    await worker.pause();
    await post(1, 2, 3, 4, 5);

    worker.resume();
    await stage.clock.advance(0);

    expect(seen.map(({ input, reason }) => [input, reason])).toEqual([
      [[1, 2], 'of 5'],
      [[3, 4], 'of 3'],
    ]);
  });

  test('has the reason "custom" where it gives none', async () => {
    const stage = flowStage();
    const one = custom(({ slots: { input } }) => (input?.size ?? 0) > 0 && { take: { input: 1 } });
    const { seen, post } = recording(stage, one);

    await post(1);
    await stage.clock.advance(0);

    expect(seen[0]?.reason).toBe('custom');
  });

  test('is asked again at the time that it names', async () => {
    const stage = flowStage();
    const late = custom(({ slots: { input }, now }) => {
      const { size = 0, oldestAt = now } = input ?? {};
      if (size === 0) return false;
      return now - oldestAt >= 500 ? { take: { input: size }, reason: 'late' } : { askAt: oldestAt + 500 };
    });
    const { seen, post } = recording(stage, late);
    await post(1);
    await stage.clock.advance(400);
    await post(2);

    await stage.clock.advance(99);
    const before = seen.length;
    await stage.clock.advance(1);

    expect(before).toBe(0);
    expect(seen).toEqual([{ input: [1, 2], reason: 'late', at: 1_500 }]);
  });

  test('that wants more than there is gets what there is', async () => {
    const stage = flowStage();
    const many = custom(({ slots: { input } }) => (input?.size ?? 0) > 0 && { take: { input: 99 } });
    const { seen, post } = recording(stage, many);

    await post(1);
    await stage.clock.advance(0);

    expect(seen.map(({ input }) => input)).toEqual([[1]]);
  });

  test('that throws fails the jobs of what waits, with its very error', async () => {
    const stage = flowStage();
    const error = new Error('in the policy');
    const { seen, post, worker } = recording(
      stage,
      custom(({ slots: { input } }) => {
        if ((input?.size ?? 0) === 0) return false;
        throw error;
      }),
    );

    const [job] = await post(1);
    await job?.done;

    expect(job?.status).toBe('failed');
    expect(job?.error).toBe(error);
    expect(job?.deadLetters).toMatchObject([{ routine: 'a', slot: 'input', value: 1 }]);
    expect([seen, worker.status]).toEqual([[], 'running']);
  });
});

describe('a policy that says what cannot be done', () => {
  test.each([
    ['a slot that there is not', { take: { inputs: 1 } }],
    ['less than nothing', { take: { input: -1 } }],
    ['no number of messages', { take: { input: Number.NaN } }],
    ['a time that is none', { askAt: Number.NaN }],
    ['nothing to take', {}],
    ['true', true],
    ['a promise', Promise.resolve({ take: { input: 1 } })],
  ])('fails the jobs of what waits: %s', async (_what, verdict) => {
    const stage = flowStage();
    const { seen, post, worker } = recording(
      stage,
      custom(({ slots: { input } }) => (input?.size ?? 0) > 0 && (verdict as Verdict)),
    );

    const [job] = await post(1);

    expect(job?.status).toBe('failed');
    expect([seen, worker.status, stage.clock.pending]).toEqual([[], 'running', 0]);
  });
});

test.each([undefined, null, 0, ''] as const)('a policy says no with %j', async (nothing) => {
  const stage = flowStage();
  const { seen, post } = recording(
    stage,
    custom(({ slots: { input } }) => (input?.size === 2 ? { take: { input: 2 } } : nothing)),
  );

  await post(1, 2);

  expect(seen).toHaveLength(1);
});

test('a policy may keep what it was shown', async () => {
  const stage = flowStage();
  const views: unknown[] = [];
  const { post } = recording(
    stage,
    custom(({ slots }) => {
      views.push({ ...slots['input'] });
      return (slots['input']?.size ?? 0) > 0 && { take: { input: 1 } };
    }),
  );

  await post(7);

  expect(views[0]).toMatchObject({ size: 1, capacity: 1_000, messages: [7] });
});

test('a policy is asked only when its routine is free', async () => {
  const held = gate();
  let asked = 0;
  const counting = custom(({ slots: { input } }) => {
    asked += 1;
    return (input?.size ?? 0) > 0 && { take: { input: 1 } };
  });
  const f = flow('f').add(step('a', held.body, { policy: counting }));
  const { runtime, clock } = flowStage();
  runtime.exec(f);
  await runtime.post(f, 'a', 'input', 1);
  await clock.advance(0);

  const before = asked;
  for (const value of [2, 3, 4]) await runtime.post(f, 'a', 'input', value);
  await clock.advance(0);

  expect(asked).toBe(before);
});

test('a message is not lost where a policy is asked while its routine ends', async () => {
  const f = flow('f').add(step('a', passOn)).add(step('b', passOn)).connect('a.output', 'b.input');
  await using runtime = flowStage().runtime;
  runtime.exec(f);

  const jobs = await Promise.all(
    Array.from({ length: 200 }, (_, value) => runtime.post(f, 'a', 'input', value)),
  );
  const isDone = await runtime.waitUntilAllJobsFinished();

  expect(isDone).toBe(true);
  expect(new Set(statusesOf(jobs))).toEqual(new Set(['completed']));
});
