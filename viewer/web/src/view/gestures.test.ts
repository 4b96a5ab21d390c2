import { signal } from "@preact/signals";
import { beforeEach, describe, expect, it } from "vitest";
import { type Selection } from "../model/selection.js";
import { toTime, type Window } from "../model/zoom.js";
import { Gestures, HeldKeys } from "./gestures.js";
import { between, Glide } from "./glide.js";
import { type Session } from "./session.js";
import { type TimelineView } from "./timeline-view.js";

const limits = signal({ end: 1000 });
const window = signal<Window>({ start: 0, span: 1000 });
const seen: { selection: Selection | null; clicks: number[][]; scroll: number } = { selection: null, clicks: [], scroll: 0 };
const session = {
  window,
  limits,
  scrollTop: signal(40),
  move: (w: Window) => {
    window.value = w;
  },
  selectRange: (s: Selection) => {
    seen.selection = s;
  },
} as unknown as Session;
const view = { width: 1000, height: 500, drag: null, touch: () => {} } as unknown as TimelineView;
const gestures = new Gestures({
  view,
  session,
  scrollTo: (top) => {
    seen.scroll = top;
  },
  clicked: (x, y) => seen.clicks.push([x, y]),
});
const none = () => [];

beforeEach(() => {
  window.value = { start: 0, span: 1000 };
  Object.assign(seen, { selection: null, clicks: [], scroll: 0 });
  gestures.cancel();
});

describe("Gestures", () => {
  it("drags without drift: the time that was taken hold of stays below the pointer", () => {
    window.value = { start: 200, span: 300 };
    const held = toTime(window.value, 1000, 600);
    gestures.down(1, 600, 100, false);
    for (let i = 0; i < 1000; i++) gestures.move(1, 600 + Math.sin(i) * 300, 100 + i / 10);
    gestures.move(1, 333, 130);
    expect(toTime(window.value, 1000, 333)).toBeCloseTo(held, 9);
    expect(seen.scroll).toBe(40 - 30);
  });

  it("clicks, if it hardly moves", () => {
    gestures.down(1, 600, 100, false);
    gestures.move(1, 602, 101);
    gestures.up(1, 602, 101, none);
    expect(seen.clicks).toEqual([[602, 101]]);
    expect(window.value).toEqual({ start: 0, span: 1000 });
  });

  it("selects a range, in either direction", () => {
    gestures.down(1, 600, 100, true);
    gestures.move(1, 400, 160);
    gestures.up(1, 400, 160, (a, b) => [a, b]);
    expect(seen.selection).toEqual({ type: "range", from: 400, to: 600, tracks: [100, 160] });
    expect(view.drag).toBeNull();
  });

  it("pinches around the middle of two fingers", () => {
    gestures.down(1, 400, 0, false);
    gestures.down(2, 600, 0, false);
    gestures.move(1, 300, 0);
    gestures.move(2, 700, 0);
    expect(window.value).toEqual({ start: 250, span: 500 });
    gestures.up(1, 300, 0, none);
    gestures.up(2, 700, 0, none);
    expect(seen.clicks).toEqual([]);
  });

  it("wheels as hands know it", () => {
    const e = { deltaX: 0, deltaY: 0, deltaMode: 0, ctrlKey: false, metaKey: false, shiftKey: false };
    expect(gestures.wheel({ ...e, deltaY: 100 }, 500)).toBe(false); // the tracks scroll
    gestures.wheel({ ...e, deltaY: -100, ctrlKey: true }, 250);
    expect(window.value.span).toBeLessThan(1000);
    expect(toTime(window.value, 1000, 250)).toBeCloseTo(250);
    window.value = { start: 100, span: 100 };
    gestures.wheel({ ...e, deltaY: 100, shiftKey: true }, 0);
    gestures.wheel({ ...e, deltaX: 100 }, 0);
    expect(window.value).toEqual({ start: 120, span: 100 });
  });
});

it("HeldKeys makes a step at once, then goes on with time", () => {
  const held = new HeldKeys(
    () => session,
    () => 0.5,
  );
  held.press("zoom-in", 0);
  const first = window.value.span;
  expect(first).toBeCloseTo(1000 * Math.exp(-0.22));
  expect(held.step(100)).toBe(true);
  expect(window.value.span).toBe(first); // a tap is one step
  held.step(200);
  held.step(216);
  expect(window.value.span).toBeLessThan(first);
  held.release("zoom-in");
  expect(held.step(300)).toBe(false);
});

describe("Glide", () => {
  it("arrives exactly where it goes", () => {
    const w = signal<Window>({ start: 0, span: 1000 });
    const glide = new Glide(w, () => false);
    glide.to({ start: 123.456, span: 7 }, true);
    let last = 1000;
    let frames = 0;
    for (let time = 1; glide.step(time); time += 16) {
      expect(w.value.span).toBeLessThanOrEqual(last);
      last = w.value.span;
      frames++;
    }
    expect(w.value).toEqual({ start: 123.456, span: 7 });
    expect(frames).toBe(10);
  });

  it("jumps, for who wants no motion", () => {
    const w = signal<Window>({ start: 0, span: 1000 });
    const glide = new Glide(w, () => true);
    glide.to({ start: 5, span: 7 }, true);
    expect([w.value, glide.target]).toEqual([{ start: 5, span: 7 }, null]);
  });

  it("keeps what both windows have at the same place", () => {
    const a = { start: 0, span: 1000 };
    const b = { start: 450, span: 100 }; // both have 500 in the middle
    for (const part of [0, 0.3, 0.8, 1]) {
      const w = between(a, b, part);
      expect(w.start + w.span / 2).toBeCloseTo(500);
    }
    expect(between({ start: 0, span: 10 }, { start: 100, span: 10 }, 0.5)).toEqual({ start: 50, span: 10 });
  });
});
