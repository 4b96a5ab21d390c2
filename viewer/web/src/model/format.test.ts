import { expect, it } from "vitest";
import { count, cut, duration, number, percent, plural, relative, severity, short, wall } from "./format.js";

it.each([
  [0, "0 ns"],
  [1, "1 ns"],
  [999, "999 ns"],
  [1000, "1 µs"],
  [1234, "1.23 µs"],
  [12345, "12.3 µs"],
  [999_600, "1 ms"],
  [1.5e6, "1.5 ms"],
  [250e6, "250 ms"],
  [100e9 / 100, "1 s"],
  [59.94e9, "59.9 s"],
  [60e9, "1 m 00 s"],
  [125e9, "2 m 05 s"],
  [3600e9, "1 h 00 m"],
  [90061e9, "1 d 1 h"],
  [10 * 365.25 * 86400e9, "3\u202f652 d 12 h"],
  [-5e6, "−5 ms"],
  [Infinity, "∞"],
  [NaN, "–"],
  [0.4, "0 ns"],
])("duration(%d) is %s", (ns, want) => {
  expect(duration(ns)).toBe(want);
});

it("counts and short numbers", () => {
  expect(count(1234567)).toBe("1\u202f234\u202f567");
  expect([plural(1, "line"), plural(1200, "line"), plural(0, "child", "children")]).toEqual(["1 line", "1\u202f200 lines", "0 children"]);
  expect([0, -1234, 0.1 + 0.2, 2.5e-9, 1e20, NaN].map(number)).toEqual([
    "0",
    "-1\u202f234",
    "0.3",
    "2.5e-9",
    "100000000000000000000",
    "NaN",
  ]);
  expect([0, 950, 12_345, 3.4e6, 999_990, 2e9, 1e300, 0.0001, -4200, 1.5].map(short)).toEqual([
    "0",
    "950",
    "12.3k",
    "3.4M",
    "1M",
    "2G",
    "1.0e+300",
    "1.0e-4",
    "-4.2k",
    "1.5",
  ]);
});

it("percents", () => {
  expect([percent(1, 3), percent(1, 20), percent(1, 1e6), percent(3, 3), percent(1, 0), percent(0, 5)]).toEqual([
    "33 %",
    "5.0 %",
    "< 0.1 %",
    "100 %",
    "–",
    "0.0 %",
  ]);
});

it("cuts long text, but no character in half", () => {
  expect(cut("abc", 3)).toBe("abc");
  expect(cut("abcd", 3)).toBe("ab…");
  expect(cut("x".repeat(1 << 20), 240).length).toBe(240);
  expect(cut("a😀bcd", 3)).toBe("a…");
  expect(cut("a😀bcd", 4)).toBe("a😀…");
});

it("relative times have the decimals that the window can tell", () => {
  expect(relative(1.5e9, 1e9)).toBe("1.50 s");
  expect(relative(1.5e9, 1000)).toBe("1.50000000 s");
  expect(relative(75e9, 100e9)).toBe("1:15");
  expect(relative(3723.25e9, 1e9)).toBe("1:02:03.25");
  expect(relative(-0.25e9, 1e9)).toBe("−0.25 s");
});

it("wall clock times are exact to the ns", () => {
  const unix = 1764460800123456789n;
  expect(wall(0, unix, 0, 1)).toBe("00:00:00.123456789");
  expect(wall(876543211, unix, 0, 1)).toBe("00:00:01.000000000");
  expect(wall(0, unix, 330, 100e9)).toBe("05:30:00");
  expect(wall(0, unix, -60, 100e9, true)).toBe("2025-11-29 23:00:00");
  expect(wall(0, -5n, 0, 1, true)).toBe("1969-12-31 23:59:59.999999995");
});

it("names severities", () => {
  expect([0, 1, 4, 5, 9, 12, 13, 17, 20, 21, 24].map(severity)).toEqual([
    "",
    "trace",
    "trace",
    "debug",
    "info",
    "info",
    "warn",
    "error",
    "error",
    "fatal",
    "fatal",
  ]);
});
