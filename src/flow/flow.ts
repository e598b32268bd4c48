import { FlowConfigError } from '../errors.ts';
import { assertFunction, assertKnownOptions, expected } from '../nodes/validate.ts';
import { didYouMean } from '../suggest.ts';
import { flowAsJSON, flowAsYAML } from './flow-json.ts';
import type { AnyFlow, Flow, FlowJSON, FlowProblem, Routines } from './flow-types.ts';
import { drawFlow } from './flow-mermaid.ts';
import { problemsOf } from './flow-problems.ts';
import { compile, type FlowPlan } from './plan.ts';
import type { Connection, FlowParts } from './parts.ts';
import { assertErrorPolicy, assertPartName, isRoutine, ownErrorPolicy } from './routine.ts';

/**
 * Begins a flow without routines.
 *
 * @throws {@link InvalidInputError} INVALID_INPUT when the name is no text.
 *
 * @example
 * ```ts
 * import { event, flow, routine, slot } from 'troupe/flow';
 *
 * const double = routine({
 *   name: 'double',
 *   slots: { input: slot<number>() },
 *   events: { output: event<number>() },
 *   run: ({ input }, ctx) => input.forEach((n) => void ctx.emit('output', n * 2)),
 * });
 * const print = routine({
 *   name: 'print',
 *   slots: { line: slot<string>() },
 *   run: ({ line }) => line.forEach((text) => console.log(text)),
 * });
 * const doubling = flow('doubling')
 *   .add(double)
 *   .add(print, 'out')
 *   .connect('double.output', 'out.line', { map: (n) => `twice: ${n}` });
 * console.log(doubling.validate()); // []
 * ```
 */
export function flow<const Name extends string>(name: Name): Flow<Name, Record<never, never>> {
  if (typeof name !== 'string' || name === '')
    throw expected('the name of a flow', 'a text that is not empty', name);
  return made({ name, routines: new Map(), connections: [], onError: undefined }) as unknown as Flow<
    Name,
    Record<never, never>
  >; // it has no routine yet
}

/** Whether something is a flow. */
export function isFlow(value: unknown): value is AnyFlow {
  return value instanceof BuiltFlow;
}

/** A flow of these parts, whose routines no type knows. */
export function made(parts: FlowParts): Flow {
  return Object.freeze(new BuiltFlow(parts));
}

class BuiltFlow {
  readonly kind = 'flow';
  readonly name: string;
  readonly #parts: FlowParts;
  // Only the flow at the end of a chain of calls is ever run, or asked for its routines.
  #routines: Routines | undefined;
  #plan: FlowPlan | undefined;

  constructor(parts: FlowParts) {
    this.name = parts.name;
    this.#parts = parts;
  }

  get routines(): Routines {
    return (this.#routines ??= Object.freeze(Object.fromEntries(this.#parts.routines)));
  }

  get plan(): FlowPlan {
    return (this.#plan ??= compile(this.#parts));
  }

  add(routine: unknown, as?: unknown): Flow {
    const { name, routines } = this.#parts;
    if (!isRoutine(routine))
      throw expected(`what is added to flow "${name}"`, 'a routine', routine, 'Make it with `routine()`.');
    const own: unknown = as ?? routine.name;
    assertPartName(`the name of a routine in flow "${name}"`, own);
    if (routines.has(own))
      throw wrong(
        name,
        `there are two routines "${own}"`,
        'Give one of them another name: `add(routine, name)`.',
      );
    return made({ ...this.#parts, routines: new Map([...routines, [own, routine]]) });
  }

  connect(from: unknown, to: unknown, options?: unknown): Flow {
    const { name, connections } = this.#parts;
    const added = connectionOf(this.#parts, from, to, mapOf(name, options));
    const isSame = (each: Connection): boolean =>
      each.from.routine === added.from.routine &&
      each.from.event === added.from.event &&
      each.to.routine === added.to.routine &&
      each.to.slot === added.to.slot;
    if (connections.some(isSame))
      throw wrong(
        name,
        `"${String(from)}" and "${String(to)}" are connected twice`,
        'Leave one of them out.',
      );
    return made({ ...this.#parts, connections: [...connections, added] });
  }

  onError(policy: unknown): Flow {
    if (policy === undefined) throw expected(`\`onError\` of flow "${this.name}"`, 'given', policy);
    assertErrorPolicy(`flow "${this.name}"`, policy);
    return made({ ...this.#parts, onError: ownErrorPolicy(policy) });
  }

  validate(): readonly FlowProblem[] {
    return problemsOf(this.#parts);
  }

  toMermaid(): string {
    return drawFlow(this.#parts);
  }

  toJSON(): FlowJSON {
    return flowAsJSON(this.#parts);
  }

  toYAML(): string {
    return flowAsYAML(this.#parts);
  }
}

/**
 * A connection of what the paths stand for.
 *
 * @throws {@link FlowConfigError} FLOW_CONFIG when there is no such event or slot.
 */
export function connectionOf(
  parts: Pick<FlowParts, 'name' | 'routines'>,
  from: unknown,
  to: unknown,
  map: Connection['map'],
): Connection {
  const [sender, event] = find(parts, from, 'event');
  const [receiver, slot] = find(parts, to, 'slot');
  return { from: { routine: sender, event }, to: { routine: receiver, slot }, map };
}

/** The names in a path such as `routine.slot`. */
function find(
  { name, routines }: Pick<FlowParts, 'name' | 'routines'>,
  path: unknown,
  kind: 'event' | 'slot',
): [routine: string, part: string] {
  const [routineName = '', partName = '', ...rest] = typeof path === 'string' ? path.split('.') : [];
  if (typeof path !== 'string' || partName === '' || rest.length > 0)
    throw expected(`what is connected in flow "${name}"`, `a text such as "routine.${kind}"`, path);
  const found = routines.get(routineName);
  if (found === undefined)
    throw wrong(name, `there is no routine "${routineName}"`, didYouMean(routineName, [...routines.keys()]));
  const parts: object = kind === 'event' ? found.events : found.slots;
  if (!Object.hasOwn(parts, partName))
    throw wrong(
      name,
      `routine "${routineName}" has no ${kind} "${partName}"`,
      didYouMean(partName, Object.keys(parts)),
    );
  return [routineName, partName];
}

function mapOf(flowName: string, options: unknown): Connection['map'] {
  if (options === undefined) return undefined;
  assertKnownOptions(`a connection of flow "${flowName}"`, options, ['map']);
  const { map }: { map?: unknown } = options;
  assertFunction(`\`map\` of a connection of flow "${flowName}"`, map);
  return map as Connection['map']; // checked above
}

function wrong(flowName: string, what: string, hint: string): FlowConfigError {
  return new FlowConfigError(`In flow "${flowName}", ${what}`, { hint });
}
