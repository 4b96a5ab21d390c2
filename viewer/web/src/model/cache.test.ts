import { describe, expect, it } from "vitest";
import { emptyTile } from "../import/tiles.js";
import { TileCache } from "./cache.js";

const tile = (track: number, level: number, index: number, bytes = 100) => ({ ...emptyTile(track, level, index, 1), bytes });
const what = (cache: TileCache, level: number, first: number, last: number) =>
  cache.cover(1, level, first, last).map((p) => [p.tile.level, p.tile.index, p.from / 512, p.to / 512]);

describe("TileCache", () => {
  it("lets the least recently used go", () => {
    const cache = new TileCache(300);
    for (const i of [0, 1, 2]) cache.put(tile(1, 0, i));
    cache.get(1, 0, 0);
    cache.peek(1, 0, 1); // a look doesn't count
    cache.put(tile(1, 0, 3));
    expect([0, 1, 2, 3].map((i) => cache.peek(1, 0, i) !== undefined)).toEqual([true, false, true, true]);
    expect([cache.bytes, cache.size]).toEqual([300, 3]);
  });

  it("keeps the newest, even if it is too large", () => {
    const cache = new TileCache(300);
    cache.put(tile(1, 0, 0));
    cache.put(tile(1, 0, 1, 1000));
    expect([cache.size, cache.bytes]).toEqual([1, 1000]);
  });

  it("counts a tile once that comes again", () => {
    const cache = new TileCache(300);
    cache.put(tile(1, 0, 0));
    cache.put(tile(1, 0, 0, 50));
    expect([cache.size, cache.bytes]).toEqual([1, 50]);
    cache.clear();
    expect([cache.size, cache.bytes]).toEqual([0, 0]);
  });
});

describe("cover", () => {
  it("is the tiles themselves, if they are there", () => {
    const cache = new TileCache();
    for (const i of [0, 1, 2]) cache.put(tile(1, 0, i));
    expect(what(cache, 0, 0, 2)).toEqual([
      [0, 0, 0, 1],
      [0, 1, 1, 2],
      [0, 2, 2, 3],
    ]);
    expect(cache.cover(2, 0, 0, 2)).toEqual([]);
  });

  it("is a coarser tile, once for all that it stands for", () => {
    const cache = new TileCache();
    cache.put(tile(1, 3, 0)); // tiles 0 to 7
    cache.put(tile(1, 0, 2));
    expect(what(cache, 0, 0, 4)).toEqual([
      [3, 0, 0, 2],
      [0, 2, 2, 3],
      [3, 0, 3, 5],
    ]);
  });

  it("prefers the finest of coarser tiles to finer ones", () => {
    const cache = new TileCache();
    for (const t of [tile(1, 6, 0), tile(1, 3, 0), tile(1, 1, 0)]) cache.put(t);
    expect(what(cache, 2, 0, 0)).toEqual([[3, 0, 0, 4]]);
  });

  it("is finer tiles after zooming out, with gaps where there are none", () => {
    const cache = new TileCache();
    for (const i of [0, 1, 3]) cache.put(tile(1, 0, i));
    expect(what(cache, 2, 0, 0)).toEqual([
      [0, 0, 0, 1],
      [0, 1, 1, 2],
      [0, 3, 3, 4],
    ]);
    expect(what(cache, 3, 0, 0)).toEqual([]); // more than two levels finer would be too many
  });
});
