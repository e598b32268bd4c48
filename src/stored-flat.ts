const UNDEFINED = '["undefined"]';

/** What most values are, without a walk: one that JSON has itself, `undefined`, or a plain object of such. */
export function encodeFlat(value: unknown): { readonly text: string; readonly objects: number } | undefined {
  const scalar = scalarText(value);
  if (scalar !== undefined) return { text: `[${scalar}]`, objects: 0 };
  const properties = propertiesOf(value, ',');
  return properties === undefined
    ? undefined
    : { text: `[[0],["object"${properties === '' ? '' : `,${properties}`}]]`, objects: 1 };
}

/** A value as JSON has it itself; undefined for one that it has not, and for one with other objects in it. */
export function jsonOf(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  const scalar = scalarText(value);
  if (scalar !== undefined) return scalar;
  const properties = propertiesOf(value, ':');
  // In a string its quotes would be escaped.
  return properties === undefined || properties.includes(UNDEFINED) ? undefined : `{${properties}}`;
}

/** The properties of a plain object of values that {@link scalarText} knows, with something between name and value. */
function propertiesOf(value: unknown, between: ',' | ':'): string | undefined {
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype)
    return undefined;
  if (Object.getOwnPropertySymbols(value).length > 0) return undefined;
  let text = '';
  for (const key of Object.keys(value)) {
    const descriptor = Object.getOwnPropertyDescriptor(value, key);
    const cell = scalarText(descriptor?.value);
    if (cell === undefined || descriptor?.get !== undefined) return undefined;
    text += `${text === '' ? '' : ','}${JSON.stringify(key)}${between}${cell}`;
  }
  return text;
}

function scalarText(value: unknown): string | undefined {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value);
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0) ? String(value) : undefined;
    case 'boolean':
      return value ? 'true' : 'false';
    case 'undefined':
      return UNDEFINED;
    default:
      return value === null ? 'null' : undefined;
  }
}

/** Whether that is what stands for `undefined`. */
export function isUndefinedCell(cell: unknown): boolean {
  return Array.isArray(cell) && cell.length === 1 && cell[0] === 'undefined';
}

/** A plain object of values that JSON has itself or are `undefined`; undefined for anything else. */
export function decodeFlat([root, row, ...rows]: readonly unknown[]): Record<string, unknown> | undefined {
  if (rows.length > 0 || !Array.isArray(root) || root[0] !== 0 || !Array.isArray(row) || row[0] !== 'object')
    return undefined;
  const value: Record<string, unknown> = {};
  for (let at = 1; at < row.length; at += 2) {
    const [key, cell]: readonly unknown[] = [row[at], row[at + 1]];
    if (typeof key !== 'string' || key === '__proto__') return undefined;
    if (typeof cell !== 'object' || cell === null) value[key] = cell;
    else if (isUndefinedCell(cell)) value[key] = undefined;
    else return undefined;
  }
  return value;
}
