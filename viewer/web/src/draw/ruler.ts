// The ruler with the time axis.

import { type Axis } from "../model/axis.js";
import { type Gap } from "../model/losses.js";
import { toX, type Window } from "../model/zoom.js";
import { drawLossBands } from "./losses.js";
import { type Target } from "./target.js";
import { smallFont, type Theme } from "./theme.js";

export interface Ruler {
  width: number;
  height: number;
  window: Window;
  axis: Axis;
  theme: Theme;
  range: { from: number; to: number } | null;
  losses: readonly Gap[];
  /** pointer is a label at the pointer's place. */
  pointer: { x: number; label: string; width: number } | null;
}

export function drawRuler(t: Target, r: Ruler): void {
  t.fillStyle = r.theme.panel;
  t.fillRect(0, 0, r.width, r.height);
  if (r.range) {
    const x = toX(r.window, r.width, r.range.from);
    t.fillStyle = r.theme.accent + "33";
    t.fillRect(x, 0, toX(r.window, r.width, r.range.to) - x, r.height);
  }
  t.font = smallFont;
  t.textAlign = "left";
  t.textBaseline = "middle";
  for (const tick of r.axis.ticks) {
    const x = Math.round(toX(r.window, r.width, tick.time));
    t.fillStyle = tick.major ? r.theme.strong : r.theme.line;
    t.fillRect(x, tick.major ? r.height - 10 : r.height - 5, 1, tick.major ? 10 : 5);
    // A label that would be cut off by the edge says something else than it should.
    if (!tick.major || x + 5 + t.measureText(tick.label).width > r.width) continue;
    t.fillStyle = r.theme.dim;
    t.fillText(tick.label, x + 5, r.height / 2 - 1);
  }
  t.fillStyle = r.theme.line;
  t.fillRect(0, r.height - 1, r.width, 1);
  drawLossBands(t, r.losses, r.width, r.height - 1, r.theme);
  if (r.axis.base) drawBase(t, r, r.axis.base);
  if (r.pointer) drawPointer(t, r, r.pointer);
}

/** drawBase writes at the left what the labels are to be added to. */
function drawBase(t: Target, r: Ruler, base: string): void {
  const width = t.measureText(base).width + 16;
  t.fillStyle = r.theme.panel;
  t.fillRect(0, 0, width + 6, r.height - 1);
  t.fillStyle = r.theme.soft;
  t.fillRect(3, 4, width, r.height - 9);
  t.fillStyle = r.theme.text;
  t.fillText(base, 11, r.height / 2);
}

function drawPointer(t: Target, r: Ruler, p: { x: number; label: string; width: number }): void {
  const width = p.width + 12;
  const x = Math.min(Math.max(0, p.x - width / 2), r.width - width);
  t.fillStyle = r.theme.text;
  t.fillRect(x, 3, width, r.height - 8);
  t.fillStyle = r.theme.background;
  t.fillText(p.label, x + 6, r.height / 2 - 1);
}
