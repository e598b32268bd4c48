import {
  event,
  routine,
  slot,
  type AnyRoutine,
  type Flow,
  type FlowProblem,
  type PolicyView,
  type SlotOptions,
} from 'troupe/flow';

/** A routine with these slots and events, which does nothing. */
export function part(
  name: string,
  slots: readonly string[] = ['in'],
  events: readonly string[] = ['out'],
  options: SlotOptions<unknown> = {},
): AnyRoutine {
  return routine({
    name,
    slots: Object.fromEntries(slots.map((each) => [each, slot(options)])),
    events: Object.fromEntries(events.map((each) => [each, event()])),
    run: () => undefined,
  });
}

/** The same flow with each pair of routines connected, `out` to `in`: `a b` for one of them. */
export function connected(flow: Flow, ...pairs: readonly string[]): Flow {
  return pairs.reduce((built, pair) => {
    const [from = '', to = ''] = pair.split(' ');
    return built.connect(`${from}.out`, `${to}.in`);
  }, flow);
}

/** The places of the problems of a code. */
export function placesOf(flow: Flow, code: FlowProblem['code']): (readonly string[])[] {
  return flow
    .validate()
    .filter((problem) => problem.code === code)
    .map(({ where }) => where);
}

/** What a policy sees of slots that hold so many messages, of which the first came at 0 and each other 1 ms later. */
export function viewOf(sizes: Readonly<Record<string, number>>, times: Partial<PolicyView> = {}): PolicyView {
  const slots = Object.entries(sizes).map(([name, size]) => [
    name,
    {
      size,
      capacity: 1_000,
      messages: Array.from({ length: size }, (_, index) => index),
      oldestAt: size === 0 ? undefined : 0,
      newestAt: size === 0 ? undefined : size - 1,
    },
  ]);
  return { slots: Object.fromEntries(slots), now: 0, lastAt: undefined, ...times };
}
