import { createRunner, isTroupeError, node, type ExecutionInfo } from 'troupe';
import { describe, expect, test } from 'vitest';

const leaf = node('leaf', (n: number) => n * 2);
const middle = node('middle', (n: number, ctx) => ctx.call(leaf, n + 1));
const root = node({
  name: 'root',
  output: 'total',
  run: async (n: number, ctx) => (await ctx.call(middle, n)) + (await ctx.call(leaf, n)),
});

async function run(): Promise<ExecutionInfo> {
  await using runner = createRunner();
  return (await runner.run(root, 1)).info;
}

function codeOf(act: () => unknown): string | undefined {
  try {
    act();
  } catch (error) {
    return isTroupeError(error) ? error.code : 'not ours';
  }
  return undefined;
}

describe('a snapshot', () => {
  test('shows the run', async () => {
    const info = await run();

    expect(info).toMatchObject({ status: 'completed', answer: 6, steps: 8 });
    expect(info.requests.size).toBe(4);
    expect(info.nodes.size).toBe(4);
  });

  test('is the same in the result and in the runner', async () => {
    await using runner = createRunner();

    const { info, runId } = await runner.run(root, 1);

    expect(runner.info.run(runId).graphSerialization()).toBe(info.graphSerialization());
    expect(runner.info.runs.map((each) => each.runId)).toEqual([runId]);
  });

  test('read in the middle does not change when the run goes on', async () => {
    await using runner = createRunner();
    const taken: ExecutionInfo[] = [];
    const parent = node('parent', async (_: void, ctx) => {
      taken.push(runner.info.run(ctx.runId));
      await ctx.call(leaf, 1);
    });

    await runner.run(parent);

    expect(taken[0]).toMatchObject({ status: 'running', steps: 1 });
    expect(taken[0]?.requests.size).toBe(1);
    expect(taken[0]?.requests.roots[0]?.status).toBe('running');
  });

  test('cannot be changed', async () => {
    const info = await run();

    expect(Object.isFrozen(info.stamps)).toBe(true);
    expect(Object.isFrozen(info.requests.roots[0])).toBe(true);
    expect(() => Object.assign(info, { status: 'failed' })).toThrow(TypeError);
    expect(() => Object.assign(info.requests.roots[0] ?? {}, { status: 'failed' })).toThrow(TypeError);
  });
});

describe('a forest', () => {
  test('finds records by id', async () => {
    const { requests } = await run();

    const [first] = requests;

    expect(requests.get(first?.id ?? '')).toBe(first);
    expect(requests.has(first?.id ?? '')).toBe(true);
  });

  test('knows no other ids', async () => {
    const { requests, nodes } = await run();
    const ids = ['', 'x', '__proto__', 'constructor', requests.roots[0]?.nodeId ?? ''];

    expect(ids.map((id) => [requests.get(id), requests.has(id)])).toEqual(ids.map(() => [undefined, false]));
    expect(nodes.has(requests.roots[0]?.id ?? '')).toBe(false);
  });

  test('gives the children of a node in order of creation', async () => {
    const { requests, nodes } = await run();

    const { id } = nodes.roots[0] ?? { id: '' };

    expect(requests.children(id).map(({ nodeName }) => nodeName)).toEqual(['middle', 'leaf']);
    expect(nodes.children(id).map(({ name }) => name)).toEqual(['middle', 'leaf']);
  });

  test('has one root, the request of the target', async () => {
    const { requests } = await run();

    expect(requests.roots.map(({ nodeName }) => nodeName)).toEqual(['root']);
  });

  test('knows an id of another run no more than any other', async () => {
    const [one, other] = [await run(), await run()];

    expect(one.requests.has(other.requests.roots[0]?.id ?? '')).toBe(false);
  });
});

describe('subset', () => {
  test('has just those requests and their stamps', async () => {
    const info = await run();
    const [, called] = info.requests;

    const part = info.subset([called?.id ?? '']);

    expect([...part.requests]).toEqual([called]);
    expect(part.stamps.map(({ identifier }) => identifier)).toEqual([
      'root CREATED middle',
      'Finished executing middle',
    ]);
    expect(part.steps).toBe(2);
  });

  test('has just those nodes and their stamps', async () => {
    const info = await run();
    const [, , third] = info.nodes;

    const part = info.subset([third?.id ?? '']);

    expect([...part.nodes]).toEqual([third]);
    expect(part.stamps.map(({ identifier }) => identifier)).toEqual([
      'middle CREATED leaf',
      'Finished executing leaf',
    ]);
  });

  test('keeps the order of creation, whatever the order of the ids', async () => {
    const info = await run();
    const ids = Array.from(info.requests, ({ id }) => id);

    const part = info.subset(ids.toReversed());

    expect(Array.from(part.requests, ({ id }) => id)).toEqual(ids);
    expect(part.stamps).toEqual(info.stamps);
  });

  test('of no ids is empty', async () => {
    const part = (await run()).subset([]);

    expect([part.requests.size, part.nodes.size, part.stamps.length]).toEqual([0, 0, 0]);
  });

  test('of an unknown id is an UnknownIdError', async () => {
    const info = await run();

    expect(codeOf(() => info.subset(['nobody']))).toBe('UNKNOWN_ID');
  });
});

describe('at', () => {
  test('shows the run as it was after each step', async () => {
    const info = await run();

    const sizes = info.stamps.map(({ step }) => {
      const then = info.at(step);
      return [then.requests.size, [...then.requests].filter(({ endedAt }) => endedAt !== undefined).length];
    });

    expect(sizes).toEqual([
      [1, 0],
      [2, 0],
      [3, 0],
      [3, 1],
      [3, 2],
      [4, 2],
      [4, 3],
      [4, 4],
    ]);
  });

  test('has the stamps up to that step', async () => {
    const info = await run();

    expect(info.at(3).stamps).toEqual(info.stamps.slice(0, 4));
    expect(info.at(3).steps).toBe(4);
  });

  test('shows the versions that there were', async () => {
    const info = await run();

    const then = info.at(3).requests.roots[0];

    expect(then?.status).toBe('running');
    expect(then?.history.map(({ status }) => status)).toEqual(['pending', 'running']);
  });

  test('shows no answer of a run that had not ended', async () => {
    const info = await run();

    expect(info.at(info.steps - 2)).toMatchObject({ status: 'running', answer: undefined });
    expect(info.at(info.steps - 1)).toMatchObject({ status: 'completed', answer: 6 });
  });

  test('equals what was read just before the next step', async () => {
    await using runner = createRunner();
    const taken: ExecutionInfo[] = [];
    const parent = node('parent', async (_: void, ctx) => {
      for (const n of [1, 2]) {
        taken.push(runner.info.run(ctx.runId));
        await ctx.call(leaf, n);
      }
      taken.push(runner.info.run(ctx.runId));
    });

    const { info } = await runner.run(parent);

    expect(taken.map((read) => read.steps)).toEqual([1, 3, 5]);
    expect(taken.map((read) => info.at(read.steps - 1).graphSerialization())).toEqual(
      taken.map((read) => read.graphSerialization()),
    );
  });

  test('of a step that there is not is an error of ours', async () => {
    const info = await run();

    const codes = [-1, 0.5, info.steps, Number.NaN].map((step) => codeOf(() => info.at(step)));

    expect(codes.filter((code) => code === undefined || code === 'not ours')).toEqual([]);
  });
});

describe('toGraph', () => {
  test('has a vertex for each node and an edge for each request', async () => {
    const info = await run();

    const { vertices, edges } = info.toGraph();

    expect(vertices).toEqual([...info.nodes]);
    expect(edges.map(({ source, target }) => [source, target])).toEqual(
      Array.from(info.requests, ({ sourceNodeId, nodeId }) => [sourceNodeId, nodeId]),
    );
  });

  test('has null for the source of the root’s request, and only there', async () => {
    const { edges } = (await run()).toGraph();

    expect(edges.map(({ source }) => source === null)).toEqual([true, false, false, false]);
  });
});

describe('toJSON', () => {
  test('is plain data of version 1', async () => {
    const info = await run();

    const json = info.toJSON();

    expect(json).toMatchObject({ version: 1, runId: info.runId, status: 'completed', answer: 6 });
    expect(structuredClone(json)).toEqual(json);
    expect([json.requests.length, json.nodes.length, json.stamps.length]).toEqual([4, 4, 8]);
  });

  test('has the fields and the history of each record', async () => {
    const info = await run();

    const [request] = info.toJSON().requests;

    const { id, nodeId, stamp } = info.requests.roots[0] ?? {};
    expect(request).toMatchObject({
      id,
      nodeId,
      sourceNodeId: null,
      nodeName: 'root',
      status: 'succeeded',
      stamp,
    });
    expect(request).toHaveProperty('history.length', 3);
  });

  test('is what graphSerialization says as a text', async () => {
    const info = await run();

    expect(JSON.parse(info.graphSerialization())).toEqual(JSON.parse(JSON.stringify(info.toJSON())));
  });

  test('is valid JSON whatever the values are', async () => {
    await using runner = createRunner();
    const cycle: Record<string, unknown> = {
      big: 1n,
      nan: Number.NaN,
      send: () => 0,
      when: new Date(Number.NaN),
    };
    cycle['self'] = cycle;
    const odd = node('odd', () => cycle);

    const { info } = await runner.run(odd);

    expect(() => void JSON.parse(info.graphSerialization())).not.toThrow();
  });
});
