import { createHash } from 'node:crypto';
import { decodeRows, encodeAnyValue, encodeCounted } from '../stored-value.ts';
import { jsonOf } from '../stored-flat.ts';
import type {
  AnyMessage,
  LogMessage,
  NodeStartMessage,
  RequestCreationMessage,
  RunEndMessage,
  RunStartMessage,
} from './messages.ts';

/** A value that is stored once, and referred to by its hash. */
export interface Blob {
  readonly hash: string;
  readonly text: string;
}

/** A value ready to be stored: JSON that stands for it, and the large parts that it refers to. */
export interface StoredValue {
  readonly text: string;
  readonly blobs: readonly Blob[];
}

/** The fields of a message that hold values of users. */
type ValueField = 'input' | 'output' | 'error' | 'value' | 'answer' | 'metadata';

const VALUE_FIELDS: ReadonlySet<string> = new Set<ValueField>([
  'input',
  'output',
  'error',
  'value',
  'answer',
  'metadata',
]);

/** Set when the log takes a message, and so again when it takes it back. */
const POSITION_FIELDS: ReadonlySet<string> = new Set(['previous', 'step']);

const NO_BLOBS: readonly Blob[] = Object.freeze([]);

const CALL = '["call",';

/** A value is larger than may be stored. Callers turn it into an error of their own. */
export class ValueTooLargeError extends Error {
  override readonly name = 'ValueTooLargeError';
}

/** The values of a message that were made ready before. */
export type MessageValues = { readonly [Field in ValueField | 'given']?: StoredValue };

/** Turns values and messages into lines of JSON. */
export class MessageEncoder {
  readonly #blobBytes: number;
  readonly #maxBytes: number;

  constructor(limits: { readonly blobBytes: number; readonly maxValueBytes: number }) {
    this.#blobBytes = limits.blobBytes;
    this.#maxBytes = limits.maxValueBytes;
  }

  /** Throws `UnstorableValueError` or {@link ValueTooLargeError}. */
  value(value: unknown): StoredValue {
    const { text, objects } = encodeShort(value);
    if (isLonger(text, this.#maxBytes))
      throw new ValueTooLargeError(`It has ${Buffer.byteLength(text)} bytes, and may have ${this.#maxBytes}`);
    if (!isLonger(text, this.#blobBytes - 1)) return { text, blobs: NO_BLOBS };
    return (isPlainRecord(value) ? this.#inParts(value, objects) : undefined) ?? blobOf(text);
  }

  /** Each property by itself, as what one node makes is often one property of what the next one gets. */
  #inParts(value: Record<string, unknown>, objects: number): StoredValue | undefined {
    const blobs: Blob[] = [];
    const parts: string[] = [];
    let left = objects - 1;
    for (const [key, part] of Object.entries(value)) {
      const own = encodeShort(part);
      left -= own.objects;
      // Properties that share an object, or lead back to the whole, belong together.
      if (left < 0) return undefined;
      const stored = isLonger(own.text, this.#blobBytes - 1)
        ? blobOf(own.text)
        : { text: own.text, blobs: NO_BLOBS };
      blobs.push(...stored.blobs);
      parts.push(`[${JSON.stringify(key)},${stored.text}]`);
    }
    return { text: `{"parts":[${parts.join()}]}`, blobs };
  }

  /** `values`: those of the message's fields that were made ready before; text stands for what cannot be stored of others. */
  message(message: AnyMessage, values: MessageValues = {}): StoredValue {
    const { input, output } = values;
    // Those that most logs are full of, as rows: that is half as long, and read in half the time.
    switch (message.type) {
      case 'NodeStart': {
        const { ordinal, attempt, time } = message;
        return { text: `["start",${ordinal},${attempt},${time}]`, blobs: NO_BLOBS };
      }
      case 'RequestCreation': {
        const { ordinal, source, name, kind, key, hasScope, time } = message;
        if (input === undefined || key !== undefined || hasScope !== undefined) break;
        const what = `${JSON.stringify(name)},${JSON.stringify(kind)},${input.text}`;
        return { text: `${CALL}${ordinal},${source},${time},${what}]`, blobs: input.blobs };
      }
      case 'RequestSuccess': {
        if (output === undefined) break;
        const { ordinal, time } = message;
        return { text: `["return",${ordinal},${time},${output.text}]`, blobs: output.blobs };
      }
      case 'RunStart':
        return this.#start(message, values);
      case 'RunEnd': {
        const { status, answer, error, time } = message;
        if (error !== undefined) break;
        const { text, blobs } = this.#anyValue(answer);
        return { text: `["end",${JSON.stringify(status)},${time},${text}]`, blobs };
      }
      default:
    }
    return this.#anyMessage(message, values);
  }

  /** The line of a call that begins at once, in the place of its own line; undefined where the two need one each. */
  begun(
    call: string,
    { ordinal, time }: RequestCreationMessage,
    start: NodeStartMessage,
  ): string | undefined {
    if (start.ordinal !== ordinal || start.attempt !== 1 || !call.startsWith(CALL)) return undefined;
    return `["run",${call.slice(CALL.length, -1)},${start.time - time}]`;
  }

  #start({ runId, target, input, time, durable }: RunStartMessage, values: MessageValues): StoredValue {
    const stored = values.input ?? this.#anyValue(input);
    const about = `"runId":${JSON.stringify(runId)},"target":${JSON.stringify(target)},"input":${stored.text},"time":${time}`;
    if (durable === undefined) return { text: `{"type":"RunStart",${about}}`, blobs: stored.blobs };
    const { given, shape, ...facts } = durable;
    const whole = values.given ?? this.#anyValue(given);
    const { length } = whole.blobs;
    return {
      text: `{"type":"RunStart",${about},"durable":${JSON.stringify(facts)},"shape":${shape},"given":${whole.text}}`,
      blobs: length === 0 ? stored.blobs : [...stored.blobs, ...whole.blobs],
    };
  }

  #anyMessage(message: AnyMessage, values: MessageValues): StoredValue {
    let text = '';
    const blobs: Blob[] = [];
    const take = (value: StoredValue): string => {
      blobs.push(...value.blobs);
      return value.text;
    };
    for (const [key, field] of Object.entries(message)) {
      if (POSITION_FIELDS.has(key) || (field === undefined && !VALUE_FIELDS.has(key))) continue;
      const ready = values[key as ValueField]; // undefined for any other key
      const isValue = ready !== undefined || VALUE_FIELDS.has(key);
      const json = isValue ? take(ready ?? this.#anyValue(field)) : JSON.stringify(field);
      text += `${text === '' ? '{' : ','}"${key}":${json}`;
    }
    return { text: `${text}}`, blobs: blobs.length === 0 ? NO_BLOBS : blobs };
  }

  /** What must be stored whatever it is: text stands for what cannot be. */
  #anyValue(value: unknown): StoredValue {
    try {
      return this.value(value);
    } catch {
      return { text: encodeAnyValue(value), blobs: NO_BLOBS };
    }
  }
}

/** Any value as plain JSON, to be read back by {@link fromStored}. Throws `UnstorableValueError`. */
export function toStored(value: unknown): unknown {
  return JSON.parse(encodeShort(value).text);
}

/** The value that was made JSON by {@link toStored}. Throws an `Error` for what was not. */
export function fromStored(json: unknown): unknown {
  return decodeStored(json, new Map());
}

// So many are parsed at once: fewer take longer, and of more, what is parsed lives long enough to be moved.
const PARSED_AT_ONCE = 1_024;

/** The messages of lines of JSON, as they were written. Throws an `Error` for what is none. */
export function decodeMessages(entries: readonly string[], blobs: ReadonlyMap<string, string>): LogMessage[] {
  const messages: LogMessage[] = [];
  for (let from = 0; from < entries.length; from += PARSED_AT_ONCE) {
    const lines = entries.slice(from, from + PARSED_AT_ONCE);
    const parsed = JSON.parse(`[${lines.join()}]`) as unknown[]; // checked below
    if (parsed.length !== lines.length) throw new Error('Expected one entry in each line');
    for (const entry of parsed) decodeEntry(entry, blobs, messages);
  }
  return messages;
}

function decodeEntry(entry: unknown, blobs: ReadonlyMap<string, string>, messages: LogMessage[]): void {
  if (Array.isArray(entry)) decodeRow(entry, blobs, messages);
  else if (typeof entry !== 'object' || entry === null) throw notAnEntry();
  else messages.push(decodeMessage(entry as Record<string, unknown>, blobs));
}

function notAnEntry(): Error {
  return new Error('Expected an entry of a log');
}

function decodeMessage(fields: Record<string, unknown>, blobs: ReadonlyMap<string, string>): LogMessage {
  if (typeof fields['type'] !== 'string') throw notAnEntry();
  for (const key of Object.keys(fields))
    if (VALUE_FIELDS.has(key)) fields[key] = decodeStored(fields[key], blobs);
  if (Object.hasOwn(fields, 'durable')) {
    const { durable, shape, given } = fields;
    const facts = { shape: JSON.stringify(shape), given: decodeStored(given, blobs) };
    fields['durable'] = { ...(durable as object), ...facts };
    delete fields['shape'];
    delete fields['given'];
  }
  if (typeof fields['ordinal'] === 'number') {
    fields['previous'] = undefined;
    fields['step'] = undefined;
  }
  return fields as unknown as LogMessage; // as it was encoded
}

/** What stands in the rows. */
const FORMS: Readonly<Record<string, readonly ('number' | 'string' | 'value')[]>> = {
  start: ['number', 'number', 'number'],
  call: ['number', 'number', 'number', 'string', 'string', 'value'],
  run: ['number', 'number', 'number', 'string', 'string', 'value', 'number'],
  return: ['number', 'number', 'value'],
  end: ['string', 'number', 'value'],
};

/** Those that are written as rows, with the fields in the order in which they are when they are made. */
function decodeRow(
  row: readonly unknown[],
  blobs: ReadonlyMap<string, string>,
  messages: LogMessage[],
): void {
  assertForm(row);
  switch (row[0]) {
    case 'start': {
      const [, ordinal, attempt, time] = row as readonly [string, number, number, number];
      messages.push(startOf(ordinal, attempt, time));
      return;
    }
    case 'call':
    case 'run': {
      const [, ordinal, source, time, name, kind, stored, delay] = row as CallRow;
      const input = decodeStored(stored, blobs);
      const about = { ordinal, previous: undefined, step: undefined };
      messages.push({ type: 'RequestCreation', ...about, source, name, kind, input, time });
      if (delay !== undefined) messages.push(startOf(ordinal, 1, time + delay));
      return;
    }
    case 'end': {
      const [, status, time, stored] = row as readonly [string, RunEndMessage['status'], number, unknown];
      messages.push({ type: 'RunEnd', status, answer: decodeStored(stored, blobs), error: undefined, time });
      return;
    }
    default: {
      const [, ordinal, time, stored] = row as readonly [string, number, number, unknown];
      const output = decodeStored(stored, blobs);
      messages.push({ type: 'RequestSuccess', ordinal, previous: undefined, step: undefined, output, time });
    }
  }
}

type CallRow = readonly [
  tag: string,
  ordinal: number,
  source: number,
  time: number,
  name: string,
  kind: string,
  input: unknown,
  delay?: number,
];

function startOf(ordinal: number, attempt: number, time: number): LogMessage {
  return { type: 'NodeStart', ordinal, previous: undefined, step: undefined, attempt, time };
}

function assertForm(row: readonly unknown[]): void {
  const [tag] = row;
  const form = typeof tag === 'string' && Object.hasOwn(FORMS, tag) ? FORMS[tag] : undefined;
  if (row.length - 1 !== form?.length) throw notAnEntry();
  for (let at = 0; at < form.length; at += 1)
    if (form[at] !== 'value' && typeof row[at + 1] !== form[at]) throw notAnEntry();
}

const UNDEFINED = { text: '[]', objects: 0 } as const;

/** What JSON has itself stands for itself, behind `plain` where it could be taken for something else; an empty list stands for `undefined`. */
function encodeShort(value: unknown): { readonly text: string; readonly objects: number } {
  if (value === undefined) return UNDEFINED;
  const json = jsonOf(value);
  if (json === undefined) return encodeCounted(value);
  if (typeof value !== 'object' || value === null) return { text: json, objects: 0 };
  return { text: isForm(value) ? `{"plain":${json}}` : json, objects: 1 };
}

/** Whether an object stands for something else, or would seem to. */
function isForm(value: object): boolean {
  return Object.hasOwn(value, 'plain') || Object.hasOwn(value, 'blob') || Object.hasOwn(value, 'parts');
}

function decodeStored(json: unknown, blobs: ReadonlyMap<string, string>): unknown {
  if (json === undefined) throw new Error('Expected a stored value');
  if (typeof json !== 'object' || json === null) return json;
  if (Array.isArray(json)) return json.length === 0 ? undefined : decodeRows(json);
  if (!isForm(json)) return json;
  if (Object.hasOwn(json, 'plain')) return Reflect.get(json, 'plain');
  if (Object.hasOwn(json, 'blob')) return decodeBlob(String(Reflect.get(json, 'blob')), blobs);
  const found: unknown = Reflect.get(json, 'parts');
  if (!Array.isArray(found)) throw new Error('Expected a stored value');
  const parts = found as readonly (readonly [string, unknown])[]; // as `value` wrote them
  const record: Record<string, unknown> = {};
  for (const [key, part] of parts)
    Object.defineProperty(record, key, {
      value: decodeStored(part, blobs),
      enumerable: true,
      writable: true,
      configurable: true,
    });
  return record;
}

function decodeBlob(hash: string, blobs: ReadonlyMap<string, string>): unknown {
  const text = blobs.get(hash);
  if (text === undefined || hashOf(text) !== hash) throw new Error('A large value is missing or damaged');
  return decodeStored(JSON.parse(text), blobs);
}

/** Whether a text has more bytes; counted only where that is not clear from its length. */
function isLonger(text: string, bytes: number): boolean {
  return text.length > bytes || (text.length * 3 > bytes && Buffer.byteLength(text) > bytes);
}

function blobOf(text: string): StoredValue {
  const hash = hashOf(text);
  return { text: `{"blob":"${hash}"}`, blobs: [{ hash, text }] };
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function isPlainRecord(value: unknown): value is Record<string, unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.getPrototypeOf(value) === Object.prototype &&
    Object.getOwnPropertySymbols(value).length === 0
  );
}
