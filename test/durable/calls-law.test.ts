import fc from 'fast-check';
import type { RunnerOptions } from 'troupe';
import { expect, test, vi } from 'vitest';
import { survivesEveryCrash } from './call-law.ts';
import { programs, without, type Act, type Program } from './call-program.ts';

// Many runs a law, on a machine that may be busy with other things.
vi.setConfig({ testTimeout: 120_000 });

const options: readonly RunnerOptions[] = [
  { durability: 'sync' },
  { durability: 'async' },
  { maxConcurrency: 1 },
  { maxConcurrency: 2, durability: 'async' },
];

test.each(options)(
  'bodies that call bodies end as without a crash after a crash at any point, and another at any later one (%o)',
  async (given) => {
    expect.hasAssertions();
    // The two of a race work at the same time, and wait for each other.
    const isLimited = given.maxConcurrency !== undefined;
    const ofThem = isLimited ? programs.map((program) => without('race', program)) : programs;

    await fc.assert(
      fc.asyncProperty(ofThem, fc.nat(50), (program, pick) =>
        survivesEveryCrash(program, { pick, ...given }),
      ),
      // Random programs differ much in their number of crash points: as many of them as there is time for.
      { numRuns: 20, interruptAfterTimeLimit: 8_000 },
    );
  },
);

function body(part: Partial<Program> = {}): Program {
  const plain = { failures: 0, attempts: 1, hasFallback: false, pace: 0, yields: false } as const;
  return { id: 0, name: 'a', acts: [], ...plain, ...part };
}

test('a result that was recorded earlier comes earlier, also where its caller comes late for it', async () => {
  expect.hasAssertions();
  const race: Act = { type: 'race', of: body() };
  const strands: Act = {
    type: 'strands',
    of: [body({ acts: [race], pace: 1 }), body()],
    paces: [4, 2, 0, 0, 1, 0],
  };
  const other = body({ name: 'b', acts: [{ type: 'wait', turns: 1 }], attempts: 2, pace: 1, yields: true });
  const program = body({ acts: [strands, { type: 'settle', of: [other] }], hasFallback: true, pace: 1 });

  await survivesEveryCrash(program, { pick: 45, durability: 'sync' });
});
