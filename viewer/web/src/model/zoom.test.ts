import { describe, expect, it } from "vitest";
import { clamp, fit, level, maxSpan, minSpan, pan, reveal, tileRange, toTime, toX, ulp, whole, type Window, zoom } from "./zoom.js";

const year = 365.25 * 86400e9;
const ends = [1, 1000, 1e9, 3600e9, 86400e9 * 104, 10 * year];

describe("ulp", () => {
  it.each([1, 1000, 2 ** 53, 3e17])("is the distance to the next number from %d", (x) => {
    expect(x + ulp(x)).toBeGreaterThan(x);
    expect(x + ulp(x) / 4).toBe(x);
  });
});

describe("zoom", () => {
  it.each(ends)("comes back without drift, of a trace of %d ns", (end) => {
    const limits = { end };
    const first: Window = { start: end * 0.2, span: end * 0.5 };
    for (const fraction of [0, 0.123, 0.5, 0.9, 1]) {
      let w = first;
      for (let round = 0; round < 200; round++) {
        for (let i = 0; i < 30; i++) w = zoom(w, 0.7, fraction, limits);
        for (let i = 0; i < 30; i++) w = zoom(w, 1 / 0.7, fraction, limits);
        // At its limits zooming stops: then the way back is longer than the way there. That isn't drift.
        if (end * 0.5 * 0.7 ** 30 < minSpan(limits)) w = first;
      }
      expect(Math.abs(w.span - first.span) / first.span).toBeLessThan(1e-9);
      expect(Math.abs(w.start - first.start)).toBeLessThan(1e-6 * first.span);
    }
  });

  it.each(ends)("keeps what is below the pointer, of a trace of %d ns", (end) => {
    const limits = { end };
    let w: Window = { start: 0, span: end };
    for (const fraction of [0.3, 0.7, 0.45]) {
      for (let i = 0; i < 60; i++) {
        const before = toTime(w, 1000, fraction * 1000);
        const next = zoom(w, 0.8, fraction, limits);
        const after = toTime(next, 1000, fraction * 1000);
        expect(Math.abs(after - before) / next.span).toBeLessThan(0.02); // of the width: at most the window's own rounding
        w = next;
      }
    }
    expect(w.span).toBe(minSpan(limits));
  });

  it("goes from 10 years to a nanosecond where numbers are exact enough", () => {
    expect(minSpan({ end: 1e9 })).toBe(1);
    expect(minSpan({ end: 86400e9 })).toBe(1);
    expect(minSpan({ end: 10 * year })).toBe(64 * 64); // 64 ns apart is what a float64 can tell there
    let w = whole({ end: 1e9 });
    for (let i = 0; i < 500; i++) w = zoom(w, 0.9, 0.5, { end: 1e9 });
    expect(w.span).toBe(1);
    for (let i = 0; i < 500; i++) w = zoom(w, 1.2, 0.5, { end: 10 * year });
    expect(w.span).toBe(maxSpan({ end: 10 * year }));
  });
});

it("windows keep their middle in the trace", () => {
  const limits = { end: 100 };
  for (const start of [-1e9, -60, 0, 30, 1e9]) {
    const w = clamp({ start, span: 50 }, limits);
    const middle = w.start + w.span / 2;
    expect(middle).toBeGreaterThanOrEqual(0);
    expect(middle).toBeLessThanOrEqual(100);
  }
  expect(pan({ start: 10, span: 20 }, 0.5, limits)).toEqual({ start: 20, span: 20 });
  expect(pan({ start: 10, span: 20 }, -99, limits)).toEqual({ start: -10, span: 20 });
});

it("fit and whole leave air, also around nothing", () => {
  expect(fit(100, 200, { end: 1000 })).toEqual({ start: 95, span: 110.00000000000001 });
  expect(fit(100, 100, { end: 1e6 }).span).toBeGreaterThanOrEqual(1);
  const w = whole({ end: 1000 });
  expect(w.start).toBeLessThan(0);
  expect(w.start + w.span).toBeGreaterThan(1000);
  expect(whole({ end: 0 }).span).toBeGreaterThan(0);
});

it("reveal moves no more than it must", () => {
  const limits = { end: 10_000 };
  const w = { start: 1000, span: 1000 };
  expect(reveal(w, 1100, 1300, limits)).toBe(w);
  expect(reveal(w, 500, 600, limits)).toEqual({ start: 400, span: 1000 });
  expect(reveal(w, 2500, 2600, limits)).toEqual({ start: 1700, span: 1000 });
  expect(reveal(w, 1000, 5000, limits)).toEqual(fit(1000, 5000, limits));
  expect(reveal(w, 1500, 1501, limits).span).toBe(12); // it would be less than three pixels
});

it("pixels are finite, however far away", () => {
  expect(toX({ start: 0, span: 1 }, 1000, Infinity)).toBe(1e7);
  expect(toX({ start: 1e18, span: 1 }, 1000, 0)).toBe(-1e7);
  expect(toX({ start: 100, span: 200 }, 1000, 150)).toBe(250);
});

describe("level", () => {
  it.each([
    [1000, 1000, 0],
    [1, 1000, 0],
    [2000, 1000, 1],
    [1999, 1000, 0],
    [1e9, 1000, 19],
    [10 * year, 1000, 48],
    [1e30, 1, 55],
  ])("of %d ns in %d pixels is %d", (span, width, want) => {
    expect(level({ start: 0, span }, width)).toBe(want);
    if (want > 0 && want < 55) expect(2 ** want * width).toBeLessThanOrEqual(span);
  });
});

it("tileRange is what the window needs of the trace", () => {
  expect(tileRange({ start: 0, span: 1024 }, 0, { end: 1e6 })).toEqual([0, 2]);
  expect(tileRange({ start: 600, span: 100 }, 0, { end: 1e6 })).toEqual([1, 1]);
  expect(tileRange({ start: -5000, span: 5100 }, 0, { end: 1e6 })).toEqual([0, 0]);
  expect(tileRange({ start: 0, span: 5000 }, 0, { end: 600 })).toEqual([0, 1]);
  const [first, last] = tileRange({ start: 5000, span: 100 }, 0, { end: 600 });
  expect(last).toBeLessThan(first);
});
