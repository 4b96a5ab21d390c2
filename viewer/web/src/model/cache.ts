// The cache of tiles, and what covers a window until the right ones are there: coarser tiles, drawn larger, or finer ones.

import { type Tile } from "../import/tiles.js";
import { tileSpan } from "./zoom.js";

/** Piece is the part of a tile, from and to in ns, that stands for one or more tiles' worth of the window. */
export interface Piece {
  tile: Tile;
  from: number;
  to: number;
}

const coarserLevels = 14;
const finerLevels = 2;

/** TileCache holds decoded tiles, the least recently used of which go when they have more than maxBytes. */
export class TileCache {
  // In the order of use: a Map keeps that of insertion, and a tile that is used is inserted again.
  private tiles = new Map<string, Tile>();
  bytes = 0;
  /** clears is how often it was emptied: what was asked for before then is of what is no longer so. */
  clears = 0;

  constructor(readonly maxBytes = 192 << 20) {}

  get size(): number {
    return this.tiles.size;
  }

  static key(track: number, level: number, index: number): string {
    return `${track}/${level}/${index}`;
  }

  put(tile: Tile): void {
    const key = TileCache.key(tile.track, tile.level, tile.index);
    this.drop(key);
    this.tiles.set(key, tile);
    this.bytes += tile.bytes;
    for (const [oldest] of this.tiles) {
      if (this.bytes <= this.maxBytes || oldest === key) break;
      this.drop(oldest);
    }
  }

  private drop(key: string): void {
    const tile = this.tiles.get(key);
    if (!tile) return;
    this.tiles.delete(key);
    this.bytes -= tile.bytes;
  }

  /** peek returns a tile and leaves its place in the order. */
  peek(track: number, level: number, index: number): Tile | undefined {
    return this.tiles.get(TileCache.key(track, level, index));
  }

  get(track: number, level: number, index: number): Tile | undefined {
    const key = TileCache.key(track, level, index);
    const tile = this.tiles.get(key);
    if (tile) {
      this.tiles.delete(key);
      this.tiles.set(key, tile);
    }
    return tile;
  }

  clear(): void {
    this.tiles.clear();
    this.bytes = 0;
    this.clears++;
  }

  /** cover returns what there is for tiles first to last of a level, in the order of time; neighbours from one tile are one piece. */
  cover(track: number, level: number, first: number, last: number): Piece[] {
    const pieces: Piece[] = [];
    const span = tileSpan(level);
    for (let index = first; index <= last; index++) {
      for (const piece of this.slot(track, level, index, span)) {
        const before = pieces[pieces.length - 1];
        if (before && before.tile === piece.tile && before.to === piece.from) before.to = piece.to;
        else pieces.push(piece);
      }
    }
    return pieces;
  }

  private slot(track: number, level: number, index: number, span: number): Piece[] {
    const from = index * span;
    const to = from + span;
    const exact = this.get(track, level, index);
    if (exact) return [{ tile: exact, from, to }];
    for (let up = 1, i = index; up <= coarserLevels; up++) {
      i = Math.floor(i / 2);
      const tile = this.get(track, level + up, i);
      if (tile) return [{ tile, from, to }];
    }
    return this.finer(track, level, index, finerLevels);
  }

  private finer(track: number, level: number, index: number, deep: number): Piece[] {
    if (deep === 0 || level === 0) return [];
    return [2 * index, 2 * index + 1].flatMap((i) => {
      const tile = this.get(track, level - 1, i);
      const span = tileSpan(level - 1);
      return tile ? [{ tile, from: i * span, to: (i + 1) * span }] : this.finer(track, level - 1, i, deep - 1);
    });
  }
}
