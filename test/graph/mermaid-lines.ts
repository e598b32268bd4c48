/** A node of a drawing, or a subgraph. */
export interface DrawnShape {
  readonly id: string;
  /** What stands before its label, as `{{`; `subgraph` for one. */
  readonly open: string;
  readonly label: string;
  /** The labels of the subgraphs around it, the outermost first. */
  readonly within: readonly string[];
}

export interface DrawnEdge {
  readonly from: string;
  readonly to: string;
  readonly arrow: string;
  readonly label: string | undefined;
}

/** A flowchart, read back. */
export interface Flowchart {
  readonly shapes: readonly DrawnShape[];
  readonly edges: readonly DrawnEdge[];
  /** The ids of the shapes with a dashed line. */
  readonly dashed: readonly string[];
  /** The names of the classes. */
  readonly definitions: readonly string[];
  /** The class by the id of the shape. */
  readonly classes: ReadonlyMap<string, string>;
}

const LABEL = String.raw`"((?:[\p{L}\p{M}\p{N} _.-]|#\d+;)+)"`;
const CLOSE: Readonly<Record<string, string>> = {
  '[': ']',
  '[/': '/]',
  '[(': ')]',
  '{': '}',
  '{{': '}}',
  '(((': ')))',
};

const SHAPE = new RegExp(String.raw`^(n\d+)([[({/]+)${LABEL}([\])}/]+)$`, 'u');
const SUBGRAPH = new RegExp(String.raw`^subgraph (n\d+)\[${LABEL}\]$`, 'u');
const EDGE = new RegExp(String.raw`^(n\d+) (-->|-\.->|==>)(?:\|${LABEL}\|)? (n\d+)$`, 'u');
const DASHED = /^style (n\d+) stroke-dasharray:4$/;
const DEFINITION = /^classDef (\w+) fill:#[\da-f]{6},stroke:#[\da-f]{6},color:#[\da-f]{6}$/;
const CLASS = /^class (n\d+) (\w+)$/;

/** Mermaid takes it for a statement, and Markdown for a link, wherever it stands. */
const TREACHEROUS = /direction\s|www\./iu;

/** Reads a flowchart; throws at the first line that is not of the grammar that graphs are drawn in. */
export function readFlowchart(text: string): Flowchart {
  const [first, ...lines] = text.split('\n');
  if (first !== 'flowchart TD') throw new Error(`Not the head of a flowchart: ${first ?? ''}`);
  const reader = new Reader();
  for (const line of lines) reader.read(line);
  return reader.finish();
}

class Reader {
  readonly #shapes: DrawnShape[] = [];
  readonly #edges: DrawnEdge[] = [];
  readonly #dashed: string[] = [];
  readonly #definitions: string[] = [];
  readonly #classes = new Map<string, string>();
  readonly #within: string[] = [];

  read(line: string): void {
    const indent = '  '.repeat(this.#within.length + (line.trimStart() === 'end' ? 0 : 1));
    if (!line.startsWith(indent) || line.startsWith(`${indent} `)) throw new Error(`Badly indented: ${line}`);
    const statement = line.slice(indent.length);
    if (TREACHEROUS.test(statement)) throw new Error(`Mermaid reads something else: ${line}`);
    if (statement === 'end' && this.#within.pop() !== undefined) return;
    if (!this.#readShape(statement) && !this.#readEdge(statement) && !this.#readStyle(statement))
      throw new Error(`No line of the grammar: ${line}`);
  }

  finish(): Flowchart {
    const known = new Set(this.#shapes.map(({ id }) => id));
    if (known.size !== this.#shapes.length) throw new Error('Two shapes have one id');
    const used = [
      ...this.#edges.flatMap(({ from, to }) => [from, to]),
      ...this.#dashed,
      ...this.#classes.keys(),
    ];
    const unknown = used.find((id) => !known.has(id));
    if (unknown !== undefined) throw new Error(`No shape has the id ${unknown}`);
    if (this.#within.length > 0) throw new Error('A subgraph has no end');
    return {
      shapes: this.#shapes,
      edges: this.#edges,
      dashed: this.#dashed,
      definitions: this.#definitions,
      classes: this.#classes,
    };
  }

  #readShape(statement: string): boolean {
    const within = [...this.#within];
    const [, group, title] = SUBGRAPH.exec(statement) ?? [];
    if (group !== undefined && title !== undefined) {
      this.#shapes.push({ id: group, open: 'subgraph', label: decode(title), within });
      this.#within.push(decode(title));
      return true;
    }
    const [, id, open = '', label, close] = SHAPE.exec(statement) ?? [];
    if (id === undefined || label === undefined || CLOSE[open] !== close) return false;
    this.#shapes.push({ id, open, label: decode(label), within });
    return true;
  }

  #readEdge(statement: string): boolean {
    const [, from, arrow, label, to] = EDGE.exec(statement) ?? [];
    if (from === undefined || arrow === undefined || to === undefined) return false;
    this.#edges.push({ from, to, arrow, label: label === undefined ? undefined : decode(label) });
    return true;
  }

  #readStyle(statement: string): boolean {
    const [, dashed] = DASHED.exec(statement) ?? [];
    const [, definition] = DEFINITION.exec(statement) ?? [];
    const [, id, name] = CLASS.exec(statement) ?? [];
    if (dashed !== undefined) this.#dashed.push(dashed);
    if (definition !== undefined) this.#definitions.push(definition);
    if (id !== undefined && name !== undefined) this.#classes.set(id, name);
    return dashed !== undefined || definition !== undefined || id !== undefined;
  }
}

function decode(label: string): string {
  return label.replaceAll(/#(\d+);/g, (_, code) => String.fromCodePoint(Number(code)));
}

/** The edges in words, by the labels of what they connect: `inc -count-> again`. */
export function waysOf({ shapes, edges }: Flowchart): string[] {
  const labels = new Map(shapes.map(({ id, label }) => [id, label]));
  return edges.map(({ from, to, arrow, label }) =>
    [labels.get(from), label === undefined ? arrow : `${arrow}|${label}|`, labels.get(to)].join(' '),
  );
}
