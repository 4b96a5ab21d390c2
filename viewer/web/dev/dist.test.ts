// What is embedded is what the sources make: the same bytes, always.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));

function read(folder: string): Map<string, string> {
  const names = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const files = names.map((entry) => join(entry.parentPath, entry.name));
  return new Map(files.sort().map((file) => [file.slice(folder.length), readFileSync(file, "utf8")]));
}

it("dist is up to date: otherwise run npm run build, and commit it", { timeout: 60_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), "dist-"));
  try {
    // A process of its own: what tests have in their environment would be built in.
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(NODE_ENV|VITE|VITEST.*|TEST)$/.test(name)));
    const vite = join(root, "node_modules/vite/bin/vite.js");
    execFileSync(process.execPath, [vite, "build", "--outDir", folder, "--emptyOutDir", "--logLevel", "error"], { cwd: root, env });
    expect([...read(join(root, "dist")).keys()]).toEqual([...read(folder).keys()]);
    for (const [name, text] of read(folder)) expect(read(join(root, "dist")).get(name) === text, name).toBe(true);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

it("the page needs nothing that a strict policy refuses", () => {
  const files = read(join(root, "dist"));
  const page = files.get("/index.html")!;
  expect(page).toMatch(/<script type="module" crossorigin src="\.\/assets\/index-[\w-]+\.js"><\/script>/);
  expect(page).not.toMatch(/<style|style=|<script(?![^>]* src=)|\son\w+=|https?:/);
  for (const [name, text] of files) if (name.endsWith(".js")) expect(text, name).not.toMatch(/\beval\(|new Function\(|import\(/);
});
