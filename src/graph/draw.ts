import { mermaidLabel } from '../mermaid-label.ts';
import { END } from '../nodes/gates.ts';
import { expected } from '../nodes/validate.ts';
import { edgesOf, isFedByInput, sharedNames, type PlanEdge } from './plan-edges.ts';
import { isGraphNode, type GraphNode, type PlanMember } from './plan.ts';

/** What became of the nodes of a graph, by their names. */
export interface DrawnResult {
  readonly nodes: Readonly<Record<string, string>>;
}

const STATUS_STYLES = new Map([
  ['completed', 'fill:#d3f9d8,stroke:#2b8a3e,color:#1b1e21'],
  ['skipped', 'fill:#f1f3f5,stroke:#868e96,color:#495057'],
  ['blocked', 'fill:#ffe8cc,stroke:#d9480f,color:#1b1e21'],
  ['failed', 'fill:#ffe3e3,stroke:#c92a2a,color:#1b1e21'],
  ['cancelled', 'fill:#e9ecef,stroke:#343a40,color:#1b1e21'],
  ['paused', 'fill:#fff3bf,stroke:#e67700,color:#1b1e21'],
  ['running', 'fill:#d0ebff,stroke:#1864ab,color:#1b1e21'],
  ['pending', 'fill:#ffffff,stroke:#adb5bd,color:#495057'],
]);

/** A graph as a Mermaid flowchart; with a result, its nodes coloured by what became of them. */
export function drawGraph(root: GraphNode, result?: unknown): string {
  const drawing = new Drawing(root);
  if (result === undefined) return drawing.text();
  assertResult(result);
  return drawing.text(result);
}

function assertResult(result: unknown): asserts result is DrawnResult {
  const nodes: unknown = typeof result === 'object' && result !== null && 'nodes' in result && result.nodes;
  if (typeof nodes === 'object' && nodes !== null) return;
  throw expected('what `toMermaid` colours by', 'the result of a run, or `{ nodes }` of one', result);
}

/** A graph in the drawing: the ids under which its parts are drawn. */
interface Frame {
  readonly node: GraphNode;
  /** By the places of the members. */
  readonly ids: readonly string[];
  /** The graphs among the members, by their places. */
  readonly frames: ReadonlyMap<number, Frame>;
  /** The shared names. */
  readonly stores: ReadonlyMap<string, string>;
  /** Where branches end. */
  readonly end: string | undefined;
}

class Drawing {
  readonly #root: GraphNode;
  readonly #lines: string[] = ['flowchart TD'];
  readonly #frame: Frame;
  #count = 0;

  constructor(root: GraphNode) {
    this.#root = root;
    const inputs = Array.from(root.inputNames, ([outer, inner]) => ({
      id: this.#inputId(outer, inner),
      inner,
    }));
    this.#frame = this.#place(root, '  ');
    const outputs = root.outputs.map((name) => ({ name, id: this.#shape('  ', '[/', name, '/]') }));
    for (const { id, inner } of inputs) this.#connectInput(id, inner);
    this.#connect(this.#frame);
    for (const { name, id } of outputs) {
      for (const source of sourcesOf(this.#frame, name)) this.#line(`  ${source} --> ${id}`);
    }
  }

  text(result?: DrawnResult): string {
    return [...this.#lines, ...(result === undefined ? [] : this.#colours(result))].join('\n');
  }

  #line(line: string): void {
    this.#lines.push(line);
  }

  #newId(): string {
    this.#count += 1;
    return `n${this.#count - 1}`;
  }

  #shape(indent: string, open: string, label: string, close: string): string {
    const id = this.#newId();
    this.#line(`${indent}${id}${open}${mermaidLabel(label)}${close}`);
    return id;
  }

  /** What a run may leave out has a dashed line. */
  #inputId(outer: string, inner: string): string {
    const id = this.#shape('  ', '[/', outer, '/]');
    if (this.#root.plan.inputs.get(inner)?.isRequired !== true)
      this.#line(`  style ${id} stroke-dasharray:4`);
    return id;
  }

  #place(node: GraphNode, indent: string): Frame {
    const { plan } = node;
    const frames = new Map<number, Frame>();
    const ids = plan.members.map((member) => {
      if (!isGraphNode(member.node)) return this.#shapeOf(member, indent);
      const id = this.#newId();
      this.#line(`${indent}subgraph ${id}[${mermaidLabel(titleOf(member.name, member.node))}]`);
      frames.set(member.index, this.#place(member.node, `${indent}  `));
      this.#line(`${indent}end`);
      return id;
    });
    const stores = new Map(
      sharedNames(plan).map((name) => [name, this.#shape(indent, '[(', name, ')]')] as const),
    );
    const canEnd = plan.members.some((member) => member.node.gate?.targets.includes(END) === true);
    const end = canEnd ? this.#shape(indent, '(((', END, ')))') : undefined;
    return { node, ids, frames, stores, end };
  }

  #shapeOf({ name, node }: PlanMember, indent: string): string {
    if (node.gate !== undefined) return this.#shape(indent, '{', name, '}');
    if (node.question !== undefined) return this.#shape(indent, '{{', name, '}}');
    return this.#shape(indent, '[', name, ']');
  }

  #connectInput(id: string, inner: string): void {
    for (const target of readersOfInput(this.#frame, inner)) this.#line(`  ${id} --> ${target}`);
  }

  #connect(frame: Frame): void {
    const lines = edgesOf(frame.node.plan).flatMap((edge) => edgeLines(edge, frame));
    for (const line of new Set([...lines, ...storeLines(frame)])) this.#line(`  ${line}`);
    for (const inner of frame.frames.values()) this.#connect(inner);
  }

  #colours({ nodes }: DrawnResult): string[] {
    const classes = this.#root.plan.members.flatMap(({ index, name }) => {
      const status = nodes[name];
      return status !== undefined && STATUS_STYLES.has(status)
        ? [`  class ${this.#frame.ids[index] ?? ''} ${status}`]
        : [];
    });
    return [...Array.from(STATUS_STYLES, ([status, style]) => `  classDef ${status} ${style}`), ...classes];
  }
}

function titleOf(name: string, { mapping }: GraphNode): string {
  return mapping === undefined ? name : `${name}, for each ${mapping.names.join(', ')}`;
}

/** An edge as lines. Data that goes into a nested graph, or comes out of one, is drawn to the nodes inside. */
function edgeLines({ from, to, kind, name }: PlanEdge, frame: Frame): string[] {
  const [source = '', target = ''] = [frame.ids[from], to === END ? frame.end : frame.ids[to]];
  if (kind === 'gate') return [`${source} -.->${labelled(to === END ? END : nameAt(frame, to))} ${target}`];
  if (kind === 'order' || to === END) return [`${source} ==>${labelled(name)} ${target}`];
  if (kind === 'shared' || name === undefined) return []; // drawn with the store
  return sourcesFrom(frame, from, name).flatMap((maker) =>
    readersIn(frame, to, name).map((reader) => `${maker} -->${labelled(name)} ${reader}`),
  );
}

function labelled(name: string | undefined): string {
  return name === undefined ? '' : `|${mermaidLabel(name)}|`;
}

function nameAt({ node }: Frame, member: number): string {
  return node.plan.members[member]?.name ?? '';
}

/** Who writes and who reads the shared names of a graph. */
function storeLines(frame: Frame): string[] {
  const { members } = frame.node.plan;
  return Array.from(frame.stores, ([name, store]) => [
    ...members
      .filter(({ node }) => node.outputs.includes(name))
      .flatMap(({ index }) => sourcesFrom(frame, index, name))
      .map((source) => `${source} --> ${store}`),
    ...members
      .filter(({ ports }) => ports.some((port) => port.name === name))
      .flatMap(({ index }) => readersIn(frame, index, name))
      .map((reader) => `${store} --> ${reader}`),
  ]).flat();
}

/** What is drawn as the maker of a member's output. */
function sourcesFrom(frame: Frame, member: number, output: string): string[] {
  const inner = frame.frames.get(member);
  const found = inner === undefined ? [] : sourcesOf(inner, output);
  return found.length === 0 ? [frame.ids[member] ?? ''] : found;
}

/** What is drawn as the makers of a graph's output. */
function sourcesOf(frame: Frame, output: string): string[] {
  const { plan, outputNames } = frame.node;
  const made = plan.outputs.find(({ name }) => outputNames.get(name) === output);
  if (made === undefined) return [];
  const store = frame.stores.get(made.name);
  if (store !== undefined) return [store];
  return unique(made.producers.flatMap((producer) => sourcesFrom(frame, producer, made.name)));
}

/** What is drawn as the reader of a member's port. */
function readersIn(frame: Frame, member: number, port: string): string[] {
  const inner = frame.frames.get(member);
  const found = inner === undefined ? [] : readersOfInput(inner, inner.node.inputNames.get(port) ?? '');
  return found.length === 0 ? [frame.ids[member] ?? ''] : found;
}

/** What is drawn as the readers of a graph's own input. */
function readersOfInput(frame: Frame, input: string): string[] {
  const { plan } = frame.node;
  const store = frame.stores.get(input);
  if (store !== undefined) return [store];
  return unique(
    plan.members.flatMap((member) =>
      member.ports
        .filter((port) => port.name === input && isFedByInput(plan, member.index, port))
        .flatMap(() => readersIn(frame, member.index, input)),
    ),
  );
}

function unique(ids: readonly string[]): string[] {
  return [...new Set(ids)];
}
