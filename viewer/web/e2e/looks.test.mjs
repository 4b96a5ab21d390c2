// Pictures, which the Go test compares with those that were looked at; and that the page can be used dark, large and narrow.

import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { onTrace, setup, until } from "./harness.mjs";
import { lossy, replication } from "./traces.mjs";

const fast = () => replication().write(setup.out, "replication.jsonl");
const lost = () => lossy().write(setup.out, "lossy.jsonl");
const slow = () => replication({ slow: 2.5 }).write(setup.out, "slow.jsonl");

async function look(p, name) {
  const folder = join(setup.out, "golden");
  mkdirSync(folder, { recursive: true });
  await p.page.mouse.move(640, 3);
  writeFileSync(join(folder, `${name}.png`), await p.picture());
}

const select = (track, row, time, pattern) => async (p) => {
  await p.click(track, row, time);
  await p.said(pattern);
  await p.settled();
};
const db = select("dataset tank/home/db", 1, 610e6, /^Selected zfs send/);

/** lossTip selects a loss by keys, so that its line is listed. */
const lossTip = async (p) => {
  await p.key("l", "l");
  await p.said(/^records lost, .*count 3$/);
  await p.settled();
};

for (const [name, { options = {}, files = [fast], act }] of Object.entries({
  first: { options: { hints: true } },
  selected: { act: db },
  dark: { options: { colorScheme: "dark" }, act: db },
  flame: { options: { hash: "panel=flame" } },
  critical: {
    options: { hash: "panel=critical" },
    act: async (p) => {
      await select("replicate", 0, 300e6, /^Selected replicate/)(p);
      await p.key("c");
      await p.text("#panel h2", /By what it is\s+\S+/);
    },
  },
  explained: { options: { hash: "", hints: true } },
  "explained-dark": { options: { hash: "", colorScheme: "dark" } },
  losses: { files: [lost], act: lossTip },
  "losses-dark": { files: [lost], options: { colorScheme: "dark" }, act: lossTip },
  search: {
    act: async (p) => {
      await p.key("/");
      await p.page.keyboard.type("zfs send");
      await p.page.locator(".hit-row").first().waitFor();
      await p.key("Enter");
      await p.said(/^Selected zfs send/);
    },
  },
  diff: { files: [fast, slow], options: { hash: "with=1&panel=diff" } },
  large: { options: { viewport: { width: 640, height: 400 }, deviceScaleFactor: 2 } },
}))
  onTrace(`picture ${name}`, () => files.map((file) => file()), options, async (p) => {
    await act?.(p);
    await look(p, name);
  });

onTrace("the theme is the system's, until another one is chosen, which stays", () => [fast()], { colorScheme: "dark" }, async (p) => {
  const scheme = () => p.page.evaluate(() => [document.documentElement.dataset.scheme, getComputedStyle(document.body).backgroundColor]);
  const [dark, darkColour] = await scheme();
  assert.equal(dark, "dark");
  await p.key("t");
  const [, colour] = await until("it is light", scheme, ([name]) => name === "light");
  assert.notEqual(colour, darkColour);
  await p.page.reload();
  await p.page.waitForSelector(".name");
  assert.equal((await scheme())[0], "light");
});

for (const [name, viewport, deviceScaleFactor] of [
  ["at 200 %", { width: 640, height: 400 }, 2],
  ["on a narrow screen", { width: 400, height: 800 }, 1],
])
  onTrace(`nothing is cut off ${name}`, () => [fast()], { viewport, deviceScaleFactor, hash: "panel=table" }, async (p) => {
    const outside = await p.page.evaluate(() =>
      [...document.querySelectorAll(".top button, .top input, .panel-tabs, .overlay, .ruler, .minimap")]
        .filter((el) => el.checkVisibility())
        .map((el) => [el.outerHTML.slice(0, 80), el.getBoundingClientRect()])
        .filter(([, r]) => r.left < 0 || r.right > innerWidth + 0.5 || r.width < 16 || r.height < 12)
        .map(([html]) => html),
    );
    assert.deepEqual(outside, []);
    const shortened = await p.page.evaluate(() =>
      [...document.querySelectorAll(".corner span, [role=tab], .row.head > *")]
        .filter((el) => el.checkVisibility() && el.scrollWidth > el.clientWidth)
        .map((el) => el.innerText),
    );
    assert.deepEqual(shortened, []);
    const { scrollWidth, scrollHeight } = await p.page.evaluate(() => document.documentElement);
    assert.ok(await p.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${scrollWidth} × ${scrollHeight}`);
    assert.ok((await p.rows("Durations by name")).length > 5, "the table can be read");
    const timeline = await p.page.locator(".canvases").boundingBox();
    assert.ok(timeline.width > viewport.width / 3 && timeline.height > 60, `${timeline.width} × ${timeline.height} are left of the timeline`);
  });
