// The shapes of the server's JSON answers, in the order of docs/viewer-protocol.md. Times are ns since the trace's first event.

import { below, type Check, type Checked, flag, list, mapOf, nullable, num, object, text } from "./check.js";

const loss = object({ what: text, count: num });

export const traceInfo = object({
  title: text,
  traces: list(text),
  source: text,
  format: text,
  state: text,
  progress: num,
  error: text,
  gen: num,
  session: num,
  end: num,
  unix: text,
  now: num,
  slices: num,
  instants: num,
  logs: num,
  counters: num,
  flows: num,
  tracks: num,
  kinds: num,
  losses: list(loss),
  lossMarks: num,
  openers: nullable(object({ perfetto: flag, speedscope: flag, pprof: flag })),
});
export type TraceInfo = Checked<typeof traceInfo>;

export const trackInfo = object({
  id: num,
  parent: num,
  type: text,
  name: text,
  source: text,
  order: num,
  depth: num,
  slices: num,
  start: num,
  end: num,
  open: num,
  failed: num,
  marks: num,
  series: list(text),
  task: text,
});
export type TrackInfo = Checked<typeof trackInfo>;

export const tracksAnswer = object({ gen: num, tracks: list(trackInfo) });
export const kindsAnswer = object({ from: num, names: list(text), categories: list(text) });

/** sliceRef is a slice as others mention it. */
export const sliceRef = object({ key: text, track: num, pos: num, row: num, name: text, start: num, end: num });
export type SliceRef = Checked<typeof sliceRef>;

const attr = object({ key: text, value: text, type: text, cut: flag });
export type Attr = Checked<typeof attr>;

const link = object({ to: nullable(sliceRef), type: text, name: text, direction: text });

export const sliceAnswer = object({
  key: text,
  track: num,
  pos: num,
  row: num,
  name: text,
  category: text,
  start: num,
  end: num,
  open: flag,
  failed: flag,
  self: num,
  id: text,
  parent: nullable(sliceRef),
  ancestors: list(sliceRef),
  children: num,
  firstChildren: list(sliceRef),
  attrs: list(attr),
  links: list(link),
  logs: num,
  stack: text,
  unix: text,
});
export type Slice = Checked<typeof sliceAnswer>;

const logLine = object({
  cursor: text,
  time: num,
  track: num,
  pos: num,
  severity: num,
  message: text,
  subsystem: text,
  type: text,
  attrs: list(attr),
  slice: nullable(sliceRef),
  stack: text,
});
export type LogLine = Checked<typeof logLine>;

export const logsAnswer = object({ total: num, lines: list(logLine), more: flag });

const hit = object({ key: text, track: num, pos: num, row: num, name: text, start: num, end: num, what: text, text: text, mark: flag });
export type Hit = Checked<typeof hit>;

export const searchAnswer = object({ total: num, complete: flag, hits: list(hit), tracks: mapOf(num), density: list(num) });
export type SearchAnswer = Checked<typeof searchAnswer>;

/** AggregateRow is of one name, or of one node of the tree by path. */
export interface AggregateRow {
  name: string;
  category: string;
  count: number;
  total: number;
  self: number;
  p50: number;
  p95: number;
  max: number;
  failed: number;
  open: number;
  longest: string;
  children: AggregateRow[];
}

const aggregateRow: Check<AggregateRow> = object({
  name: text,
  category: text,
  count: num,
  total: num,
  self: num,
  p50: num,
  p95: num,
  max: num,
  failed: num,
  open: num,
  longest: text,
  children: below(() => aggregateRow),
});

export const aggregateAnswer = object({ total: num, rows: list(aggregateRow), cut: num });

const flowEnd = object({ track: num, row: num, time: num });
const flow = object({ name: text, category: text, from: flowEnd, to: flowEnd });
export type Flow = Checked<typeof flow>;

export const flowsAnswer = object({ total: num, flows: list(flow) });

const segment = object({ track: num, row: num, key: text, name: text, start: num, end: num });
export type Segment = Checked<typeof segment>;

export const criticalAnswer = object({
  total: num,
  segments: list(segment),
  sums: list(object({ path: list(text), total: num, count: num })),
  cut: num,
  left: num,
});
export type Critical = Checked<typeof criticalAnswer>;

/** rootAnswer has the slice that most of the trace is about, and whether its critical path takes long to find. */
export const rootAnswer = object({ slice: nullable(sliceRef), large: flag });
export type Root = Checked<typeof rootAnswer>;

const lossPlace = object({ time: num, until: num, track: num, pos: num, what: text, marks: num, count: num, uncounted: num });
/** LossPlace is where records are missing: one mark, or several from time to until. */
export type LossPlace = Checked<typeof lossPlace>;

export const lossesAnswer = object({ losses: list(lossPlace) });

/** Wait is an open slice with the open ones below it. */
export interface Wait {
  slice: SliceRef;
  age: number;
  attrs: Attr[];
  lastLog: { time: number; message: string; severity: number } | null;
  children: Wait[];
}

const wait: Check<Wait> = object({
  slice: sliceRef,
  age: num,
  attrs: list(attr),
  lastLog: nullable(object({ time: num, message: text, severity: num })),
  children: below(() => wait),
});

export const waitsAnswer = object({ now: num, open: list(wait), cut: num });

const side = nullable(object({ count: num, total: num, self: num, p50: num, p95: num }));
const titled = object({ title: text, total: num });
const change = object({ path: list(text), change: text, a: side, b: side, longestA: text, longestB: text });
export type Change = Checked<typeof change>;

export const diffAnswer = object({ a: titled, b: titled, changes: list(change), cut: num });
export type Diff = Checked<typeof diffAnswer>;

export const formatsAnswer = list(object({ name: text, description: text, extension: text }));
export type Format = Checked<typeof formatsAnswer>[number];

/** The server-sent events have what changes of traceInfo: a partial object. */
export function mergeEvent(info: TraceInfo, event: unknown): TraceInfo {
  if (typeof event !== "object" || event === null) return info;
  return traceInfo({ ...info, ...event }, "event");
}
