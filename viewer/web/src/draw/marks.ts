// Marks: log lines and instants, in a strip below the slices. Their shapes differ, not only their colours: lines of no weight are
// ticks, instants diamonds, warnings triangles, errors squares, anomalies large diamonds, and losses a dotted line across the track.

import { anomalyBit, lossBit } from "../import/tiles.js";
import { type Laid, markHeight, marksY } from "../model/tracks.js";
import { type Scene } from "./scene.js";
import { type Target } from "./target.js";

/** Weight is how much a mark matters: of those on one pixel the heaviest is drawn. */
export const enum Weight {
  Tick,
  Instant,
  Info,
  Warn,
  Anomaly,
  Error,
  Loss,
}

export function weigh(severity: number): Weight {
  if (severity & lossBit) return Weight.Loss;
  if (severity & anomalyBit) return Weight.Anomaly;
  const s = severity & 0xff;
  if (s >= 17) return Weight.Error;
  if (s >= 13) return Weight.Warn;
  return s >= 9 ? Weight.Info : s ? Weight.Tick : Weight.Instant;
}

/** heaviest returns, by weight, the pixels that marks are drawn at. */
export function heaviest(scene: Scene, track: number): number[][] {
  const { window: w, width } = scene;
  const at = new Map<number, Weight>();
  for (const {
    tile: { marks },
    from,
    to,
  } of scene.pieces(track)) {
    for (let i = 0; i < marks.times.length; i++) {
      const time = marks.times[i];
      if (time < from || time >= to || time < w.start || time > w.start + w.span) continue;
      const x = Math.round(((time - w.start) / w.span) * width);
      const weight = weigh(marks.severities[i]);
      if (weight > (at.get(x) ?? -1)) at.set(x, weight);
    }
  }
  const lists: number[][] = Array.from({ length: 7 }, () => []);
  for (const [x, weight] of at) lists[weight].push(x);
  return lists;
}

export function drawMarks(t: Target, scene: Scene, laid: Laid, y: number): void {
  const lists = heaviest(scene, laid.track.id);
  const top = y + marksY(laid);
  const middle = top + markHeight / 2;
  const { theme } = scene;
  ticks(t, lists[Weight.Tick], theme.strong, top + 3, markHeight - 5);
  ticks(t, lists[Weight.Info], theme.dim, top + 2, markHeight - 4);
  shapes(t, lists[Weight.Instant], theme.accent, (x) => diamond(t, x, middle, 3.5));
  shapes(t, lists[Weight.Warn], theme.warn, (x) => triangle(t, x, top + 1, markHeight - 2));
  shapes(t, lists[Weight.Anomaly], theme.hit, (x) => diamond(t, x, middle, 5));
  shapes(t, lists[Weight.Error], theme.error, (x) => square(t, x, middle, 4));
  t.fillStyle = theme.error;
  for (const x of lists[Weight.Loss]) for (let dash = y + 1; dash < y + laid.height - 2; dash += 5) t.fillRect(x - 1, dash, 3, 3);
}

function ticks(t: Target, xs: readonly number[], colour: string, y: number, height: number): void {
  if (xs.length) t.fillStyle = colour;
  for (const x of xs) t.fillRect(x, y, 1, height);
}

function shapes(t: Target, xs: readonly number[], colour: string, shape: (x: number) => void): void {
  if (!xs.length) return;
  t.fillStyle = colour;
  t.beginPath();
  for (const x of xs) shape(x + 0.5);
  t.fill();
}

function diamond(t: Target, x: number, y: number, r: number): void {
  t.moveTo(x, y - r);
  t.lineTo(x + r, y);
  t.lineTo(x, y + r);
  t.lineTo(x - r, y);
  t.closePath();
}

function square(t: Target, x: number, y: number, r: number): void {
  t.rect(x - r, y - r, 2 * r, 2 * r);
}

function triangle(t: Target, x: number, y: number, height: number): void {
  t.moveTo(x, y);
  t.lineTo(x + height * 0.6, y + height);
  t.lineTo(x - height * 0.6, y + height);
  t.closePath();
}
