import { createHash } from 'node:crypto';
import type { AnyNode } from '../nodes/contract.ts';
import { END } from '../nodes/gates.ts';
import { bytesOf, classNameOf, kindOf } from '../stored-value.ts';
import { edgesOf, sharedNames } from './plan-edges.ts';
import { isGraphNode, type GraphNode, type GraphPlan, type PlanMember } from './plan.ts';

/** What a graph is, in short: equal texts for graphs that are the same. SHA-256 in hexadecimal digits. */
export interface GraphHash {
  /** Of the structure, and of bodies, versions, defaults, schemas and policies. */
  readonly definition: string;
  /** Of names, kinds, ports, edges, targets and responses, nested graphs included. */
  readonly structure: string;
}

/** Data that JSON tells apart, in an order that is always the same. */
type Facts = string | number | boolean | null | readonly Facts[];

const hashes = new WeakMap<GraphNode, GraphHash>();

/** The hash of a graph; neither the order of its nodes counts nor what is bound, at any depth. */
export function hashOf(node: GraphNode): GraphHash {
  const known = hashes.get(node);
  if (known !== undefined) return known;
  const structure = sha256(structureOf(node));
  const hash = Object.freeze({ structure, definition: sha256([structure, definitionOf(node)]) });
  hashes.set(node, hash);
  return hash;
}

function structureOf({ plan, inputNames, outputNames, outputs, mapping }: GraphNode): Facts {
  return [
    plan.name,
    sorted(
      plan.members.map(({ node, ports, isEntry }) => [...shapeOf(node), sorted(ports.map(nameOf)), isEntry]),
    ),
    sorted(edgeFacts(plan)),
    sorted([...inputNames]),
    sorted([...outputNames]),
    sorted(outputs),
    sorted(sharedNames(plan)),
    mapping === undefined ? null : [mapping.names, mapping.mode],
  ];
}

function shapeOf(node: AnyNode): Facts[] {
  const { name, kind, outputs, gate, question } = node;
  return [
    name,
    kind,
    sorted(outputs),
    // In their order: the first target of an `ifElse` is the one for true.
    gate === undefined ? null : [gate.targets, gate.isMulti],
    question?.response ?? null,
    isGraphNode(node) ? hashOf(node).structure : null,
  ];
}

function edgeFacts(plan: GraphPlan): Facts[] {
  const at = (index: number): string => plan.members[index]?.name ?? '';
  return edgesOf(plan).map(({ from, to, kind, name = null }) => [
    kind,
    at(from),
    to === END ? [END] : at(to),
    name,
  ]);
}

function definitionOf({ plan, maxIterations, mapping, isForeign }: GraphNode): Facts {
  return [
    plan.isFixpoint,
    textOf(plan.maxIterations),
    textOf(maxIterations),
    mapping?.onError ?? null,
    isForeign,
    sorted(plan.members.map(bodyFacts)),
  ];
}

function bodyFacts({ name, node, ports }: PlanMember): Facts {
  // The ports of a nested graph only repeat what is inside of it, and what is bound.
  if (isGraphNode(node)) return [name, hashOf(node).definition];
  const { policies, gate, question, returnsRecord = false } = node;
  return [
    name,
    textOf(node.body ?? node.run),
    returnsRecord,
    sorted(
      ports.map((port) => [port.name, textOf(port.schema), port.hasDefault ? textOf(port.default) : null]),
    ),
    textOf(policies),
    gate === undefined ? null : [gate.fallback ?? null, gate.canChooseNone, gate.isDefaultOpen],
    textOf(question?.schema),
  ];
}

function nameOf({ name }: { readonly name: string }): string {
  return name;
}

/** Put in order by what they say. */
function sorted(facts: readonly Facts[]): Facts[] {
  return facts
    .map((fact) => ({ fact, text: JSON.stringify(fact) }))
    .toSorted((a, b) => (a.text < b.text ? -1 : Number(a.text > b.text)))
    .map(({ fact }) => fact);
}

function sha256(facts: Facts): string {
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex');
}

/** A text for any value, equal for equal ones: of a function its source, of an instance of a class its class. */
function textOf(value: unknown): string {
  try {
    return new ValueText().of(value, 0);
  } catch {
    return 'unreadable'; // a getter that throws
  }
}

const MAX_DEPTH = 200;

class ValueText {
  readonly #seen = new Map<object, number>();

  of(value: unknown, depth: number): string {
    switch (typeof value) {
      case 'string':
        return JSON.stringify(value);
      case 'number':
        return Object.is(value, -0) ? '-0' : String(value);
      case 'bigint':
        return `${value}n`;
      case 'symbol':
        return `Symbol(${JSON.stringify(value.description)})`;
      case 'function':
        return `Function(${JSON.stringify(Function.prototype.toString.call(value))})`;
      case 'object':
        return value === null ? 'null' : this.#ofObject(value, depth);
      default:
        return String(value);
    }
  }

  #ofObject(value: object, depth: number): string {
    const known = this.#seen.get(value);
    if (known !== undefined) return `^${known}`;
    if (depth > MAX_DEPTH) return '…';
    this.#seen.set(value, this.#seen.size);
    const inner = (item: unknown): string => this.of(item, depth + 1);
    switch (kindOf(value)) {
      case 'array':
        return `[${Array.from(value as readonly unknown[], inner).join()}]`;
      case 'plain':
        return `{${propertiesText(value, inner)}}`;
      case 'map':
        return `Map(${Array.from(value as ReadonlyMap<unknown, unknown>, inner).join()})`;
      case 'set':
        return `Set(${Array.from(value as ReadonlySet<unknown>, inner).join()})`;
      case 'date':
        return `Date(${(value as Date).getTime()})`;
      case 'regexp':
        return `RegExp(${JSON.stringify([(value as RegExp).source, (value as RegExp).flags])})`;
      case 'url':
        return `URL(${JSON.stringify((value as URL).href)})`;
      case 'bytes':
        return `${classNameOf(value)}(${bytesOf(value).toString('base64')})`;
      case 'error':
        return `Error(${inner([(value as Error).name, (value as Error).message])})`;
      default:
        return `instance of ${classNameOf(value)}`;
    }
  }
}

/** Whatever their order. */
function propertiesText(value: object, textOfItem: (item: unknown) => string): string {
  return Object.keys(value)
    .toSorted()
    .map((key) => `${JSON.stringify(key)}:${textOfItem(Reflect.get(value, key))}`)
    .join();
}
