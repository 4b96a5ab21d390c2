// Search: text, attributes, regular expressions; from hit to hit; marks.

import assert from "node:assert/strict";
import { onTrace, setup, until } from "./harness.mjs";
import { replication } from "./traces.mjs";

const trace = replication();
const file = () => [trace.write(setup.out, "search.jsonl")];
const slices = trace.list.filter((line) => line.id);

const input = (p) => p.page.getByLabel("Search", { exact: true });
/** counted waits until the answer is there, and not only the one before. */
async function counted(p, n) {
  await until("an answer", () => p.page.locator(".search-field").getAttribute("data-busy"), (busy) => busy === "false");
  await p.text(".search-count", new RegExp(`(^| of )${n}$`));
}
const find = async (p, query, n) => {
  await input(p).fill(query);
  await counted(p, n);
};

onTrace("search finds text, attributes, IDs and lines", file, {}, async (p) => {
  await p.key("/");
  assert.ok(await input(p).evaluate((el) => el === document.activeElement), "/ leads there");
  await p.page.keyboard.type("zfs hold");
  await counted(p, 6);
  await find(p, "dataset=tank/home/www", 1);
  await p.text(".hits", /dataset/);
  await find(p, "plan is made", 1);
  await find(p, "zfs (send|hold)", 0);
  await p.text(".hits", /Nothing has it/);
  await p.page.getByTitle("Regular expression (RE2)").click();
  await counted(p, slices.filter((s) => /zfs (send|hold)/.test(s.name)).length + 1); // and one line that says so
  p.expected = /status of 400/; // the browser says so, too
  await input(p).fill("zfs (");
  await p.text(".hits", /missing closing/);
  await find(p, "^zfs list$", 1);
});

onTrace("hits: the next one, the one before, marks on tracks and minimap", file, {}, async (p) => {
  const map = () => p.page.locator(".minimap").evaluate((el) => el.toDataURL());
  const before = await map();
  await find(p, "zfs send", 7); // and a line of the log
  await p.settled();
  assert.notEqual(await map(), before, "the minimap has marks");
  const marked = await p.page.locator(".names [role=treeitem]", { has: p.page.locator(".pill.hit") }).allInnerTexts();
  assert.equal(marked.length, 6, marked.join());
  const starts = slices.filter((s) => s.name === "zfs send").map((s) => s.start);
  const key = async () => Number((await p.state()).get("s").split(":")[1]);
  const selected = async (act, want) => {
    await act();
    await until(`the slice at ${want} is selected`, () => key().catch(() => 0), (at) => at === want);
  };
  starts.sort((a, b) => a - b);
  await input(p).focus();
  await selected(() => p.key("Enter"), starts[0]);
  await selected(() => p.key("Enter"), starts[1]);
  await selected(() => p.key("Shift+Enter"), starts[0]);
  await p.page.locator(".overlay").focus();
  await selected(() => p.key("n"), starts[1]);
  await selected(() => p.key("n"), starts[2]);
  await selected(() => p.key("Shift+N"), starts[1]);
  await p.said(/^Selected zfs send, /);
  assert.equal(await p.page.locator(".search-count").innerText(), "2 of 7");
  await p.page.getByLabel("End the search").click();
  await until("no marks are left", () => p.page.locator(".pill.hit").count(), (n) => n === 0);
});
