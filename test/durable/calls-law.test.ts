import fc from 'fast-check';
import type { RunnerOptions } from 'troupe';
import { expect, test, vi } from 'vitest';
import { survivesEveryCrash } from './call-law.ts';
import { programs, without } from './call-program.ts';

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
