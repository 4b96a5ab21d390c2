// Which tiles a view wants, and the requests for them: nothing that is there or under way is asked for again, what nobody
// wants any more is cancelled, and what fails waits longer each time.

import { emptyTile, type Tile, type TilesAnswer } from "../import/tiles.js";
import { type TrackInfo } from "../import/protocol.js";
import { TileCache } from "./cache.js";
import { level, type Limits, tileRange, tileSpan, type Window } from "./zoom.js";

export type TileId = readonly [track: number, index: number];

/** Wanted is a level's tiles, those in the window first, then the margin around. */
export interface Wanted {
  level: number;
  tiles: TileId[];
}

/** wanted lists the tiles of a window on some tracks, with one more on each side. Tracks have none where there is nothing on them. */
export function wanted(w: Window, width: number, tracks: readonly TrackInfo[], limits: Limits): Wanted {
  const at = level(w, width);
  const span = tileSpan(at);
  const [first, last] = tileRange(w, at, limits);
  const tiles: TileId[] = [];
  const margin: TileId[] = [];
  for (const track of tracks) {
    if (track.slices + track.marks === 0 && track.type !== "counter") continue;
    const from = Math.floor(track.start / span);
    const to = track.open > 0 || track.type === "counter" ? Infinity : Math.floor(track.end / span);
    for (let i = Math.max(first - 1, from, 0); i <= Math.min(last + 1, to); i++) {
      if (i * span <= limits.end) (i < first || i > last ? margin : tiles).push([track.id, i]);
    }
  }
  return { level: at, tiles: [...tiles, ...margin] };
}

/** A tile of a trace that grows is stale if its track has changed since, and it is where changes are: of an open slice, or from a time on. */
export function stale(tile: Tile, changedAt: number, changesFrom: number): boolean {
  if (tile.gen >= changedAt) return false;
  return tile.hasOpen || (tile.index + 1) * tileSpan(tile.level) >= changesFrom;
}

/** lateNs is how long after its end a slice of a live trace may come in. */
export const lateNs = 15e9;

export interface LoaderHost {
  ask(level: number, gen: number, tiles: readonly TileId[], signal: AbortSignal): Promise<TilesAnswer>;
  gen(): number;
  changedAt(track: number): number;
  /** changesFrom is from when on there may be changes. */
  changesFrom(): number;
  arrived(): void;
  failed(error: unknown): void;
}

const atOnce = 2;
const perRequest = 1024;
const firstWait = 250;
const longestWait = 8000;

export class TileLoader {
  private underWay = new Map<AbortController, { level: number; keys: Set<string> }>();
  private wait = 0;
  private retryAt = 0;
  private last: Wanted = { level: 0, tiles: [] };

  constructor(
    private cache: TileCache,
    private host: LoaderHost,
    private clock: () => number = () => performance.now(),
  ) {}

  get busy(): boolean {
    return this.underWay.size > 0;
  }

  /** want is told in each frame what is wanted now. It returns in how many ms it must be called again, 0 if that isn't needed. */
  want(now: Wanted): number {
    this.last = now;
    this.cancel(now);
    if (this.retryAt > this.clock()) return this.retryAt - this.clock();
    const missing = now.tiles.filter(([track, index]) => this.isMissing(now.level, track, index));
    for (let from = 0; from < missing.length && this.underWay.size < atOnce; from += perRequest) {
      void this.send(now.level, missing.slice(from, from + perRequest));
    }
    return 0;
  }

  private isMissing(at: number, track: number, index: number): boolean {
    const key = TileCache.key(track, at, index);
    for (const one of this.underWay.values()) if (one.keys.has(key)) return false;
    const tile = this.cache.peek(track, at, index);
    return !tile || stale(tile, this.host.changedAt(track), this.host.changesFrom());
  }

  /** cancel ends requests none of whose tiles is wanted. */
  private cancel(now: Wanted): void {
    const keys = new Set(this.underWay.size ? now.tiles.map(([track, index]) => TileCache.key(track, now.level, index)) : []);
    for (const [controller, one] of this.underWay) {
      if ([...one.keys].some((key) => keys.has(key))) continue;
      this.underWay.delete(controller);
      controller.abort();
    }
  }

  private async send(at: number, tiles: readonly TileId[]): Promise<void> {
    const controller = new AbortController();
    this.underWay.set(controller, { level: at, keys: new Set(tiles.map(([track, index]) => TileCache.key(track, at, index))) });
    const gen = this.host.gen();
    const { clears } = this.cache;
    try {
      const answer = await this.host.ask(at, gen, tiles, controller.signal);
      if (controller.signal.aborted) return;
      if (clears === this.cache.clears) this.take(at, gen, tiles, answer);
      this.wait = 0;
    } catch (err) {
      if (controller.signal.aborted) return;
      this.wait = Math.min(longestWait, this.wait ? this.wait * 2 : firstWait);
      this.retryAt = this.clock() + this.wait;
      this.host.failed(err);
    } finally {
      this.underWay.delete(controller);
    }
    this.want(this.last);
    this.host.arrived();
  }

  /** take puts an answer into the cache. It is as new as what was known when it was asked for: otherwise a tile could stay stale for ever. */
  private take(at: number, gen: number, asked: readonly TileId[], answer: TilesAnswer): void {
    const came = new Set<string>();
    for (const tile of answer.tiles) {
      tile.gen = Math.max(tile.gen, gen);
      this.cache.put(tile);
      came.add(TileCache.key(tile.track, tile.level, tile.index));
    }
    for (const [track, index] of asked) {
      if (!came.has(TileCache.key(track, at, index))) this.cache.put(emptyTile(track, at, index, gen));
    }
  }

  stop(): void {
    for (const controller of this.underWay.keys()) controller.abort();
    this.underWay.clear();
  }
}
