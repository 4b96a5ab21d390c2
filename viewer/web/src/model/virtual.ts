// Which rows of a long list are in sight.

export interface Rows {
  first: number;
  last: number;
}

/** rowsIn returns the rows, last excluded, that a list of equal rows shows, with some more around. */
export function rowsIn(top: number, height: number, rowHeight: number, count: number, more = 6): Rows {
  const first = Math.max(0, Math.floor(top / rowHeight) - more);
  return { first: Math.min(first, count), last: Math.min(count, Math.ceil((top + height) / rowHeight) + more) };
}
