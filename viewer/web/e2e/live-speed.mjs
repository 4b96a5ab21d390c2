// Measures how a process that makes spans all the time is followed, on its own page or by trace-view: how much of a processor it takes
// with and without that, how smoothly the page shows what happens, and how far behind. Then there is a burst of more than can
// be handed on: what is lost has to be told where it happened.

import assert from "node:assert/strict";
import { join } from "node:path";
import { cpu, frames, peak, print, share, spread } from "./figures.mjs";
import { end, endAll, Page, run, setup, traceView, until } from "./harness.mjs";

const { seconds } = setup;
const burst = 2_000_000;
const sleep = (ms) => new Promise((then) => setTimeout(then, ms));

/** steady starts the program. load tells how many spans it has made, once it has done what is asked of it. */
async function steady() {
  const { child, line } = await run(setup.steady, ["-listen", "127.0.0.1:0", "-spans", String(setup.spans)]);
  const load = async (query = "") => {
    const answer = await fetch(new URL(`/load${query}`, line), { method: query ? "POST" : "GET" });
    return (await answer.json()).spans;
  };
  return { child, url: line, load };
}

/** idle is how much of a processor the program takes while nobody looks. */
async function idle() {
  const program = await steady();
  await sleep(2000);
  const part = await share(program.child.pid, () => sleep(seconds * 250));
  await end(program.child);
  return part;
}

const alone = await idle();
const program = await steady();
const view = setup.own ? { child: program.child, url: `${program.url}ui/` } : await traceView(program.url);
const ask = async (path) => (await fetch(`${view.url}api/${path}`)).json();
const told = (info) => info.losses.reduce((sum, { count }) => sum + count, 0);

/** watch looks at a line of pixels in each frame, in the page. When one has changed there is another picture. Where their colours end,
 * what has come ends: the page is behind by what is empty up to the present time, and when it gets less there is news. */
function watch({ y, msPerPixel, present }) {
  const canvas = document.querySelector(".tracks");
  const context = canvas.getContext("2d");
  const times = { picture: [], news: [], behind: [] };
  let pixels = new Uint32Array();
  let picture = 0;
  let news = 0;
  let newest = 0;
  const isColour = (pixel) => {
    const rgb = [pixel & 255, (pixel >> 8) & 255, (pixel >> 16) & 255];
    return Math.max(...rgb) - Math.min(...rgb) > 40;
  };
  const look = (now) => {
    const before = pixels;
    pixels = new Uint32Array(context.getImageData(0, y, canvas.width, 1).data.buffer);
    if (pixels.some((pixel, i) => pixel !== before[i])) {
      if (picture) times.picture.push(now - picture);
      picture = now;
    }
    const behind = (canvas.width * present - 1 - pixels.findLastIndex(isColour)) * msPerPixel;
    times.behind.push(behind);
    if (now - behind > newest + 2 * msPerPixel) {
      if (news) times.news.push(now - news);
      [news, newest] = [now, now - behind];
    }
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
  window.watched = () => Object.fromEntries(Object.entries(times).map(([name, list]) => [name, list.splice(0)]));
  window.waiting = () => ({ picture: [performance.now() - picture], news: [performance.now() - news] });
}

/** follow watches the page that follows for as long as is wanted. */
async function follow(page) {
  const steps = await page.locator("[role=treeitem]", { has: page.locator(".name-text", { hasText: /^worker/ }) }).first().boundingBox();
  const canvas = await page.locator(".overlay").boundingBox();
  // Above the row of steps are those of the worker and its batches. A window of twenty seconds has the present time at 94 %.
  await page.evaluate(watch, { y: Math.round(steps.y - canvas.y) + 14 + 2 * 20, msPerPixel: 20_000 / canvas.width, present: 0.94 });
  const times = { draws: [], gaps: [], picture: [], news: [], behind: [] };
  const take = (more) => Object.entries(more).forEach(([name, list]) => times[name].push(...list));
  await frames(page);
  const before = { spans: await program.load(), cpu: cpu(view.child.pid), at: performance.now() };
  const followed = await share(program.child.pid, async () => {
    for (let i = 0; i < seconds; i++) {
      await sleep(1000);
      take({ ...(await page.evaluate(() => window.watched())), ...(await frames(page)) });
    }
  });
  const passed = performance.now() - before.at;
  const server = (100 * (cpu(view.child.pid) - before.cpu)) / passed;
  const rate = ((await program.load()) - before.spans) / (passed / 1000);
  take(await page.evaluate(() => window.waiting()));
  return { times, followed, server, rate, lost: told(await ask("trace")), middle: (await ask("trace")).now - (passed * 1e6) / 2 };
}

/** drawn waits until a page shows all that happened in a twentieth of a second, and returns how much that is. It begins and ends where
 * the buckets of tiles do, so that no short slices of the time before or after are counted with those in it. */
async function drawn(middle) {
  const bucket = 2 ** 20;
  const [from, span] = [Math.round(middle / bucket) * bucket, 48 * bucket];
  const { rows } = await ask(`aggregate?from=${from}&to=${from + span}`);
  const happened = rows.reduce((sum, { count }) => sum + count, 0);
  const p = await Page.open(view, { live: true, hash: `w=${from},${span}&panel=visible`, viewport: { width: 1280, height: 3000 } });
  await until(`${happened} slices are drawn`, () => p.inSight(), (n) => n === happened);
  await p.close();
  return happened;
}

/** losses makes the burst, and wants what is lost of it to be told: how many, where, and in the page. */
async function losses(page) {
  await program.load(`?do=burst&spans=${burst}`);
  const made = await program.load("?do=stop");
  // A slice whose end is unknown is there, and that it ended may be among what was lost.
  const rest = async () => {
    const info = await ask("trace");
    const { total, complete } = await ask("search?q=end%3Dunknown&in=attrs&limit=1");
    return { untold: made - info.slices - told(info), doubtful: complete ? total : NaN, lost: told(info), now: info.now };
  };
  const is = await until("all that was made is there, or told as lost", rest, ({ untold, doubtful }) => untold <= 0 && untold >= -doubtful);
  assert.ok(is.lost > 0, "something is lost of a burst");
  const { lines } = await ask(`logs?from=0&to=${is.now}&limit=1000`);
  const { hits } = await ask("search?q=burst&in=names");
  const where = lines.filter(({ type }) => type === "loss").map(({ time }) => time);
  assert.ok(where.length > 0 && hits.length === 1);
  const [{ start, end: stop }] = hits;
  const outside = where.filter((time) => time < start - 50e6 || time > stop + 50e6);
  await page.getByRole("tab", { name: "Logs", exact: true }).click();
  await until("they are in the list of lines", () => page.locator("#panel .log-row[data-level=loss]").count());
  await page.screenshot({ path: join(setup.out, "live-speed.png") });
  return { ...is, where, outside };
}

const p = await Page.open(view, { live: true });
p.expected = /willReadFrequently/; // which would help those who look at pixels, but not those who draw
await p.text(".state .badge[role=status]", /live/);
await p.text(".live button", /Following/);
await sleep(3000);
const { times, followed, server, rate, lost, middle } = await follow(p.page);
const inSight = await drawn(middle);
const after = await losses(p.page);
await p.close();
const memory = peak(view.child.pid);
await endAll();

const facts = [
  `${times.gaps.length} frames in ${seconds} s; ${inSight} slices of a twentieth of a second are all drawn`,
  `of a burst of ${burst} spans ${after.lost - lost} were lost, which is told at ${after.where.length} places, ${after.outside.length} of them not in its time`,
];
print(facts.join("; "), [
  ["spans/s", rate],
  ["lost", lost],
  ["burst-lost", after.lost - lost],
  ["untold", Math.max(0, after.untold)],
  ["elsewhere", after.outside.length],
  ["alone-%cpu", alone],
  ["followed-%cpu", followed],
  ...(setup.own ? [] : [["trace-view-%cpu", server]]),
  ["peak-MB", memory],
  ...spread("picture", times.picture),
  ...spread("news", times.news),
  ...spread("behind", times.behind),
  ...spread("draw", times.draws),
  ...spread("frame", times.gaps),
]);
