// Two replications, one with a slow receiver: the difference names what got slower.

import assert from "node:assert/strict";
import { join } from "node:path";
import { convert, onTrace, setup, until } from "./harness.mjs";
import { replication } from "./traces.mjs";

const fast = replication();
const slow = replication({ slow: 2.5 });
const files = () => [fast.write(setup.out, "before.jsonl"), slow.write(setup.out, "after.jsonl")];

onTrace("the difference begins with what got slower", files, {}, async (p) => {
  await p.page.getByRole("button", { name: "Compare with another trace" }).click();
  await until("two timelines", () => p.page.locator(".timeline").count(), (n) => n === 2);
  await p.panel("Diff");
  const rows = await p.rows("Changes, slower first");
  const [name, change, , , by] = rows[0];
  assert.match(name, /^receive\n/, rows.map((row) => row.join(" ")).join("\n"));
  assert.equal(change, "slower");
  assert.match(by, /^\+/);
  await p.page.locator("#panel .cell-button").first().click();
  await p.said(/^Selected receive, 425 ms/); // and in the other one, too
  // Both move together.
  const before = await p.page.locator(".tracks").last().evaluate((el) => el.toDataURL());
  await p.page.locator(".overlay").first().focus();
  await p.key("w", "w", "d");
  await p.settled();
  assert.ok(before !== (await p.page.locator(".tracks").last().evaluate((el) => el.toDataURL())), "both move");
  assert.equal((await p.state()).get("with"), "1");
  await p.page.locator("#panel").getByRole("button", { name: "End the comparison" }).click();
  await until("one timeline", () => p.page.locator(".timeline").count(), (n) => n === 1);
});

const recorded = () => ["before", "after"].map((name) => join(setup.tracefmt, "diff", "testdata", `throttled-${name}.json.gz`));

onTrace("of two recorded replications, it begins with the slow receive", recorded, { hash: "with=1&panel=diff" }, async (p) => {
  const [[name, change]] = await p.rows("Changes, slower first");
  assert.match(name, /^zfs receive\nreplicate › datasets › worker › dataset › step$/);
  assert.equal(change, "slower");
  const line = convert("diff", ...recorded()).split("\n")[4];
  assert.match(line, / replicate;datasets;worker;dataset;step;zfs receive$/, "and so it does as text");
});
