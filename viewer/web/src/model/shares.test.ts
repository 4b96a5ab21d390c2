import { expect, it } from "vitest";
import { amount, shares, worthTelling } from "./shares.js";

const sum = (total: number, ...path: string[]) => ({ path, total, count: 1 });
const segment = (name: string, start: number, end: number) => ({ track: 1, row: 0, key: `${name} ${start}`, name, start, end });

it("adds up what has one name, wherever it is, and knows the longest of it", () => {
  const sums = [
    sum(50, "replicate", "step", "receive"),
    sum(20, "replicate", "list"),
    sum(15, "replicate", "plan", "list"),
    sum(10, "replicate"),
  ];
  const segments = [
    segment("list", 0, 5),
    segment("receive", 5, 55),
    segment("list", 55, 70),
    segment("replicate", 70, 80),
    segment("list", 80, 95),
  ];
  const all = shares({ sums, segments });
  expect(all).toEqual([
    { name: "receive", total: 50, longest: 1 },
    { name: "list", total: 35, longest: 2 },
    { name: "replicate", total: 10, longest: 3 },
  ]);
  expect(shares({ sums, segments: [] }).map(({ longest }) => longest)).toEqual([-1, -1, -1]); // those were left out
  expect(shares({ sums: [], segments: [] })).toEqual([]);
});

it("says how much it is, and what else is worth a word", () => {
  expect([1, 0.95, 0.94, 0.51, 0.5, 0.1].map(amount)).toEqual([
    "Nearly all",
    "Nearly all",
    "Most",
    "Most",
    "The largest part",
    "The largest part",
  ]);
  const of = (...totals: number[]) => totals.map((total, i) => ({ name: String(i), total, longest: -1 }));
  expect(worthTelling(of(60, 20, 10, 5, 5), 100).map(({ total }) => total)).toEqual([20, 10, 5]);
  expect(worthTelling(of(98, 1, 1), 100)).toEqual([]);
});
