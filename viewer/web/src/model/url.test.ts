import { expect, it } from "vitest";
import { decode, encode, type UrlState } from "./url.js";

it.each<UrlState>([
  {},
  { window: { start: -12.5, span: 1e-3 } },
  { window: { start: 315576000000000000, span: 4096 }, slice: "3:1234:0", panel: "logs" },
  { range: { from: 5, to: 9.25, tracks: [] } },
  { range: { from: 0, to: 1e18, tracks: [3, 4, 5] }, pinned: [7], collapsed: [1, 2], trace: 2, compare: 0, wall: true, onlyActive: true },
  { slice: "3:1234:0", scroll: { track: 7, by: 19 }, panel: "logs" },
  { slice: "3:1234:0", panel: "critical", path: "3:1234:0" },
  { window: { start: 0, span: 5 }, path: "" },
  { scroll: { track: 0, by: 0 } },
  { search: "a=b&c#d %, +x: \u{1f600} <script>", regexp: true },
])("round trip of %o", (state) => {
  const hash = encode(state);
  expect(decode("#" + hash)).toEqual(state);
  expect(encode(decode(hash))).toBe(hash);
  expect(hash).not.toMatch(/[ <>#"]/);
});

it.each([
  "#",
  "#w=",
  "#w=1",
  "#w=1,x",
  "#w=1,0",
  "#w=1,-5",
  "#w=NaN,Infinity",
  "#r=9,5",
  "#r=5",
  "#y=5",
  "#y=-5,1",
  "#y=1.5,1",
  "#y=1,x",
  "#pin=a,b",
  "#pin=-1,0,1.5",
  "#panel=nothing",
  "#t=-1",
  "#t=1.5",
  "#clock=sundial",
  "#path=",
  "#%E0%A4%A",
  "#&&&===",
])("leaves out what it can't read: %s", (hash) => {
  expect(decode(hash)).toEqual({});
});

it("takes a plus for what it is, in a link that was written by hand", () => {
  expect(decode("#q=a+b")).toEqual({ search: "a+b" });
});

it("reads what is right beside what is wrong", () => {
  expect(decode("#w=oops&s=1:2:0&panel=flame&pin=3,4")).toEqual({ slice: "1:2:0", panel: "flame", pinned: [3, 4] });
});
