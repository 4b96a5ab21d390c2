// The state of a search, and how one goes through its hits.

import { type Hit, type SearchAnswer } from "../import/protocol.js";

export interface Search {
  query: string;
  regexp: boolean;
  busy: boolean;
  error: string;
  hits: Hit[];
  total: number;
  complete: boolean;
  /** at is the number of the hit that is shown, -1 before the first. */
  at: number;
  tracks: ReadonlyMap<string, number>;
  density: number[];
}

export const noSearch: Search = {
  query: "",
  regexp: false,
  busy: false,
  error: "",
  hits: [],
  total: 0,
  complete: true,
  at: -1,
  tracks: new Map(),
  density: [],
};

/** asked is a search that has been sent: the hits of the one before stay until there are others. */
export function asked(search: Search, query: string, regexp: boolean): Search {
  return query === "" ? { ...noSearch, regexp } : { ...search, query, regexp, busy: true, error: "" };
}

/** answered takes an answer, unless something else was asked meanwhile. */
export function answered(search: Search, query: string, answer: SearchAnswer): Search {
  if (search.query !== query) return search;
  const { hits, total, complete, tracks, density } = answer;
  return { ...search, busy: false, error: "", hits, total, complete, tracks, density, at: -1 };
}

export function failed(search: Search, query: string, error: string): Search {
  if (search.query !== query) return search;
  return { ...search, busy: false, error, hits: [], total: 0, at: -1, tracks: new Map(), density: [] };
}

/** step goes to the next hit, or the one before, and round again at the end. From nowhere it goes to the first that starts after a time. */
export function step(search: Search, forward: boolean, from = 0): Search {
  const n = search.hits.length;
  if (n === 0) return search;
  if (search.at >= 0) return { ...search, at: (search.at + (forward ? 1 : n - 1)) % n };
  const after = search.hits.findIndex((hit) => hit.start >= from);
  const at = after < 0 ? 0 : after;
  return { ...search, at: forward ? at : (at + n - 1) % n };
}
