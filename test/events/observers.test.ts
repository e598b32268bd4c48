import { createRunner, isTroupeError, call, node, type EventProcessor, type TroupeEvent } from 'troupe';
import { describe, expect, test } from 'vitest';
import { deferred } from '../support/deferred.ts';
import { memoryLogger } from '../support/memory-logger.ts';

const leaf = node('leaf', (n: number) => n + 1);
const tree = node('tree', async (n: number, ctx) => (await ctx.call(leaf, n)) + (await ctx.call(leaf, n)));
const TREE_EVENTS = 14;

async function settle(): Promise<void> {
  for (let turn = 0; turn < 4; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** A processor that keeps what it gets. */
function keeper(): EventProcessor & { readonly events: TroupeEvent[]; closed: number } {
  const events: TroupeEvent[] = [];
  return {
    events,
    closed: 0,
    onEvent: (event) => void events.push(event),
    close() {
      this.closed += 1;
    },
  };
}

const THROWING = [
  [
    'throws',
    () => {
      throw new Error('observer');
    },
  ],
  ['rejects', () => Promise.reject(new Error('observer'))],
  [
    'throws undefined',
    () => {
      throw undefined;
    },
  ],
] as const;

describe.each([...THROWING, ['never settles', () => new Promise<void>(() => {})]] as const)(
  'a subscriber that %s',
  (_, subscriber) => {
    test('changes nothing of the run', async () => {
      const runner = createRunner({ subscriber });

      const { answer, status } = await runner.run(tree, 1);

      expect([answer, status]).toEqual([4, 'completed']);
    });

    test('keeps no event from the processors', async () => {
      const processor = keeper();
      const runner = createRunner({ subscriber, processors: [processor] });

      await runner.run(tree, 1);
      await settle();

      expect(processor.events).toHaveLength(TREE_EVENTS);
    });
  },
);

describe.each(THROWING)('a subscriber that %s', (_, subscriber) => {
  test('is logged', async () => {
    const { logger, lines } = memoryLogger();
    const runner = createRunner({ subscriber, logger, logLevel: 'error' });

    await runner.run(leaf, 1);
    await settle();

    expect(lines.filter(({ level }) => level === 'error')).not.toEqual([]);
  });
});

describe('a processor that throws', () => {
  test('is left out of nothing else, and gets the later events', async () => {
    let count = 0;
    const bad: EventProcessor = {
      onEvent: () => {
        count += 1;
        throw new Error('processor');
      },
    };
    const good = keeper();
    await using runner = createRunner({ processors: [bad, good] });

    await runner.run(tree, 1);
    await settle();

    expect([count, good.events.length]).toEqual([TREE_EVENTS, TREE_EVENTS]);
  });
});

describe('an asynchronous observer', () => {
  test('gets one event at a time, in order', async () => {
    let inFlight = 0;
    let most = 0;
    const seqs: number[] = [];
    const subscriber = async ({ seq }: TroupeEvent): Promise<void> => {
      inFlight += 1;
      most = Math.max(most, inFlight);
      await new Promise((resolve) => setImmediate(resolve));
      seqs.push(seq);
      inFlight -= 1;
    };
    const runner = createRunner({ subscriber });

    await runner.run(tree, 1);
    await runner.close();

    expect(most).toBe(1);
    expect(seqs).toEqual([...Array(TREE_EVENTS).keys()]);
  });

  test('that is slow holds up neither the run nor another observer', async () => {
    const gate = deferred();
    const slow: TroupeEvent[] = [];
    const fast = keeper();
    await using runner = createRunner({
      processors: [fast],
      subscriber: async (event) => {
        slow.push(event);
        await gate.promise;
      },
    });

    await runner.run(tree, 1);
    await settle();

    expect([slow.length, fast.events.length]).toEqual([1, TREE_EVENTS]);
    gate.resolve();
  });

  test('has had every event when its runner is closed', async () => {
    const seen: TroupeEvent[] = [];
    const runner = createRunner({
      subscriber: async (event) => {
        await new Promise((resolve) => setImmediate(resolve));
        seen.push(event);
      },
    });

    await runner.run(tree, 1);
    await runner.close();

    expect(seen.at(-1)?.type).toBe('RunEnd');
  });
});

describe('what an observer does to an event', () => {
  test('is nothing to another observer, nor to the record', async () => {
    const good = keeper();
    await using runner = createRunner({
      subscriber: (event) => {
        Object.assign(event, { type: 'Changed', inputs: 'changed' });
      },
      processors: [good],
    });

    const { info } = await runner.run(
      node('echo', (n: number) => n),
      1,
    );
    await settle();

    expect(good.events.map(({ type }): string => type)).not.toContain('Changed');
    expect(info.requests.roots[0]?.input).toBe(1);
  });

  test('is outside of every run', async () => {
    const codes: unknown[] = [];
    await using runner = createRunner({
      subscriber: async () => {
        await call(leaf, 1).catch((error: unknown) => codes.push(isTroupeError(error) && error.code));
      },
    });

    await runner.run(leaf, 1);
    await settle();

    expect(new Set(codes)).toEqual(new Set(['NO_RUN']));
  });
});

const LIMIT = 100_000;

/** Lets an observer stand still while a body publishes. */
async function flood(kind: 'emitChunk' | 'broadcast', count: number) {
  const gate = deferred();
  const events: TroupeEvent[] = [];
  const { logger, lines } = memoryLogger();
  const flooding = node('flooding', (_: void, ctx) => {
    for (let index = 0; index < count; index += 1) ctx[kind](index);
  });
  const runner = createRunner({
    logger,
    logLevel: 'warn',
    subscriber: async (event) => {
      events.push(event);
      if (event.type === 'RunStart') await gate.promise;
    },
  });
  const handle = runner.iter(flooding);
  await settle();
  gate.resolve();
  const { status } = await handle.result;
  await runner.close();
  return { events, lines, status };
}

describe('the queue of an observer', () => {
  test('gives up its oldest chunks first when it is full, and nothing else', async () => {
    const { events, status } = await flood('emitChunk', LIMIT + 500);

    const chunks = events
      .filter((event) => event.type === 'StreamingChunk')
      .map(({ chunk }) => Number(chunk));
    expect(status).toBe('completed');
    expect(chunks.at(-1)).toBe(LIMIT + 499);
    expect(chunks).toEqual(
      Array.from({ length: chunks.length }, (_, index) => LIMIT + 500 - chunks.length + index),
    );
    expect(chunks.length).toBeLessThanOrEqual(LIMIT);
    expect(chunks.length).toBeGreaterThan(LIMIT - 10);
    expect(events.filter(({ type }) => type !== 'StreamingChunk').map(({ type }) => type)).toEqual([
      'RunStart',
      'RequestCreation',
      'NodeStart',
      'NodeEnd',
      'RequestSuccess',
      'RunEnd',
    ]);
  });

  test('counts the chunks that it gave up in the log', async () => {
    const { lines, events } = await flood('emitChunk', LIMIT + 500);

    const chunks = events.filter(({ type }) => type === 'StreamingChunk').length;
    expect(lines.map(({ fields }) => fields['count'])).toContain(LIMIT + 500 - chunks);
  });

  test('loses nothing below its bound', async () => {
    const { events, lines } = await flood('broadcast', LIMIT - 100);

    expect(events.filter(({ type }) => type === 'Broadcast')).toHaveLength(LIMIT - 100);
    expect(lines).toEqual([]);
  });

  test('is given up with an error in the log when there is no chunk left to drop', async () => {
    const { events, lines, status } = await flood('broadcast', LIMIT + 500);

    expect(status).toBe('completed');
    expect(events.some(({ type }) => type === 'RunEnd')).toBe(false);
    expect(lines.filter(({ level }) => level === 'error')).toHaveLength(1);
  });
});

describe('a processor', () => {
  test('of a runner is closed once, with the runner, after its last event', async () => {
    const processor = keeper();
    const runner = createRunner({ processors: [processor] });
    await runner.run(tree, 1);
    expect(processor.closed).toBe(0);

    await runner.close();
    await runner.close();

    expect(processor.closed).toBe(1);
    expect(processor.events.at(-1)?.type).toBe('RunEnd');
  });

  test('of one run is closed when that run has ended and it has had its events', async () => {
    const own: string[] = [];
    await using runner = createRunner();

    await runner.run(tree, 1, {
      processors: [
        {
          onEvent: async ({ type }) => {
            await new Promise((resolve) => setImmediate(resolve));
            own.push(type);
          },
          close: () => void own.push('closed'),
        },
      ],
    });
    await runner.close();

    expect(own.slice(-2)).toEqual(['RunEnd', 'closed']);
    expect(own).toHaveLength(TREE_EVENTS + 1);
  });

  test('of one run is added to those of the runner', async () => {
    const [shared, own] = [keeper(), keeper()];
    await using runner = createRunner({ processors: [shared] });

    await runner.run(leaf, 1, { processors: [own] });
    await runner.run(leaf, 1);
    await runner.close();

    expect([shared.events.length, own.events.length]).toEqual([12, 6]);
  });

  test('that cannot be closed is logged, and the others are closed all the same', async () => {
    const { logger, lines } = memoryLogger();
    const good = keeper();
    const bad: EventProcessor = { onEvent: () => undefined, close: () => Promise.reject(new Error('close')) };
    const runner = createRunner({ processors: [bad, good], logger, logLevel: 'error' });

    await runner.close();

    expect(good.closed).toBe(1);
    expect(lines.filter(({ level }) => level === 'error')).toHaveLength(1);
  });
});

describe('a subscriber', () => {
  test('of one run stands in for that of the runner', async () => {
    const [shared, own]: [TroupeEvent[], TroupeEvent[]] = [[], []];
    await using runner = createRunner({ subscriber: (event) => void shared.push(event) });

    await runner.run(leaf, 1, { subscriber: (event) => void own.push(event) });
    await runner.run(leaf, 1, { subscriber: null });
    await settle();

    expect([shared.length, own.length]).toEqual([0, 6]);
  });

  test('gets the same events as who iterates over the run', async () => {
    const events: TroupeEvent[] = [];
    const iterated: TroupeEvent[] = [];
    await using runner = createRunner({ subscriber: (event) => void events.push(event) });

    for await (const event of runner.iter(tree, 1)) iterated.push(event);
    await settle();

    expect(iterated).toEqual(events);
  });
});
