// Rules of this folder that a reader can't be trusted to see.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

const root = new URL("..", import.meta.url).pathname;
const src = join(root, "src");
const sources = readdirSync(src, { recursive: true, encoding: "utf8" })
  .filter((name) => /\.(ts|tsx)$/.test(name) && name !== "rules.test.ts")
  .map((name) => ({ name, folder: name.includes("/") ? name.split("/")[0] : "", text: readFileSync(join(src, name), "utf8") }));

it("finds the sources", () => {
  expect(sources.length).toBeGreaterThan(40);
});

it("text of a trace never becomes markup or code", () => {
  for (const { name, text } of sources) {
    expect(text, name).not.toMatch(
      /innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment|srcdoc|\beval\(|new Function|setAttribute\(/,
    );
  }
});

it("arrows of imports point one way: import and model know no drawing, drawing knows no page, and none of them the DOM", () => {
  const allowed: Record<string, RegExp> = { import: /^\.\//, model: /^\.\/|^\.\.\/import\//, draw: /^\.\/|^\.\.\/(model|import)\// };
  for (const { name, folder, text } of sources) {
    if (!(folder in allowed) || name.endsWith(".test.ts")) continue;
    if (name === "model/colours.ts") expect(text).not.toMatch(/draw\//);
    for (const [, from] of text.matchAll(/from "([^"]+)"/g)) expect(from, name).toMatch(allowed[folder]);
    if (folder !== "import")
      expect(text, name).not.toMatch(/(?<![.\w])(document|window|navigator|localStorage|requestAnimationFrame|HTMLElement)(\(|\.[a-zA-Z])/);
  }
});

it("functions and files fit a screen or some", () => {
  for (const { name, text } of sources) expect(text.split("\n").length, name).toBeLessThan(500);
});

it("the page asks nothing of any other host, but Perfetto's when told to", () => {
  for (const { name, text } of sources) {
    if (name.endsWith(".test.ts")) continue;
    expect(
      [...text.matchAll(/https?:\/\/[^"'`\s)]+/g)]
        .map(([url]) => url)
        .filter((url) => url !== "https://ui.perfetto.dev" && url !== "http://www.w3.org/2000/svg"),
      name,
    ).toEqual([]);
  }
  const page = readFileSync(join(root, "index.html"), "utf8");
  expect(page).not.toMatch(/https?:|<style|style=|<script(?![^>]* src=)|\son\w+=/);
});

it("the lock file names no host, and holds everything by its sum", () => {
  const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as {
    packages: Record<string, { resolved?: string; integrity?: string }>;
  };
  for (const [name, one] of Object.entries(lock.packages)) {
    expect(one.resolved, name).toBeUndefined();
    if (name) expect(one.integrity, name).toMatch(/^sha512-/);
  }
});

it("at run time there is nothing but Preact and its signals", () => {
  const dependencies = (JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { dependencies: Record<string, string> })
    .dependencies;
  expect(Object.keys(dependencies)).toEqual(["@preact/signals", "preact"]);
});
