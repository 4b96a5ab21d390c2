import { describe, expect, it } from "vitest";
import { type LossPlace } from "../import/protocol.js";
import { add, lost, Losses, recordsLost } from "./losses.js";

const place = (time: number, count: number, more: Partial<LossPlace> = {}): LossPlace => ({
  time,
  until: time,
  track: 1,
  pos: 0,
  what: "records lost",
  marks: 1,
  count,
  uncounted: 0,
  ...more,
});

const losses = new Losses([
  place(100, 7),
  place(103, 1000),
  place(500, 30),
  place(509, 0, { uncounted: 1 }),
  place(900, 5, { until: 950, marks: 4 }),
]);
const brief = (w: { start: number; span: number }, reach = 10) =>
  losses.gaps(w, 1000, reach).map(({ first, last, x, right, count, marks, uncounted }) => [first, last, x, right, count, marks, uncounted]);

describe("gaps", () => {
  it("are one where they are closer than can be told apart", () => {
    expect(brief({ start: 0, span: 1000 })).toEqual([
      [0, 2, 100, 103, 1007, 2, 0],
      [2, 4, 500, 509, 30, 2, 1],
      [4, 5, 900, 950, 5, 4, 0],
    ]);
    expect(brief({ start: 0, span: 100 })).toEqual([[0, 1, 1000, 1000, 7, 1, 0]]);
    expect(brief({ start: 90, span: 100 }).map(([first, last]) => [first, last])).toEqual([
      [0, 1],
      [1, 2],
    ]);
  });

  it("are one pixel, however many they are, and nothing of their sum is missing", () => {
    const many = new Losses(Array.from({ length: 100_000 }, (_, i) => place(i * 10, i % 7)));
    const total = Array.from({ length: 100_000 }, (_, i) => i % 7).reduce((a, b) => a + b, 0);
    for (const span of [1e6, 1e8, 1e12]) {
      const gaps = many.gaps({ start: -1, span }, 1000, 10);
      expect(gaps.reduce((sum, gap) => sum + gap.count, 0)).toBe(total);
      expect(gaps.length).toBe({ 1e6: 100, 1e8: 1, 1e12: 1 }[span]);
    }
  });

  it("are only those in the window, and one that reaches into it", () => {
    expect(brief({ start: 920, span: 1000 })).toEqual([[4, 5, -20, 30, 5, 4, 0]]);
    expect(brief({ start: 910, span: 1 })).toEqual([[4, 5, -50, 1050, 5, 4, 0]]);
    expect(brief({ start: 951, span: 1000 })).toEqual([]);
    expect(brief({ start: 200, span: 200 })).toEqual([]);
    expect(brief({ start: 100, span: 0.5 }).map(([first]) => first)).toEqual([0]);
  });
});

it("sums up any stretch", () => {
  expect(losses.sum(0, 5)).toEqual({ count: 1042, marks: 8, uncounted: 1 });
  expect(losses.sum(1, 3)).toEqual({ count: 1030, marks: 2, uncounted: 0 });
  expect(add(losses.sum(0, 2), losses.sum(2, 5))).toEqual(losses.sum(0, 5));
});

it("finds the next place after a time", () => {
  expect([0, 99, 100, 103, 899, 900].map((time) => losses.after(time))).toEqual([0, 0, 1, 2, 4, 5]);
});

it("says how much was lost, as far as it is known", () => {
  const texts = [
    { count: 1234, marks: 2, uncounted: 0 },
    { count: 1, marks: 1, uncounted: 0 },
    { count: 5, marks: 3, uncounted: 1 },
    { count: 0, marks: 1, uncounted: 1 },
  ].map((sum) => [lost(sum), recordsLost(sum)]);
  expect(texts).toEqual([
    ["1\u202f234 lost", "1\u202f234 records lost"],
    ["1 lost", "1 record lost"],
    ["5 lost, and more", "5 records lost, and more that nobody counted"],
    ["some lost", "records lost that nobody counted"],
  ]);
});
