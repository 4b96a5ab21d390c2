import { signal } from "@preact/signals";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type Window, whole } from "../model/zoom.js";
import { linked, main, other } from "./app-state.js";
import { linkWindows } from "./compare.js";
import { type Session } from "./session.js";

/** fake is as much of a session as linking needs: a trace of a length, shown whole. */
function fake(end: number): Session {
  const info = signal({ end });
  const window = signal<Window>(whole({ end }));
  return { info, window, atLeast: signal(0), limits: signal({ end }) } as unknown as Session;
}

let stop: () => void;
let a: Session;
let b: Session;

beforeEach(() => {
  linked.value = true;
  [a, b] = [fake(1000), fake(3000)];
  main.value = a;
  other.value = b;
  stop = linkWindows();
});

afterEach(() => {
  stop();
  main.value = other.value = null;
});

it("both are shown on the scale of the longer one", () => {
  expect([a.atLeast.value, b.atLeast.value]).toEqual([3000, 3000]);
  expect(a.window.value).toEqual(b.window.value);
});

it("who is moved takes the other along, both ways", () => {
  a.window.value = { start: 5, span: 7 };
  expect(b.window.value).toEqual({ start: 5, span: 7 });
  b.window.value = { start: 1, span: 2 };
  expect(a.window.value).toEqual({ start: 1, span: 2 });
});

it("no longer, when that isn't wanted, or the comparison has ended", () => {
  linked.value = false;
  a.window.value = { start: 5, span: 7 };
  expect(b.window.value).not.toEqual({ start: 5, span: 7 });
  linked.value = true;
  other.value = null;
  a.window.value = { start: 8, span: 9 };
  expect(b.window.value).not.toEqual({ start: 8, span: 9 });
  expect(a.atLeast.value).toBe(0);
});
