// The timeline's canvases: what is drawn on them, when, and what is below the pointer. It draws only what changed: the tracks
// when the window, the tiles or the layout did, what lies over them also when the pointer or the selection did.

import { computed, effect } from "@preact/signals";
import { axis, type Axis } from "../model/axis.js";
import { type Piece } from "../model/cache.js";
import { wanted } from "../model/loader.js";
import { type Gap } from "../model/losses.js";
import { type Laid, type Layout, pinnedHeight, rowHeight, rowY, visible } from "../model/tracks.js";
import { level, tileRange, toTime } from "../model/zoom.js";
import { drawOverlay, type Overlay, type Place } from "../draw/overlay.js";
import { reach } from "../draw/losses.js";
import { drawRuler } from "../draw/ruler.js";
import { type Band, type Scene } from "../draw/scene.js";
import { Measure } from "../draw/text.js";
import { drawTracks } from "../draw/tracks.js";
import { sliceFont, smallFont } from "../draw/theme.js";
import { type Hover, pickAt } from "./pick.js";
import { hungAfter, type Session } from "./session.js";
import { clockOf, scheduler, theme, timeText, wallClock } from "./app-state.js";

export interface Canvases {
  tracks: HTMLCanvasElement;
  overlay: HTMLCanvasElement;
  ruler: HTMLCanvasElement;
}

const none: readonly Gap[] = [];
const nobody: ReadonlySet<number> = new Set();

export class TimelineView {
  width = 0;
  height = 0;
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
    // How far a file is read changes nothing of what is drawn, and is told while that needs the processors.
    const known = computed(() => {
      const info = session.info.value;
      return info && [info.state, info.session, info.gen, info.end, info.now, info.unix].join();
    });
    this.stops.push(
      effect(() => {
        const s = session;
        void [s.window.value, s.tilesVersion.value, s.shown.layout.value, s.shown.pinnedLayout.value, s.scrollTop.value];
        void [theme.value, wallClock.value, known.value, s.losing.all.value];
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
    return pinnedHeight(this.session.shown.pinnedLayout.peek(), this.height);
  }

  /** bands are the tracks in sight. */
  bands(): Band[] {
    const top = this.pinnedHeight;
    const pinned = this.session.shown.pinnedLayout.peek();
    const layout = this.session.shown.layout.peek();
    const scrolled = this.session.scrollTop.peek();
    return [
      { laid: visible(pinned, 0, top), top: 0, clipTop: 0, clipBottom: top },
      {
        laid: visible(layout, scrolled, scrolled + this.height - top),
        top: top - scrolled,
        clipTop: top,
        clipBottom: this.height,
      },
    ];
  }

  axis(): Axis {
    const { session } = this;
    const clock = clockOf(session);
    return axis(session.window.peek(), this.width, clock ? 130 : 104, clock ?? undefined);
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
      waiting: live ? session.shown.waiting.peek() : nobody,
    };
  }

  /** pieces are looked up once a frame. */
  pieces(track: number): Piece[] {
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
      losses: this.gaps(),
      pointer: this.pointer && label ? { x: this.pointer.x, label, width: this.small.width(label) } : null,
    });
  }

  /** gaps are where records are missing, as it is drawn. */
  gaps(): readonly Gap[] {
    const all = this.session.losing.all.peek();
    return all && this.width ? all.gaps(this.session.window.peek(), this.width, reach) : none;
  }

  /** load asks for the tiles that this picture needs, or of the window to which it glides. */
  private load(): void {
    const { session } = this;
    const tracks = this.bands().flatMap((band) => band.laid.map((laid) => laid.track));
    const wait = session.loader.want(wanted(session.glide.target ?? session.window.peek(), this.width, tracks, session.limits.peek()));
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
    const layouts = [session.shown.pinnedLayout.peek(), session.shown.layout.peek()];
    const now = session.now();
    const w = session.window.peek();
    const until = (place: Place): Place => ({ ...place, end: Math.min(place.end, Math.max(now, place.start)) });
    return {
      width: this.width,
      height: this.height,
      window: w,
      theme: theme.peek(),
      measure: this.small,
      parts: bands.map((band, i) => {
        const { clipTop, clipBottom } = band;
        return { clipTop, clipBottom, top: (track) => topIn(layouts[i], band, track) };
      }),
      hover: this.hover?.type === "slice" ? until(this.hover.ref) : null,
      selected: selection.type === "slice" ? until({ ...selection.slice, end: selection.open ? Infinity : selection.slice.end }) : null,
      range: this.range(),
      hits: search.hits.map(until),
      currentHit: search.hits[search.at] ? until(search.hits[search.at]) : null,
      flows: session.flows.peek(),
      critical: session.critical.peek()?.segments ?? [],
      losses: this.gaps(),
      pointer: this.pointer?.x ?? (pointed === null ? null : ((pointed - w.start) / w.span) * this.width),
    };
  }

  /** trackAt finds the track at a height. */
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
    this.hover = this.pointer && pickAt(this, this.pointer.x, this.pointer.y);
    return this.hover;
  }

  /** scrollTo returns the place to scroll to so that a row is in sight, or null if it is. */
  scrollTo(track: number, row: number): number | null {
    const layout: Layout = this.session.shown.layout.peek();
    const laid = layout.byTrack.get(track);
    if (!laid) return null;
    const y = laid.y + rowY(row);
    const seen = this.height - this.pinnedHeight;
    const top = this.session.scrollTop.peek();
    if (y >= top && y + 2 * rowHeight <= top + seen) return null;
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

/** topIn is where a track is drawn in a band, null if it isn't in sight there. */
function topIn(layout: Layout, band: Band, track: number): number | null {
  const laid = layout.byTrack.get(track);
  if (!laid) return null;
  const y = band.top + laid.y;
  return y + laid.height > band.clipTop && y < band.clipBottom ? y : null;
}

export function context(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
  const c = canvas.getContext("2d");
  if (!c) throw new Error("this browser can't draw: it has no 2D canvas");
  return c;
}
