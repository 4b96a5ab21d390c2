// A process that runs: examples/hang, in which two transfers wait for each other.

import assert from "node:assert/strict";
import { createServer } from "node:net";
import { end, Page, run, setup, test, traceView, until } from "./harness.mjs";

/** freePort is one that nobody listens at. */
function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** hang starts the process at a port. */
const hang = (port) => run(setup.hang, ["-debug", `127.0.0.1:${port}`, "-dumps", setup.out], "stderr");

/** onLive is a test with a page on such a process. */
function onLive(name, body) {
  test(name, async () => {
    const port = await freePort();
    const process = await hang(port);
    const view = await traceView(`http://127.0.0.1:${port}/debug/trace/`);
    const p = await Page.open(view, { live: true });
    await state(p, /live/);
    await body(p, { port, process });
    await p.close();
    await end(view.child);
    await end(process.child);
  });
}

const state = (p, pattern) => p.text(".state .badge[role=status]", pattern);
const seconds = (text) => {
  const [, number, unit] = /([\d.]+) (ms|s|min)/.exec(text) ?? [];
  return Number(number) * { ms: 1e-3, s: 1, min: 60 }[unit];
};
const open = (p) => p.page.locator("#panel .row.waits:not(.head)").allInnerTexts();

onLive("open spans grow, and who waits stands out by age", async (p) => {
  await p.page.getByRole("tab", { name: "Open", exact: true }).click();
  const rows = await until("seven are open", () => open(p), (list) => list.length === 7);
  assert.match(rows[0], /^bank/);
  assert.equal(rows.filter((row) => /lock account/.test(row)).length, 2);
  assert.ok(rows.some((row) => /has the first account/.test(row)), "the last line of a log");
  const age = () => open(p).then((list) => seconds(list[0].replace(/\n/g, " ")));
  const first = await age();
  await until("ages grow", age, (now) => now > first + 1);
  await p.page.locator("#panel .cell-button", { hasText: "lock account" }).first().click();
  await p.said(/^Selected lock account, open/);
  await p.page.getByRole("tab", { name: "Details" }).click();
  const length = () => p.page.locator(".facts dd").first().innerText().then(seconds);
  const before = await length();
  await until("its duration grows", length, (now) => now > before + 1);
  await p.text(".facts", /open/);
  await p.page.getByRole("tab", { name: "Open", exact: true }).click();
  const hung = await until("after 10 s it stands out", () => p.page.locator("#panel .row[data-hung=true]").allInnerTexts(), (list) => list.length === 2);
  assert.ok(hung.every((row) => /lock account[^]*waits/.test(row)));
});

onLive("follow, and pause", async (p) => {
  const button = p.page.locator(".live button").first();
  const picture = () => p.page.locator(".ruler").evaluate((el) => el.toDataURL());
  assert.equal(await button.innerText(), "Following");
  let before = await picture();
  await until("the axis moves", picture, (now) => now !== before);
  assert.equal((await p.state()).get("w"), null, "a link to what is followed has no window");
  await p.page.locator(".overlay").focus();
  await p.key(" ");
  await until("it doesn't follow", () => button.innerText(), (text) => text === "Follow");
  await until("the address has the window", () => p.state(), (now) => now.span > 0);
  const { start } = await p.state();
  before = await picture();
  await p.page.waitForTimeout(1200); // four times as long as events take
  assert.equal((await p.state()).start, start);
  await p.key(" ");
  await until("it follows again", picture, (now) => now !== before);

  await p.page.getByTitle("Stop taking in what comes: it is counted as lost").click();
  await state(p, /paused/);
  await p.page.waitForTimeout(2500);
  await p.page.getByTitle("Take in what comes again").click();
  await state(p, /live/);
  await p.text(".badge[data-state=loss]", /\d+ lost/);
  assert.match(await p.page.locator(".badge[data-state=loss]").getAttribute("title"), /left out during a pause: \d+/);
});

onLive("a process that is killed, and comes back", async (p, { port, process }) => {
  await until("it is all there", () => p.page.locator(".facts-line").innerText(), (text) => /^[79] slices/.test(text));
  await end(process.child);
  await state(p, /reconnecting/);
  await p.text(".facts-line", /^[79] slices/); // what there was stays
  await hang(port);
  await state(p, /live/);
  await p.page.getByRole("tab", { name: "Open", exact: true }).click();
  await until("seven are open, of the new one", () => open(p), (list) => list.length === 7 && list.every((row) => seconds(row.replace(/\n/g, " ")) < 60));
  assert.equal(await p.page.locator(".problem").count(), 0);
});
