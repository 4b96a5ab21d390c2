import { expect, it } from "vitest";
import { diffAnswer } from "../import/protocol.js";
import { slower, slowerFirst } from "./difference.js";

it("what got slower comes first, what got faster last", () => {
  const side = (self: number) => ({ count: 1, total: 100, self });
  const changes = [
    { path: ["much faster"], a: side(90), b: side(10) },
    { path: ["slower"], a: side(10), b: side(30) },
    { path: ["new"], a: null, b: side(25) },
    { path: ["gone"], a: side(5), b: null },
    { path: ["the same"], a: side(5), b: side(5) },
  ];
  const list = slowerFirst(diffAnswer({ a: {}, b: {}, changes }, "").changes);
  expect(list.map((c) => [c.path[0], slower(c)])).toEqual([
    ["new", 25],
    ["slower", 20],
    ["the same", 0],
    ["gone", -5],
    ["much faster", -80],
  ]);
});
