import { expect, it } from "vitest";
import { type AggregateRow, aggregateAnswer } from "../import/protocol.js";
import { boxAt, descend, flame } from "./flame.js";

const rows = (list: unknown): AggregateRow[] => aggregateAnswer({ rows: list }, "").rows;
const tree = rows([
  {
    name: "a",
    total: 60,
    children: [
      { name: "b", total: 30 },
      { name: "c", total: 15, children: [{ name: "d", total: 15 }] },
    ],
  },
  { name: "z", total: 40 },
]);

it("lays out boxes below their parents, the widest first", () => {
  const f = flame(tree, 0);
  expect(f.boxes.map((b) => [b.path.join("/"), b.depth, b.x, b.width])).toEqual([
    ["a", 0, 0, 0.6],
    ["z", 0, 0.6, 0.4],
    ["a/b", 1, 0, 0.3],
    ["a/c", 1, 0.3, 0.15],
    ["a/c/d", 2, 0.3, 0.15],
  ]);
  expect([f.total, f.depth]).toEqual([100, 3]);
  expect([boxAt(f, 0.31, 1)?.row.name, boxAt(f, 0.5, 1), boxAt(f, 0.99, 0)?.row.name]).toEqual(["c", undefined, "z"]);
});

it("children that overlap in time are together as wide as their parent", () => {
  const f = flame(
    rows([
      {
        name: "group",
        total: 10,
        children: [
          { name: "x", total: 10 },
          { name: "y", total: 10 },
          { name: "w", total: 20 },
        ],
      },
    ]),
    0,
  );
  expect(f.boxes.slice(1).reduce((sum, b) => sum + b.width, 0)).toBeCloseTo(1);
  expect(f.boxes[1]).toMatchObject({ path: ["group", "w"], width: 0.5 });
});

it("leaves out what is too narrow, and too deep", () => {
  expect(flame(tree, 0.2).boxes.map((b) => b.row.name)).toEqual(["a", "z", "b"]);
  let deep: unknown = { name: "leaf", total: 1 };
  for (let i = 0; i < 5000; i++) deep = { name: "n", total: 1, children: [deep] };
  expect(flame(rows([deep]), 0).depth).toBe(400); // and reading it has a bound, too
  expect(flame([], 0)).toEqual({ boxes: [], total: 0, depth: 0 });
  expect(flame(rows([{ name: "nothing", total: 0 }]), 0).boxes[0].width).toBe(0);
});

it("descends by names", () => {
  expect([descend(tree, ["a", "c"])?.total, descend(tree, ["a", "q"]), descend(tree, [])]).toEqual([15, undefined, undefined]);
});
