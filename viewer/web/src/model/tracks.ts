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
  /** also tells it from another of its name; "" if its name does. */
  also: string;
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
  /** processes are how many have a name. */
  private processes = new Map<string, number>();

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
    for (const map of [this.tracks, this.children, this.changed, this.processes]) map.clear();
  }

  /** merge takes new and changed tracks, of which there is one an id. */
  merge(list: readonly TrackInfo[], gen: number): void {
    for (const track of list) {
      if (track.id === 0) continue;
      const known = this.tracks.get(track.id);
      if (known && known.parent !== track.parent) this.detach(known);
      if (!known || known.parent !== track.parent) this.attach(track);
      if (known) this.countName(known, -1);
      this.countName(track, 1);
      this.tracks.set(track.id, track);
      this.changed.set(track.id, gen);
    }
  }

  private countName({ type, name }: TrackInfo, by: number): void {
    if (type === "process") this.processes.set(name, (this.processes.get(name) ?? 0) + by);
  }

  /** also is what tells a track from another of its name: of processes that are named alike, their number. */
  also(track: TrackInfo): string {
    return track.type === "process" && track.name && (this.processes.get(track.name) ?? 0) > 1 ? track.source : "";
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

  /** waiting are the tracks below which something is open, on others: what is open on these waits for that. */
  waiting(): Set<number> {
    const waiting = new Set<number>();
    for (const track of this.tracks.values()) {
      if (track.open === 0) continue;
      for (let at = this.tracks.get(track.parent); at && !waiting.has(at.id); at = this.tracks.get(at.parent)) waiting.add(at.id);
    }
    return waiting;
  }

  /** isEmpty says that there is nothing on a track, nor below it: threads that only have names. */
  private isEmpty(track: TrackInfo): boolean {
    return track.type === "track" && track.slices + track.marks === 0 && !this.hasChildren(track.id);
  }

  /** layout places what isn't folded away, and if only is given, of that what is in it. */
  layout(collapsed: ReadonlySet<number>, only: ReadonlySet<number> | null = null): Layout {
    const laid: Laid[] = [];
    let y = 0;
    for (const [track, indent] of this.flat((t) => !collapsed.has(t.id))) {
      if ((only && !only.has(track.id)) || this.isEmpty(track)) continue;
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
      also: this.also(track),
    };
  }
}

function heightOf(track: TrackInfo, rows: number): number {
  if (track.type === "counter") return counterHeight;
  const marks = track.marks > 0 ? markHeight : 0;
  if (track.type === "process" && rows === 0 && !marks) return headerHeight;
  return Math.max(headerHeight, rows * rowHeight + marks + 2 * trackPad);
}

/** pinnedPart is how much of the height pinned tracks get at most. */
const pinnedPart = 0.5;

/** pinnedHeight is how much of a height the pinned tracks get, with the line below them. */
export function pinnedHeight(pinned: Layout, height: number): number {
  return pinned.height ? Math.min(pinned.height + 2, Math.round(height * pinnedPart)) : 0;
}

/** Scroll is how far tracks are scrolled: the one on top, and by how many pixels that is. It holds also when others come above. */
export interface Scroll {
  track: number;
  by: number;
}

/** scrollAt says by how much a layout is scrolled; at its top, by no track. */
export function scrollAt(layout: Layout, top: number): Scroll {
  const laid = layout.laid[firstAt(layout, top)];
  return top > 0 && laid ? { track: laid.track.id, by: Math.round(top - laid.y) } : { track: 0, by: 0 };
}

/** scrollTop is how far down the layout that is; null if the track isn't there. */
export function scrollTop(layout: Layout, { track, by }: Scroll): number | null {
  if (track === 0) return 0;
  const laid = layout.byTrack.get(track);
  return laid ? laid.y + by : null;
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
