import { expect, it } from "vitest";
import { anomalyBit, emptyTile, lossBit, type Tile } from "../import/tiles.js";
import { type Piece } from "./cache.js";
import { markName, nearestMark, valueAt } from "./marks.js";

const piece = (tile: Partial<Tile>, from = 0, to = 4096): Piece => ({ tile: { ...emptyTile(1, 3, 0, 1), ...tile }, from, to });
const marks = (...list: [time: number, severity: number, count?: number][]) => ({
  marks: {
    times: Float64Array.from(list, ([time]) => time),
    kinds: Uint32Array.from(list, (_, i) => i + 10),
    positions: Uint32Array.from(list, (_, i) => i),
    counts: Uint32Array.from(list, ([, , count]) => count ?? 1),
    severities: Uint32Array.from(list, ([, severity]) => severity),
  },
});

it("finds the nearest mark, and of several the most important", () => {
  const pieces = [piece(marks([100, 9], [200, 9], [200, 17], [200, 5]))];
  expect(nearestMark(pieces, 190, 20)).toEqual({ kind: 12, pos: 2, count: 1, severity: 17, from: 200, until: 201 });
  expect(nearestMark(pieces, 110, 500)?.kind).toBe(10);
  expect([nearestMark(pieces, 150, 20), nearestMark([], 150, 20)]).toEqual([null, null]);
});

it("knows of which stretch of time a mark of several is", () => {
  expect(nearestMark([piece(marks([100, 9, 3]))], 100, 1)).toMatchObject({ count: 3, from: 100, until: 108 });
});

it("doesn't find what its piece of a coarser tile doesn't show", () => {
  expect(nearestMark([piece(marks([100, 9], [300, 9]), 200, 400)], 100, 1e9)?.from).toBe(300);
});

it("says what marks are", () => {
  expect([0, 9, 17, (17 | lossBit) >>> 0, (13 | anomalyBit) >>> 0].map(markName)).toEqual(["instant", "info", "error", "loss", "anomaly"]);
});

it("knows a counter's value at any time", () => {
  const samples = {
    series: Uint32Array.of(0, 1, 0),
    times: Float64Array.of(100, 100, 200),
    min: Float64Array.of(1, 7, 2),
    max: Float64Array.of(1, 7, 9),
    last: Float64Array.of(1, 7, 5),
  };
  const pieces = [piece({ samples })];
  expect([50, 100, 150, 200, 900].map((time) => valueAt(pieces, 0, time))).toEqual([null, 1, 1, 5, 5]);
  expect([valueAt(pieces, 1, 900), valueAt(pieces, 2, 900)]).toEqual([7, null]);
});
