// Zoom and pan, by wheel, keys and drag; and the address, which shows the same again.

import assert from "node:assert/strict";
import { onTrace, Page, setup, until } from "./harness.mjs";
import { replication } from "./traces.mjs";

const file = () => [replication().write(setup.out, "move.jsonl")];
const near = (a, b, part, what) => assert.ok(Math.abs(a - b) <= part, `${what}: ${a}, want ${b}`);

/** moved does something, and returns the window before and after. */
async function moved(p, act) {
  const before = await p.state();
  await act();
  await until("the address follows", () => p.state(), (now) => now.start !== before.start || now.span !== before.span);
  await p.settled();
  return [before, await p.state()];
}

onTrace("zoom by wheel keeps what is below the pointer", file, {}, async (p) => {
  const box = await p.page.locator(".overlay").boundingBox();
  const part = 0.3;
  await p.page.mouse.move(box.x + part * box.width, box.y + 200);
  await p.page.keyboard.down("Control");
  const [a, b] = await moved(p, () => p.page.mouse.wheel(0, -200));
  assert.ok(b.span < 0.6 * a.span, `${a.span} became ${b.span}`);
  near(b.start + part * b.span, a.start + part * a.span, a.span / 500, "time below the pointer");
  const [, c] = await moved(p, () => p.page.mouse.wheel(0, 200));
  near(c.span, a.span, a.span / 1e6, "there and back");
  await p.page.keyboard.up("Control");
  await p.page.keyboard.down("Shift");
  await p.page.keyboard.down("Control");
  await moved(p, () => p.page.mouse.wheel(0, -400));
  await p.page.keyboard.up("Control");
  const [d, e] = await moved(p, () => p.page.mouse.wheel(0, 100));
  await p.page.keyboard.up("Shift");
  assert.ok(e.span === d.span && e.start > d.start, "Shift and wheel go later");
});

onTrace("W, S, A and D", file, {}, async (p) => {
  for (const [key, check] of [
    ["w", (a, b) => b.span < a.span && b.start > a.start],
    ["d", (a, b) => b.span === a.span && b.start > a.start],
    ["a", (a, b) => b.span === a.span && b.start < a.start],
    ["s", (a, b) => b.span > a.span],
    ["w", (a, b) => b.span < a.span],
    ["0", (a, b) => b.span > a.span],
  ]) {
    const [a, b] = await moved(p, () => p.key(key));
    assert.ok(check(a, b), `${key}: ${JSON.stringify([a, b])}`);
  }
  // A key that is held goes on.
  const { span } = await p.state();
  await p.page.keyboard.down("w");
  await until("it goes on", () => p.page.locator("[title='Length of the window']").innerText(), (text) => /\d [µn]s$/.test(text));
  await p.page.keyboard.up("w");
  await p.settled();
  assert.ok((await p.state()).span < span / 100);
});

onTrace("drag moves as far as the pointer, and the minimap leads anywhere", file, {}, async (p) => {
  const box = await p.page.locator(".overlay").boundingBox();
  await p.key("w", "w", "w");
  await p.settled();
  const at = { x: box.x + 600, y: box.y + 300 };
  const [a, b] = await moved(p, () => p.drag(at, { x: at.x - 150, y: at.y }));
  assert.equal(b.span, a.span);
  near(b.start - a.start, (150 / box.width) * a.span, a.span / 2000, "as far as the pointer");
  const map = await p.page.locator(".minimap").boundingBox();
  const [, c] = await moved(p, () => p.page.mouse.click(map.x + 0.9 * map.width, map.y + map.height / 2));
  assert.ok(c.start > b.start && c.span === b.span);
});

onTrace("a range is selected by Shift and drag, and on the ruler", file, {}, async (p) => {
  const from = await p.place("replicate", 1, 100e6);
  const to = await p.place("replicate", 1, 300e6);
  await p.page.keyboard.down("Shift");
  await p.drag(from, to);
  await p.page.keyboard.up("Shift");
  await p.said(/^Selected range of (199\.\d*|20\d(\.\d*)?) ms/);
  await p.settled();
  const [start, end, ...tracks] = (await p.state()).get("r").split(",").map(Number);
  const { span } = await p.state();
  near(start, 100e6, span / 500, "from");
  near(end, 300e6, span / 500, "to");
  assert.equal(tracks.length, 1);
  const ruler = await p.page.locator(".ruler").boundingBox();
  await p.drag({ x: ruler.x + 100, y: ruler.y + 8 }, { x: ruler.x + 300, y: ruler.y + 8 });
  await p.settled();
  assert.equal((await p.state()).get("r").split(",").length, 2, "of the ruler it is all tracks");
  await p.key("Escape");
  await until("nothing is selected", () => p.state(), (state) => state.get("r") === null);
});

onTrace("the address shows the same: reloaded, and in another browser", file, {}, async (p, { view }) => {
  await p.key("w", "w", "d");
  await p.page.getByLabel("Search", { exact: true }).fill("zfs send");
  await until("hits", () => p.page.locator(".search-count").innerText(), (text) => text === "7"); // and a line
  await p.key("Enter");
  await p.said(/^Selected zfs send, .* children/);
  await p.key("Escape");
  await p.page.mouse.move(3, 3);
  await p.key("p", "k", "2");
  await p.page.getByRole("tab", { name: "Logs" }).focus();
  await p.page.locator(".scroller").evaluate((el) => (el.scrollTop = 205)); // the slice isn't in sight then
  await p.settled();
  const hash = await p.page.evaluate(() => location.hash);
  for (const part of ["w=", "s=", "q=zfs%20send", "pin=", "y=", "panel=logs", "clock=wall"]) assert.ok(hash.includes(part), `${hash} has ${part}`);
  await p.page.reload();
  await p.page.waitForSelector(".name");
  await until("the search is asked again", () => p.page.locator(".search-count").innerText(), (text) => /7$/.test(text));
  await p.settled();
  assert.equal(await p.page.evaluate(() => location.hash), hash);
  const other = await Page.open(view, { hash: hash.slice(1) });
  await other.page.getByRole("tab", { name: "Logs" }).focus();
  await until("the search is asked there, too", () => other.page.locator(".search-count").innerText(), (text) => /7$/.test(text));
  await other.settled();
  assert.equal(await other.page.evaluate(() => location.hash), hash);
  const [here, there] = [await tracks(p), await tracks(other)];
  assert.ok(here.equals(there), "the same picture");
  await other.close();
});

/** tracks is the picture of the timeline. */
async function tracks(p) {
  await p.page.mouse.move(3, 3);
  await p.settled();
  return p.page.locator(".canvases").screenshot();
}
