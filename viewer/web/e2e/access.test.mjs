// axe-core finds nothing in any panel, in light and dark.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { onTrace, setup, until } from "./harness.mjs";
import { replication } from "./traces.mjs";

const files = () => [replication().write(setup.out, "access-a.jsonl"), replication({ slow: 2 }).write(setup.out, "access-b.jsonl")];
const axe = readFileSync(join(setup.modules, "axe-core", "axe.min.js"), "utf8");

const panels = ["Details", "Logs", "Flame graph", "Table", "Open", "Critical path", "Diff", "In sight"];

async function check(p, where, only) {
  const { violations, passes } = await p.page.evaluate((options) => window.axe.run(document, options), only ? { runOnly: only } : {});
  const found = violations.map((v) => `${v.id}: ${v.help}: ${v.nodes.map((node) => node.html.slice(0, 150)).join(" ")}`);
  assert.deepEqual(found, [], where);
  assert.ok(passes.length > (only ? 0 : 10), `${passes.length} rules say something about ${where}`);
}

/** themes are with the rules that are checked: of the other theme, colours alone are different. */
const themes = { light: undefined, dark: ["color-contrast"] };

for (const [colorScheme, only] of Object.entries(themes))
  onTrace(`axe-core has no complaints, ${colorScheme}`, files, { colorScheme, hints: true }, async (p) => {
    await p.page.evaluate(axe);
    await check(p, "the first sight", only);
    await p.page.getByRole("button", { name: "Got it" }).click();
    await p.click("replicate", 0, 100e6);
    await p.said(/^Selected replicate, /); // and its details are there
    await p.key("c", "p");
    await p.text("#panel h2", /By what it is\s+\S+/);
    await p.page.getByRole("button", { name: "Compare with another trace" }).click();
    for (const name of panels) {
      await p.panel(name);
      await check(p, name, only);
    }
    await p.page.getByLabel("Search", { exact: true }).fill("zfs");
    await p.page.locator(".hit-row").first().waitFor();
    await check(p, "hits", only);
    await p.key("Escape", "Escape");
    await p.page.getByRole("button", { name: "Open in, save" }).click();
    await p.page.getByRole("menuitem", { name: "chrome", exact: true }).waitFor();
    await check(p, "the menu", only);
    await p.key("Escape");
    await p.page.getByRole("button", { name: "Help and keys (?)" }).click();
    await p.page.getByRole("heading", { name: "Keys" }).waitFor();
    await check(p, "help", only);
    // It would notice.
    await p.key("Escape");
    await until("help is closed", () => p.page.locator("dialog[open]").count(), (n) => n === 0);
    await p.page.evaluate((colour) => {
      const field = document.querySelector(".search input");
      for (const name of ["aria-label", "placeholder"]) field.removeAttribute(name);
      document.querySelector(".facts-line").style.color = colour;
    }, colorScheme === "light" ? "#bbbbbb" : "#333333");
    await assert.rejects(check(p, "what is spoiled", only), only ? /color-contrast/ : /label[^]*color-contrast|color-contrast[^]*label/);
  });
