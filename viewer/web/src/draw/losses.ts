// Losses: a hatched band on the ruler, with the sum of what is missing where there is room for it, and a dashed line through all
// tracks. They are told by hatches and dashes, not by the colour alone.

import { add, type Gap, lost, type Sum } from "../model/losses.js";
import { clipped, type Target } from "./target.js";
import { smallFont, type Theme } from "./theme.js";

/** bandWidth is how wide a band is at least; reach is within how many pixels losses are one. */
const bandWidth = 7;
export const reach = bandWidth + 3;
const hatch = 4;
const dash = [3, 3];

/** bandOf is where the band of a gap is drawn: around its beginning, if it is short. */
export function bandOf({ x, right }: Gap): { x: number; width: number } {
  return { x: Math.round(x - bandWidth / 2), width: Math.max(bandWidth, Math.round(right - x) + bandWidth) };
}

/** drawLossBands draws what is on a ruler of some height. */
export function drawLossBands(t: Target, gaps: readonly Gap[], width: number, height: number, theme: Theme): void {
  if (!gaps.length) return;
  for (const gap of gaps) drawBand(t, gap, height, theme);
  t.font = smallFont;
  t.textAlign = "left";
  t.textBaseline = "middle";
  for (let i = 0; i < gaps.length;) i = drawSum(t, gaps, i, width, height, theme);
}

function drawBand(t: Target, gap: Gap, height: number, theme: Theme): void {
  const { x, width } = bandOf(gap);
  t.fillStyle = theme.errorSoft;
  t.fillRect(x, 0, width, height);
  clipped(t, x, 0, width, height, () => {
    t.strokeStyle = theme.error;
    t.lineWidth = 1.5;
    t.beginPath();
    for (let at = x - height; at < x + width; at += hatch) {
      t.moveTo(at, height);
      t.lineTo(at + height, 0);
    }
    t.stroke();
  });
  t.fillStyle = theme.error;
  t.fillRect(x, 0, 1, height);
  t.fillRect(x + width - 1, 0, 1, height);
}

/** drawSum writes beside a gap how much is missing there and at all those that the text covers, and returns the number of the next one. */
function drawSum(t: Target, gaps: readonly Gap[], first: number, width: number, height: number, theme: Theme): number {
  const band = bandOf(gaps[first]);
  const x = band.x + band.width + 2;
  let sum: Sum = gaps[first];
  let next = first + 1;
  let text = lost(sum);
  let room = t.measureText(text).width + 8;
  while (next < gaps.length && bandOf(gaps[next]).x < x + room + 2) {
    sum = add(sum, gaps[next++]);
    text = lost(sum);
    room = t.measureText(text).width + 8;
  }
  if (x + room > width) return next;
  t.fillStyle = theme.errorSoft;
  t.fillRect(x, 4, room, height - 10);
  t.fillStyle = theme.error;
  t.fillText(text, x + 4, height / 2 - 0.5);
  return next;
}

/** drawLossLines draws a line down all tracks where something is missing. */
export function drawLossLines(t: Target, gaps: readonly Gap[], height: number, theme: Theme): void {
  if (!gaps.length) return;
  t.save();
  t.strokeStyle = theme.error;
  t.lineWidth = 1;
  t.setLineDash(dash);
  t.beginPath();
  for (const { x, right } of gaps) {
    line(t, x, height);
    if (right - x > bandWidth) line(t, right, height);
  }
  t.stroke();
  t.restore();
}

function line(t: Target, at: number, height: number): void {
  const x = Math.round(at) + 0.5;
  t.moveTo(x, 0);
  t.lineTo(x, height);
}
