// The boxes of a flame graph, the root on top.

import { colourOf, coverSteps } from "../model/colours.js";
import { cut } from "../model/format.js";
import { type Box, type Flame } from "../model/flame.js";
import { type Measure } from "./text.js";
import { type Target } from "./target.js";
import { sliceFont, type Theme } from "./theme.js";

export const flameRow = 20;

export function drawFlame(
  t: Target,
  flame: Flame,
  width: number,
  height: number,
  top: number,
  theme: Theme,
  measure: Measure,
  hover: Box | undefined,
): void {
  t.fillStyle = theme.background;
  t.fillRect(0, 0, width, height);
  const seen = flame.boxes.filter((box) => (box.depth + 1) * flameRow > top && box.depth * flameRow < top + height);
  for (const box of seen) {
    const x = Math.round(box.x * width);
    const w = Math.max(1, Math.round((box.x + box.width) * width) - x - 1);
    t.fillStyle = theme.covers[colourOf(box.row.name) * coverSteps + coverSteps - 1];
    t.fillRect(x, box.depth * flameRow - top, w, flameRow - 1);
    if (box.row.failed) {
      t.fillStyle = theme.error;
      t.fillRect(x, (box.depth + 1) * flameRow - top - 4, w, 3);
    }
  }
  t.font = sliceFont;
  t.textAlign = "left";
  t.textBaseline = "middle";
  t.fillStyle = theme.sliceText;
  for (const box of seen) {
    const room = box.width * width - 11;
    const text = room > 14 ? measure.clip(cut(box.row.name, 240), room) : "";
    if (text) t.fillText(text, box.x * width + 5, box.depth * flameRow - top + flameRow / 2);
  }
  if (!hover) return;
  t.strokeStyle = theme.text;
  t.lineWidth = 1.5;
  t.strokeRect(hover.x * width + 0.5, hover.depth * flameRow - top + 0.5, Math.max(2, hover.width * width - 2), flameRow - 2);
}
