// The state that the address holds after its #, so that a link shows the same. What can't be read is left out: links grow old.

import { type Scroll } from "./tracks.js";

export const panels = ["details", "logs", "flame", "table", "tasks", "critical", "diff", "visible"] as const;
export type Panel = (typeof panels)[number];

export interface UrlState {
  window?: { start: number; span: number };
  slice?: string;
  range?: { from: number; to: number; tracks: number[] };
  search?: string;
  regexp?: boolean;
  pinned?: number[];
  collapsed?: number[];
  scroll?: Scroll;
  panel?: Panel;
  /** path is the slice whose critical path is shown; "" says that none is to be. */
  path?: string;
  trace?: number;
  compare?: number;
  wall?: boolean;
  onlyActive?: boolean;
}

const numbers = (s: string): number[] | null => {
  const list = s === "" ? [] : s.split(",").map(Number);
  return list.every(Number.isFinite) ? list : null;
};
const ids = (s: string): number[] => (numbers(s) ?? []).filter((n) => Number.isSafeInteger(n) && n > 0);

/** encode writes the state, without # and in a fixed order, so that equal states are equal links. */
export function encode(state: UrlState): string {
  const out: string[] = [];
  const put = (key: string, value: string | undefined) => {
    if (value) out.push(`${key}=${encodeURIComponent(value).replace(/%2C/g, ",").replace(/%3A/g, ":")}`);
  };
  put("w", state.window && `${state.window.start},${state.window.span}`);
  put("s", state.slice);
  put("r", state.range && [state.range.from, state.range.to, ...state.range.tracks].join(","));
  put("q", state.search);
  put("re", state.regexp ? "1" : "");
  put("pin", state.pinned?.join(","));
  put("fold", state.collapsed?.join(","));
  put("y", state.scroll && `${state.scroll.track},${state.scroll.by}`);
  put("panel", state.panel);
  put("path", state.path === "" ? "0" : state.path);
  put("t", state.trace ? String(state.trace) : "");
  put("with", state.compare === undefined ? "" : String(state.compare));
  put("tracks", state.onlyActive ? "active" : "");
  put("clock", state.wall ? "wall" : "");
  return out.join("&");
}

export function decode(hash: string): UrlState {
  const state: UrlState = {};
  const from = new URLSearchParams(hash.replace(/^#/, "").replace(/\+/g, "%2B"));
  const w = numbers(from.get("w") ?? "");
  if (w?.length === 2 && w[1] > 0) state.window = { start: w[0], span: w[1] };
  const r = numbers(from.get("r") ?? "");
  if (r && r.length >= 2 && r[1] > r[0]) state.range = { from: r[0], to: r[1], tracks: r.slice(2).filter(Number.isSafeInteger) };
  if (from.get("s")) state.slice = from.get("s")!;
  if (from.get("q")) state.search = from.get("q")!;
  if (from.get("re") === "1") state.regexp = true;
  const pinned = ids(from.get("pin") ?? "");
  const collapsed = ids(from.get("fold") ?? "");
  if (pinned.length) state.pinned = pinned;
  if (collapsed.length) state.collapsed = collapsed;
  const y = numbers(from.get("y") ?? "");
  if (y?.length === 2 && y.every(Number.isSafeInteger) && y[0] >= 0) state.scroll = { track: y[0], by: y[1] };
  const panel = panels.find((p) => p === from.get("panel"));
  if (panel) state.panel = panel;
  const path = from.get("path");
  if (path) state.path = path === "0" ? "" : path;
  const trace = Number(from.get("t") || NaN);
  const compare = Number(from.get("with") || NaN);
  if (Number.isSafeInteger(trace) && trace > 0) state.trace = trace;
  if (Number.isSafeInteger(compare) && compare >= 0) state.compare = compare;
  if (from.get("tracks") === "active") state.onlyActive = true;
  if (from.get("clock") === "wall") state.wall = true;
  return state;
}
