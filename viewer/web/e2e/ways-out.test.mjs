// Ways out: files in other formats, pictures, Perfetto, speedscope and pprof.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { convert, onTrace, setup, slicesOf, until } from "./harness.mjs";
import { lossy, replication } from "./traces.mjs";

const trace = replication();
const path = () => trace.write(setup.out, "ways-out.jsonl");
const file = () => [path()];
const perfetto = "https://ui.perfetto.dev";

/** item opens the menu, and returns one of its items. */
async function item(p, name) {
  await p.page.getByRole("button", { name: "Open in, save" }).click();
  const found = p.page.getByRole("menuitem", { name, exact: true });
  await found.waitFor();
  return found;
}

async function download(p, name) {
  const [saved] = await Promise.all([p.page.waitForEvent("download"), item(p, name).then((found) => found.click())]);
  const to = join(setup.out, `saved-${saved.suggestedFilename()}`);
  await saved.saveAs(to);
  return to;
}

onTrace("downloads are read again, all and in part", file, {}, async (p) => {
  const want = slicesOf(path());
  for (const format of ["perfetto", "chrome", "jsonl"]) {
    const saved = await download(p, format);
    assert.equal(slicesOf(saved), want, format);
    assert.match(convert("--summary", saved), /zfs send/);
  }
  await p.click("dataset tank/home/mail", 0, 100e6);
  await p.said(/^Selected dataset, /);
  const part = await download(p, "perfetto");
  const names = convert("--to", "jsonl", "--output", "-", part).split("\n").filter((line) => /"kind":"(slice|begin)"/.test(line)).map((line) => JSON.parse(line).name);
  // Also what it started in the other process.
  assert.deepEqual(names.sort(), ["dataset", "receive", "splice", "splice", "wait for pipe", "wait for pipe", "zfs hold", "zfs send"]);
});

onTrace("pictures: PNG and SVG", file, {}, async (p) => {
  const png = readFileSync(await download(p, "Save a picture (PNG)"));
  assert.deepEqual([...png.subarray(1, 4)], [..."PNG"].map((c) => c.charCodeAt(0)));
  assert.ok(png.readUInt32BE(16) >= 2 * 1200 && png.length > 20_000, `${png.readUInt32BE(16)} wide, ${png.length} bytes`);
  const svg = readFileSync(await download(p, "Save a picture (SVG)"), "utf8");
  for (const name of ["replicate", "zfs send", "dataset tank/home/photos"]) assert.ok(svg.includes(name), `the picture has ${name}`);
  assert.ok(!/<script|href|on\w+=/i.test(svg), "nothing in it acts");
  const root = await p.page.evaluate((text) => new DOMParser().parseFromString(text, "image/svg+xml").documentElement.nodeName, svg);
  assert.equal(root, "svg");
  assert.match(readFileSync(await download(p, "Save the flame graph (SVG)"), "utf8"), /^<svg[^]*zfs send[^]*<\/svg>\s*$/);
});

onTrace("what is missing is in pictures, too", () => [lossy().write(setup.out, "lossy-out.jsonl")], {}, async (p) => {
  await until("it is known", () => p.page.getByRole("button", { name: /lost, and more$/ }).count(), (n) => n === 1);
  const svg = readFileSync(await download(p, "Save a picture (SVG)"), "utf8");
  for (const sum of ["1\u202f234 lost", "1\u202f500 lost", "some lost"]) assert.ok(svg.includes(sum), `the picture has ${sum}`);
  assert.ok(svg.includes("stroke-dasharray"), "and lines through the tracks");
});

onTrace("Perfetto gets the trace when it answers", file, { elsewhere: perfetto }, async (p) => {
  // A stand-in for its page: it is slow to answer, as the real one is, and keeps what it gets.
  const body = `<!doctype html><title>waiting</title><script>
    let pings = 0;
    addEventListener("message", async (e) => {
      if (e.data === "PING") { if (++pings === 3) e.source.postMessage("PONG", e.origin); return; }
      window.got = { title: e.data.perfetto.title, fileName: e.data.perfetto.fileName, bytes: [...new Uint8Array(e.data.perfetto.buffer)], from: e.origin, pings };
    });</script>`;
  await p.context.route(`${perfetto}/**`, (route) => route.fulfill({ contentType: "text/html", body }));
  const [opened] = await Promise.all([p.page.waitForEvent("popup"), item(p, /^Open in Perfetto/).then((found) => found.click())]);
  const got = await until("it has the trace", () => opened.evaluate(() => window.got ?? null).catch(() => null));
  assert.ok(got.pings >= 3);
  assert.equal(got.title, "ways-out.jsonl");
  assert.equal(got.from, new URL(p.url).origin);
  const saved = await download(p, "perfetto");
  assert.ok(Buffer.from(got.bytes).equals(readFileSync(saved)), "it is what is downloaded");
});

onTrace("speedscope and pprof open on the selection", file, {}, async (p) => {
  await p.click("dataset tank/home/mail", 1, 120e6);
  await p.said(/^Selected zfs send, /);
  // speedscope looks for modules of Node by eval, and does without; WebGL in software is slow.
  p.expected = /script-src refused eval$|GPU stall/;
  let [opened] = await Promise.all([p.page.waitForEvent("popup"), item(p, "Open the selection in speedscope").then((found) => found.click())]);
  await until("speedscope shows it", () => opened.title().catch(() => ""), (title) => /ways-out/.test(title));
  await until("speedscope draws", () => opened.locator("canvas").count());
  [opened] = await Promise.all([p.page.waitForEvent("popup"), item(p, "Open the selection in pprof").then((found) => found.click())]);
  await until("pprof shows it", () => opened.locator("body").innerText().catch(() => ""), (text) => /zfs send|splice/.test(text));
});

onTrace("a link is copied", file, { permissions: ["clipboard-read", "clipboard-write"] }, async (p) => {
  await (await item(p, "Copy a link to this view")).click();
  await p.text(".notice", /Copied a link/);
  assert.equal(await p.page.evaluate(() => navigator.clipboard.readText()), await p.page.evaluate(() => location.href));
});
