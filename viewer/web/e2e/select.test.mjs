// A slice is selected by click, keys and links, and the details say what it is.

import assert from "node:assert/strict";
import { onTrace, setup, until } from "./harness.mjs";
import { replication } from "./traces.mjs";

const trace = replication();
const file = () => [trace.write(setup.out, "select.jsonl")];
const named = (name, track) => trace.list.find((line) => line.name === name && (!track || line.track === track) && line.id);
const middle = (slice) => (slice.start + slice.end) / 2;
const crumbs = (p) => p.page.locator(".crumbs .link").allInnerTexts();

onTrace("a click selects, and the details say all of it", file, {}, async (p) => {
  const plan = named("plan");
  await p.click("replicate", 1, middle(plan));
  await p.said(/^Selected plan, 78(\.0+)? ms, on replicate, 1 child, 1 log line/);
  await p.text("#panel h2", /plan/);
  await p.text(".attrs", /steps\s+6/);
  await p.text(".facts", /Duration\s+78(\.0+)? ms/);
  await p.text(".facts", /Self time\s+22(\.0+)? ms/); // without zfs list
  await p.text(".detail-logs", /plan is made/);
  await p.text(".stack", new RegExp(`/${named("replicate").id}.${plan.id}/`));
  assert.deepEqual(await crumbs(p), ["replicate"]);
  await p.page.locator("#panel").getByRole("button", { name: "zfs list" }).click();
  await p.said(/^Selected zfs list/);
  await p.text(".attrs", /list -Hp -t filesystem,snapshot/);
  await p.page.locator(".crumbs").getByRole("button", { name: "plan" }).click();
  await p.said(/^Selected plan/);
  await p.settled();
  const box = await p.page.locator(".overlay").boundingBox();
  await p.page.mouse.click(box.x + box.width - 4, (await p.place("replicate", 2, 0)).y);
  await until("a click beside selects nothing", () => p.page.locator("#announce").innerText(), (text) => text === "");
});

onTrace("what failed says why", file, {}, async (p) => {
  const send = named("zfs send", "dataset tank/home/db");
  await p.click("dataset tank/home/db", 1, send.start + 1e6);
  await p.said(/^Selected zfs send, 310(\.0+)? ms, on dataset tank\/home\/db, failed/);
  await p.text(".pill.bad", /failed/);
  await p.text(".attrs .bad", /dataset is busy/);
  const first = () => p.page.locator(".detail-logs .log-row").first().innerText();
  await until("errors are the first lines", first, (text) => /error[^]*exited 1/i.test(text));
});

onTrace("keys that come before the details do what they say", file, {}, async (p) => {
  await p.page.route("**/api/slice?*", async (route) => {
    await new Promise((then) => setTimeout(then, 600));
    await route.continue();
  });
  await p.click("dataset tank/home/mail", 1, named("zfs send", "dataset tank/home/mail").start + 1e6);
  await p.key("p", "c");
  await until("its track is pinned", () => p.page.getByLabel("Pinned tracks").getByRole("listitem").allInnerTexts(), ([name]) => /tank\/home\/mail/.test(name));
  await p.text("#panel h2", /By what it is\s+\S+/);
  await p.said(/^Selected zfs send/);
  await p.page.locator(".overlay").focus();
  await p.key("ArrowUp", "ArrowUp"); // the second one comes while the first is being asked for
  await p.said(/^Selected steps, .* children/);
});

onTrace("marks and counters say what they are, and marks lead to their lines", file, {}, async (p) => {
  const send = named("zfs send", "dataset tank/home/db");
  const mark = await p.place("dataset tank/home/db", 3, send.end - 1e6);
  await p.page.mouse.move(mark.x, mark.y);
  await p.text(".tip", /zfs send exited 1: dataset is busy\s+error, /);
  await p.page.mouse.click(mark.x, mark.y);
  await p.said(/^Selected zfs send, .*failed/);
  await p.text(".detail-logs", /exited 1/);
  await p.key("Escape");
  await p.page.locator(".scroller").evaluate((el) => (el.scrollTop = 450));
  await p.settled();
  const counter = await p.place("bytes in flight", 0, 30e6);
  await p.page.mouse.move(counter.x, counter.y);
  await p.text(".tip", /2.800/); // from 20 ms on
});

onTrace("arrows walk to parents, children and neighbours", file, {}, async (p) => {
  const walk = async (key, pattern) => {
    await p.key(key);
    await p.said(pattern);
    await p.settled();
  };
  await p.page.locator(".overlay").focus();
  await p.key("Enter");
  await p.said(/^Selected .* children/);
  await p.settled();
  await p.click("replicate", 0, 100e6);
  await p.said(/^Selected replicate, /);
  await p.settled();
  await p.page.locator(".overlay").focus();
  await walk("ArrowDown", /^Selected plan/);
  await walk("ArrowDown", /^Selected zfs list/);
  await walk("ArrowUp", /^Selected plan/);
  await walk("ArrowRight", /^Selected steps/);
  await walk("ArrowLeft", /^Selected plan/);
  await walk("ArrowUp", /^Selected replicate/);
  await p.key("f");
  await p.settled();
  const { start, span } = await p.state();
  assert.ok(start <= 0 && start + span >= named("replicate").end && span < named("replicate").end * 1.2, "f fits it");
  await p.key("Enter");
  await until("Enter leads into the details", () => p.page.evaluate(() => document.activeElement?.closest("#panel") !== null));
});

onTrace("links lead along arrows to other tracks", file, {}, async (p) => {
  const links = p.page.locator("#panel section", { hasText: "Links" });
  // An arrow begins at the innermost slice of its time.
  await p.click("dataset tank/home/mail", 2, named("splice", "dataset tank/home/mail").start + 10e6);
  await p.said(/^Selected splice, .* on dataset tank\/home\/mail/);
  await links.getByRole("button", { name: "receive" }).click();
  await p.said(/^Selected receive, .* on receive backup\/home\/mail/);
  await until("what started it is told", () => crumbs(p), (list) => list.at(-1) === "zfs send");
  await links.getByRole("button", { name: "splice" }).click();
  await p.said(/^Selected splice/);
});
