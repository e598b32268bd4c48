/**
 * Tools to test nodes: a clock that obeys, a context without a run, a node with another body. And the promises that a
 * checkpointer of your own has to keep.
 *
 * @module
 */
export {
  checkpointerContract,
  type CheckpointerCase,
  type CheckpointerContractOptions,
  type ContractStore,
} from './checkpointer-contract.ts';
export { fakeClock, type FakeClock, type FakeClockOptions } from './fake-clock.ts';
export { mockNode, type MockNode } from './mock-node.ts';
export { testContext, type TestContext, type TestContextOptions } from './test-context.ts';
