// What is below the pointer: a slice, a mark, or a counter and its values.

import { type SliceRef } from "../import/protocol.js";
import { countMask, failedBit } from "../import/tiles.js";
import { bandOf } from "../draw/losses.js";
import { type Gap } from "../model/losses.js";
import { type Mark, nearestMark, valueAt } from "../model/marks.js";
import { isOpen, pick } from "../model/selection.js";
import { marksY, rowHeight, rowY, trackPad } from "../model/tracks.js";
import { toTime } from "../model/zoom.js";
import { type TimelineView } from "./timeline-view.js";

/** x and y are where the pointer is, or the row of a slice. */
interface Place {
  x: number;
  y: number;
  track: number;
}

export interface SliceHover extends Place {
  type: "slice";
  ref: SliceRef;
  count: number;
  failed: boolean;
  open: boolean;
}

export interface MarkHover extends Place {
  type: "mark";
  name: string;
  mark: Mark;
}

export interface ValueHover extends Place {
  type: "values";
  time: number;
  values: { series: string; value: number }[];
}

export interface LossHover {
  type: "loss";
  x: number;
  y: number;
  gap: Gap;
}

export type Hover = SliceHover | MarkHover | ValueHover | LossHover;

/** sliceSlack, markSlack and lossSlack are by how many pixels what is short may be missed. */
const sliceSlack = 3;
const markSlack = 6;
const lossSlack = 2;

export function pickAt(view: TimelineView, x: number, y: number): Hover | null {
  const at = y < 0 ? null : view.trackAt(y);
  if (!at) return lossAt(view, x, y);
  if (at.laid.track.type === "counter") return valuesAt(view, x, y);
  return (y > at.top + marksY(at.laid) ? markAt(view, x, y) : sliceAt(view, x, y)) ?? lossAt(view, x, y);
}

/** lossAt finds where something is missing: what is there otherwise comes first, but on the ruler, whose y are below 0. */
function lossAt(view: TimelineView, x: number, y: number): LossHover | null {
  const gap = view.gaps().find((one) => {
    const band = bandOf(one);
    return x >= band.x - lossSlack && x <= band.x + band.width + lossSlack;
  });
  return gap ? { type: "loss", x, y, gap } : null;
}

/** sliceAt finds the slice at a place. */
export function sliceAt(view: TimelineView, x: number, y: number): SliceHover | null {
  const at = view.trackAt(y);
  if (!at || at.laid.track.type === "counter" || y > at.top + marksY(at.laid)) return null;
  const row = Math.floor((y - at.top - trackPad) / rowHeight);
  if (row < 0 || row >= at.laid.rows) return null;
  const track = at.laid.track.id;
  const w = view.session.window.peek();
  const time = toTime(w, view.width, x);
  const piece = view.pieces(track).find((p) => time >= p.from && time < p.to);
  const item = piece && pick(piece.tile, row, time, (sliceSlack * w.span) / view.width);
  if (!item) return null;
  const { tile, i } = item;
  const flags = tile.counts[i];
  const name = view.session.kinds.name(tile.kinds[i]);
  const ref = { key: "", track, pos: tile.positions[i], row, name, start: tile.starts[i], end: tile.ends[i] };
  const open = isOpen(item);
  return { type: "slice", ref, track, count: flags & countMask, failed: (flags & failedBit) !== 0, open, x, y: at.top + rowY(row) };
}

function markAt(view: TimelineView, x: number, y: number): MarkHover | null {
  const track = view.trackAt(y)!.laid.track.id;
  const w = view.session.window.peek();
  const mark = nearestMark(view.pieces(track), toTime(w, view.width, x), (markSlack * w.span) / view.width);
  return mark && { type: "mark", track, mark, name: view.session.kinds.name(mark.kind), x, y };
}

function valuesAt(view: TimelineView, x: number, y: number): ValueHover | null {
  const { track } = view.trackAt(y)!.laid;
  const time = toTime(view.session.window.peek(), view.width, x);
  const series = track.series.length ? track.series : [""];
  const values = series.flatMap((name, i) => {
    const value = valueAt(view.pieces(track.id), i, time);
    return value === null ? [] : [{ series: name, value }];
  });
  return values.length ? { type: "values", track: track.id, time, values, x, y } : null;
}
