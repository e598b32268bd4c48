import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { NodeId, RequestId, RunId } from '../ids.ts';
import type { Logger } from '../logger.ts';

/** What kind of work an invocation is. */
export type NodeKind = 'node' | 'graph' | 'gate' | 'interrupt' | 'machine' | 'routine';

/** One declared input: its type, whether it has a default, and the schema that checks it. Made by `input`. */
export interface InputDeclaration<Value = unknown, Given = Value, Optional extends boolean = boolean> {
  readonly '~input': {
    readonly value?: Value;
    readonly given?: Given;
    readonly optional: Optional;
    /** Whether the default stands for what a caller gives, as a bind does: the schema parses it. */
    readonly isGiven?: boolean;
  };
  /** Cloned for every call where it is plain data. */
  readonly default?: unknown;
  readonly schema?: StandardSchemaV1;
}

/** The declared inputs of a node by name. */
export type InputDeclarations = Readonly<Record<string, InputDeclaration | StandardSchemaV1>>;

/** When and how a failed attempt is made again. */
export interface RetryPolicy {
  /** Attempts in all, the first included. Default 3. */
  readonly maxAttempts?: number;
  /** Which errors are tried again. Default: all. A `FatalError` never is. */
  readonly on?: (error: unknown) => boolean;
  /** Before the second attempt, in ms. Default 1,000. */
  readonly delay?: number;
  /** The factor by which each further delay grows. Default 2. */
  readonly backoff?: number;
  /** No delay is longer, in ms. Default 60,000. */
  readonly maxDelay?: number;
  /** `'full'` (default): anywhere from 0 to the delay; `'none'`: exactly the delay. */
  readonly jitter?: 'full' | 'none';
}

/** How results of a node are kept by the runner's cache backend. */
export interface CachePolicy<Input = never> {
  /** Replaces the whole key. */
  key?(input: Input): string;
  /** Stands for the body in the key; needed where the body reads variables outside its inputs. */
  readonly version?: string;
  /** How long an entry is good, in ms. */
  readonly ttl?: number;
}

/** The policies of a node, all optional. */
export interface NodePolicies<Input, Output> {
  /** Failed attempts are made again. */
  readonly retry?: RetryPolicy;
  /** The longest that one attempt may take, in ms. A person's time at an interrupt does not count. Default: no limit. */
  readonly timeout?: number | null;
  /** The answer when every attempt failed; the request then succeeded. Never asked after a `FatalError`, nor when the
   * request itself is cancelled. */
  fallback?(failure: { readonly error: unknown; readonly input: Input }): Output | Promise<Output>;
  /** Whether results are kept by the runner's cache; without a cache on the runner it changes nothing. */
  readonly cache?: boolean | CachePolicy<Input>;
  /** Names that this node announces when it ends, for `waitFor` of others in a graph. */
  readonly emits?: readonly string[];
  /** Announcements that must have been made before this node starts in a graph. */
  readonly waitFor?: readonly string[];
  /** Where the body runs. Default: inline. */
  readonly strategy?: 'inline';
}

/** What a node's type knows beyond its input and output. */
export interface NodeSpec {
  readonly name: string;
  /** The node's outputs by name. */
  readonly outputs: Readonly<Record<string, unknown>>;
  readonly run: (input: never, ctx: NodeContext) => unknown;
}

/** What makes a gate of a node: where its decisions may lead. */
export interface GateSettings {
  /** The names of nodes it may choose, and perhaps `END`. */
  readonly targets: readonly string[];
  /** Whether it chooses several at once. */
  readonly isMulti: boolean;
  /** Chosen in place of `null`. */
  readonly fallback: string | undefined;
  /** Whether it may choose no target at all. */
  readonly canChooseNone: boolean;
  /** Whether its targets in a loop may start before it has ever decided. */
  readonly isDefaultOpen: boolean;
}

/** What makes an interrupt of a node. */
export interface QuestionSettings {
  /** The name of the answer, which is the node's output and the key of the question. */
  readonly response: string;
  /** Checks the answer. */
  readonly schema: StandardSchemaV1 | undefined;
}

/**
 * A unit of work: a frozen value, usable in any runner, and callable in a test as `node.run(input, testContext())`.
 * `Input` is what a caller gives (inputs with a default are optional), `Output` what a call resolves to.
 */
export interface Node<Input = unknown, Output = unknown, Spec extends NodeSpec = NodeSpec> {
  readonly kind: NodeKind;
  readonly name: Spec['name'];
  /** The declared inputs; `undefined` for a node that takes any one argument. */
  readonly inputs: InputDeclarations | undefined;
  /** The names of the declared outputs. */
  readonly outputs: readonly string[];
  /** Whether the body returns an object of its outputs by name (`outputs: […]`), not the one output itself. */
  readonly returnsRecord?: boolean;
  readonly policies: NodePolicies<never, unknown>;
  readonly run: Spec['run'];
  /** What the author wrote, where `run` wraps it: its source text tells versions of the node apart. */
  readonly body?: unknown;
  /** Of a gate: where it may lead. */
  readonly gate?: GateSettings;
  /** Of an interrupt: what the answer is called. */
  readonly question?: QuestionSettings;
  /** Checks the names of what a caller gives, where more is to be said than that one is unknown or missing. */
  readonly assertGiven?: (given: Readonly<Record<string, unknown>>) => void;
  /** Types only; nothing is there at run time. */
  readonly '~types'?: {
    readonly input: Input;
    readonly output: Output;
    readonly outputs: Spec['outputs'];
    readonly spec: Spec;
  };
}

/** Any node. */
export type AnyNode = Node;

/** What can be run or called: a node, or a graph. */
export interface Target<Input = unknown, Output = unknown, Outputs = unknown> {
  readonly kind: NodeKind;
  readonly name: string;
  /** Types only; nothing is there at run time. */
  readonly '~types'?: { readonly input: Input; readonly output: Output; readonly outputs: Outputs };
}

/** What a body gets for its declared inputs. */
export type BodyInput<Inputs extends InputDeclarations> = {
  [Name in keyof Inputs]: Inputs[Name] extends InputDeclaration<infer Value, unknown, boolean>
    ? Value
    : Inputs[Name] extends StandardSchemaV1<unknown, infer Value>
      ? Value
      : never;
};

type GivenOf<Declaration> =
  Declaration extends InputDeclaration<unknown, infer Given, boolean>
    ? Given
    : Declaration extends StandardSchemaV1<infer Given, unknown>
      ? Given
      : never;

type IsOptional<Declaration> =
  Declaration extends InputDeclaration<unknown, unknown, infer Optional>
    ? Optional
    : undefined extends GivenOf<Declaration>
      ? true
      : false;

type Flatten<Shape> = { [Key in keyof Shape]: Shape[Key] } & {};

/** What a caller gives for the declared inputs: those with a default may be left out. */
export type CallInput<Inputs extends InputDeclarations> = Flatten<
  {
    [Name in keyof Inputs as IsOptional<Inputs[Name]> extends true ? never : Name]: GivenOf<Inputs[Name]>;
  } & {
    [Name in keyof Inputs as IsOptional<Inputs[Name]> extends true ? Name : never]?:
      | GivenOf<Inputs[Name]>
      | undefined;
  }
>;

type GeneratorOutput<Chunk, Returned> = [Returned] extends [void] ? Chunk[] : Returned;

/** What a call of a body resolves to: its value, or of a generator its return value if it has one, else the array of its chunks. */
export type OutputOf<Result> =
  Awaited<Result> extends infer Value
    ? Value extends AsyncGenerator<infer Chunk, infer Returned, infer _Next>
      ? GeneratorOutput<Chunk, Returned>
      : Value extends Generator<infer Chunk, infer Returned, infer _Next>
        ? GeneratorOutput<Chunk, Returned>
        : Value
    : never;

/** The arguments of a call: the input may be left out where nothing in it is required. */
export type CallArguments<Input, Options> = undefined extends Input
  ? [input?: Input, options?: Options]
  : Record<never, never> extends Input
    ? [input?: Input, options?: Options]
    : [input: Input, options?: Options];

/** Options of one call. */
export interface CallOptions {
  /** Tells this call from others of the same node, where their order is not deterministic. */
  readonly key?: string;
  /** Seeds a context scope of the called node's own: it reads through to the caller's, and writes stay inside. */
  readonly context?: Readonly<Record<string, unknown>>;
  /** Cancels this call, with everything below it, when it aborts; the caller gets a `CancelledError` and may go on. */
  readonly signal?: AbortSignal;
}

/** Options of a batch of calls. */
export interface BatchOptions extends CallOptions {
  /** `'throw'` (default): reject with the first failure; `'return'`: errors stand in place of results. */
  readonly onError?: 'throw' | 'return';
}

/** One list of a batch: whole arguments, tuples of them, or the values of one declared input. */
export type BatchList<Input> = readonly (
  | Input
  | (Input extends readonly unknown[] ? Input[number] : Input extends object ? Input[keyof Input] : never)
)[];

/** Options of a question. */
export interface InterruptOptions<Answer = unknown> {
  /** The name under which it is answered. Default: the node's name. */
  readonly key?: string;
  /** Checks the answer; what it parses to is what the body gets. */
  readonly schema?: StandardSchemaV1<unknown, Answer>;
}

/**
 * The store of one run, shared by its nodes; the last write wins.
 *
 * @throws {@link ContextKeyError} CONTEXT_KEY by `get` without a fallback and by `delete`, when there is no such key.
 */
export interface RunContext {
  get<Value = unknown>(this: void, key: string): Value;
  get<Value>(this: void, key: string, fallback: Value): Value;
  has(this: void, key: string): boolean;
  put(this: void, key: string, value: unknown): void;
  update(this: void, values: Readonly<Record<string, unknown>>): void;
  delete(this: void, key: string): void;
  keys(this: void): string[];
}

/** What a body gets as its second argument. Its functions may be taken out of it. */
export interface NodeContext {
  /**
   * Runs another node, or a graph, as a child and resolves to the very value that it returned.
   *
   * @throws the very error object that the child threw; {@link CancelledError} CANCELLED when the child was stopped.
   */
  call<Input, Output>(
    this: void,
    node: Target<Input, Output>,
    ...args: CallArguments<NoInfer<Input>, CallOptions>
  ): Promise<Output>;
  /**
   * Runs a sync node from a sync body, without a promise anywhere.
   *
   * @throws {@link IncompatibleRunnerError} INCOMPATIBLE_RUNNER when the node turns out to be asynchronous.
   */
  callSync<Input, Output>(
    this: void,
    node: Target<Input, Output>,
    ...args: CallArguments<NoInfer<Input>, CallOptions>
  ): Output;
  /**
   * Calls a node once for each place of the lists, all at once; results come in the order of the lists. The lists are
   * zipped onto the declared inputs in their order; for a node that takes one argument one list gives the arguments,
   * several give tuples.
   *
   * @throws {@link InvalidInputError} INVALID_INPUT when the lists differ in length.
   */
  callBatch<Input, Output>(
    this: void,
    node: Target<Input, Output>,
    ...args: [...lists: BatchList<NoInfer<Input>>[], options: BatchOptions & { readonly onError: 'return' }]
  ): Promise<(Output | Error)[]>;
  callBatch<Input, Output>(
    this: void,
    node: Target<Input, Output>,
    ...args: BatchList<NoInfer<Input>>[] | [...lists: BatchList<NoInfer<Input>>[], options: BatchOptions]
  ): Promise<Output[]>;
  /** Asks a question and waits, in state `interrupted`, for `respond`. Resolves to the answer. */
  interrupt<Answer = unknown>(
    this: void,
    question: unknown,
    options?: InterruptOptions<Answer>,
  ): Promise<Answer>;
  /** Publishes a `StreamingChunk` event. */
  emitChunk(this: void, chunk: unknown): void;
  /** Publishes a `Broadcast` event. */
  broadcast(this: void, item: unknown): void;
  /** Fires when this attempt is stopped, and when it ends; its `reason` is a typed error. */
  readonly signal: AbortSignal;
  /** The store of the run. */
  readonly context: RunContext;
  /** The runner's logger, with the ids of this invocation on each line. */
  readonly log: Logger;
  readonly requestId: RequestId;
  readonly nodeId: NodeId;
  readonly runId: RunId;
  readonly workflowId: string | undefined;
  /** Counts from 1. */
  readonly attempt: number;
  /** The same on every attempt, and after a resume; for calls of outside services that take one. */
  readonly idempotencyKey: string;
}
