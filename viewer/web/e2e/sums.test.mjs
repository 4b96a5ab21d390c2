// Flame graph, table and critical path: the sums are those of the trace.

import assert from "node:assert/strict";
import { onTrace, setup, until } from "./harness.mjs";
import { replication } from "./traces.mjs";

const trace = replication();
const file = () => [trace.write(setup.out, "sums.jsonl")];
const slices = trace.list.filter((line) => line.id);

/** ns reads a duration as the page writes it. */
const ns = (text) => {
  const [, number, unit] = /^([\d.,]+) (ns|µs|ms|s|min)$/.exec(text.split("\n").at(-1).trim());
  return Number(number.replace(",", "")) * { ns: 1, µs: 1e3, ms: 1e6, s: 1e9, min: 60e9 }[unit];
};
const near = (a, b, what) => assert.ok(Math.abs(a - b) <= 0.006 * b + 1, `${what}: ${a}, want ${b}`);

onTrace("the table sums up the window", file, {}, async (p) => {
  await p.panel("Table");
  const rows = await p.rows("Durations by name");
  const names = [...new Set(slices.map((s) => s.name))];
  assert.deepEqual(rows.map(([name]) => name.split("\n")[0]).sort(), names.sort());
  for (const [name, count, total, , , , most] of rows) {
    const own = slices.filter((s) => s.name === name.split("\n")[0]);
    const lengths = own.map((s) => s.end - s.start);
    assert.equal(Number(count), own.length, name);
    near(ns(total), lengths.reduce((a, b) => a + b), `total of ${name}`);
    near(ns(most), Math.max(...lengths), `longest ${name}`);
  }
  await p.page.getByLabel("Filter rows by name").fill("zfs s");
  await until("one row is left", () => p.rows("Durations by name"), (list) => list.length === 1 && list[0][0].startsWith("zfs send"));
  await p.page.locator("#panel .cell-button").click();
  await p.said(/^Selected zfs send, 420/); // the longest
});

onTrace("table and flame graph are of the selected range alone", file, {}, async (p) => {
  const [from, to] = [100e6, 200e6];
  await p.page.keyboard.down("Shift");
  await p.drag(await p.place("replicate", 1, from), await p.place("dataset tank/home/mail", 1, to));
  await p.page.keyboard.up("Shift");
  await p.said(/^Selected range/);
  await p.panel("Table");
  const [begin, end] = (await p.state()).get("r").split(",").map(Number);
  const rows = await p.rows("Durations by name");
  const inside = slices.filter((s) => ["replicate", "dataset tank/home/mail"].includes(s.track) && s.start < end && s.end > begin);
  assert.deepEqual(rows.map(([name]) => name.split("\n")[0]).sort(), [...new Set(inside.map((s) => s.name))].sort());
  for (const [name, , total] of rows) {
    const own = inside.filter((s) => s.name === name.split("\n")[0]);
    near(ns(total), own.reduce((sum, s) => sum + Math.min(s.end, end) - Math.max(s.start, begin), 0), `total of ${name} within`);
  }
  await p.panel("Flame graph");
  const boxes = await p.page.getByLabel("Boxes of the flame graph").getByRole("button").allTextContents();
  assert.ok(boxes.some((box) => /^· · .*zfs send/.test(box)) && boxes.every((box) => !/receive|plan/.test(box)), boxes.join("\n"));
});

onTrace("a box of the flame graph leads to the longest slice", file, {}, async (p) => {
  await p.panel("Flame graph");
  const canvas = p.page.locator(".flame canvas");
  const box = await canvas.boundingBox();
  await p.page.mouse.move(box.x + 40, box.y + 8);
  await p.text("#panel .numbers", /^replicate 1×/);
  await p.page.mouse.click(box.x + 40, box.y + 8);
  await p.said(/^Selected replicate, /);
  await p.settled();
  await p.page.getByLabel("Boxes of the flame graph").getByRole("button", { name: /zfs send/ }).first().focus();
  await p.key("Enter");
  await p.said(/^Selected zfs send, 420/);
});

onTrace("the critical path is all of the time, and names what took it", file, {}, async (p) => {
  const all = slices[0];
  await p.click("replicate", 0, all.end / 2);
  await p.said(/^Selected replicate/);
  await p.settled();
  const before = await p.page.locator(".overlay").screenshot();
  await p.key("c");
  await p.text("#panel h2", /By what it is\s+\S+/);
  await p.settled();
  const sums = await p.rows("Parts of the critical path, by name");
  near(sums.reduce((sum, [, , time]) => sum + ns(time), 0), all.end - all.start, "the sum of all parts");
  assert.ok(sums.some(([name]) => /^(splice|wait for pipe|zfs send)/.test(name)), "there is sending in it");
  assert.ok(!sums.some(([name]) => /^zfs release/.test(name)));
  await p.page.getByLabel("Parts of the critical path, in the order of time").getByRole("button").first().click();
  await p.said(/^Selected /);
  assert.ok(!(await p.page.locator(".overlay").screenshot()).equals(before), "it is drawn into the timeline");
});
