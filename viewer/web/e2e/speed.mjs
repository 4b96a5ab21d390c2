// Measures trace-view on a large trace: until all of it is seen, and while one moves at random through it. Chromium runs before the
// clock does.

import { launch } from "../dev/browser.mjs";
import { frames, peak, print, spread } from "./figures.mjs";
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

/** loaded waits, in the page, until the trace is there. To look again and again would take from the processors what is measured. */
const loaded = () =>
  new Promise((resolve, reject) => {
    const look = () => {
      if (document.querySelector(".badge[data-state=failed]")) reject(new Error("the trace can't be read"));
      if (document.querySelector(".name") && !document.querySelector(".state progress")) resolve();
    };
    new MutationObserver(look).observe(document, { subtree: true, childList: true, attributes: true });
    look();
  });

const began = performance.now();
const { child, line } = await run(setup.view, [setup.file]);
await page.goto(line);
await page.evaluate(loaded);
await until("all is seen", () => answers.length > 0 && asking === 0);
await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
const first = performance.now() - began;
const slices = await page.locator(".facts-line").innerText();
await page.screenshot({ path: setup.out + "/speed.png" });

answers.length = 0;
const times = { draws: [], gaps: [] };
let seed = 1;
const random = () => (seed = (seed * 48271) % 0x7fffffff) / 0x7fffffff; // always the same way
const box = await page.locator(".overlay").boundingBox();
const map = await page.locator(".minimap").boundingBox();
await frames(page);

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
  for (const [name, list] of Object.entries(await frames(page))) times[name].push(...list);
}
const memory = peak(child.pid);
await end(child);
await browser.close();
print(`${slices}, ${answers.length} requests for tiles (${cancelled} cancelled), ${times.draws.length} frames`, [
  ["first-ms", first],
  ["peak-MB", memory],
  ...spread("tiles", answers),
  ...spread("draw", times.draws),
  ...spread("frame", times.gaps),
]);
