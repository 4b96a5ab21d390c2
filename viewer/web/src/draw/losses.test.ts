// How losses are drawn: as bands and lines, with sums where there is room.

import { describe, expect, it } from "vitest";
import { lossesAnswer } from "../import/protocol.js";
import { Losses } from "../model/losses.js";
import { drawLossBands, drawLossLines, reach } from "./losses.js";
import { golden, record } from "./recorder.js";
import { themes } from "./theme.js";

describe("losses", () => {
  const places = [
    { time: 100, until: 100, marks: 1, count: 1234 },
    { time: 104, until: 104, marks: 1, count: 6 }, // too close to be told apart
    { time: 125, until: 125, marks: 1, count: 10 }, // below the sum of those before
    { time: 400, until: 440, marks: 9, count: 5 },
    { time: 780, until: 780, marks: 1, uncounted: 1 }, // no room for its sum
  ];
  const gaps = new Losses(lossesAnswer({ losses: places }, "").losses).gaps({ start: 0, span: 800 }, 800, reach);

  it("are bands on the ruler, with sums where there is room", async () => {
    const { target, calls } = record();
    drawLossBands(target, gaps, 800, 25, themes.light);
    await expect(golden(calls)).toMatchFileSnapshot("testdata/losses.json");
    expect(calls.flatMap(([name, text]) => (name === "fillText" ? [text] : []))).toEqual(["1\u202f250 lost", "5 lost"]);
  });

  it("are lines down all tracks: two, of a stretch", () => {
    const { target, calls } = record();
    drawLossLines(target, gaps, 200, themes.dark);
    const drawn = calls.flatMap(([name, x, y]) => (name === "moveTo" || name === "lineTo" ? [[x, y]] : []));
    expect(drawn.filter(([, y]) => y === 200).map(([x]) => x)).toEqual([100.5, 125.5, 400.5, 440.5, 780.5]);
    expect(calls.map(([name]) => name)).toContain("setLineDash");
  });

  it("cost nothing if there are none", () => {
    const { target, calls } = record();
    drawLossBands(target, [], 800, 25, themes.dark);
    drawLossLines(target, [], 200, themes.dark);
    expect(calls).toEqual([]);
  });
});
