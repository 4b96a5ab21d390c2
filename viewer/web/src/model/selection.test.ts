import { expect, it } from "vitest";
import { emptyTile, type Tile } from "../import/tiles.js";
import { firstEnding, interval, next, none, pick, range } from "./selection.js";

function tile(...rows: [start: number, end: number][][]): Tile {
  const all = rows.flat();
  const rowStarts = new Uint32Array(rows.length + 1);
  rows.forEach((row, i) => {
    rowStarts[i + 1] = rowStarts[i] + row.length;
  });
  return {
    ...emptyTile(1, 0, 0, 1),
    rowStarts,
    starts: Float64Array.from(all, (s) => s[0]),
    ends: Float64Array.from(all, (s) => s[1]),
    counts: new Uint32Array(all.length),
  };
}

const t = tile(
  [
    [0, 10],
    [20, 30],
    [30, 30],
    [40, Infinity],
  ],
  [[2, 4]],
);

it("finds the first item that ends after a time", () => {
  expect([-5, 0, 9, 10, 15, 30, 31, 1e9].map((time) => firstEnding(t, 0, time))).toEqual([0, 0, 0, 1, 1, 2, 3, 3]);
});

// At 30 there is a slice without length.
it("picks what is below the pointer, or nearest to it", () => {
  expect([5, 12, 25, 30, 35, 50].map((time) => pick(t, 0, time, 0)?.i ?? null)).toEqual([0, null, 1, 2, null, 3]);
  expect([12, 17, 15].map((time) => pick(t, 0, time, 3)?.i ?? null)).toEqual([0, 1, null]);
  expect([pick(t, 1, 3, 0)?.i, pick(t, 2, 3, 0), pick(t, -1, 3, 0)]).toEqual([4, null, null]);
});

it("walks a row, from tile to tile", () => {
  const other = tile([[100, 110]], []);
  expect([
    next([t, other], 0, 0, true)?.i,
    next([t, other], 0, 20, true)?.i,
    next([t, other], 0, 40, true)?.tile === other,
    next([t, other], 0, 100, true),
  ]).toEqual([1, 2, true, null]);
  expect([next([t, other], 0, 100, false)?.i, next([t, other], 0, 20, false)?.i, next([t], 0, 0, false), next([t], 9, 0, true)]).toEqual([
    3,
    0,
    null,
    null,
  ]);
});

it("orders ranges, and has no tiny ones", () => {
  expect(range(9, 5, [1], 1)).toEqual({ type: "range", from: 5, to: 9, tracks: [1] });
  expect(range(-9, 5, [], 1)).toMatchObject({ from: 0, to: 5 });
  expect([range(5, 5.5, [], 1), range(-9, -5, [], 1)]).toEqual([none, none]);
});

it("spans what is selected", () => {
  const slice = { key: "k", track: 1, pos: 0, row: 0, name: "n", start: 5, end: 7 };
  expect(interval(none, 9)).toBeNull();
  expect(interval({ type: "slice", slice, open: false }, 9)).toEqual({ from: 5, to: 7 });
  expect(interval({ type: "slice", slice: { ...slice, end: Infinity }, open: true }, 9)).toEqual({ from: 5, to: 9 });
  expect(interval({ type: "slice", slice, open: true }, 1)).toEqual({ from: 5, to: 5 });
});
