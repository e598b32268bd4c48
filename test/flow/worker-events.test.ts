import { input, node } from 'troupe';
import { flow } from 'troupe/flow';
import { describe, expect, test } from 'vitest';
import { never } from '../support/deferred.ts';
import { flowStage, sink, step } from '../support/flows.ts';
import { eventLog, ofType } from '../support/runs.ts';

const add = node({
  name: 'add',
  inputs: { a: input<number>(), b: input(100) },
  run: ({ a, b }) => a + b,
});

describe('the events of a worker', () => {
  test('begin with RunStart, before any request', async () => {
    const { events, subscriber } = eventLog();
    const { runtime } = flowStage({ subscriber });
    runtime.exec(flow('f').add(sink().routine));

    await runtime.shutdown();

    expect(events[0]?.type).toBe('RunStart');
    expect(events.at(-1)?.type).toBe('RunEnd');
  });

  test('tell what its routines do, by their names in the flow', async () => {
    const { events, subscriber } = eventLog();
    const f = flow('f').add(sink().routine, 'renamed');
    const { runtime } = flowStage({ subscriber });
    runtime.exec(f);

    await (
      await runtime.post(f, 'renamed', 'input', 1)
    ).done;
    await runtime.shutdown();

    const told = events.filter(({ type }) => !type.startsWith('Request'));
    expect(told).toMatchObject([
      { type: 'RunStart', target: 'f' },
      { type: 'NodeStart', nodeName: 'renamed', inputs: { input: [1] }, attempt: 1 },
      { type: 'NodeEnd', nodeName: 'renamed' },
      { type: 'RunEnd', status: 'completed' },
    ]);
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_event, index) => index));
    expect(new Set(events.map(({ runId }) => runId)).size).toBe(1);
  });

  test.each([
    ['stopped', 'cancelled', false],
    ['failed', 'failed', true],
  ] as const)('end with a RunEnd that says how it %s', async (_what, status, isCritical) => {
    const { events, subscriber } = eventLog();
    const f = flow('f').add(
      step('a', () => (isCritical ? Promise.reject(new Error('boom')) : never()), { critical: true }),
    );
    const { runtime, clock } = flowStage({ subscriber });
    const worker = runtime.exec(f);
    await runtime.post(f, 'a', 'input', 1);
    await clock.advance(0);

    await worker.stop();
    await runtime.shutdown();

    expect(ofType(events, 'RunEnd').map((each) => each.status)).toEqual([status]);
  });

  test('tell that a drain was cut short', async () => {
    const { events, subscriber } = eventLog();
    const f = flow('f').add(step('a', () => never()));
    const { runtime, clock } = flowStage({ subscriber });
    runtime.exec(f);
    await runtime.post(f, 'a', 'input', 1);

    const shut = runtime.shutdown({ timeout: 100 });
    await clock.advance(100);
    await shut;

    expect(ofType(events, 'RunEnd').map(({ status }) => status)).toEqual(['cancelled']);
  });

  test('tell of failures and of retries', async () => {
    const { events, subscriber } = eventLog();
    const retry = { maxAttempts: 2, delay: 100, jitter: 'none' } as const;
    const f = flow('f').add(step('a', () => Promise.reject(new Error('boom')), { retry }));
    const { runtime, clock } = flowStage({ subscriber });
    runtime.exec(f);

    await runtime.post(f, 'a', 'input', 1);
    await clock.runAll();
    await runtime.shutdown();

    expect(ofType(events, 'NodeRetry')).toMatchObject([{ nodeName: 'a', attempt: 1, delayMs: 100 }]);
    expect(ofType(events, 'NodeError')).toMatchObject([{ nodeName: 'a', attempt: 2 }]);
  });

  test('name the calling routine as the parent of a node that it calls', async () => {
    const { events, subscriber } = eventLog();
    const f = flow('f').add(step('a', ([value = 0], ctx) => ctx.call(add, { a: value })));
    const { runtime } = flowStage({ subscriber });
    runtime.exec(f);

    await (
      await runtime.post(f, 'a', 'input', 1)
    ).done;
    await runtime.shutdown();
    const [caller, callee] = ofType(events, 'NodeStart');

    expect([caller?.nodeName, callee?.nodeName]).toEqual(['a', 'add']);
    expect(callee?.parentSpanId).toBe(caller?.spanId);
  });

  test('go to processors as well, which are closed with the runtime', async () => {
    const types: string[] = [];
    const processor = {
      onEvent: ({ type }: { type: string }) => void types.push(type),
      close: () => void types.push('closed'),
    };
    const f = flow('f').add(sink().routine);
    const { runtime } = flowStage({ processors: [processor] });
    runtime.exec(f);

    await (
      await runtime.post(f, 'sink', 'input', 1)
    ).done;
    await runtime.shutdown();

    expect(types).toContain('NodeStart');
    expect(types.slice(-2)).toEqual(['RunEnd', 'closed']);
  });

  test('hide what `redact` names', async () => {
    const { events, subscriber } = eventLog();
    const login = node('login', (given: { password: string }) => given);
    const f = flow('f').add(step('a', (_input, ctx) => ctx.call(login, { password: 'hunter2' })));
    const { runtime } = flowStage({ subscriber, redact: ['password'] });
    runtime.exec(f);

    const job = await runtime.post(f, 'a', 'input', 1);
    await job.done;
    await runtime.shutdown();

    expect(job.status).toBe('completed');
    expect(ofType(events, 'NodeStart').some(({ nodeName }) => nodeName === 'login')).toBe(true);
    expect(JSON.stringify(events)).not.toContain('hunter2');
  });
});
