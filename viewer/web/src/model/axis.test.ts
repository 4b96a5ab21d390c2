import { describe, expect, it } from "vitest";
import { axis, roundStep } from "./axis.js";

const s = 1e9;
const day = 86400 * s;
const year = 365 * day;

it.each([
  [1, 1],
  [3, 5],
  [11, 20],
  [999, 1000],
  [0.2, 1],
  [1.2 * s, 2 * s],
  [7 * s, 10 * s],
  [40 * s, 60 * s],
  [4 * 60 * s, 5 * 60 * s],
  [2.5 * 3600 * s, 3 * 3600 * s],
  [7 * 3600 * s, 12 * 3600 * s],
  [13 * 3600 * s, day],
  [3 * day, 5 * day],
  [1e30, 5000 * day],
])("roundStep(%d) is %d", (least, want) => {
  expect(roundStep(least)).toBe(want);
});

describe("axis", () => {
  const spans = [1, 7, 100, 1234, 1e6, 33e6, 1e9, 9e9, 60e9, 900e9, 3600e9, 5 * 3600e9, day, 30 * day, year, 10 * year];
  for (const span of spans) {
    for (const start of [0, span * 3.3, span * 1e4]) {
      it(`has ticks of ${span} ns from ${start}`, () => {
        const a = axis({ start, span }, 1000, 100);
        const major = a.ticks.filter((t) => t.major);
        expect(a.ticks.length).toBeLessThan(120);
        if (span > 10) expect(major.length).toBeGreaterThanOrEqual(2);
        expect(major.length).toBeLessThanOrEqual(11);
        for (const tick of major) {
          expect(Math.abs(tick.time / a.step - Math.round(tick.time / a.step))).toBeLessThan(1e-6);
          expect(tick.label.length).toBeLessThan(16);
        }
        expect(new Set(major.map((t) => t.label)).size, major.map((t) => t.label).join(" ")).toBe(major.length);
      });
    }
  }

  it.each([
    [{ start: 0, span: 1000 }, ["0", "100 ns", "200 ns", "300 ns", "400 ns", "500 ns", "600 ns", "700 ns", "800 ns", "900 ns", "1 µs"]],
    [{ start: 0, span: 4.5 * s }, ["0", "500 ms", "1 s", "1.5 s", "2 s", "2.5 s", "3 s", "3.5 s", "4 s", "4.5 s"]],
    [{ start: 0, span: 300 * s }, ["0", "30 s", "1:00", "1:30", "2:00", "2:30", "3:00", "3:30", "4:00", "4:30", "5:00"]],
    [
      { start: 0, span: 5 * 3600 * s },
      ["0", "30:00", "1:00 h", "1:30 h", "2:00 h", "2:30 h", "3:00 h", "3:30 h", "4:00 h", "4:30 h", "5:00 h"],
    ],
    [
      { start: 0, span: 5 * day },
      ["0", "12:00 h", "1 d 0:00", "1 d 12:00", "2 d 0:00", "2 d 12:00", "3 d 0:00", "3 d 12:00", "4 d 0:00", "4 d 12:00", "5 d 0:00"],
    ],
  ])("labels %o", (w, want) => {
    const a = axis(w, 1000, 100);
    expect(a.ticks.filter((t) => t.major).map((t) => t.label)).toEqual(want);
    expect(a.base).toBe("");
  });

  it("adds to its base what the labels say", () => {
    const a = axis({ start: 12.3456781 * s, span: 1000 }, 1000, 100);
    expect(a.base).toBe("12.34567500 s");
    for (const tick of a.ticks.filter((t) => t.major)) {
      const [, number, unit] = /^\+([\d.]+)(?: (ns|µs))?$/.exec(tick.label)!;
      expect(a.baseTime + Number(number) * (unit === "µs" ? 1000 : 1)).toBeCloseTo(tick.time, 3);
    }
  });

  it("has round times of the wall clock", () => {
    const unix = 1764460800123456789n; // 2025-11-30 00:00:00.123456789 UTC
    const utc = axis({ start: 0, span: 10 * s }, 1000, 130, { unix, zone: 0 });
    const india = axis({ start: 0, span: 4 * 3600 * s }, 1000, 130, { unix, zone: 330 });
    expect(utc.ticks.filter((t) => t.major).map((t) => t.label)).toEqual(["00:00:02", "00:00:04", "00:00:06", "00:00:08", "00:00:10"]);
    expect(utc.ticks.find((t) => t.major)!.time).toBe(2 * s - 123456789);
    expect(india.ticks.filter((t) => t.major)[0].label).toBe("06:00:00");
  });
});
