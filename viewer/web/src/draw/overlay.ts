// What lies over the tracks and changes more often: the pointer, the selection, hits, arrows, the critical path.

import { type Flow, type Segment } from "../import/protocol.js";
import { duration } from "../model/format.js";
import { type Gap } from "../model/losses.js";
import { rowGap, rowHeight, rowY } from "../model/tracks.js";
import { toX, type Window } from "../model/zoom.js";
import { drawLossLines } from "./losses.js";
import { type Measure } from "./text.js";
import { clipped, type Target } from "./target.js";
import { smallFont, type Theme } from "./theme.js";

/** Place is a slice, where it is drawn. */
export interface Place {
  track: number;
  row: number;
  start: number;
  end: number;
}

/** Part is a part of the picture that scrolls by itself, as a Band is. */
export interface Part {
  clipTop: number;
  clipBottom: number;
  /** top is where a track's top is drawn in it, null if it isn't in sight. */
  top(track: number): number | null;
}

export interface Overlay {
  width: number;
  height: number;
  window: Window;
  theme: Theme;
  measure: Measure;
  parts: readonly Part[];
  hover: Place | null;
  selected: Place | null;
  range: { from: number; to: number } | null;
  hits: readonly Place[];
  currentHit: Place | null;
  flows: readonly Flow[];
  critical: readonly Segment[];
  losses: readonly Gap[];
  pointer: number | null;
}

const sliceHeight = rowHeight - rowGap;

interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** box is where a slice is drawn in a part, null if it isn't in sight. */
function box(o: Overlay, part: Part, place: Place): Box | null {
  const top = part.top(place.track);
  if (top === null) return null;
  const x = Math.max(-4, toX(o.window, o.width, place.start));
  const right = Math.min(o.width + 4, toX(o.window, o.width, place.end));
  if (right < -3 || x > o.width + 3) return null;
  return { x: Math.round(x), y: top + rowY(place.row), width: Math.max(2, Math.round(right - x) - 1), height: sliceHeight };
}

export function drawOverlay(t: Target, o: Overlay): void {
  drawRange(t, o);
  drawLossLines(t, o.losses, o.height, o.theme);
  const within: Arrow[][] = o.parts.map(() => []);
  const across: Arrow[] = [];
  for (const flow of o.flows) sortFlow(o, flow, within, across);
  o.parts.forEach((part, i) => {
    const height = part.clipBottom - part.clipTop;
    if (height > 0) clipped(t, 0, part.clipTop, o.width, height, () => drawPart(t, o, part, within[i]));
  });
  for (const arrow of across) drawArrow(t, o, arrow);
  if (o.pointer !== null) {
    t.fillStyle = o.theme.strong;
    t.fillRect(Math.round(o.pointer), 0, 1, o.height);
  }
}

function drawPart(t: Target, o: Overlay, part: Part, arrows: readonly Arrow[]): void {
  drawHits(t, o, part);
  drawCritical(t, o, part);
  outline(t, o, part, o.hover, o.theme.text, 1);
  outline(t, o, part, o.selected, o.theme.background, 4);
  outline(t, o, part, o.selected, o.theme.accent, 2);
  for (const arrow of arrows) drawArrow(t, o, arrow);
}

function outline(t: Target, o: Overlay, part: Part, place: Place | null, colour: string, width: number): void {
  const b = place && box(o, part, place);
  if (!b) return;
  const out = width / 2;
  t.strokeStyle = colour;
  t.lineWidth = width;
  t.strokeRect(b.x - out + 0.5, b.y - out + 0.5, b.width + 2 * out - 1, b.height + 2 * out - 1);
}

function drawRange(t: Target, o: Overlay): void {
  if (!o.range) return;
  const x = toX(o.window, o.width, o.range.from);
  const right = toX(o.window, o.width, o.range.to);
  if (right < 0 || x > o.width) return;
  t.fillStyle = o.theme.accent + "1f";
  t.fillRect(x, 0, right - x, o.height);
  t.fillStyle = o.theme.accent;
  t.fillRect(Math.round(x), 0, 1, o.height);
  t.fillRect(Math.round(right) - 1, 0, 1, o.height);
  const label = duration(o.range.to - o.range.from);
  const width = o.measure.width(label) + 12;
  const left = Math.max(x, 0);
  const room = Math.min(right, o.width) - left;
  if (room < width) return;
  const at = left + room / 2 - width / 2;
  t.fillRect(at, o.height - 22, width, 17);
  t.fillStyle = o.theme.onAccent;
  t.font = smallFont;
  t.textAlign = "left";
  t.textBaseline = "middle";
  t.fillText(label, at + 6, o.height - 13);
}

function drawHits(t: Target, o: Overlay, part: Part): void {
  t.fillStyle = o.theme.hit;
  for (const hit of o.hits) {
    const b = box(o, part, hit);
    if (b) t.fillRect(b.x, b.y + b.height - 2, b.width, 2);
  }
  outline(t, o, part, o.currentHit, o.theme.hit, 2);
}

/** drawCritical draws a line along the slices on the path, and thin ones where it goes from one to the next. */
function drawCritical(t: Target, o: Overlay, part: Part): void {
  if (!o.critical.length) return;
  t.strokeStyle = t.fillStyle = o.theme.critical;
  t.lineWidth = 1;
  let before: { x: number; y: number } | null = null;
  for (const s of o.critical) {
    const top = part.top(s.track);
    const x = toX(o.window, o.width, s.start);
    const right = toX(o.window, o.width, s.end);
    if (top === null) {
      before = null;
      continue;
    }
    const y = top + rowY(s.row) + sliceHeight - 3;
    if (right >= 0 && x <= o.width) t.fillRect(Math.round(x), y, Math.max(1, Math.round(right) - Math.round(x)), 4);
    if (before && x >= 0 && x <= o.width && before.y !== y) {
      t.beginPath();
      t.moveTo(Math.round(x) + 0.5, before.y + 2);
      t.lineTo(Math.round(x) + 0.5, y + 2);
      t.stroke();
    }
    before = { x: right, y };
  }
}

interface Point {
  x: number;
  y: number;
}

interface Arrow {
  from: Point;
  to: Point;
  name: string;
}

/** sortFlow puts an arrow to those within the part that has both ends, or to those that go across; nowhere if an end isn't in sight. */
function sortFlow(o: Overlay, { from, to, name }: Flow, within: Arrow[][], across: Arrow[]): void {
  const [x, right] = [toX(o.window, o.width, from.time), toX(o.window, o.width, to.time)];
  if ((x < 0 && right < 0) || (x > o.width && right > o.width)) return;
  const middle = (part: Part, end: Flow["from"]) => {
    const top = part.top(end.track);
    return top === null ? null : top + rowY(end.row) + sliceHeight / 2;
  };
  let ends: [number | null, number | null] = [null, null];
  for (const [i, part] of o.parts.entries()) {
    const [a, b] = [middle(part, from), middle(part, to)];
    if (a !== null && b !== null) {
      within[i].push({ from: { x, y: a }, to: { x: right, y: b }, name });
      return;
    }
    // An end that is behind the edge of its part is drawn at the edge.
    const seen = (y: number | null) => (y === null ? null : Math.min(Math.max(part.clipTop, y), part.clipBottom));
    ends = [ends[0] ?? seen(a), ends[1] ?? seen(b)];
  }
  const [a, b] = ends;
  if (a !== null && b !== null) across.push({ from: { x, y: a }, to: { x: right, y: b }, name });
}

function drawArrow(t: Target, o: Overlay, { from, to, name }: Arrow): void {
  const bend = Math.max(24, Math.min(120, Math.abs(to.x - from.x) / 2));
  t.strokeStyle = t.fillStyle = o.theme.flow;
  t.lineWidth = 1.5;
  t.beginPath();
  t.moveTo(from.x, from.y);
  t.bezierCurveTo(from.x + bend, from.y, to.x - bend, to.y, to.x - 5, to.y);
  t.stroke();
  t.beginPath();
  t.arc(from.x, from.y, 2.5, 0, 2 * Math.PI);
  t.fill();
  t.beginPath();
  t.moveTo(to.x, to.y);
  t.lineTo(to.x - 7, to.y - 4);
  t.lineTo(to.x - 7, to.y + 4);
  t.closePath();
  t.fill();
  if (name && to.x - from.x > 90) {
    t.font = smallFont;
    t.textAlign = "center";
    t.textBaseline = "bottom";
    t.fillText(o.measure.clip(name, to.x - from.x - 30), (from.x + to.x) / 2, (from.y + to.y) / 2 - 3);
  }
}
