// The minimap: how busy the whole trace is, where something failed, where the hits of a search are, and the window.

import { type Window } from "../model/zoom.js";
import { type Target } from "./target.js";
import { type Theme } from "./theme.js";

export interface Minimap {
  width: number;
  height: number;
  end: number;
  window: Window;
  theme: Theme;
  /** busy has how much is going on, 0 to 1, in equal parts of the trace; failed those parts in which something failed. */
  busy: ArrayLike<number>;
  failed: ArrayLike<number>;
  hits: readonly number[];
  range: { from: number; to: number } | null;
}

/** least is how wide the window is drawn at least: it must be found, and be dragged. */
const least = 6;

/** minimapWindow is where the window is drawn, in pixels. */
export function minimapWindow(width: number, end: number, w: Window): { x: number; width: number } {
  const scale = width / Math.max(end, 1);
  const x = Math.max(0, w.start * scale);
  const right = Math.min(width, (w.start + w.span) * scale);
  return right - x >= least ? { x, width: right - x } : { x: Math.min(Math.max(0, (x + right - least) / 2), width - least), width: least };
}

export function drawMinimap(t: Target, m: Minimap): void {
  const { theme, width, height } = m;
  const n = m.busy.length;
  const body = height - 6;
  t.fillStyle = theme.panel;
  t.fillRect(0, 0, width, height);
  t.fillStyle = theme.counter;
  for (let i = 0; i < n; i++) {
    const x = Math.floor((i * width) / n);
    const h = m.busy[i] > 0 ? Math.max(1.5, Math.sqrt(m.busy[i]) * (body - 3)) : 0;
    if (h) t.fillRect(x, body - h, Math.ceil(((i + 1) * width) / n) - x, h);
  }
  t.fillStyle = theme.error;
  for (let i = 0; i < n; i++) if (m.failed[i]) t.fillRect(Math.floor((i * width) / n), body + 1, Math.max(2, width / n), 3);
  drawHits(t, m, body);
  drawFrame(t, m);
}

function drawHits(t: Target, m: Minimap, body: number): void {
  const most = Math.max(...m.hits, 0);
  const n = m.hits.length;
  if (!most) return;
  t.fillStyle = m.theme.hit;
  m.hits.forEach((hits, i) => {
    if (!hits) return;
    const h = 3 + (hits / most) * (body - 6);
    t.fillRect(Math.floor((i * m.width) / n), body - h, 2, h);
  });
}

function drawFrame(t: Target, m: Minimap): void {
  const { theme, height } = m;
  const frame = minimapWindow(m.width, m.end, m.window);
  const right = frame.x + frame.width;
  if (m.range) {
    const scale = m.width / Math.max(m.end, 1);
    t.fillStyle = theme.accent + "40";
    t.fillRect(m.range.from * scale, 0, Math.max(1, (m.range.to - m.range.from) * scale), height);
  }
  t.fillStyle = theme.shade + (theme.scheme === "light" ? "1c" : "85");
  t.fillRect(0, 0, frame.x, height);
  t.fillRect(right, 0, m.width - right, height);
  t.fillStyle = theme.accent;
  t.fillRect(frame.x, 0, frame.width, 2);
  t.fillRect(frame.x, 0, 1, height - 1);
  t.fillRect(right - 1, 0, 1, height - 1);
  t.fillStyle = theme.line;
  t.fillRect(0, height - 1, m.width, 1);
}
