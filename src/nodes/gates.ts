import { GraphConfigError } from '../errors.ts';
import { didYouMean } from '../suggest.ts';
import type {
  BodyInput,
  CallInput,
  GateSettings,
  InputDeclarations,
  Node,
  NodeContext,
  NodePolicies,
  NodeSpec,
} from './contract.ts';
import { checkInputs, checkName, checkPolicies, freezeNode, type POLICY_NAMES } from './node.ts';
import { assertFunction, assertKnownOptions, assertOneOf, expected } from './validate.ts';

/** What a gate chooses to end its branch of a graph. */
export const END = 'END' as const;

/** What a gate decides: a target's name, `'END'`, several names, or null for no target. */
export type Decision = string | null | readonly string[];

type MaybePromise<Value> = Value | Promise<Value>;

/** The policies that a gate takes. */
export type GatePolicies<Input> = Pick<NodePolicies<Input, never>, 'retry' | 'timeout' | 'emits' | 'waitFor'>;

/** What a gate's type knows beyond its input. */
export interface GateSpec<Name extends string, Target extends string, Input, Decided> extends NodeSpec {
  readonly name: Name;
  readonly outputs: Readonly<Record<never, never>>;
  readonly run: (input: Input, ctx: NodeContext) => MaybePromise<Decided>;
  /** The names it may choose. */
  readonly targets: Target;
}

/** A node that decides which nodes of a graph go on. Its decision is recorded as its output, but is no output of the graph. */
export interface GateNode<Input, Decided, Spec extends GateSpec<string, string, never, unknown>> extends Node<
  Input,
  Decided,
  Spec
> {
  readonly kind: 'gate';
  readonly gate: GateSettings;
}

/**
 * Defines a gate that chooses among its `targets`, by name. `null` means the `fallback`, or no target at all; with
 * `multi` the body returns an array of targets. Gates are pure, cheap decisions.
 *
 * @throws {@link InvalidInputError} INVALID_INPUT when a part of the definition is missing, unknown or of the wrong form.
 *
 * @example
 * ```ts
 * import { createRunner, END, graph, input, node, route } from 'troupe';
 *
 * const inc = node({ name: 'inc', inputs: { count: input<number>() }, output: 'count', run: ({ count }) => count + 1 });
 * const again = route({
 *   name: 'again',
 *   inputs: { count: input<number>() },
 *   targets: ['inc', END],
 *   run: ({ count }) => (count < 3 ? 'inc' : END),
 * });
 * await using runner = createRunner();
 * const { outputs } = await runner.run(graph({ name: 'counter', nodes: [inc, again] }), { count: 0 });
 * console.log(outputs.count); // 3
 * ```
 */
export function route<
  const Name extends string,
  const Target extends string,
  Inputs extends InputDeclarations = Record<never, never>,
  const Multi extends boolean = false,
>(
  definition: {
    readonly name: Name;
    readonly inputs?: Inputs;
    /** The names of the nodes it may choose; `END` ends its branch. */
    readonly targets: readonly Target[];
    /** Whether the body chooses several targets at once, as an array. Default: false. */
    readonly multi?: Multi;
    /** Chosen when the body returns null; without one, null means no target. */
    readonly fallback?: NoInfer<Target>;
    /** Whether its targets in a loop may start before it has ever decided. Default: true. */
    readonly defaultOpen?: boolean;
    readonly run: (
      input: BodyInput<Inputs>,
      ctx: NodeContext,
    ) => MaybePromise<NoInfer<Target> | null | (Multi extends true ? readonly NoInfer<Target>[] : never)>;
  } & GatePolicies<BodyInput<Inputs>> &
    // A second time, as the one type above keeps the texts in the body literal.
    (Multi extends true
      ? { readonly run: (...args: never) => MaybePromise<readonly string[] | null> }
      : unknown),
): GateNode<
  CallInput<Inputs>,
  Multi extends true ? readonly Target[] : Target | null,
  GateSpec<Name, Target, BodyInput<Inputs>, Target | null | (Multi extends true ? readonly Target[] : never)>
>;
export function route(given: object): Node {
  assertKnownOptions('a route', given, ROUTE_NAMES);
  const definition: { readonly [Key in (typeof ROUTE_NAMES)[number]]?: unknown } = given;
  const name = checkName(definition.name);
  const targets = checkTargets(name, definition.targets);
  const { fallback, multi, defaultOpen } = definition;
  assertOneOf(`\`multi\` of gate "${name}"`, multi, [true, false]);
  assertOneOf(`\`defaultOpen\` of gate "${name}"`, defaultOpen, [true, false]);
  assertOneOf(`\`fallback\` of gate "${name}"`, fallback, targets);
  const gate: GateSettings = Object.freeze({
    targets,
    isMulti: multi === true,
    canChooseNone: multi === true || fallback === undefined,
    fallback: fallback as string | undefined, // one of the targets, as was just checked
    isDefaultOpen: defaultOpen !== false,
  });
  return makeGate(definition, name, gate, (decision) => checkDecision(name, gate, decision));
}

/**
 * Defines a gate that chooses `then` when its body returns true, else `else`; either may be `END`.
 *
 * @throws {@link InvalidInputError} INVALID_INPUT when a part of the definition is missing, unknown or of the wrong form.
 *
 * @example
 * ```ts
 * import { createRunner, graph, ifElse, input, node } from 'troupe';
 *
 * const isShort = ifElse({
 *   name: 'isShort',
 *   inputs: { text: input<string>() },
 *   then: 'whole',
 *   else: 'cut',
 *   run: ({ text }) => text.length <= 5,
 * });
 * const whole = node({ name: 'whole', inputs: { text: input<string>() }, output: 'shown', run: ({ text }) => text });
 * const cut = node({
 *   name: 'cut',
 *   inputs: { text: input<string>() },
 *   output: 'shown',
 *   run: ({ text }) => `${text.slice(0, 5)}…`,
 * });
 * await using runner = createRunner();
 * const { outputs } = await runner.run(graph({ name: 'label', nodes: [isShort, whole, cut] }), { text: 'wonderful' });
 * console.log(outputs.shown); // wonde…
 * ```
 */
export function ifElse<
  const Name extends string,
  const Then extends string,
  const Else extends string,
  Inputs extends InputDeclarations = Record<never, never>,
>(
  definition: {
    readonly name: Name;
    readonly inputs?: Inputs;
    /** Chosen on true. */
    readonly then: Then;
    /** Chosen on false. */
    readonly else: Else;
    /** Whether its targets in a loop may start before it has ever decided. Default: true. */
    readonly defaultOpen?: boolean;
    readonly run: (input: BodyInput<Inputs>, ctx: NodeContext) => MaybePromise<boolean>;
  } & GatePolicies<BodyInput<Inputs>>,
): GateNode<
  CallInput<Inputs>,
  Then | Else,
  GateSpec<Name, Then | Else, BodyInput<Inputs>, Then | Else | null>
>;
export function ifElse(given: object): Node {
  assertKnownOptions('an ifElse', given, IF_ELSE_NAMES);
  const definition: { readonly [Key in (typeof IF_ELSE_NAMES)[number]]?: unknown } = given;
  const name = checkName(definition.name);
  const { then: yes, else: no, defaultOpen } = definition;
  const targets = checkTargets(name, [yes, no]);
  if (yes === no) {
    throw expected(
      `\`then\` and \`else\` of gate "${name}"`,
      'different targets',
      yes,
      'A gate that always chooses the same is none: leave it out.',
    );
  }
  assertOneOf(`\`defaultOpen\` of gate "${name}"`, defaultOpen, [true, false]);
  const gate: GateSettings = Object.freeze({
    targets,
    isMulti: false,
    fallback: undefined,
    canChooseNone: false,
    isDefaultOpen: defaultOpen !== false,
  });
  return makeGate(definition, name, gate, (verdict) => {
    if (typeof verdict === 'boolean') return verdict ? (targets[0] ?? null) : (targets.at(-1) ?? null);
    throw new GraphConfigError(
      `Gate "${name}" must decide with true or false, but returned ${show(verdict)}`,
      {
        hint: 'Return a boolean from the `run` of an ifElse; use `route` to choose a target by its name.',
      },
    );
  });
}

const GATE_POLICIES = ['retry', 'timeout', 'emits', 'waitFor'] as const;
const ROUTE_NAMES = [
  'name',
  'inputs',
  'targets',
  'fallback',
  'multi',
  'defaultOpen',
  'run',
  ...GATE_POLICIES,
] as const;
const IF_ELSE_NAMES = ['name', 'inputs', 'then', 'else', 'defaultOpen', 'run', ...GATE_POLICIES] as const;

type GateParts = {
  readonly [Key in 'inputs' | 'run' | 'fallback' | (typeof POLICY_NAMES)[number]]?: unknown;
};

function makeGate(
  definition: GateParts,
  name: string,
  gate: GateSettings,
  decide: (result: unknown) => Decision,
): Node {
  const { run } = definition;
  if (run === undefined) throw expected(`\`run\` of gate "${name}"`, 'a function', run);
  assertFunction(`\`run\` of gate "${name}"`, run);
  const body = run as (input: unknown, ctx: NodeContext) => unknown; // checked to be a function
  return freezeNode<Node>({
    kind: 'gate',
    name,
    inputs: checkInputs(name, definition.inputs),
    outputs: Object.freeze([]),
    policies: checkPolicies(name, { ...definition, fallback: undefined }),
    gate,
    body,
    run: (input: never, ctx: NodeContext): unknown => {
      const result = body(input, ctx);
      return result instanceof Promise ? result.then(decide) : decide(result);
    },
  });
}

function checkTargets(name: string, targets: unknown): readonly string[] {
  if (Array.isArray(targets) && targets.length > 0 && targets.every(isName)) {
    return Object.freeze([...new Set<string>(targets)]);
  }
  throw expected(
    `the targets of gate "${name}"`,
    'the names of nodes, or END',
    targets,
    "Name at least one node, as in `targets: ['retry', END]`.",
  );
}

function isName(target: unknown): target is string {
  return typeof target === 'string' && target !== '';
}

function checkDecision(name: string, gate: GateSettings, decision: unknown): Decision {
  if (decision === null) {
    if (gate.fallback !== undefined) return gate.isMulti ? [gate.fallback] : gate.fallback;
    return gate.isMulti ? [] : null;
  }
  if (!gate.isMulti) return checkTarget(name, gate, decision);
  if (Array.isArray(decision)) {
    const targets: string[] = decision.map((target: unknown) => checkTarget(name, gate, target));
    return Object.freeze([...new Set(targets)]);
  }
  throw new GraphConfigError(
    `Gate "${name}" must decide with an array of targets, as it is \`multi\`, but returned ${show(decision)}`,
    { hint: "Return an array, as in `['a', 'b']`, or leave `multi` out." },
  );
}

function checkTarget(name: string, { targets }: GateSettings, target: unknown): string {
  if (typeof target === 'string' && targets.includes(target)) return target;
  const hint = typeof target === 'string' ? didYouMean(target, targets) : `Known: ${targets.join(', ')}.`;
  throw new GraphConfigError(`Gate "${name}" chose ${show(target)}, which is none of its targets`, { hint });
}

function show(value: unknown): string {
  if (typeof value === 'string') return `"${value}"`;
  if (Array.isArray(value)) return `an array`;
  return value === null || typeof value !== 'object' ? String(value) : 'an object';
}
