// Without a pointer: all that can be used is reached, one sees where one is, and all of the work can be done.

import assert from "node:assert/strict";
import { onTrace, setup, until } from "./harness.mjs";
import { replication } from "./traces.mjs";

const files = () => [replication().write(setup.out, "keyboard-a.jsonl"), replication({ slow: 2 }).write(setup.out, "keyboard-b.jsonl")];

/** stop is about the element that has the focus, which is remembered as reached. */
function stop() {
  const el = document.activeElement;
  if (!el || el === document.body) return null;
  const again = window.reached?.has(el);
  (window.reached ??= new Set()).add(el);
  const look = () =>
    [el, el.parentElement].map((one) => {
      const { outlineStyle, outlineWidth, borderColor, backgroundColor, boxShadow } = getComputedStyle(one);
      const outline = outlineStyle !== "none" && parseFloat(outlineWidth) > 0; // one of no style has a width, too
      return [outline, borderColor, backgroundColor, boxShadow].join();
    });
  const focused = look().join("|");
  const { width, height } = el.getBoundingClientRect();
  el.blur();
  const plain = look().join("|");
  el.focus();
  return { again, name: el.outerHTML.slice(0, 120), seen: focused !== plain && width > 0 && height > 0 };
}

/** unreached are the things that can be used, are there to be seen, and weren't reached by Tab. Of groups that arrow keys walk in, one is enough. */
function unreached() {
  const groups = "[role=tablist], [role=tree], [role=menu]";
  return [...document.querySelectorAll("button, a[href], input, select, [tabindex]")]
    .filter((el) => el.checkVisibility() && !el.closest("[aria-hidden=true]") && !el.disabled && !window.reached.has(el))
    .filter((el) => ![...window.reached].some((other) => el.closest(groups) && other.closest(groups) === el.closest(groups)))
    .map((el) => el.outerHTML.slice(0, 120));
}

async function walk(p) {
  await p.page.evaluate(() => document.activeElement?.blur());
  const stops = [];
  for (let i = 0; i < 150; i++) {
    await p.key("Tab");
    const at = await p.page.evaluate(stop);
    if (at?.again) break;
    if (at) stops.push(at);
  }
  assert.deepEqual(stops.filter((at) => !at.seen).map((at) => at.name), [], "one sees where one is");
  assert.deepEqual(await p.page.evaluate(unreached), [], "all is reached");
  return stops;
}

for (const panel of ["details", "logs", "flame", "table", "tasks", "critical", "visible"])
  onTrace(`Tab reaches all, and one sees it: ${panel}`, files, { hash: `panel=${panel}` }, async (p) => {
    if (panel === "details" || panel === "critical") {
      await p.page.locator(".overlay").focus();
      await p.key("Enter");
      await p.said(/^Selected .* children/);
    }
    if (panel === "critical") {
      await p.key("c");
      await p.text("#panel h2", /By what it is\s+\S+/);
    }
    await p.settled();
    const stops = await walk(p);
    assert.ok(stops.length > 12, `${stops.length} stops`);
  });

onTrace("all of the work, by keys alone", files, {}, async (p) => {
  const focus = (selector) => p.page.evaluate((s) => document.activeElement.matches(s), selector);
  await p.key("/");
  await p.page.keyboard.type("dataset is busy");
  await p.text(".hits", /dataset is busy/);
  await p.settled();
  await p.key("Enter");
  await p.said(/^Selected .*failed/);
  await p.key("Escape");
  assert.ok(!(await focus("input")), "Escape leaves the field");
  // Through the hits by arrows, and back.
  await p.key("/");
  await p.page.keyboard.type("zfs hold");
  await until("six hits", () => p.page.locator(".hit-row").count(), (n) => n === 6);
  await p.key("ArrowDown", "ArrowDown", "ArrowDown");
  const hit = () => p.page.evaluate(() => [...document.querySelectorAll(".hit-row")].indexOf(document.activeElement));
  assert.equal(await hit(), 2);
  await p.key("Enter");
  await p.said(/^Selected zfs hold/);
  await p.key("ArrowUp", "ArrowUp", "ArrowUp");
  assert.ok(await focus(".search input"), "above the first hit is the field");
  await p.page.keyboard.press("Control+A");
  await p.page.keyboard.type("dataset is busy");
  await p.text(".hits", /dataset is busy/);
  await p.key("Enter"); // before the answer, or after it
  await p.said(/^Selected .*failed/);
  await p.key("Escape");
  await p.key("f");
  await p.key("2");
  await p.text("#panel .log-row", /exited 1/);
  await p.settled();
  // Into the lines, and back to a span.
  for (let i = 0; i < 60 && !(await focus("#panel .log-row")); i++) await p.key("Tab");
  await p.key("Enter");
  await p.settled();
  await p.said(/^Selected .* children/);
  // Tabs by arrows.
  for (let i = 0; i < 80 && !(await focus("[role=tab]")); i++) await p.key("Shift+Tab");
  await p.key("ArrowRight");
  assert.equal(await p.page.getByRole("tab", { selected: true }).innerText(), "Flame graph");
  // The tree of tracks: down, fold, unfold.
  for (let i = 0; i < 80 && !(await focus("[role=treeitem]")); i++) await p.key("Shift+Tab");
  await until("the first track has the focus", async () => {
    await p.key("ArrowUp");
    await until("the focus stays in the tree", () => focus("[role=treeitem]"));
    return p.page.evaluate(() => document.activeElement.innerText.startsWith("zferry\n"));
  });
  const expanded = () => p.page.evaluate(() => document.activeElement.ariaExpanded);
  assert.equal(await expanded(), "true");
  await p.key("ArrowLeft");
  await until("folded", expanded, (value) => value === "false");
  await p.key("ArrowRight");
  await until("unfolded", expanded, (value) => value === "true");
  // The menu.
  for (let i = 0; i < 80 && !(await focus("[aria-haspopup=menu]")); i++) await p.key("Shift+Tab");
  await p.key("Enter");
  await until("the first item has the focus", () => focus("[role=menuitem]"));
  await p.page.getByRole("menuitem", { name: "chrome", exact: true }).waitFor();
  await p.key("ArrowDown", "ArrowDown", "Escape");
  await until("closed", () => p.page.getByRole("menu").count(), (n) => n === 0);
  // Help, theme, clock, pins.
  await p.page.evaluate(() => document.activeElement?.blur());
  await p.key("?");
  await p.page.getByRole("heading", { name: "Keys" }).waitFor();
  await p.key("Escape");
  await until("help is closed", () => p.page.locator("dialog[open]").count(), (n) => n === 0);
  await until("the focus has left it", () => p.page.evaluate(() => !document.activeElement.closest("dialog")));
  await p.key("t");
  await until("dark", () => p.page.evaluate(() => document.documentElement.dataset.scheme), (scheme) => scheme === "dark");
  await p.key("p");
  await until("pinned", () => p.page.getByLabel("Pinned tracks").getByRole("listitem").count(), (n) => n === 1);
});
