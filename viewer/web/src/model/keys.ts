// What keys do, as a table that the help shows, too.

import { type Panel } from "./url.js";

export type Command =
  | "zoom-in"
  | "zoom-out"
  | "pan-left"
  | "pan-right"
  | "scroll-up"
  | "scroll-down"
  | "fit"
  | "whole"
  | "mark"
  | "search"
  | "next-hit"
  | "previous-hit"
  | "next-loss"
  | "previous-loss"
  | "help"
  | "escape"
  | "enter"
  | "parent"
  | "child"
  | "next"
  | "previous"
  | "pin"
  | "fold"
  | "follow"
  | "critical"
  | "active"
  | "theme"
  | "clock"
  | `panel-${Panel}`;

export interface Binding {
  /** keys are values of KeyboardEvent.key, in lower case where they are letters without shift. */
  keys: string[];
  command: Command;
  help: string;
  group: "Move" | "Select" | "Find" | "Show";
  /** held commands go on as long as the key is down. */
  held?: true;
}

export const bindings: Binding[] = [
  { keys: ["w"], command: "zoom-in", help: "zoom in", group: "Move", held: true },
  { keys: ["s"], command: "zoom-out", help: "zoom out", group: "Move", held: true },
  { keys: ["a"], command: "pan-left", help: "earlier", group: "Move", held: true },
  { keys: ["d"], command: "pan-right", help: "later", group: "Move", held: true },
  { keys: ["PageUp"], command: "scroll-up", help: "tracks above", group: "Move" },
  { keys: ["PageDown"], command: "scroll-down", help: "tracks below", group: "Move" },
  { keys: ["f"], command: "fit", help: "fit the selection, or all", group: "Move" },
  { keys: ["0", "Home"], command: "whole", help: "show all of the trace", group: "Move" },
  { keys: [" "], command: "follow", help: "live: follow or pause", group: "Move" },
  { keys: ["ArrowUp"], command: "parent", help: "parent", group: "Select" },
  { keys: ["ArrowDown"], command: "child", help: "first child", group: "Select" },
  { keys: ["ArrowLeft"], command: "previous", help: "slice before", group: "Select" },
  { keys: ["ArrowRight"], command: "next", help: "slice after", group: "Select" },
  { keys: ["Enter"], command: "enter", help: "select in the middle, or read the details", group: "Select" },
  { keys: ["m"], command: "mark", help: "select the time of the selection", group: "Select" },
  { keys: ["p"], command: "pin", help: "pin or unpin the track", group: "Select" },
  { keys: ["e"], command: "fold", help: "fold or unfold the track", group: "Select" },
  { keys: ["x"], command: "active", help: "only tracks with something in the window", group: "Select" },
  { keys: ["Escape"], command: "escape", help: "select nothing; leave a field", group: "Select" },
  { keys: ["/"], command: "search", help: "search", group: "Find" },
  { keys: ["n"], command: "next-hit", help: "next hit", group: "Find" },
  { keys: ["N"], command: "previous-hit", help: "hit before", group: "Find" },
  { keys: ["l"], command: "next-loss", help: "next place where something is missing", group: "Find" },
  { keys: ["L"], command: "previous-loss", help: "place before", group: "Find" },
  { keys: ["c"], command: "critical", help: "critical path of the selection, or of all; again: hide it", group: "Find" },
  { keys: ["1"], command: "panel-details", help: "details", group: "Show" },
  { keys: ["2"], command: "panel-logs", help: "logs", group: "Show" },
  { keys: ["3"], command: "panel-flame", help: "flame graph", group: "Show" },
  { keys: ["4"], command: "panel-table", help: "table of durations", group: "Show" },
  { keys: ["5"], command: "panel-tasks", help: "what is open", group: "Show" },
  { keys: ["6"], command: "panel-critical", help: "critical path", group: "Show" },
  { keys: ["7"], command: "panel-diff", help: "difference of two traces", group: "Show" },
  { keys: ["8"], command: "panel-visible", help: "what is visible, as a table", group: "Show" },
  { keys: ["k"], command: "clock", help: "wall clock or time since the beginning", group: "Show" },
  { keys: ["t"], command: "theme", help: "light or dark", group: "Show" },
  { keys: ["?"], command: "help", help: "this help", group: "Show" },
];

const byKey = new Map(bindings.flatMap((binding) => binding.keys.map((key) => [key, binding] as const)));

/** Key is what a KeyboardEvent has, as far as it matters here. */
export interface Key {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
}

/** bindingOf returns what a key does. With Ctrl, Alt or Meta it is the browser's. Letters that Caps Lock has made large are small ones. */
export function bindingOf(key: Key): Binding | undefined {
  if (key.ctrlKey || key.metaKey || key.altKey) return undefined;
  return byKey.get(key.key) ?? (/^[A-Z]$/.test(key.key) ? byKey.get(key.key.toLowerCase()) : undefined);
}

/** keyName is how help writes a key. */
export function keyName(key: string): string {
  const names: Record<string, string> = {
    " ": "Space",
    ArrowUp: "↑",
    ArrowDown: "↓",
    ArrowLeft: "←",
    ArrowRight: "→",
    Escape: "Esc",
    N: "Shift N",
    L: "Shift L",
  };
  return names[key] ?? (key.length === 1 ? key.toUpperCase() : key);
}
