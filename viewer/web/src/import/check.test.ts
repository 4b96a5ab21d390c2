import { expect, it } from "vitest";
import { flag, list, mapOf, nullable, num, object, ProtocolError, text } from "./check.js";
import { aggregateAnswer, mergeEvent, traceInfo, tracksAnswer, waitsAnswer } from "./protocol.js";

const shape = object({ n: num, s: text, f: flag, l: list(num), o: nullable(object({ x: num })), m: mapOf(num) });

it("fills in zero values for what is missing or null, as Go leaves them out", () => {
  const zero = { n: 0, s: "", f: false, l: [], o: null, m: new Map() };
  expect(shape({}, "")).toEqual(zero);
  expect(shape({ n: null, s: null, f: null, l: null, o: null, m: null, more: 1 }, "")).toEqual(zero);
});

it("says where something has the wrong type", () => {
  for (const [value, message] of [
    [{ n: "1" }, "n is string, not a number"],
    [{ s: 1 }, "s is number, not a string"],
    [{ f: 0 }, "f is number, not true or false"],
    [{ l: [1, "2"] }, "l[1] is string, not a number"],
    [{ o: { x: [] } }, "o.x is object, not a number"],
    [{ m: { k: "v" } }, "m.k is string, not a number"],
    [[], "all of it is object, not an object"],
    [null, "all of it is null, not an object"],
    ["x", "all of it is string, not an object"],
  ] as const) {
    expect(() => shape(value, ""), message).toThrow(new ProtocolError(`the server's answer: ${message}`));
  }
});

it("reads recursive answers", () => {
  const rows = [{ name: "a", total: 5, children: [{ name: "b", total: 3, children: null }] }];
  expect(aggregateAnswer({ total: 1, rows }, "").rows[0].children[0]).toMatchObject({ name: "b", total: 3, children: [] });
  const open = [{ slice: { key: "1:2:3" }, age: 4, children: [{ slice: { key: "k" }, lastLog: { message: "m" } }] }];
  expect(waitsAnswer({ now: 9, open }, "").open[0].children[0].lastLog?.message).toBe("m");
  expect(() => waitsAnswer({ open: [{ age: 4 }] }, "")).toThrow(/open\[0\]\.slice is undefined/);
});

it("doesn't take names of the language for fields", () => {
  expect(tracksAnswer(JSON.parse('{"__proto__": {"gen": 5}, "tracks": [{"id": 1, "constructor": 7}]}'), "")).toMatchObject({
    gen: 0,
    tracks: [{ id: 1 }],
  });
});

it("merges what an event says has changed", () => {
  const info = traceInfo({ title: "t", state: "loading", gen: 0, slices: 4 }, "");
  expect(mergeEvent(info, { state: "loaded", gen: 1 })).toMatchObject({ title: "t", state: "loaded", gen: 1, slices: 4 });
  expect(mergeEvent(info, null)).toBe(info);
  expect(() => mergeEvent(info, { gen: "x" })).toThrow(ProtocolError);
});
