// Slices are collected into one list of rectangles a colour, so that a canvas changes its colour a few times and not for
// each slice; what would be drawn on the same pixels as its neighbour isn't collected at all.

import { coverSteps } from "../model/colours.js";
import { duration } from "../model/format.js";
import { firstEnding } from "../model/selection.js";
import { type Piece } from "../model/cache.js";
import { type Laid, rowGap, rowHeight, rowY } from "../model/tracks.js";
import { countMask, failedBit, openBit, type Tile } from "../import/tiles.js";
import { type Band, type Scene } from "./scene.js";
import { type Target } from "./target.js";
import { sliceFont } from "./theme.js";

const sliceHeight = rowHeight - rowGap;
const labelRoom = 26;
const labelPad = 5;
const badge = 7;
const leastRun = 3;

interface Label {
  text: string;
  x: number;
  y: number;
}

/** Rects are x, y, width, height of many rectangles, one after the other. */
type Rects = number[];

export class SliceBatch {
  private covers: Rects[];
  private failedBars: Rects = [];
  private badges: number[] = [];
  private openEdges: Rects = [];
  private hung: Rects = [];
  /** waits are lines below what waits for it: they lead there. */
  private waits: Rects = [];
  /** waiting are those of the track that is being added, from the outermost inwards. */
  private waiting: Rects = [];
  private labels: Label[] = [];

  constructor(private scene: Scene) {
    this.covers = scene.theme.covers.map(() => []);
  }

  /** add collects the slices of a track, whose top is at y. */
  add(laid: Laid, y: number, band: Band): void {
    const pieces = this.scene.pieces(laid.track.id);
    if (!pieces.length) return;
    for (let row = 0; row < laid.rows; row++) {
      const top = y + rowY(row);
      if (top + sliceHeight > band.clipTop && top < band.clipBottom) this.addRow(pieces, row, top);
    }
    // What hangs is the innermost of them, and of all tracks below: those around it wait for it.
    const hung = this.scene.waiting.has(laid.track.id) ? this.waiting.length : this.waiting.length - 4;
    for (let i = 0; i < this.waiting.length; i += 4) {
      const [x, y, width, height] = this.waiting.slice(i, i + 4);
      if (i >= hung) push(this.hung, x, y, width, height);
      else push(this.waits, x, y + height - 1, width, 1);
    }
    this.waiting.length = 0;
  }

  private addRow(pieces: readonly Piece[], row: number, y: number): void {
    const run = { paint: -1, from: 0, to: -1 };
    const done = { end: -Infinity };
    for (const piece of pieces) {
      if (row + 1 < piece.tile.rowStarts.length) this.addPiece(piece, row, y, run, done);
    }
    this.flush(run, y);
  }

  /** addPiece collects a row of a tile. done.end is where the last slice ended: one that reaches over from the tile before isn't drawn twice. */
  private addPiece(piece: Piece, row: number, y: number, run: Run, done: { end: number }): void {
    const { tile, from, to } = piece;
    const { window: w, width, now } = this.scene;
    const scale = width / w.span;
    const last = tile.rowStarts[row + 1];
    const until = Math.min(to, w.start + w.span);
    for (let i = firstEnding(tile, row, Math.max(from, w.start)); i < last && tile.starts[i] < until; i++) {
      const start = tile.starts[i];
      const end = Math.min(tile.ends[i], Math.max(now, start));
      if (start < from && end <= done.end) continue;
      done.end = end;
      const x = Math.max(-2, Math.round((start - w.start) * scale));
      const right = Math.min(width + 2, Math.round((end - w.start) * scale));
      if (right - x <= 2) this.addNarrow(tile, i, x, right, y, run);
      else {
        this.flush(run, y);
        this.addWide(tile, i, x, right, y, end - start);
      }
    }
  }

  /**
   * addNarrow adds what is a pixel or two wide to the run of its neighbours, if it looks as they do. A run of neighbours is
   * leastRun pixels at least: stripes of a pixel each would be noise, and three times the work.
   */
  private addNarrow(tile: Tile, i: number, x: number, right: number, y: number, run: Run): void {
    const flags = tile.counts[i];
    if (flags & failedBit) push(this.failedBars, x - 1, y + sliceHeight - 4, 3, 4);
    const to = Math.max(right, x + 1);
    const from = Math.max(x, run.to);
    if (to <= from) return;
    const paint = this.scene.kinds.colour(tile.kinds[i]) * coverSteps + coverStep(tile.covers[i]);
    if (from === run.to && run.paint >= 0 && (run.paint === paint || to - run.from <= leastRun)) run.to = to;
    else {
      this.flush(run, y);
      run.paint = paint;
      run.from = from;
      run.to = to;
    }
  }

  private flush(run: Run, y: number): void {
    if (run.paint >= 0) push(this.covers[run.paint], run.from, y, run.to - run.from, sliceHeight);
    run.paint = -1;
  }

  private addWide(tile: Tile, i: number, x: number, right: number, y: number, age: number): void {
    const flags = tile.counts[i];
    const many = flags & countMask;
    const width = right - x - 1;
    const step = many > 1 ? coverStep(tile.covers[i]) : coverSteps - 1;
    push(this.covers[this.scene.kinds.colour(tile.kinds[i]) * coverSteps + step], x, y, width, sliceHeight);
    const failed = (flags & failedBit) !== 0;
    const open = (flags & openBit) !== 0;
    if (failed) push(this.failedBars, x, y + sliceHeight - 3, width, 3);
    if (open) this.addOpen(x, right, y, age);
    const left = Math.max(x, 0) + labelPad;
    const withBadge = failed && width >= 2 * badge + 6;
    if (withBadge) this.badges.push(left + badge - 2, y + sliceHeight / 2 - 1);
    const textLeft = left + (withBadge ? 2 * badge + 1 : 0);
    const room = Math.min(right, this.scene.width) - labelPad - textLeft;
    if (room >= labelRoom - 2 * labelPad) this.addLabel(tile, i, many, textLeft, y, room, open ? age : -1);
  }

  private addOpen(x: number, right: number, y: number, age: number): void {
    // Three gaps that get wider: the edge is torn off, not closed.
    for (const [back, gap] of [
      [3, 2],
      [7, 1.5],
      [11, 1],
    ])
      if (right - back > x + 2) push(this.openEdges, right - back, y, gap, sliceHeight);
    if (age >= this.scene.hungAfter) push(this.waiting, x, y, right - x, sliceHeight);
  }

  private addLabel(tile: Tile, i: number, many: number, x: number, y: number, room: number, age: number): void {
    const { kinds, measure } = this.scene;
    const name = kinds.name(tile.kinds[i]) + (many > 1 ? ` ×${many}` : "");
    const since = age >= this.scene.hungAfter ? `open ${duration(age)}` : "";
    const width = since ? measure.width(since) + 18 : 0;
    const text = measure.clip(name, width && room - width > labelRoom ? room - width : room);
    if (text) this.labels.push({ text, x, y: y + sliceHeight / 2 + 0.5 });
    if (width && room - width > labelRoom) this.labels.push({ text: since, x: x + room - width, y: y + sliceHeight / 2 + 0.5 });
  }

  draw(t: Target): void {
    const { theme } = this.scene;
    this.covers.forEach((rects, paint) => fillAll(t, theme.covers[paint], rects));
    fillAll(t, theme.background, this.openEdges);
    fillAll(t, theme.error, this.failedBars);
    this.drawHung(t);
    this.drawBadges(t);
    t.fillStyle = theme.sliceText;
    t.font = sliceFont;
    t.textAlign = "left";
    t.textBaseline = "middle";
    for (const label of this.labels) t.fillText(label.text, label.x, label.y);
  }

  private drawHung(t: Target): void {
    strokeAll(t, this.scene.theme.warn, 2, this.hung);
    fillAll(t, this.scene.theme.warn, this.waits);
  }

  /** drawBadges draws a cross on what failed: it is told by its shape, too. */
  private drawBadges(t: Target): void {
    if (!this.badges.length) return;
    const r = badge - 1.5;
    const arm = 2.2;
    t.fillStyle = this.scene.theme.error;
    t.beginPath();
    for (let i = 0; i < this.badges.length; i += 2) {
      t.moveTo(this.badges[i] + r, this.badges[i + 1]);
      t.arc(this.badges[i], this.badges[i + 1], r, 0, 2 * Math.PI);
    }
    t.fill();
    t.strokeStyle = this.scene.theme.scheme === "light" ? "#ffffff" : "#200509";
    t.lineWidth = 1.5;
    t.beginPath();
    for (let i = 0; i < this.badges.length; i += 2) {
      const x = this.badges[i];
      const y = this.badges[i + 1];
      for (const s of [1, -1]) {
        t.moveTo(x - arm, y - arm * s);
        t.lineTo(x + arm, y + arm * s);
      }
    }
    t.stroke();
  }
}

interface Run {
  paint: number;
  from: number;
  to: number;
}

function push(rects: Rects, x: number, y: number, width: number, height: number): void {
  rects.push(x, y, width, height);
}

function strokeAll(t: Target, colour: string, width: number, rects: Rects): void {
  t.strokeStyle = colour;
  t.lineWidth = width;
  const inset = width / 2;
  for (let i = 0; i < rects.length; i += 4)
    t.strokeRect(rects[i] + inset, rects[i + 1] + inset, rects[i + 2] - width, rects[i + 3] - width);
}

function fillAll(t: Target, colour: string, rects: Rects): void {
  if (!rects.length) return;
  t.fillStyle = colour;
  for (let i = 0; i < rects.length; i += 4) t.fillRect(rects[i], rects[i + 1], rects[i + 2], rects[i + 3]);
}

function coverStep(cover: number): number {
  return Math.min(coverSteps - 1, Math.max(0, Math.floor(cover * coverSteps)));
}
