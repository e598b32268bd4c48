// What a whole run of examples/refine-loop costs, against the same steps as a plain loop without troupe; and what troupe
// adds to one turn of its loop (critique, gate, revise), in root `fromPromise` actors.
import { readFile } from 'node:fs/promises';
import { register } from 'node:module';
import { pathToFileURL } from 'node:url';

import { measure, type Limits } from '../examples/refine-loop/critique.ts';
import { firstDraft, revised } from '../examples/refine-loop/revise.ts';
import { keyTerms } from '../examples/refine-loop/text.ts';
import { measureFloor } from './floor.ts';
import { expectEqual, interleave, micros, note, perItem, pick, report } from './harness.ts';
import { createRunner } from './troupe.ts';

// The example imports 'troupe', which is this repository's `dist` without the condition @troupe/source: the very module
// that ./troupe.ts imports. Another build under test has to be put in its place.
const chosen = process.env['TROUPE_BENCH_ENTRY'];
if (chosen !== undefined) {
  const url = JSON.stringify(pathToFileURL(chosen).href);
  const hook = `export const resolve = (name, context, next) =>
    name === 'troupe' ? { url: ${url}, shortCircuit: true } : next(name, context);`;
  register(`data:text/javascript,${encodeURIComponent(hook)}`);
}
const { refine } = await import('../examples/refine-loop/workflow.ts');

interface Task {
  readonly source: string;
  readonly termCount: number;
  readonly limits: Limits;
}

interface Outcome {
  readonly summary: string;
  readonly turns: number;
}

/** The bodies of the example's nodes, in a loop. */
function refinePlainly({ source, termCount, limits }: Task): Outcome {
  const terms = keyTerms(source, termCount);
  let draft = firstDraft(source, terms);
  let review = measure(draft, terms, limits);
  let turns = 0;
  for (let [finding] = review.findings; finding !== undefined; [finding] = review.findings) {
    draft = revised(draft, finding, { source, terms });
    review = measure(draft, terms, limits);
    turns += 1;
  }
  const summary = `# Summary\n\n${draft}\n\n${review.words} words, reading ease ${review.ease}.\n`;
  return { summary, turns };
}

// Nobody watches, and the answer is given up front.
await using runner = createRunner({ retain: 3 });

async function refineByGraph(task: Task): Promise<string> {
  const { outputs } = await runner.run(refine, { ...task, decision: 'yes' });
  return outputs.summary;
}

/** Microseconds per run, the result of each checked against the plain loop's. */
function measureGraph(task: Task, runs: number): Promise<number> {
  const { summary } = refinePlainly(task);
  return perItem(runs, async () => {
    for (let i = 0; i < runs; i++) expectEqual('the summary', await refineByGraph(task), summary);
  });
}

function measurePlain(task: Task, runs: number): Promise<number> {
  const { summary } = refinePlainly(task);
  return perItem(runs, () => {
    for (let i = 0; i < runs; i++) expectEqual('the plain summary', refinePlainly(task).summary, summary);
  });
}

/** Both must take the same turns, else the ratio compares different work. */
async function assertTurns(task: Task, turns: number): Promise<void> {
  expectEqual('the turns of the plain loop', refinePlainly(task).turns, turns);
  const { info } = await runner.run(refine, { ...task, decision: 'yes' });
  const revisions = [...info.requests].filter(({ nodeName }) => nodeName === 'revise');
  expectEqual('the turns of the graph', revisions.length, turns);
}

const ROUNDS = pick({ warmup: 5, measured: 21 }, { warmup: 3, measured: 7 });

const tides: Task = {
  source: await readFile(new URL('../examples/refine-loop/tides.txt', import.meta.url), 'utf8'),
  termCount: 6,
  limits: { words: 80, ease: 85, repeats: 2 },
};
await assertTurns(tides, refinePlainly(tides).turns);

const RUNS = pick(100, 60);
const whole = await interleave(
  ROUNDS,
  () => measureGraph(tides, RUNS),
  () => measurePlain(tides, RUNS),
);
note('refine-loop/whole run', { 'a run': micros(whole.ours), 'the plain loop': micros(whole.theirs) });
report({ name: 'refine-loop/whole run:plain loop', values: whole.ratios });

const NOUNS =
  'tide moon ocean harbour bay wind storm gull boat pier sail oar rope deck mast hull fish sand'.split(' ');

/** A text of one-word sentences, two of which are the first draft; each turn adds one: bodies that cost next to nothing. */
function oneWordSentences(turns: number): Task {
  const words = NOUNS.slice(0, turns + 2);
  return {
    source: words.map((word) => `${word}.`).join(' '),
    termCount: words.length,
    limits: { words: 100, ease: 0, repeats: 1 },
  };
}

const FEW = 1;
const MANY = 16;
const TURN_RUNS = pick(300, 150);
const few = oneWordSentences(FEW);
const many = oneWordSentences(MANY);
await assertTurns(few, FEW);
await assertTurns(many, MANY);

/** What troupe adds to a turn: from runs of few and of many turns, so that what is done once a run does not count. */
async function measureTurn(): Promise<number> {
  const added = async (task: Task): Promise<number> =>
    (await measureGraph(task, TURN_RUNS)) - (await measurePlain(task, TURN_RUNS));
  return ((await added(many)) - (await added(few))) / (MANY - FEW);
}

const turn = await interleave(ROUNDS, measureTurn, () => measureFloor(TURN_RUNS * MANY));
note('refine-loop/turn', { 'added to a turn': micros(turn.ours), floor: micros(turn.theirs) });
report({ name: 'refine-loop/turn', values: turn.ratios, limit: { atMost: 12 } });
