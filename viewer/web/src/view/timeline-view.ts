// The timeline's canvases: what is drawn on them, when, and what is below the pointer. It draws only what changed: the tracks
// when the window, the tiles or the layout did, what lies over them also when the pointer or the selection did.

import { effect } from "@preact/signals";
import { axis, type Axis, type Clock } from "../model/axis.js";
import { type Piece } from "../model/cache.js";
import { wanted } from "../model/loader.js";
import { isOpen, pick } from "../model/selection.js";
import { type Laid, type Layout, marksY, rowHeight, rowY, trackPad, visible } from "../model/tracks.js";
import { level, tileRange, toTime } from "../model/zoom.js";
import { type SliceRef } from "../import/protocol.js";
import { drawOverlay, type Overlay, type Place } from "../draw/overlay.js";
import { drawRuler } from "../draw/ruler.js";
import { type Band, type Scene } from "../draw/scene.js";
import { Measure } from "../draw/text.js";
import { drawTracks } from "../draw/tracks.js";
import { sliceFont, smallFont } from "../draw/theme.js";
import { hungAfter, type Session } from "./session.js";
import { scheduler, theme, timeText, unixOf, wallClock, zone } from "./app-state.js";

export interface Canvases {
  tracks: HTMLCanvasElement;
  overlay: HTMLCanvasElement;
  ruler: HTMLCanvasElement;
}

/** Hover is the item below the pointer. */
export interface Hover {
  place: Place;
  ref: SliceRef;
  count: number;
  failed: boolean;
  open: boolean;
  x: number;
  y: number;
}

const pickSlack = 3;
/** pinnedPart is how much of the height pinned tracks get at most. */
const pinnedPart = 0.5;

export class TimelineView {
  width = 0;
  height = 0;
  scrollTop = 0;
  hover: Hover | null = null;
  pointer: { x: number; y: number } | null = null;
  /** drag is the range while it is being drawn. */
  drag: { from: number; to: number } | null = null;
  private dirty = { tracks: true, overlay: true };
  private stops: (() => void)[] = [];
  private measure: Measure;
  private small: Measure;
  private memo = new Map<number, Piece[]>();
  private retry: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly session: Session,
    private canvases: Canvases,
  ) {
    this.measure = new Measure(context(canvases.tracks), sliceFont);
    this.small = new Measure(context(canvases.overlay), smallFont);
    this.stops.push(
      effect(() => {
        const s = session;
        void [s.window.value, s.tilesVersion.value, s.layout.value, s.pinnedLayout.value, theme.value, wallClock.value, s.info.value];
        this.touch();
      }),
      effect(() => {
        const s = session;
        void [s.selection.value, s.flows.value, s.critical.value, s.search.value, s.pointed.value];
        this.touch(false);
      }),
      scheduler.onStep((time) => this.step(time)),
      scheduler.onDraw(() => this.draw()),
    );
  }

  stop(): void {
    for (const stop of this.stops) stop();
    clearTimeout(this.retry);
  }

  /** touch has all, or only what lies over the tracks, drawn in the next frame. */
  touch(tracks = true): void {
    this.dirty.tracks ||= tracks;
    this.dirty.overlay = true;
    scheduler.request();
  }

  resize(width: number, height: number): void {
    if (width === this.width && height === this.height) return;
    this.width = width;
    this.height = height;
    this.touch();
  }

  scroll(top: number): void {
    if (top === this.scrollTop) return;
    this.scrollTop = top;
    this.hover = null;
    this.touch();
  }

  private step(time: number): boolean {
    const { session } = this;
    let again = session.glide.step(time);
    if (session.info.peek()?.state === "live") {
      if (session.follow.peek() && !session.glide.target) {
        const { span } = session.window.peek();
        session.window.value = { start: session.now() - span * 0.94, span };
      }
      this.touch();
      again = true;
    }
    return again;
  }

  get pinnedHeight(): number {
    const { height } = this.session.pinnedLayout.peek();
    return height ? Math.min(height + 2, Math.round(this.height * pinnedPart)) : 0;
  }

  /** bands are the tracks in sight. */
  bands(): Band[] {
    const top = this.pinnedHeight;
    const pinned = this.session.pinnedLayout.peek();
    const layout = this.session.layout.peek();
    return [
      { laid: visible(pinned, 0, top), top: 0, clipTop: 0, clipBottom: top },
      {
        laid: visible(layout, this.scrollTop, this.scrollTop + this.height - top),
        top: top - this.scrollTop,
        clipTop: top,
        clipBottom: this.height,
      },
    ];
  }

  axis(): Axis {
    const { session } = this;
    const unix = wallClock.value ? unixOf(session) : null;
    const clock: Clock | undefined = unix === null ? undefined : { unix, zone };
    return axis(session.window.peek(), this.width, clock ? 130 : 104, clock);
  }

  scene(): Scene {
    const { session } = this;
    const live = session.isLive.peek();
    return {
      width: this.width,
      height: this.height,
      window: session.window.peek(),
      now: session.now(),
      theme: theme.peek(),
      kinds: session.kinds,
      measure: this.measure,
      axis: this.axis(),
      bands: this.bands(),
      pieces: (track) => this.pieces(track),
      hungAfter: live ? hungAfter : Infinity,
    };
  }

  /** pieces are looked up once a frame. */
  private pieces(track: number): Piece[] {
    let pieces = this.memo.get(track);
    if (!pieces) {
      const w = this.session.window.peek();
      const at = level(w, this.width);
      const [first, last] = tileRange(w, at, this.session.limits.peek());
      pieces = this.session.cache.cover(track, at, first, last);
      this.memo.set(track, pieces);
    }
    return pieces;
  }

  private draw(): void {
    if (!this.width || !this.height || (!this.dirty.tracks && !this.dirty.overlay)) return;
    if (this.dirty.tracks) {
      this.memo.clear();
      this.load();
      const scene = this.scene();
      drawTracks(this.sized(this.canvases.tracks, this.width, this.height), scene);
      this.pick();
    }
    const overlay = this.sized(this.canvases.overlay, this.width, this.height);
    overlay.clearRect(0, 0, this.width, this.height);
    drawOverlay(overlay, this.overlay());
    this.drawRuler();
    this.dirty = { tracks: false, overlay: false };
  }

  private drawRuler(): void {
    const height = this.canvases.ruler.clientHeight;
    const w = this.session.window.peek();
    const label = this.pointer && timeText(this.session, toTime(w, this.width, this.pointer.x), (w.span / this.width) * 100);
    drawRuler(this.sized(this.canvases.ruler, this.width, height), {
      width: this.width,
      height,
      window: w,
      axis: this.axis(),
      theme: theme.peek(),
      range: this.range(),
      pointer: this.pointer && label ? { x: this.pointer.x, label, width: this.small.width(label) } : null,
    });
  }

  /** load asks for the tiles that this picture needs, or of the window to which it glides. */
  private load(): void {
    const { session } = this;
    const tracks = this.bands().flatMap((band) => band.laid.map((laid) => laid.track));
    const wait = session.loader.want(wanted(session.glide.target ?? session.window.peek(), this.width, tracks, session.limits.peek()));
    session.loading.value = session.loader.busy;
    clearTimeout(this.retry);
    if (wait) this.retry = setTimeout(() => this.touch(), wait);
  }

  private range(): { from: number; to: number } | null {
    const selection = this.session.selection.peek();
    return this.drag ?? (selection.type === "range" ? selection : null);
  }

  /** overlay is what lies over the tracks. */
  overlay(): Overlay {
    const { session } = this;
    const selection = session.selection.peek();
    const search = session.search.peek();
    const pointed = session.pointed.peek();
    const bands = this.bands();
    const now = session.now();
    const w = session.window.peek();
    const until = (place: Place): Place => ({ ...place, end: Math.min(place.end, Math.max(now, place.start)) });
    return {
      width: this.width,
      height: this.height,
      window: w,
      theme: theme.peek(),
      measure: this.small,
      clipTop: this.pinnedHeight,
      top: (track) => this.topOf(track, bands),
      hover: this.hover && until(this.hover.place),
      selected: selection.type === "slice" ? until({ ...selection.slice, end: selection.open ? Infinity : selection.slice.end }) : null,
      range: this.range(),
      hits: search.hits.map(until),
      currentHit: search.hits[search.at] ? until(search.hits[search.at]) : null,
      flows: session.flows.peek(),
      critical: session.critical.peek()?.segments ?? [],
      pointer: this.pointer?.x ?? (pointed === null ? null : ((pointed - w.start) / w.span) * this.width),
    };
  }

  /** topOf is where a track is drawn. One that is folded away is drawn where its parent is. */
  private topOf(track: number, bands: readonly Band[]): number | null {
    for (const layout of [this.session.pinnedLayout.peek(), this.session.layout.peek()]) {
      const laid = layout.byTrack.get(track);
      const band = bands[layout === this.session.layout.peek() ? 1 : 0];
      if (!laid) continue;
      const y = band.top + laid.y;
      if (y + laid.height > band.clipTop && y < band.clipBottom) return y;
    }
    return null;
  }

  /** at finds the track at a height. */
  trackAt(y: number): { laid: Laid; top: number } | null {
    for (const band of this.bands()) {
      if (y < band.clipTop || y >= band.clipBottom) continue;
      const laid = band.laid.find((one) => y >= band.top + one.y && y < band.top + one.y + one.height);
      return laid ? { laid, top: band.top + laid.y } : null;
    }
    return null;
  }

  /** pick finds out what is below the pointer. */
  pick(): Hover | null {
    this.hover = this.pointer && this.itemAt(this.pointer.x, this.pointer.y);
    return this.hover;
  }

  itemAt(x: number, y: number): Hover | null {
    const at = this.trackAt(y);
    if (!at || at.laid.track.type === "counter" || y > at.top + marksY(at.laid)) return null;
    const row = Math.floor((y - at.top - trackPad) / rowHeight);
    if (row < 0 || row >= at.laid.rows) return null;
    const w = this.session.window.peek();
    const time = toTime(w, this.width, x);
    const slack = (pickSlack * w.span) / this.width;
    const piece = this.pieces(at.laid.track.id).find((p) => time >= p.from && time < p.to);
    const item = piece && pick(piece.tile, row, time, slack);
    if (!item) return null;
    const { tile, i } = item;
    const track = at.laid.track.id;
    const start = tile.starts[i];
    const end = tile.ends[i];
    const flags = tile.counts[i];
    const ref = { key: "", track, pos: tile.positions[i], row, name: this.session.kinds.name(tile.kinds[i]), start, end };
    return { place: ref, ref, count: flags & 0x3fffffff, failed: flags >>> 31 === 1, open: isOpen(item), x, y: at.top + rowY(row) };
  }

  /** scrollTo returns the place to scroll to so that a row is in sight, or null if it is. */
  scrollTo(track: number, row: number): number | null {
    const layout: Layout = this.session.layout.peek();
    const laid = layout.byTrack.get(track);
    if (!laid) return null;
    const y = laid.y + rowY(row);
    const seen = this.height - this.pinnedHeight;
    if (y >= this.scrollTop && y + 2 * rowHeight <= this.scrollTop + seen) return null;
    return Math.max(0, y - Math.max(rowHeight, seen * 0.35));
  }

  /** sized gives a canvas as many pixels as the screen has for it. */
  private sized(canvas: HTMLCanvasElement, width: number, height: number): CanvasRenderingContext2D {
    const ratio = Math.min(3, devicePixelRatio || 1);
    const c = context(canvas);
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    c.setTransform(ratio, 0, 0, ratio, 0, 0);
    return c;
  }
}

export function context(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
  const c = canvas.getContext("2d");
  if (!c) throw new Error("this browser can't draw: it has no 2D canvas");
  return c;
}
