// Measures frames of the built page in a headless Chromium without GPU: 40 tracks full of slices are zoomed and panned by keys.
// Printed are the times that drawing took, and the time from one frame to the next, in ms; and the CPU time a frame of all of
// Chromium's processes, which other work on the machine doesn't change much. npm run frames.

import { readdirSync, readFileSync } from "node:fs";
import { launch, open } from "./browser.mjs";
import { scenes, serve } from "./server.mjs";

/** cpu is how many ms of CPU time the processes that this one has started have used: all of Chromium's. */
function cpu() {
  const all = new Map();
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      all.set(Number(pid), { parent: Number(fields[1]), ms: (Number(fields[11]) + Number(fields[12])) * 10 });
    } catch {
      /* it has ended */
    }
  }
  const ours = (pid) => pid === process.pid || (all.has(pid) && ours(all.get(pid).parent));
  return [...all].reduce((sum, [pid, { ms }]) => sum + (pid !== process.pid && ours(pid) ? ms : 0), 0);
}

const server = await serve(scenes.busy());
const browser = await launch();
// Tracks 2 to 41 are the full ones. Folded they have one row each, and 40 of them fit into the window.
const folded = Array.from({ length: 40 }, (_, i) => i + 2);
const { page, complaints } = await open(browser, `${server.url}#fold=${folded}`, { width: 1280, height: 1390 });
await page.waitForTimeout(800);
const tracks = await page.locator(".name").count();
await page.evaluate(() => {
  window.frameTimes.draws.length = window.frameTimes.gaps.length = 0;
});
const all = { draws: [], gaps: [] };
const before = cpu();
for (const key of ["w", "d", "s", "a", "w", "w", "d", "s", "s"]) {
  await page.keyboard.down(key);
  await page.waitForTimeout(900);
  await page.keyboard.up(key);
  const times = await page.evaluate(() => ({ draws: window.frameTimes.draws.splice(0), gaps: window.frameTimes.gaps.splice(0) }));
  all.draws.push(...times.draws);
  all.gaps.push(...times.gaps);
}
const at = (list, p) => list.sort((a, b) => a - b)[Math.min(list.length - 1, Math.ceil((p / 100) * list.length) - 1)].toFixed(1);
console.log(
  `${tracks} tracks in sight, ${all.draws.length} frames, ${((cpu() - before) / all.draws.length).toFixed(1)} ms of CPU time each`,
);
for (const [name, list] of Object.entries(all))
  console.log(`${name}: p50 ${at(list, 50)} ms, p95 ${at(list, 95)} ms, longest ${at(list, 100)} ms`);
if (complaints.length) console.log(complaints);
await browser.close();
await server.close();
