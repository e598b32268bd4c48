import fc from 'fast-check';
import { memoryCheckpointer } from 'troupe/checkpoint';
import { aggregator, batcher, debouncer, slot, type AnyRoutine } from 'troupe/flow';
import { describe, expect, test, vi } from 'vitest';
import { aggregatesOf, batchesOf, comingTo, settledOf, type Coming } from './ready-made-models.ts';
import { afterCrash, elsewhere, tryOut, type Emitted, type TryOut } from './ready-made-parts.ts';

// Many runs a law, on a machine that may be busy with other things.
vi.setConfig({ testTimeout: 60_000 });

const someSize = fc.integer({ min: 1, max: 5 });
const someMs = fc.integer({ min: 1, max: 20 });
/** Before which messages it moves. */
const someMoves = fc.uniqueArray(fc.nat(24), { maxLength: 4 });

/** When all that waits has gone. */
const LONGEST_MS = 50;

/** A checkpointer takes turns of its own before a body begins, which no timer says. */
async function advanceTo(at: number, { clock }: TryOut): Promise<void> {
  do {
    await clock.advance(Math.min(1, at - clock.now()));
    for (let turn = 0; turn < 4; turn += 1) await clock.advance(0);
  } while (clock.now() < at);
}

type Move = (stage: TryOut) => Promise<TryOut>;

/** What a routine emits, everywhere together, that goes on elsewhere now and then. */
async function playMoving(
  stage: TryOut,
  { comings, moves, move }: { comings: readonly Coming[]; moves: readonly number[]; move: Move },
): Promise<readonly Emitted[]> {
  const emitted: Emitted[] = [];
  let here = stage;
  for (const [index, { slot: name, value, at }] of comings.entries()) {
    if (moves.includes(index)) {
      emitted.push(...here.emitted);
      here = await move(here);
    }
    await advanceTo(at, here);
    await here.post(value, name);
    await advanceTo(at, here);
  }
  await advanceTo(here.clock.now() + LONGEST_MS, here);
  emitted.push(...here.emitted);
  await here.runtime.shutdown({ wait: false });
  return emitted;
}

describe.each(['snapshots', 'crashes'])('%s at any time change nothing of what comes out, and when', (by) => {
  const play = (made: AnyRoutine, comings: readonly Coming[], moves: readonly number[]) => {
    if (by === 'snapshots')
      return playMoving(tryOut(made), { comings, moves, move: (stage) => elsewhere(made, stage) });
    let store = memoryCheckpointer();
    const move: Move = async (stage) => {
      const next = await afterCrash(made, stage, store);
      ({ store } = next);
      return next;
    };
    return playMoving(tryOut(made, { runtime: { checkpointer: store } }), { comings, moves, move });
  };

  test('of a batcher', async () => {
    await fc.assert(
      fc.asyncProperty(
        comingTo(['input']),
        someMoves,
        someSize,
        someMs,
        async (comings, moves, size, maxWait) => {
          const emitted = await play(batcher('b', { size, maxWait }), comings, moves);

          const seen = emitted.map(({ value, at }) => ({ value, at }));
          expect(seen).toEqual(batchesOf(comings, size, maxWait));
        },
      ),
    );
  });

  test('of a debouncer', async () => {
    await fc.assert(
      fc.asyncProperty(comingTo(['input']), someMoves, someMs, someMs, async (comings, moves, wait, more) => {
        const emitted = await play(debouncer('d', { wait, maxWait: wait + more }), comings, moves);

        const seen = emitted.map(({ value, at }) => ({ value, at }));
        expect(seen).toEqual(settledOf(comings, wait, wait + more));
      }),
    );
  });

  test('of an aggregator', async () => {
    const names = ['a', 'b', 'c'];
    const slots = { a: slot<number>(), b: slot<number>(), c: slot<number>() };
    await fc.assert(
      fc.asyncProperty(
        comingTo(names),
        someMoves,
        fc.integer({ min: 1, max: 3 }),
        someMs,
        async (comings, moves, needed, timeout) => {
          const made = aggregator('join', { slots, mode: { atLeast: needed }, timeout });

          const emitted = await play(made, comings, moves);

          expect(emitted).toEqual(aggregatesOf(comings, { names, needed, timeout }));
        },
      ),
    );
  });
});
