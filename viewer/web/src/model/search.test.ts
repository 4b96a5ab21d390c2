import { expect, it } from "vitest";
import { type Hit, searchAnswer } from "../import/protocol.js";
import { answered, asked, failed, noSearch, step } from "./search.js";

const hit = (start: number): Hit => ({
  key: `1:${start}:0`,
  track: 1,
  pos: 0,
  row: 0,
  name: "n",
  start,
  end: start + 1,
  what: "",
  mark: false,
  text: "",
});
const found = (query: string, ...starts: number[]) =>
  answered(asked(noSearch, query, false), query, searchAnswer({ total: starts.length, complete: true, hits: starts.map(hit) }, ""));

it("goes on to the next hit, and round again", () => {
  let s = found("x", 10, 20, 30);
  const seen = [];
  for (let i = 0; i < 4; i++) seen.push((s = step(s, true)).at);
  for (let i = 0; i < 4; i++) seen.push((s = step(s, false)).at);
  expect(seen).toEqual([0, 1, 2, 0, 2, 1, 0, 2]);
});

it("begins with what is in sight", () => {
  expect(step(found("x", 10, 20, 30), true, 15).at).toBe(1);
  expect(step(found("x", 10, 20, 30), false, 15).at).toBe(0);
  expect(step(found("x", 10, 20, 30), true, 99).at).toBe(0);
  expect(step(found("x"), true).at).toBe(-1);
});

it("keeps the hits while it is asking for others", () => {
  const s = asked(found("x", 10), "xy", false);
  expect([s.busy, s.hits.length, s.query]).toEqual([true, 1, "xy"]);
  expect(asked(s, "", true)).toEqual({ ...noSearch, regexp: true });
});

it("doesn't take the answer to another question", () => {
  const s = asked(noSearch, "new", false);
  expect(answered(s, "old", searchAnswer({ total: 3 }, ""))).toBe(s);
  expect(failed(s, "old", "no")).toBe(s);
  expect(failed(s, "new", "bad regexp")).toMatchObject({ busy: false, error: "bad regexp", hits: [] });
});
