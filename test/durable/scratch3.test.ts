import { createRunner, node } from 'troupe';
import { memoryCheckpointer } from 'troupe/checkpoint';
import { test } from 'vitest';
import { logIn, labelsOf } from './call-crash.ts';
test('x', async () => {
  const store = memoryCheckpointer();
  const runner = createRunner({ checkpointer: store, logLevel: 'debug' });
  const plain = createRunner();
  const thrown = Object.defineProperty(new Error('x'), 'message', { get() { throw new Error('cannot be read'); } });
  const fails = node('fails', async () => { throw thrown; });
  const wait = async (p: Promise<unknown>, what: string) => {
    void p.then(() => console.log(what, 'resolved'), (e) => console.log(what, 'rejected', e === thrown));
    for (let i = 0; i < 2000; i += 1) await new Promise((res) => setImmediate(res));
  };
  await wait(plain.run(fails), 'plain');
  await wait(runner.run(fails, undefined, { workflowId: 'w' }), 'durable');
  console.log(labelsOf(await logIn(store, 'w')).join('\n'));
}, 20000);
