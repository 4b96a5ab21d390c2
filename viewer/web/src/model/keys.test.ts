import { expect, it } from "vitest";
import { bindingOf, bindings, keyName } from "./keys.js";
import { panels } from "./url.js";

const key = (k: string, more = {}) => bindingOf({ key: k, ctrlKey: false, metaKey: false, altKey: false, ...more })?.command;

it("each key does one thing", () => {
  const keys = bindings.flatMap((b) => b.keys);
  expect(new Set(keys).size).toBe(keys.length);
  expect(new Set(bindings.map((b) => b.command)).size).toBe(bindings.length);
  for (const b of bindings) expect(b.help).toMatch(/^[a-z]/);
});

it("does what hands know from Perfetto", () => {
  expect(
    ["w", "a", "s", "d", "f", "m", "/", "?", "Escape", "Enter", "p", "ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight"].map((k) => key(k)),
  ).toEqual([
    "zoom-in",
    "pan-left",
    "zoom-out",
    "pan-right",
    "fit",
    "mark",
    "search",
    "help",
    "escape",
    "enter",
    "pin",
    "parent",
    "child",
    "previous",
    "next",
  ]);
});

it("tells n from N, and doesn't mind Caps Lock elsewhere", () => {
  expect([key("n"), key("N"), key("W"), key("F")]).toEqual(["next-hit", "previous-hit", "zoom-in", "fit"]);
});

it("leaves the browser its own keys", () => {
  for (const more of [{ ctrlKey: true }, { metaKey: true }, { altKey: true }])
    for (const k of ["f", "w", "s", "ArrowLeft"]) expect(key(k, more)).toBeUndefined();
  for (const k of ["Tab", "F5", "j", "Shift", "ü"]) expect(key(k)).toBeUndefined();
});

it("has a key for each panel", () => {
  expect(panels.map((_, i) => key(String(i + 1)))).toEqual(panels.map((p) => `panel-${p}`));
});

it("names keys", () => {
  expect(["w", " ", "ArrowUp", "N", "L", "Escape", "PageUp", "?"].map(keyName)).toEqual([
    "W",
    "Space",
    "↑",
    "Shift N",
    "Shift L",
    "Esc",
    "PageUp",
    "?",
  ]);
});
