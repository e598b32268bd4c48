/**
 * Tools to test nodes: a clock that obeys, a context without a run, a node with another body.
 *
 * @module
 */
export { fakeClock, type FakeClock, type FakeClockOptions } from './fake-clock.ts';
export { mockNode, type MockNode } from './mock-node.ts';
export { testContext, type TestContext, type TestContextOptions } from './test-context.ts';
