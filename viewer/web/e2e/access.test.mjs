// axe-core finds nothing in any panel, in light and dark.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { onTrace, setup } from "./harness.mjs";
import { replication } from "./traces.mjs";

const files = () => [replication().write(setup.out, "access-a.jsonl"), replication({ slow: 2 }).write(setup.out, "access-b.jsonl")];
const axe = readFileSync(join(setup.modules, "axe-core", "axe.min.js"), "utf8");

const panels = ["Details", "Logs", "Flame graph", "Table", "Open", "Critical path", "Diff", "In sight"];

async function check(p, where) {
  const { violations, passes } = await p.page.evaluate(() => window.axe.run(document));
  const found = violations.map((v) => `${v.id}: ${v.help}: ${v.nodes.map((node) => node.html.slice(0, 150)).join(" ")}`);
  assert.deepEqual(found, [], where);
  assert.ok(passes.length > 10, `${passes.length} rules say something about ${where}`);
}

for (const colorScheme of ["light", "dark"])
  onTrace(`axe-core has no complaints, ${colorScheme}`, files, { colorScheme, hints: true }, async (p) => {
    await p.page.evaluate(axe);
    await check(p, "the first sight");
    await p.page.getByRole("button", { name: "Got it" }).click();
    await p.click("replicate", 0, 100e6);
    await p.said(/^Selected replicate/);
    await p.key("c", "p");
    await p.page.getByRole("button", { name: "Compare with another trace" }).click();
    for (const name of panels) {
      await p.panel(name);
      await check(p, name);
    }
    await p.page.getByLabel("Search", { exact: true }).fill("zfs");
    await p.page.locator(".hit-row").first().waitFor();
    await check(p, "hits");
    await p.key("Escape", "Escape");
    await p.page.getByRole("button", { name: "Open in, save" }).click();
    await p.page.getByRole("menuitem", { name: "chrome", exact: true }).waitFor();
    await check(p, "the menu");
    await p.key("Escape");
    await p.page.getByRole("button", { name: "Help and keys (?)" }).click();
    await check(p, "help");
    // It would notice.
    await p.key("Escape");
    await p.page.evaluate(() => document.querySelector(".search input").removeAttribute("aria-label"));
    await p.page.evaluate(() => document.querySelector(".search input").removeAttribute("placeholder"));
    await assert.rejects(check(p, "a field without a name"), /label/);
  });
