/**
 * Prints `N passed, N failed` (and `, N skipped`) from a vitest JSON report. Exit 1 when the report is missing, or
 * empty, or has a failure.
 *
 *   --run-failed   vitest itself failed: an unhandled rejection is not in its report, but must not read `0 failed`
 *   --no-skips     print only the skipped tests, and exit 1 when there is one
 */
import { readFileSync } from 'node:fs';

const file = process.argv.slice(2).find((argument) => !argument.startsWith('--'));
const runFailed = process.argv.includes('--run-failed');
const noSkips = process.argv.includes('--no-skips');

function read() {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    console.log(`No test report: ${error.message}`);
    return { testResults: [] };
  }
}

const { testResults } = read();
const tests = testResults.flatMap(({ assertionResults }) => assertionResults);
const passed = tests.filter(({ status }) => status === 'passed').length;
const skipped = tests.filter(({ status }) => status !== 'passed' && status !== 'failed');
// A file that does not load, or breaks in a hook, fails without a failed test: it counts as one.
const broken = testResults.filter(
  ({ status, assertionResults }) =>
    status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
);
const inReport = tests.filter(({ status }) => status === 'failed').length + broken.length;
const failed = Math.max(inReport, runFailed ? 1 : 0);

if (noSkips) {
  for (const { status, fullName } of skipped) console.log(`${status}: ${fullName}`);
  process.exitCode = skipped.length > 0 ? 1 : 0;
} else {
  console.log(`${passed} passed, ${failed} failed${skipped.length > 0 ? `, ${skipped.length} skipped` : ''}`);
  process.exitCode = passed === 0 || failed > 0 ? 1 : 0;
}
