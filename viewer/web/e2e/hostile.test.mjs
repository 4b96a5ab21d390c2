// A trace whose texts are markup, control characters and megabytes: all of it is text.

import assert from "node:assert/strict";
import { onTrace, setup, until } from "./harness.mjs";
import { hostile } from "./traces.mjs";

const name = `<img src=x onerror=alert(4)>"'.jsonl`;
const file = () => [hostile().write(setup.out, name)];

const panels = ["Details", "Logs", "Flame graph", "Table", "Open", "Critical path", "Diff", "In sight"];

/** made are elements that only markup of the trace could have made. */
function made() {
  return [...document.querySelectorAll("img, script:not([src]), style, iframe, [onerror]")].map((el) => el.outerHTML.slice(0, 100));
}

onTrace("markup in names and values is text", file, {}, async (p) => {
  const { page } = p;
  await p.text(".title", /<img src=x onerror=alert\(4\)>/);
  await page.locator(".name").first().hover();
  const box = await page.locator(".overlay").boundingBox();
  for (let y = 8; y < 300; y += 14) await page.mouse.move(box.x + box.width / 3, box.y + y);
  await p.panel("In sight");
  const rows = page.locator("#panel .cell-button");
  const count = await rows.count();
  assert.equal(count, 3);
  for (let i = 0; i < count; i++) {
    await p.panel("In sight");
    await rows.nth(i).click();
    await p.said(/^Selected .*<script>alert\(1\)<\/script>/);
    await p.key("c");
    for (const panel of panels) await p.panel(panel);
    await p.panel("Details");
    await p.text(".attrs", /<script>alert\(1\)/);
    for (const more of await page.locator("#panel .more").all()) await more.click();
    await p.settled();
  }
  await page.getByLabel("Search", { exact: true }).fill("alert(1)");
  await page.locator(".hit-row").first().click();
  await p.settled();
  await p.key("Escape");
  await page.getByRole("button", { name: "Open in, save" }).click();
  const [saved] = await Promise.all([page.waitForEvent("download"), page.getByRole("menuitem", { name: "Save a picture (SVG)" }).click()]);
  assert.match(saved.suggestedFilename(), /^[\w.-]+\.svg$/);
  const { readFileSync } = await import("node:fs");
  const svg = readFileSync(await saved.path(), "utf8");
  assert.ok(!/<(script|img|foreignObject)/i.test(svg), "the picture has no markup of the trace");
  assert.equal(await page.evaluate((text) => new DOMParser().parseFromString(text, "image/svg+xml").querySelectorAll("parsererror").length, svg), 0);
  assert.deepEqual(await page.evaluate(made), []);
  const shown = await page.evaluate(() => document.documentElement.outerHTML.length);
  assert.ok(shown < 400_000, `the page has ${shown} characters`);
  await until("a link of it stays short", () => page.evaluate(() => location.href.length), (n) => n < 2000);
});
