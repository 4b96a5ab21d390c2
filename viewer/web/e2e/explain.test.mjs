// A file that is opened without anything in its address says where its time went; and one can have it not say so.

import assert from "node:assert/strict";
import { join } from "node:path";
import { convert, onTrace, setup, until } from "./harness.mjs";
import { replication } from "./traces.mjs";

const file = () => [replication().write(setup.out, "explain.jsonl")];
const panel = (p) => p.page.getByRole("tab", { selected: true }).allInnerTexts();
const isHidden = async (p) => {
  await until("the panel is closed", () => panel(p), (list) => list.length === 0);
  await until("the address holds it", () => p.state(), (state) => state.get("path") === "0" && state.get("panel") === null);
};

onTrace("a fresh file says where its time went, until one doesn't want it", file, { hash: "" }, async (p) => {
  await p.text(".answer", /of the 8\d\d\sms of replicate was .*: \d+\s%, then /s);
  await p.said(/^Selected replicate, /);
  assert.deepEqual(await panel(p), ["Critical path"]);
  const whole = await p.state();
  assert.ok(whole.start < 0, "all of it is in sight");
  await until("the address has it", () => p.state(), (state) => state.get("path") !== null && state.get("path") === state.get("s"));
  // The same again, of a link.
  const { hash } = new URL(p.page.url());
  await p.go(hash.slice(1));
  await p.text(".answer", /of replicate was/);
  await p.key("c");
  await isHidden(p);
  await p.said(/^Selected replicate, /); // it stays selected
  await p.page.reload();
  await p.page.waitForSelector(".name");
  await p.settled();
  assert.equal(await p.page.locator(".answer").count(), 0, "it isn't explained again");
  await p.go("");
  await p.text(".answer", /of replicate was/);
  await p.key("Escape");
  await isHidden(p);
  await p.key("c"); // of all, since nothing is selected
  await p.text(".answer", /of replicate was/);
  await p.page.getByRole("button", { name: "Hide the critical path (C)" }).click();
  await isHidden(p);
});

onTrace("its sentence leads to the longest part", file, { hash: "" }, async (p) => {
  await p.text(".answer", /of replicate was/);
  const first = p.page.locator(".answer .link").first();
  const name = (await first.innerText()).trim();
  await first.click();
  await p.said(new RegExp(`^Selected ${name}, `));
  assert.equal(await p.page.locator(".answer").count(), 1, "it is on the path");
  await p.settled();
  await p.page.reload(); // which shows the same
  await p.text(".answer", /of replicate was/);
  await p.said(new RegExp(`^Selected ${name}, `));
});

const recorded = join(setup.tracefmt, "diff/testdata/throttled-after.json.gz");
onTrace("of a recorded replication, that is what trace-convert says", () => [recorded], { hash: "" }, async (p) => {
  await p.text(".answer", /of replicate was/);
  const path = JSON.parse(convert("critical-path", "--json", recorded));
  const [most] = path.by_name;
  const said = await p.page.locator(".answer").innerText();
  assert.ok(said.replace(/\s+/g, " ").includes(`was ${most.name}: ${Math.round(100 * most.share)} %`), `${said}, but ${JSON.stringify(most)}`);
});

const stacks = join(setup.tracefmt, "speedscope/testdata/multiprocess.golden.json");
onTrace("stacks, which are about nothing in particular, aren't explained", () => [stacks], { hash: "" }, async (p) => {
  await p.settled();
  assert.equal(await p.page.locator(".answer").count(), 0);
  assert.deepEqual(await panel(p), []);
});
