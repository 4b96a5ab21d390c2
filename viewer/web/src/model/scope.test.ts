import { expect, it } from "vitest";
import { boundsOf, scopeOf } from "./scope.js";
import { none } from "./selection.js";

const w = { start: -5, span: 20.5 };
const slice = (key: string) => ({ key, track: 3, pos: 1, row: 0, name: "n", start: 10, end: 30 });

it("is the window, as far as the trace is in it, if nothing is selected", () => {
  expect(scopeOf(none, w, 12)).toEqual({ from: 0, to: 12, tracks: [], what: "window" });
});

it("is a slice and what it started, wherever that is; up to now if it is open", () => {
  expect(scopeOf({ type: "slice", slice: slice("3:10:0"), open: false }, w, 99)).toEqual({
    from: 10,
    to: 30,
    tracks: [],
    slice: "3:10:0",
    what: "slice",
  });
  expect(scopeOf({ type: "slice", slice: slice("3:10:0"), open: true }, w, 99)).toMatchObject({ from: 10, to: 99 });
  expect(scopeOf({ type: "slice", slice: slice(""), open: false }, w, 99)).toBeNull();
});

it("is a range on its tracks, and asked for in whole ns", () => {
  const scope = scopeOf({ type: "range", from: 1.5, to: 8.5, tracks: [4, 5] }, w, 99)!;
  expect(scope).toEqual({ from: 1.5, to: 8.5, tracks: [4, 5], what: "range" });
  expect(boundsOf(scope)).toEqual({ from: 1, to: 9, track: [4, 5], slice: undefined });
});
