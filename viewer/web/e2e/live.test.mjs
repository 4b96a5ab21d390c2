// Processes that run: examples/hang, in which two transfers wait for each other, and one that works all the time.

import assert from "node:assert/strict";
import { end, onPage, run, setup, traceView, until } from "./harness.mjs";

/** hang starts the process that hangs, at a port of 127.0.0.1; 0 is any that is free. */
async function hang(port = 0) {
  const { child, line } = await run(setup.hang, ["-debug", `127.0.0.1:${port}`, "-dumps", setup.out], "stderr");
  return { child, url: /http:\S+/.exec(line)[0] };
}

/** steady starts the process that works: so little that a slow machine does it, too. */
async function steady() {
  const { child, line } = await run(setup.steady, ["-listen", "127.0.0.1:0", "-workers", "2", "-spans", "1000"]);
  return { child, url: line };
}

/** onLive is a test with a page on a process that start starts. */
function onLive(name, start, body) {
  const both = async () => {
    const process = await start();
    return { process, view: await traceView(process.url) };
  };
  onPage(name, both, { live: true }, async (p, started) => {
    await state(p, /live/);
    await body(p, started);
  });
}

const state = (p, pattern) => p.text(".state .badge[role=status]", pattern);

/** seconds reads a duration as the page writes it: 812 ms, 4.01 s, 1 m 05 s. */
function seconds(text) {
  const parts = [...text.matchAll(/([\d.]+) (ns|µs|ms|s|m)/g)];
  assert.ok(parts.length > 0, `${text} is a duration`);
  return parts.reduce((sum, [, number, unit]) => sum + Number(number) * { ns: 1e-9, µs: 1e-6, ms: 1e-3, s: 1, m: 60 }[unit], 0);
}

/** open returns what is open, oldest first: name, age in s, and the last line of its log. */
async function open(p) {
  const rows = await p.rows("Open slices, as a tree");
  return rows.map(([name, age, log]) => ({ name, age: seconds(age), log }));
}

onLive("open spans grow, and who waits stands out by age", hang, async (p) => {
  await p.page.getByRole("tab", { name: "Open", exact: true }).click();
  const logged = (rows) => rows.filter(({ log }) => /has the first account/.test(log)).length;
  const rows = await until("seven are open, two with a line", () => open(p), (list) => list.length === 7 && logged(list) === 2);
  assert.match(rows[0].name, /^bank/);
  assert.equal(rows.filter(({ name }) => /lock account/.test(name)).length, 2);
  await until("ages grow", () => open(p), ([first]) => first?.age > rows[0].age + 1);
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

onLive("follow", hang, async (p) => {
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
});

onLive("pause", steady, async (p, { process }) => {
  await p.page.getByRole("tab", { name: "Open", exact: true }).click();
  await p.page.getByTitle("Stop taking in what comes: it is counted as lost").click();
  await state(p, /paused/);
  // All that was taken in is among these. Of what comes now, begins still are: when a later one is seen, what was before it was left out.
  const { spans } = await (await fetch(new URL("/load", process.url))).json();
  const begun = ({ name }) => Number(/spans=(\d+)/.exec(name)?.[1] ?? 0);
  await until("a batch begins", () => open(p), (list) => list.some((row) => begun(row) > spans + 100));
  await p.page.getByTitle("Take in what comes again").click();
  await state(p, /live/);
  await p.text(".badge[data-state=loss]", /\d+ lost/);
  assert.match(await p.page.locator(".badge[data-state=loss]").getAttribute("title"), /left out during a pause: \d+/);
  await losses(p);
});

/** losses goes to what is missing by the number in the title, by keys, and on the ruler. */
async function losses(p) {
  const row = p.page.locator("#panel .log-row[data-level=loss][data-own=true]");
  const shown = async () => {
    await p.said(/^left out during a pause, .*, count \d+$/);
    await until("its line is among the others", () => row.count(), (n) => n === 1);
    await p.page.getByRole("tab", { name: "Open", exact: true }).click();
    await p.page.locator(".overlay").focus();
    await p.key("Escape");
    await until("nothing is said any more", () => p.page.locator("#announce").innerText(), (text) => text === "");
  };
  await p.page.getByRole("button", { name: /\d lost$/ }).click();
  await until("it isn't followed: this is past", () => p.page.locator(".live button").first().innerText(), (text) => text === "Follow");
  await shown();
  await p.key("l");
  await shown();
  const { losses: places } = await (await fetch(`${p.url}api/losses`)).json();
  const at = async () => {
    const { start, span } = await until("the address has the window", () => p.state(), (now) => now.span > 0);
    const box = await p.page.locator(".ruler").boundingBox();
    return [box.x + ((places[0].time - start) / span) * box.width, box.y + 20];
  };
  await p.page.mouse.move(...(await at()));
  await p.text(".tip", /\d+ records? lost\s+left out during a pause, /);
  const { span } = await p.state();
  await p.key("0"); // all of it: there it is, too
  await until("all is in sight, and stands still", () => p.state(), (state) => state.span !== span);
  const there = await at();
  await p.page.mouse.move(there[0], there[1] - 1);
  await p.text(".tip", /\d+ records? lost/);
  await p.page.mouse.click(...there);
  await shown();
}

onLive("a process that is killed, and comes back", hang, async (p, started) => {
  await until("it is all there", () => p.page.locator(".facts-line").innerText(), (text) => /^[79] slices/.test(text));
  await end(started.process.child);
  await state(p, /reconnecting/);
  await p.text(".facts-line", /^[79] slices/); // what there was stays
  const again = performance.now();
  started.process = await hang(new URL(started.process.url).port);
  await state(p, /live/);
  await p.page.getByRole("tab", { name: "Open", exact: true }).click();
  const young = ({ age }) => age < (performance.now() - again) / 1000 + 1;
  await until("seven are open, of the new one", () => open(p), (list) => list.length === 7 && list.every(young));
  assert.equal(await p.page.locator(".problem").count(), 0);
});
