// How busy a trace is, over its whole length, for the minimap: of the tracks with the most slices, how much of each part of
// time their outermost slices cover.

import { failedBit } from "../import/tiles.js";
import { type TrackInfo } from "../import/protocol.js";
import { type TileCache } from "./cache.js";
import { level, tileRange } from "./zoom.js";

const mostTracks = 128;
const mostSlices = 1 << 16;

/** busyTracks are the tracks that count: more of them, or of what there is to see on them in so many bins, would cost more than it tells. */
export function busyTracks(tracks: readonly TrackInfo[], bins: number): TrackInfo[] {
  let slices = 0;
  return tracks
    .filter((track) => track.slices > 0)
    .sort((a, b) => b.slices - a.slices)
    .slice(0, mostTracks)
    .filter((track, i) => (slices += Math.min(track.slices, bins * track.depth)) <= mostSlices || i === 0);
}

export class Busy {
  readonly busy: Float64Array;
  readonly failed: Uint8Array;

  constructor(readonly bins: number) {
    this.busy = new Float64Array(bins);
    this.failed = new Uint8Array(bins);
  }

  /** sum takes what the cache has. The busiest part is 1. */
  sum(cache: TileCache, tracks: readonly TrackInfo[], end: number, now: number): void {
    this.busy.fill(0);
    this.failed.fill(0);
    const w = { start: 0, span: end };
    const at = level(w, this.bins);
    const [first, last] = tileRange(w, at, { end });
    for (const track of tracks) {
      let done = 0;
      for (const { tile, from, to } of cache.cover(track.id, at, first, last)) {
        for (let i = tile.rowStarts[0]; i < (tile.rowStarts[1] ?? 0); i++) {
          const start = Math.max(tile.starts[i], done, from);
          const stop = Math.min(tile.ends[i], now, to);
          if (stop > start) this.add(start, stop, tile.covers[i] || 1, end);
          done = Math.max(done, stop);
        }
        for (let i = 0; i < tile.starts.length; i++) if (tile.counts[i] & failedBit) this.fail(tile, i, from, to, now, end);
      }
    }
    const most = this.busy.reduce((a, b) => Math.max(a, b), 0);
    if (most > 0) for (let i = 0; i < this.bins; i++) this.busy[i] /= most;
  }

  private bin(time: number, end: number): number {
    return Math.min(this.bins - 1, Math.max(0, Math.floor((time / end) * this.bins)));
  }

  private add(start: number, stop: number, cover: number, end: number): void {
    const length = end / this.bins;
    for (let i = this.bin(start, end); i <= this.bin(stop, end); i++) {
      this.busy[i] += Math.max(0, Math.min(stop, (i + 1) * length) - Math.max(start, i * length)) * cover;
    }
  }

  /** fail notes where a slice that failed ended: there is what made it fail. */
  private fail(tile: { ends: Float64Array }, i: number, from: number, to: number, now: number, end: number): void {
    const at = Math.min(tile.ends[i], now);
    if (at >= from && at <= to) this.failed[this.bin(at, end)] = 1;
  }
}
