import { expected } from '../../nodes/validate.ts';
import type { FlowEvent, FlowEvents, Routine } from '../contract.ts';
import { event } from '../slot.ts';
import { assertWork, inputRoutine, type InputOptions, type InputSlot, type StepContext } from './options.ts';

/** A condition of {@link router}; a type guard narrows what goes that way. */
export type Route<Value = never> = (value: Value, ctx: StepContext) => boolean | PromiseLike<boolean>;

/** What every condition of {@link router} takes. */
export type Routed<Routes extends Readonly<Record<string, Route>>> = Routes[keyof Routes] extends (
  value: infer Value,
  ctx: StepContext,
) => unknown
  ? Value
  : never;

type Guard<Value, Narrow extends Value> = (value: Value, ctx: StepContext) => value is Narrow;

/** What goes the way of a condition. */
export type Passing<Value, Condition> = Condition extends Guard<Value, infer Narrow> ? Narrow : Value;

/** The events of {@link router}: one for each condition, and `otherwise`. */
export type RouterEvents<Routes extends Readonly<Record<string, Route>>> = {
  readonly [Name in keyof Routes]: FlowEvent<Passing<Routed<Routes>, Routes[Name]>>;
} & { readonly otherwise: FlowEvent<Routed<Routes>> };

/** Options of {@link router}. */
export type RouterOptions<Value> = InputOptions<Value> & {
  /** Whether a message goes all ways that it fits, and not only the first. Default: false. */
  readonly all?: boolean;
};

/**
 * Sends each message on by what it is like: slot `input`, an event for each condition, and `otherwise` for what fits none.
 * The first condition that holds wins, in the order in which they are written (names that are whole numbers come first).
 * An event that nothing is connected to drops its messages.
 *
 * @param routes - By the names of their events; each gets the message, and the routine's context without `emit`; sync or
 * async.
 * @throws {@link InvalidInputError} INVALID_INPUT when there is no condition, one is called `otherwise`, or an option is
 * unknown or of the wrong form.
 *
 * @example
 * ```ts
 * import { createRuntime, flow, router, routine, slot } from 'troupe/flow';
 *
 * const print = routine({
 *   name: 'print',
 *   slots: { hot: slot<number>(), cold: slot<number>() },
 *   run: ({ hot, cold }) => console.log({ hot, cold }),
 * });
 * const f = flow('weather')
 *   .add(router('byHeat', { hot: (celsius: number) => celsius > 25, mild: (celsius: number) => celsius > 10 }))
 *   .add(print)
 *   .connect('byHeat.hot', 'print.hot')
 *   .connect('byHeat.otherwise', 'print.cold');
 * await using runtime = createRuntime();
 * runtime.exec(f);
 * for (const celsius of [30, 20, -5]) await runtime.post(f, 'byHeat', 'input', celsius);
 * await runtime.waitUntilAllJobsFinished(); // prints { hot: [ 30 ], cold: [] }, then { hot: [], cold: [ -5 ] }
 * ```
 */
export function router<const Name extends string, Routes extends Readonly<Record<string, Route>>>(
  name: Name,
  routes: Routes,
  options: RouterOptions<Routed<Routes>> = {},
): Routine<Name, InputSlot<Routed<Routes>>, RouterEvents<Routes>> {
  const maker = 'router';
  assertRoutes(routes);
  const { all = false } = options;
  if (typeof all !== 'boolean') throw expected(`\`all\` of ${maker}`, 'true or false', all);
  const ways = Object.entries(routes) as [string, Route<unknown>][]; // each is given only what its slot takes
  const made = inputRoutine<Name, unknown, FlowEvents>({
    name,
    maker,
    options,
    own: ['all'],
    events: Object.fromEntries([...ways.map(([way]) => way), 'otherwise'].map((way) => [way, event()])),
    run: async (input, ctx) => {
      for (const value of input) {
        let isSent = false;
        for (const [way, holds] of ways) {
          if ((isSent && !all) || !(await holds(value, ctx))) continue;
          isSent = true;
          await ctx.emit(way, value);
        }
        if (!isSent) await ctx.emit('otherwise', value);
      }
    },
  });
  return made as unknown as Routine<Name, InputSlot<Routed<Routes>>, RouterEvents<Routes>>; // as made above
}

function assertRoutes(routes: unknown): asserts routes is Readonly<Record<string, unknown>> {
  if (typeof routes !== 'object' || routes === null || Object.keys(routes).length === 0)
    throw expected('the routes of router', 'an object with a condition for each', routes);
  if (Object.hasOwn(routes, 'otherwise'))
    throw expected(
      'the name of a route',
      'other than that of the event for what fits no route',
      'otherwise',
      'Give it another name.',
    );
  for (const route of Object.values(routes)) assertWork('a route of router', route);
}
