/** The entries of a log, one for each message: it may have ended between any two of them. */
export function eachApart(entries: readonly string[]): readonly string[] {
  return entries.flatMap((entry) => {
    if (!entry.startsWith('["run",')) return [entry];
    const [, ...fields] = JSON.parse(entry) as readonly unknown[];
    const [ordinal, , time] = fields as readonly number[];
    const delay = Number(fields[6]);
    return [
      JSON.stringify(['call', ...fields.slice(0, 6)]),
      JSON.stringify(['start', ordinal, 1, Number(time) + delay]),
    ];
  });
}
