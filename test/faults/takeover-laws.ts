import { writeFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { expect, test } from 'vitest';
import { openBay, type Bay } from './bay.ts';
import { calmVoyage, prepareVoyage } from './calm.ts';
import { newDice } from './dice.ts';
import { continues, readEffects, recordAtRest, recordOf, type Recorded } from './logbook.ts';
import type { Sailor } from './processes.ts';
import type { StoreKind } from './store-kinds.ts';
import type { Command, Outcome } from './talk.ts';
import { PERMISSION, PROVISIONS } from './voyage.ts';

const TEST_MS = 120_000;
const ROUNDS = 25;
/** A process that is stopped in the middle of a write locks a file for the others, who wait for ten seconds. */
const STOPS = 6;
/** So long a process may be stopped before another takes over. */
const LEASE_MS = 400;
const ANSWER = { permission: PERMISSION };

/** What a process comes to that may hold in a body, or be refused. */
function holdsOrEnds(sailor: Sailor): Promise<string> {
  return sailor.next((report) => {
    if (report.type === 'holds') return 'holds';
    if (report.type !== 'outcome') return undefined;
    return 'code' in report.outcome ? report.outcome.code : report.outcome.status;
  });
}

/** Two processes at once, and processes that were taken for dead. */
export function takeoverTests(kind: StoreKind): void {
  test(
    'two processes that resume a paused workflow at the same moment: one wins',
    { timeout: TEST_MS },
    async () => {
      await using bay = await openBay(kind);
      const { checkpointer } = bay;
      const rivals = [await bay.start({ holds: ['land'] }), await bay.start({ holds: ['land'] })];

      for (let round = 0; round < ROUNDS; round += 1) {
        const workflowId = `paused-${round}`;
        await prepareVoyage(checkpointer, workflowId);
        await raceFor(rivals, { do: 'resume', workflowId, responses: ANSWER });
      }
      expect(landings(bay)).toBe(ROUNDS);
    },
  );

  test(
    'two processes that resume an abandoned workflow at the same moment: one wins',
    { timeout: TEST_MS },
    async () => {
      await using bay = await openBay(kind);
      const rivals = [await bay.start({ holds: ['land'] }), await bay.start({ holds: ['land'] })];
      const ids = Array.from({ length: ROUNDS }, (_, round) => `abandoned-${round}`);
      const dead = await bay.start({ holds: ['lade'] });
      for (const workflowId of ids) dead.send({ do: 'run', workflowId, input: PROVISIONS });
      for (const _ of ids) await dead.holds('lade');
      await dead.kill();

      for (const workflowId of ids) await raceFor(rivals, { do: 'resume', workflowId, responses: ANSWER });
      expect(landings(bay)).toBe(ROUNDS);
    },
  );

  test(
    'a process that is stopped past its lease and wakes up cannot write',
    { timeout: TEST_MS },
    async () => {
      await using bay = await openBay(kind);
      const { checkpointer } = bay;
      const workflowId = 'zombie';
      const options = { lease: LEASE_MS };
      const calm = await calmVoyage();
      const zombie = await bay.start({ options, holds: ['lade'] });
      const other = await bay.start({ options });
      zombie.send({ do: 'run', workflowId, input: PROVISIONS, isAnswered: true });
      await zombie.holds('lade');
      // Stopped in the middle of a write, it would lock a file for the others, and nobody could take over.
      await recordAtRest(checkpointer, workflowId);
      zombie.signal('SIGSTOP');
      const outcome = await other.tellWhenFree({ do: 'resume', workflowId, isAnswered: true });
      const record = await recordOf(checkpointer, workflowId);
      const before = readEffects(bay.effects).length;

      zombie.signal('SIGCONT');
      zombie.send({ do: 'release' });

      expect(await zombie.outcome(workflowId)).toMatchObject({ code: 'WORKFLOW_ALREADY_RUNNING' });
      expect(outcome).toMatchObject({ status: 'completed', outputs: calm.outputs });
      await zombie.dismiss();
      expect(await recordOf(checkpointer, workflowId)).toEqual(record);
      const late = readEffects(bay.effects).slice(before);
      expect(late.filter(({ at }) => at === 'begin')).toEqual([]);
    },
  );

  test('a process whose body keeps it busy past its lease cannot write', { timeout: TEST_MS }, async () => {
    await using bay = await openBay(kind);
    const { checkpointer } = bay;
    const workflowId = 'busy';
    const options = { lease: LEASE_MS };
    const gate = `${bay.effects}.gate`;
    const calm = await calmVoyage();
    // Its result is large, and is written without the lease being renewed before.
    const busy = await bay.start({ options, holds: ['pack'], gate });
    const other = await bay.start({ options });
    busy.send({ do: 'run', workflowId, input: PROVISIONS, isAnswered: true });
    await busy.holds('pack');
    await recordAtRest(checkpointer, workflowId);
    busy.send({ do: 'release' });
    const outcome = await other.tellWhenFree({ do: 'resume', workflowId, isAnswered: true });
    const record = await recordOf(checkpointer, workflowId);

    writeFileSync(gate, '');

    expect(await busy.outcome(workflowId)).toMatchObject({ code: 'WORKFLOW_ALREADY_RUNNING' });
    expect(outcome).toMatchObject({ status: 'completed', outputs: calm.outputs });
    await busy.dismiss();
    expect(await recordOf(checkpointer, workflowId)).toEqual(record);
  });

  test(
    'processes that are stopped at random moments and wake up change nothing',
    { timeout: TEST_MS },
    async () => {
      await using bay = await openBay(kind);
      const { checkpointer } = bay;
      const calm = await calmVoyage();
      const dice = newDice();
      const options = { lease: LEASE_MS };
      const other = await bay.start({ options });

      for (let round = 0; round < STOPS; round += 1) {
        const workflowId = `zombie-${round}`;
        await using zombie = await bay.start({ options });
        zombie.send({ do: 'run', workflowId, input: PROVISIONS, isAnswered: true });
        let lines = 2 + dice.below(40);
        await zombie.next(({ type }) => (type === 'effect' && (lines -= 1) === 0 ? true : undefined));
        zombie.signal('SIGSTOP');
        const outcome = await other.tellWhenFree({ do: 'resume', workflowId, isAnswered: true });
        const record = await recordOf(checkpointer, workflowId);
        zombie.signal('SIGCONT');
        const late = await zombie.outcome(workflowId);

        expect(await wrongOf({ bay, workflowId, expected: calm.outputs }, { record, outcome, late })).toEqual(
          [],
        );
      }
    },
  );

  test(
    'a process that is killed while it waits for an answer: another answers, a third finishes',
    { timeout: TEST_MS },
    async () => {
      await using bay = await openBay(kind);
      const { checkpointer } = bay;
      const workflowId = 'letter';
      const calm = await calmVoyage();
      const first = await bay.start();
      const second = await bay.start({ holds: ['land'] });
      const third = await bay.start();

      const paused = await first.tell({ do: 'run', workflowId, input: PROVISIONS });
      await first.kill();
      second.send({ do: 'resume', workflowId, responses: ANSWER });
      await second.holds('land');
      await second.kill();
      const outcome = await third.tell({ do: 'resume', workflowId });

      expect(paused).toMatchObject({ status: 'paused' });
      expect(outcome).toMatchObject({ status: 'completed', outputs: calm.outputs });
      const { messages } = await recordOf(checkpointer, workflowId);
      expect(messages.filter(({ type }) => type === 'InterruptResolved')).toHaveLength(1);
      const asked = readEffects(bay.effects).filter(({ at, name }) => at === 'begin' && name === 'permit');
      expect(new Set(asked.map(({ key }) => key)).size).toBe(1);
    },
  );

  test(
    'every process is dead, as after a power cut: all of it is abandoned and is taken over at once',
    { timeout: TEST_MS },
    async () => {
      await using bay = await openBay(kind);
      const { checkpointer } = bay;
      const calm = await calmVoyage();
      const ids = ['one', 'two', 'three'];
      const dead = await Promise.all(ids.map(() => bay.start({ holds: ['lade'] })));
      for (const [index, workflowId] of ids.entries()) {
        dead[index]?.send({ do: 'run', workflowId, input: PROVISIONS });
        await dead[index]?.holds('lade');
      }
      await Promise.all(dead.map((sailor) => sailor.kill()));

      const abandoned = await checkpointer.list({ status: 'abandoned' });
      const later = await bay.start();
      const outcomes: Outcome[] = [];
      for (const workflowId of ids)
        outcomes.push(await later.tell({ do: 'resume', workflowId, isAnswered: true }));

      expect(abandoned.map(({ workflowId }) => workflowId).toSorted()).toEqual(ids.toSorted());
      for (const outcome of outcomes)
        expect(outcome).toMatchObject({ status: 'completed', outputs: calm.outputs });
    },
  );
}

/** How often the last body of a voyage ran. */
function landings({ effects }: Bay): number {
  return readEffects(effects).filter(({ at, name }) => at === 'begin' && name === 'land').length;
}

async function raceFor(rivals: readonly Sailor[], command: Command): Promise<void> {
  for (const rival of rivals) rival.send(command);
  const first = await Promise.all(rivals.map(holdsOrEnds));

  // The winner holds until the other one was refused, so that it cannot have ended before.
  expect(first.toSorted()).toEqual(['WORKFLOW_ALREADY_RUNNING', 'holds']);
  const winner = rivals[first.indexOf('holds')];
  winner?.send({ do: 'release' });
  expect(await winner?.outcome(command.workflowId)).toMatchObject({ status: 'completed' });
}

/** What is wrong: the one that took over has finished, or the one that was stopped held the store and has done so. */
async function wrongOf(
  {
    bay,
    workflowId,
    expected,
  }: { readonly bay: Bay; readonly workflowId: string; readonly expected: unknown },
  { record, outcome, late }: { readonly record: Recorded; readonly outcome: Outcome; readonly late: Outcome },
): Promise<readonly string[]> {
  const after = await recordOf(bay.checkpointer, workflowId);
  const ends = after.messages.filter(({ type }) => type === 'RunEnd');
  const end = after.messages.at(-1);
  const isTaken = outcome.status === 'completed';
  const isRefused = 'code' in late && late.code === 'WORKFLOW_ALREADY_RUNNING';
  const checks: readonly [string, boolean][] = [
    ['the log is another', continues(after, record)],
    ['it did not end once', ends.length === 1 && ends[0] === end],
    ['the result is another', end?.type === 'RunEnd' && isDeepStrictEqual(end.answer, expected)],
    ['the one that woke up has written', !isTaken || after.entries.length === record.entries.length],
    ['the one that woke up was not refused', !isTaken || isRefused],
  ];
  return checks.flatMap(([wrong, isRight]) => (isRight ? [] : `${workflowId}: ${wrong}`));
}
