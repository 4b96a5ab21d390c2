// What numbers and ways out are of: the selection, or else the window.

import { type Bounds } from "../import/client.js";
import { interval, type Selection } from "./selection.js";
import { type Window } from "./zoom.js";

/** Scope is a stretch of time (ns) on some tracks, or all if there are none; of a slice, only that one and what it started. */
export interface Scope {
  from: number;
  to: number;
  tracks: readonly number[];
  /** slice is its key. */
  slice?: string;
  what: "slice" | "range" | "window";
}

/** scopeOf returns the scope, or null of a slice whose key isn't known yet. end is that of the trace. */
export function scopeOf(selection: Selection, w: Window, end: number): Scope | null {
  const at = interval(selection, end);
  if (selection.type === "slice" && at)
    return selection.slice.key ? { ...at, tracks: [], slice: selection.slice.key, what: "slice" } : null;
  if (selection.type === "range" && at) return { ...at, tracks: selection.tracks, what: "range" };
  return { from: Math.max(0, w.start), to: Math.min(end, w.start + w.span), tracks: [], what: "window" };
}

/** boundsOf asks for a scope. */
export function boundsOf({ from, to, tracks, slice }: Scope): Bounds {
  return { from: Math.floor(from), to: Math.ceil(to), track: tracks, slice };
}
