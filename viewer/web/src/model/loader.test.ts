import { describe, expect, it } from "vitest";
import { emptyTile, type Tile, type TilesAnswer } from "../import/tiles.js";
import { type TrackInfo, trackInfo } from "../import/protocol.js";
import { TileCache } from "./cache.js";
import { stale, type TileId, TileLoader, wanted } from "./loader.js";

const track = (fields: Partial<TrackInfo>) => ({ ...trackInfo({}, ""), type: "track", slices: 5, depth: 1, ...fields });
const settle = () => new Promise((resolve) => setTimeout(resolve));

describe("wanted", () => {
  const limits = { end: 512 * 100 };
  const w = { start: 512 * 10, span: 1024 };

  it("is the window's tiles first, then one around", () => {
    expect(wanted(w, 1024, [track({ id: 1, end: limits.end })], limits)).toEqual({
      level: 0,
      tiles: [
        [1, 10],
        [1, 11],
        [1, 12],
        [1, 9],
        [1, 13],
      ],
    });
  });

  it("leaves out where there is nothing", () => {
    const tracks = [
      track({ id: 1, start: 512 * 11, end: 512 * 11 + 5 }),
      track({ id: 2, slices: 0, end: 1e9 }),
      track({ id: 3, start: 0, end: 5 }),
      track({ id: 4, start: 0, end: 5, open: 1 }),
      track({ id: 5, type: "counter", slices: 0 }),
    ];
    expect(
      wanted(w, 1024, tracks, limits)
        .tiles.map(([id, i]) => `${id}/${i}`)
        .sort(),
    ).toEqual(["1/11", "4/10", "4/11", "4/12", "4/13", "4/9", "5/10", "5/11", "5/12", "5/13", "5/9"]);
  });

  it("stays in the trace", () => {
    expect(wanted({ start: -300, span: 1000 }, 1000, [track({ id: 1, end: 600 })], { end: 600 }).tiles).toEqual([
      [1, 0],
      [1, 1],
    ]);
  });
});

/** fake is a server whose answers come when they are told to. */
function fake(changed: Record<number, number> = {}) {
  const asked: {
    level: number;
    tiles: readonly TileId[];
    signal: AbortSignal;
    answer: (tiles?: Tile[]) => void;
    fail: (err: Error) => void;
  }[] = [];
  const cache = new TileCache();
  const failures: unknown[] = [];
  const state = { gen: 5, time: 0, arrived: 0 };
  const loader = new TileLoader(
    cache,
    {
      ask: (level, gen, tiles, signal) =>
        new Promise<TilesAnswer>((resolve, reject) => {
          signal.addEventListener("abort", () => reject(new DOMException("aborted", "AbortError")));
          asked.push({
            level,
            tiles,
            signal,
            fail: reject,
            answer: (list) => resolve({ now: 0, tiles: list ?? tiles.map(([t, i]) => emptyTile(t, level, i, gen)) }),
          });
        }),
      gen: () => state.gen,
      changedAt: (t) => changed[t] ?? 0,
      changesFrom: () => -Infinity,
      arrived: () => {
        state.arrived++;
      },
      failed: (err) => failures.push(err),
    },
    () => state.time,
  );
  return { asked, cache, failures, state, loader, changed };
}

describe("TileLoader", () => {
  const ids = (n: number, from = 0): TileId[] => Array.from({ length: n }, (_, i) => [1, from + i]);

  it("asks nothing twice, neither what is there nor what is under way", async () => {
    const f = fake();
    f.loader.want({ level: 3, tiles: ids(3) });
    f.loader.want({ level: 3, tiles: ids(4) });
    f.loader.want({ level: 3, tiles: ids(4) });
    expect(f.asked.map((a) => a.tiles)).toEqual([ids(3), ids(1, 3)]);
    f.asked.forEach((a) => a.answer());
    await settle();
    f.loader.want({ level: 3, tiles: ids(4) });
    expect([f.asked.length, f.cache.size, f.state.arrived, f.loader.busy]).toEqual([2, 4, 2, false]);
  });

  it("asks for the rest when an answer has come", async () => {
    const f = fake();
    f.loader.want({ level: 0, tiles: ids(5000) });
    expect(f.asked.map((a) => a.tiles.length)).toEqual([1024, 1024]);
    while (f.asked.length < 5) {
      f.asked[f.asked.length - 2].answer();
      f.asked[f.asked.length - 1].answer();
      await settle();
    }
    expect(f.asked.reduce((n, a) => n + a.tiles.length, 0)).toBe(5000);
  });

  it("cancels what nobody wants any more, and nothing else", () => {
    const f = fake();
    f.loader.want({ level: 3, tiles: ids(3) });
    f.loader.want({ level: 3, tiles: ids(3, 2) });
    expect(f.asked.map((a) => a.signal.aborted)).toEqual([false, false]);
    f.loader.want({ level: 4, tiles: ids(3) });
    expect(f.asked.map((a) => a.signal.aborted)).toEqual([true, true, false]);
    expect(f.failures).toEqual([]);
  });

  it("waits longer after each failure", async () => {
    const f = fake();
    f.loader.want({ level: 0, tiles: ids(1) });
    f.asked[0].fail(new Error("no"));
    await settle();
    expect(f.failures.length).toBe(1);
    expect(f.loader.want({ level: 0, tiles: ids(1) })).toBe(250);
    f.state.time = 251;
    f.loader.want({ level: 0, tiles: ids(1) });
    f.asked[1].fail(new Error("no"));
    await settle();
    expect(f.loader.want({ level: 0, tiles: ids(1) })).toBe(500);
    expect(f.asked.length).toBe(2);
  });

  it("takes a tile that is missing in the answer for an empty one", async () => {
    const f = fake();
    f.loader.want({ level: 0, tiles: ids(2) });
    f.asked[0].answer([]);
    await settle();
    f.loader.want({ level: 0, tiles: ids(2) });
    expect([f.asked.length, f.cache.size]).toEqual([1, 2]);
  });

  it("doesn't keep what was asked for before all was forgotten", async () => {
    const f = fake();
    f.loader.want({ level: 0, tiles: ids(1) });
    f.cache.clear();
    f.asked[0].answer();
    await settle();
    expect([f.cache.size, f.asked.length]).toEqual([0, 2]);
    f.asked[1].answer();
    await settle();
    expect([f.cache.size, f.asked.length]).toEqual([1, 2]);
  });

  it("asks again for what has become stale, once", async () => {
    const f = fake();
    f.loader.want({
      level: 0,
      tiles: [
        [1, 1e6],
        [2, 1e6],
      ],
    });
    f.asked[0].answer();
    await settle();
    f.changed[1] = f.state.gen = 6;
    f.loader.want({
      level: 0,
      tiles: [
        [1, 1e6],
        [2, 1e6],
      ],
    });
    expect(f.asked[1].tiles).toEqual([[1, 1e6]]);
    f.asked[1].answer([{ ...emptyTile(1, 0, 1e6, 2) }]); // a server that counts otherwise doesn't keep us asking
    await settle();
    f.loader.want({
      level: 0,
      tiles: [
        [1, 1e6],
        [2, 1e6],
      ],
    });
    expect(f.asked.length).toBe(2);
  });
});

it("old tiles without open slices don't become stale", () => {
  const old = emptyTile(1, 0, 0, 1);
  const late = emptyTile(1, 0, 1e8, 1);
  expect([stale(old, 2, 45e9), stale({ ...old, hasOpen: true }, 2, 45e9), stale(late, 2, 45e9), stale(late, 1, 45e9)]).toEqual([
    false,
    true,
    true,
    false,
  ]);
});
