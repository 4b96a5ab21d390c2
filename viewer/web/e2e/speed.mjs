// Measures trace-view on a large trace: until all of it is seen, and while one moves at random through it. What comes of it is a line of
// JSON, for the Go benchmark. Chromium runs before the clock does.

import { readFileSync } from "node:fs";
import { launch } from "../dev/browser.mjs";
import { end, run, setup, until } from "./harness.mjs";

const seconds = 30;

const browser = await launch();
const page = await (await browser.newContext({ viewport: { width: 1280, height: 800 } })).newPage();
await page.addInitScript(() => location.protocol === "about:" || localStorage.setItem("trace-view.hints", "seen"));

const answers = []; // how long answers with tiles took, in ms
let asking = 0;
let cancelled = 0;
const isTiles = (request) => request.url().includes("api/tiles");
page.on("request", (request) => (asking += isTiles(request)));
page.on("requestfailed", (request) => {
  if (isTiles(request)) [asking, cancelled] = [asking - 1, cancelled + 1];
});
page.on("requestfinished", (request) => {
  if (!isTiles(request)) return;
  asking--;
  const { requestStart, responseEnd } = request.timing();
  answers.push(responseEnd - requestStart);
});

const began = performance.now();
const { child, line } = await run(setup.view, [setup.file]);
await page.goto(line);
await until(
  "all is seen",
  () => page.evaluate(() => document.querySelectorAll(".name").length > 0 && !document.querySelector(".state progress, .badge[data-state=failed]")),
  (loaded) => loaded && answers.length > 0 && asking === 0,
);
await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
const first = performance.now() - began;
const slices = await page.locator(".facts-line").innerText();
await page.screenshot({ path: setup.out + "/speed.png" });

answers.length = 0;
const frames = { draws: [], gaps: [] };
let seed = 1;
const random = () => (seed = (seed * 48271) % 0x7fffffff) / 0x7fffffff; // always the same way
const box = await page.locator(".overlay").boundingBox();
const map = await page.locator(".minimap").boundingBox();
await page.evaluate(() => Object.values(window.frameTimes).forEach((list) => (list.length = 0)));

/** ways are what hands do. */
const ways = [
  async () => {
    await page.keyboard.down("Control");
    for (let i = 0; i < 6; i++) await page.mouse.wheel(0, random() < 0.6 ? -120 : 120);
    await page.keyboard.up("Control");
  },
  () => hold("wsad"[Math.floor(random() * 4)]),
  async () => {
    await page.mouse.down();
    for (let i = 1; i <= 8; i++) await page.mouse.move(box.x + 300 + i * 40 * (random() - 0.4), box.y + 200 - i * 15);
    await page.mouse.up();
  },
  () => page.mouse.click(map.x + random() * map.width, map.y + map.height / 2),
  () => page.mouse.wheel(0, (random() - 0.3) * 3000),
  () => page.keyboard.press("0"),
];
async function hold(key) {
  await page.keyboard.down(key);
  await page.waitForTimeout(500);
  await page.keyboard.up(key);
}
for (const stop = performance.now() + seconds * 1000; performance.now() < stop; ) {
  await page.mouse.move(box.x + random() * box.width, box.y + random() * box.height);
  await ways[random() < 0.05 ? 5 : Math.floor(random() * 5)]();
  const more = await page.evaluate(() => ({ draws: window.frameTimes.draws.splice(0), gaps: window.frameTimes.gaps.splice(0) }));
  for (const [name, list] of Object.entries(more)) frames[name].push(...list);
}
const peak = Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))[1]) / 1000;
await end(child);
await browser.close();

const at = (list, part) => list.sort((a, b) => a - b)[Math.min(list.length - 1, Math.ceil(part * list.length) - 1)] ?? NaN;
const sums = Object.entries({ tiles: answers, draw: frames.draws, frame: frames.gaps }).flatMap(([name, list]) => [
  [`${name}-p50-ms`, at(list, 0.5)],
  [`${name}-p95-ms`, at(list, 0.95)],
  [`${name}-max-ms`, at(list, 1)],
]);
console.log(JSON.stringify({ slices, requests: answers.length, cancelled, frames: frames.draws.length, figures: [["first-ms", first], ["peak-MB", peak], ...sums] }));
