import { createRunner, node } from 'troupe';
import { fakeClock } from 'troupe/testing';
import { describe, expect, test } from 'vitest';

describe('a fake clock', () => {
  test('starts at 0, or where it is told', () => {
    expect([fakeClock().now(), fakeClock({ now: 5 }).now()]).toEqual([0, 5]);
  });

  test('stands still until it is advanced', async () => {
    const clock = fakeClock();
    let fired = 0;
    clock.setTimeout(() => (fired += 1), 1);

    await new Promise((resolve) => setImmediate(resolve));

    expect([clock.now(), fired]).toEqual([0, 0]);
  });

  test('fires what is due, at its time', async () => {
    const clock = fakeClock({ now: 100 });
    const fired: number[] = [];
    for (const delay of [5, 10, 11]) clock.setTimeout(() => fired.push(clock.now()), delay);

    await clock.advance(10);

    expect(fired).toEqual([105, 110]);
    expect(clock.now()).toBe(110);
  });

  test('fires in the order of the times, and of creation where they are equal', async () => {
    const clock = fakeClock();
    const fired: string[] = [];
    clock.setTimeout(() => fired.push('late'), 2);
    clock.setTimeout(() => fired.push('first'), 1);
    clock.setTimeout(() => fired.push('second'), 1);

    await clock.advance(2);

    expect(fired).toEqual(['first', 'second', 'late']);
  });

  test('lets what follows from one timer happen before the next', async () => {
    const clock = fakeClock();
    const log: string[] = [];
    clock.setTimeout(() => {
      void Promise.resolve()
        .then(() => Promise.resolve())
        .then(() => log.push('follows'));
    }, 1);
    clock.setTimeout(() => log.push('next'), 2);

    await clock.advance(2);

    expect(log).toEqual(['follows', 'next']);
  });

  test('fires timers that come of timers within the time', async () => {
    const clock = fakeClock();
    const fired: number[] = [];
    clock.setTimeout(() => {
      fired.push(clock.now());
      clock.setTimeout(() => fired.push(clock.now()), 5);
    }, 5);

    await clock.advance(10);

    expect(fired).toEqual([5, 10]);
  });

  test('lets what is ready happen before any time passes', async () => {
    const clock = fakeClock();
    const fired: number[] = [];
    void Promise.resolve().then(() => clock.setTimeout(() => fired.push(clock.now()), 5));

    await clock.advance(5);

    expect(fired).toEqual([5]);
  });

  test('fires no cleared timer', async () => {
    const clock = fakeClock();
    let fired = false;

    clock.clearTimeout(clock.setTimeout(() => (fired = true), 1));
    await clock.advance(1);

    expect([fired, clock.pending]).toEqual([false, 0]);
  });

  test('counts the timers that wait', async () => {
    const clock = fakeClock();
    clock.setTimeout(() => undefined, 1);
    clock.setTimeout(() => undefined, 2);
    expect(clock.pending).toBe(2);

    await clock.advance(1);

    expect(clock.pending).toBe(1);
  });

  test('runs all timers, and those that come of them', async () => {
    const clock = fakeClock();
    let left = 3;
    const again = (): void => {
      left -= 1;
      if (left > 0) clock.setTimeout(again, 1_000);
    };
    clock.setTimeout(again, 1_000);

    await clock.runAll();

    expect([left, clock.pending, clock.now()]).toEqual([0, 0, 3_000]);
  });

  test('takes a negative delay as none', async () => {
    const clock = fakeClock({ now: 10 });
    const fired: number[] = [];
    clock.setTimeout(() => fired.push(clock.now()), -5);

    await clock.advance(0);

    expect(fired).toEqual([10]);
  });

  test('gives the chance that it is told to give', () => {
    const chances = [0.1, 0.9];

    expect(fakeClock().random?.()).toBe(0.5);
    expect(fakeClock({ random: () => chances.shift() ?? 0 }).random?.()).toBe(0.1);
  });

  test('is the time and the chance of a runner', async () => {
    const clock = fakeClock({ random: () => 0.25 });
    await using runner = createRunner({ clock });
    const flaky = node(
      'flaky',
      (_: void, { attempt }) => {
        if (attempt === 1) throw new Error('flaky');
      },
      { retry: { delay: 1_000 } },
    );
    const handle = runner.iter(flaky);

    await clock.advance(249);
    const before = handle.info.requests.roots[0]?.attempts;
    await clock.advance(1);

    expect([before, (await handle.result).info.requests.roots[0]?.attempts]).toEqual([1, 2]);
  });

  test('is no clock of another', async () => {
    const [one, other] = [fakeClock(), fakeClock()];
    let fired = false;
    one.setTimeout(() => (fired = true), 1);

    await other.advance(10);

    expect([fired, one.now()]).toEqual([false, 0]);
  });
});
