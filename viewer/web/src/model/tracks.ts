// The tree of tracks, and where each is drawn. Heights and places are CSS pixels.

import { type TrackInfo } from "../import/protocol.js";

export const rowHeight = 20;
export const rowGap = 1;
export const headerHeight = 28;
export const trackPad = 5;
export const markHeight = 10;
export const counterHeight = 44;
export const maxRows = 256;

/** Laid is a track in its place. */
export interface Laid {
  track: TrackInfo;
  y: number;
  height: number;
  /** indent is how deep it is in the tree. */
  indent: number;
  rows: number;
  collapsible: boolean;
  collapsed: boolean;
  /** hidden is how many tracks are folded below it. */
  hidden: number;
}

export interface Layout {
  laid: Laid[];
  height: number;
  byTrack: Map<number, Laid>;
}

export class TrackTree {
  private tracks = new Map<number, TrackInfo>();
  private children = new Map<number, number[]>();
  /** changed has the gen of each track's last change. */
  private changed = new Map<number, number>();

  get size(): number {
    return this.tracks.size;
  }
  get(id: number): TrackInfo | undefined {
    return this.tracks.get(id);
  }
  changedAt(id: number): number {
    return this.changed.get(id) ?? 0;
  }

  clear(): void {
    for (const map of [this.tracks, this.children, this.changed]) map.clear();
  }

  /** merge takes new and changed tracks, of which there is one an id. */
  merge(list: readonly TrackInfo[], gen: number): void {
    for (const track of list) {
      if (track.id === 0) continue;
      const known = this.tracks.get(track.id);
      if (known && known.parent !== track.parent) this.detach(known);
      if (!known || known.parent !== track.parent) this.attach(track);
      this.tracks.set(track.id, track);
      this.changed.set(track.id, gen);
    }
  }

  private attach(track: TrackInfo): void {
    const siblings = this.children.get(track.parent);
    if (siblings) siblings.push(track.id);
    else this.children.set(track.parent, [track.id]);
  }

  private detach(track: TrackInfo): void {
    this.children.set(
      track.parent,
      (this.children.get(track.parent) ?? []).filter((id) => id !== track.id),
    );
  }

  /** childrenOf returns the tracks below one, by their order, then as they came. */
  childrenOf(id: number): TrackInfo[] {
    const list = (this.children.get(id) ?? []).map((child) => this.tracks.get(child)!);
    return list.sort((a, b) => a.order - b.order);
  }

  ancestors(id: number): number[] {
    const list: number[] = [];
    for (let at = this.tracks.get(id); at?.parent && list.length < 10_000; at = this.tracks.get(at.parent)) list.push(at.parent);
    return list;
  }

  /** within are the tracks of a subtree, its root included. */
  within(id: number): number[] {
    const list: number[] = [];
    const stack = [id];
    const seen = new Set<number>();
    for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
      if (seen.has(at)) continue;
      seen.add(at);
      list.push(at);
      for (const child of this.children.get(at) ?? []) stack.push(child);
    }
    return list;
  }

  /** flat are all tracks in the order of drawing, with their depth in the tree. Those whose parent is unknown are roots. */
  *flat(enter: (track: TrackInfo) => boolean = () => true): Generator<[track: TrackInfo, indent: number]> {
    const stack: [track: TrackInfo, indent: number][] = [];
    // What is to come first is put on the stack last. A loop, since arguments of push are limited.
    const put = (list: TrackInfo[], indent: number) => {
      for (const track of list.reverse()) stack.push([track, indent]);
    };
    put(this.roots(), 0);
    for (let at = stack.pop(); at; at = stack.pop()) {
      yield at;
      if (enter(at[0])) put(this.childrenOf(at[0].id), at[1] + 1);
    }
  }

  private roots(): TrackInfo[] {
    return [...this.tracks.values()].filter((t) => !this.tracks.has(t.parent)).sort((a, b) => a.order - b.order);
  }

  hasChildren(id: number): boolean {
    return (this.children.get(id)?.length ?? 0) > 0;
  }

  /** active are the tracks on which there is something between two times, and those above them. */
  active(from: number, to: number): Set<number> {
    const active = new Set<number>();
    for (const track of this.tracks.values()) {
      const some = track.slices + track.marks > 0 && track.start <= to && (track.open > 0 || track.end >= from);
      if (!some && track.type !== "counter") continue;
      for (let at: TrackInfo | undefined = track; at && !active.has(at.id); at = this.tracks.get(at.parent)) active.add(at.id);
    }
    return active;
  }

  /** layout places what isn't folded away, and if only is given, of that what is in it. */
  layout(collapsed: ReadonlySet<number>, only: ReadonlySet<number> | null = null): Layout {
    const laid: Laid[] = [];
    let y = 0;
    for (const [track, indent] of this.flat((t) => !collapsed.has(t.id))) {
      if (only && !only.has(track.id)) continue;
      const one = this.place(track, indent, y, collapsed.has(track.id));
      laid.push(one);
      y += one.height;
    }
    return { laid, height: y, byTrack: new Map(laid.map((one) => [one.track.id, one])) };
  }

  /** pinned places the given tracks one below the other. */
  pinned(ids: readonly number[], collapsed: ReadonlySet<number>): Layout {
    const laid: Laid[] = [];
    let y = 0;
    for (const id of ids) {
      const track = this.tracks.get(id);
      if (!track) continue;
      const one = this.place(track, 0, y, collapsed.has(id));
      laid.push({ ...one, collapsible: false });
      y += one.height;
    }
    return { laid, height: y, byTrack: new Map(laid.map((one) => [one.track.id, one])) };
  }

  private place(track: TrackInfo, indent: number, y: number, collapsed: boolean): Laid {
    const inner = this.hasChildren(track.id);
    const rows = track.type === "counter" ? 0 : collapsed ? Math.min(track.depth, 1) : Math.min(track.depth, maxRows);
    return {
      track,
      y,
      indent,
      rows,
      collapsed,
      height: heightOf(track, rows),
      collapsible: inner || track.depth > 1,
      hidden: collapsed && inner ? this.within(track.id).length - 1 : 0,
    };
  }
}

function heightOf(track: TrackInfo, rows: number): number {
  if (track.type === "counter") return counterHeight;
  const marks = track.marks > 0 ? markHeight : 0;
  if (track.type === "process" && rows === 0 && !marks) return headerHeight;
  return Math.max(headerHeight, rows * rowHeight + marks + 2 * trackPad);
}

/** rowY is where a row of slices begins, from the track's top. */
export function rowY(row: number): number {
  return trackPad + row * rowHeight;
}

/** marksY is where the strip of marks begins, from the track's top. */
export function marksY(laid: Laid): number {
  return laid.rows ? trackPad + laid.rows * rowHeight : laid.height / 2 - markHeight / 2;
}

/** firstAt finds the first track that reaches below y, by halving. */
export function firstAt(layout: Layout, y: number): number {
  let low = 0;
  let high = layout.laid.length;
  while (low < high) {
    const mid = (low + high) >> 1;
    if (layout.laid[mid].y + layout.laid[mid].height > y) high = mid;
    else low = mid + 1;
  }
  return low;
}

/** visible are the tracks between two heights. */
export function visible(layout: Layout, top: number, bottom: number): Laid[] {
  const list: Laid[] = [];
  for (let i = firstAt(layout, top); i < layout.laid.length && layout.laid[i].y < bottom; i++) list.push(layout.laid[i]);
  return list;
}
