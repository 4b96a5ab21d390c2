// The small parts of the model.

import { describe, expect, it } from "vitest";
import { emptyTile, failedBit } from "../import/tiles.js";
import { trackInfo } from "../import/protocol.js";
import { Busy, busyTracks } from "./busy.js";
import { TileCache } from "./cache.js";
import { FrameTimes, Scheduler } from "./frames.js";
import { drawnLength, Kinds } from "./kinds.js";
import { rowsIn } from "./virtual.js";

describe("Kinds", () => {
  it("are taken once, in order, and cut for drawing", () => {
    const k = new Kinds();
    k.add(0, ["a", "b"], ["x", "y"]);
    k.add(1, ["ignored", "c".repeat(1 << 20)], ["", "z"]);
    expect([k.length, k.name(1), k.name(2).length, k.categories[2], k.name(99)]).toEqual([3, "b", drawnLength, "z", "…"]);
    expect(() => k.add(7, ["d"], [""])).toThrow("kinds 3 to 7 are missing");
  });
});

describe("Scheduler", () => {
  const make = () => {
    const asked: ((time: number) => void)[] = [];
    const s = new Scheduler({ request: (c) => asked.push(c), now: () => 0 });
    return { s, asked };
  };

  it("has at most one frame asked for", () => {
    const { s, asked } = make();
    s.request();
    s.request();
    expect(asked.length).toBe(1);
    asked[0](10);
    s.request();
    expect(asked.length).toBe(2);
  });

  it("changes state first, then draws, and goes on while a step wants it", () => {
    const { s, asked } = make();
    const seen: string[] = [];
    let left = 2;
    s.onDraw(() => seen.push("draw"));
    const stop = s.onStep(() => {
      seen.push("step");
      return --left > 0;
    });
    s.request();
    asked.shift()!(16);
    asked.shift()!(32);
    expect(seen).toEqual(["step", "draw", "step", "draw"]);
    expect(asked.length).toBe(0);
    expect(s.times.gaps).toEqual([16]);
    stop();
    stop(); // takes nobody else along
    s.request();
    asked.shift()!(5000); // not a gap: nothing had asked for a frame
    expect([seen.length, s.times.gaps.length]).toEqual([5, 1]);
  });

  it("computes percentiles", () => {
    const hundred = Array.from({ length: 100 }, (_, i) => 100 - i);
    expect([
      FrameTimes.percentile(hundred, 50),
      FrameTimes.percentile(hundred, 95),
      FrameTimes.percentile(hundred, 100),
      FrameTimes.percentile([], 95),
    ]).toEqual([50, 95, 100, 0]);
  });
});

it("rowsIn are those in sight and some more", () => {
  expect(rowsIn(0, 100, 20, 1000, 2)).toEqual({ first: 0, last: 7 });
  expect(rowsIn(1000, 100, 20, 1000, 2)).toEqual({ first: 48, last: 57 });
  expect(rowsIn(1e6, 100, 20, 10, 2)).toEqual({ first: 10, last: 10 });
});

it("Busy sums up what covers time, and where something failed", () => {
  const cache = new TileCache();
  const track = { ...trackInfo({}, ""), id: 1, slices: 3 };
  const tile = {
    ...emptyTile(1, 6, 0, 1),
    rowStarts: Uint32Array.of(0, 2, 3),
    starts: Float64Array.of(0, 200, 10),
    ends: Float64Array.of(100, Infinity, 90),
    counts: Uint32Array.of(1, 1, failedBit | 1),
    covers: Float32Array.of(1, 0.5, 1),
  };
  cache.put(tile);
  const busy = new Busy(4);
  busy.sum(cache, [track], 400, 300);
  expect([...busy.busy]).toEqual([1, 0, 0.5, 0]);
  expect([...busy.failed]).toEqual([1, 0, 0, 0]);
  const ids = (tracks: (typeof track)[], bins: number) => busyTracks(tracks, bins).map((t) => t.id);
  expect(ids([track, { ...track, id: 2, slices: 0 }, { ...track, id: 3, slices: 9 }], 512)).toEqual([3, 1]);
  const many = Array.from({ length: 1000 }, (_, i) => ({ ...track, id: i + 1, depth: 4, slices: 10_000 }));
  expect(ids(many, 512).length).toBe(32); // with 4 rows of 512 bins each
  expect(ids([{ ...many[0], depth: 200, slices: 1e6 }, many[1]], 512)).toEqual([1]); // at least one
});
