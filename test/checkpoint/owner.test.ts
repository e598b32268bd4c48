import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { currentOwner, isGone, type Owner } from '../../src/checkpoint/owner.ts';

vi.setConfig({ testTimeout: 60_000 }); // of processes, on a busy machine

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

/** A process that runs until it is killed, and what it is known by. */
async function startOther(): Promise<{ child: ChildProcess; owner: Owner }> {
  const script = `
    import { currentOwner } from ${JSON.stringify(new URL('../../src/checkpoint/owner.ts', import.meta.url).href)};
    console.log(JSON.stringify(currentOwner()));
    setInterval(() => {}, 1_000_000);
  `;
  const flags = ['--import', 'tsx', '--input-type=module', '-e', script];
  const child = spawn(process.execPath, flags, { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, owner: JSON.parse(line.toString()) as Owner };
}

function startOf(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ')[21]);
}

describe('the owner of a lease', () => {
  test('is not gone while it is this process', () => {
    expect(isGone(currentOwner())).toBe(false);
  });

  test('is not gone while it runs, and is gone when it was killed', async () => {
    const { child, owner } = await startOther();

    const whileItRuns = isGone(owner);
    child.kill('SIGKILL');
    await once(child, 'exit');

    expect(whileItRuns).toBe(false);
    expect(isGone(owner)).toBe(true);
  });

  test('is not gone when it is only stopped', async () => {
    const { child, owner } = await startOther();

    child.kill('SIGSTOP');

    expect(isGone(owner)).toBe(false);
  });

  test('is gone when another process has its pid', () => {
    const owner = currentOwner();

    expect(isGone({ ...owner, startedAt: owner.startedAt - 1 })).toBe(process.platform === 'linux');
  });

  test('is not gone as far as one can tell when it does not know its start', () => {
    expect(isGone({ ...currentOwner(), startedAt: 0 })).toBe(false);
  });

  test('is not gone as far as one can tell on another host', async () => {
    const { child, owner } = await startOther();
    child.kill('SIGKILL');
    await once(child, 'exit');

    expect(isGone({ ...owner, host: 'elsewhere' })).toBe(false);
  });

  test.each([0, -1, 0.5, Number.NaN])('is nobody of whom one can tell with the pid %s', (pid) => {
    expect(isGone({ ...currentOwner(), pid })).toBe(false);
  });

  test(
    'is gone when it is dead and its parent does not know yet',
    { skip: process.platform !== 'linux' },
    async () => {
      // The shell starts a process, says which, and becomes a program that never asks how it ended.
      const shell = spawn('sh', ['-c', 'sleep 1000 & echo $!; exec sleep 1000'], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      children.push(shell);
      const [line] = (await once(shell.stdout, 'data')) as [Buffer];
      const owner = {
        ...currentOwner(),
        pid: Number(line.toString()),
        startedAt: startOf(Number(line.toString())),
      };

      const whileItRuns = isGone(owner);
      process.kill(owner.pid, 'SIGKILL');
      await vi.waitUntil(() => isGone(owner));

      expect(whileItRuns).toBe(false);
    },
  );
});
