import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { survivesEveryCrash } from './call-law.ts';
import { programs } from './call-program.ts';

// Many runs a law, on a machine that may be busy with other things.
vi.setConfig({ testTimeout: 120_000 });

test.each(['sync', 'async'] as const)(
  'bodies that call bodies end as without a crash after a crash at any point, and another at any later one (%s)',
  async (durability) => {
    expect.hasAssertions();

    await fc.assert(
      fc.asyncProperty(programs, fc.nat(50), (program, pick) =>
        survivesEveryCrash(program, { pick, durability }),
      ),
      { numRuns: 25 },
    );
  },
);
