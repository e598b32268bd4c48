/** Draws docs/statecharts.md from src/machines. With --check: fails when the page is not what would be drawn. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { invocationChart } from '../src/machines/invocation.ts';
import { jobChart } from '../src/machines/job.ts';
import { chartToMermaid } from '../src/machines/mermaid.ts';
import { runChart } from '../src/machines/run.ts';
import { runnerChart } from '../src/machines/runner.ts';
import { workerChart } from '../src/machines/worker.ts';

const pageUrl = new URL('../docs/statecharts.md', import.meta.url);

const INTRODUCTION = `The lifecycles of Troupe are statecharts. The actors run these very charts, so what is drawn here cannot differ from what
happens. This page is drawn from \`src/machines\` by \`npm run docs:statecharts\`; do not edit it.

An arrow without a change of state is a loop; \`[guard]\` is a condition, \`/ update\` what changes in the counts. The chart
of each request can be followed from outside by the history of its record:

\`\`\`ts
import { createRunner, node } from 'troupe';

const ask = node('ask', (_: undefined, ctx) => ctx.interrupt<string>('Yes?'));
await using runner = createRunner();
const { runId } = await runner.run(ask);
const { info } = await runner.respond(runId, 'ask', 'yes');
for (const { history } of info.requests) console.log(history.map((version) => version.status));
// [ 'pending', 'running', 'interrupted', 'running', 'succeeded' ]
\`\`\``;

const SECTIONS = [
  {
    title: 'A run',
    text: 'A run is running or paused until it ends in one of four ways; `result.status` is its state.',
    chart: runChart,
  },
  {
    title: 'A request',
    text:
      'Each call of a node is one request, whose `status` is its state; a retry is another attempt in `running`, and a ' +
      'question puts it in `interrupted` until its last open question has an answer.',
    chart: invocationChart,
  },
  {
    title: 'A runner',
    text:
      'A runner takes runs while it is open, and is closed when the last of them has ended. The runtime of ' +
      '[flows](flows.md) has the same chart; its runs are workers.',
    chart: runnerChart,
  },
  {
    title: 'A worker',
    text:
      'A worker of a flow is `starting` until what is stored of it has been read, and lives until it is stopped or fails; ' +
      '`worker.status` is its state. While it drains it takes no more posts and does what is left.',
    chart: workerChart,
  },
  {
    title: 'A job',
    text:
      'What one post to a flow has set off is a job, and `job.status` is its state. It is pending until a routine works for ' +
      'it, and may end before: when all of its messages are dropped, for instance.',
    chart: jobChart,
  },
];

function draw() {
  const sections = SECTIONS.map(
    ({ title, text, chart }) => `## ${title}\n\n${text}\n\n\`\`\`mermaid\n${chartToMermaid(chart)}\n\`\`\``,
  );
  return `${['# Statecharts', INTRODUCTION, ...sections].join('\n\n')}\n`;
}

const wanted = draw();
if (!process.argv.includes('--check')) writeFileSync(pageUrl, wanted);
else if (!existsSync(pageUrl) || readFileSync(pageUrl, 'utf8') !== wanted) {
  console.error('docs/statecharts.md is stale: run `npm run docs:statecharts`');
  process.exitCode = 1;
}
