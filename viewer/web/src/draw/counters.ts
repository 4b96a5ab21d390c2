// Counters are stepped areas: a value holds until the next sample. Where a bucket has several, what lies between the least and the
// greatest of them is drawn darker.

import { type Piece } from "../model/cache.js";
import { short } from "../model/format.js";
import { type Laid } from "../model/tracks.js";
import { toX } from "../model/zoom.js";
import { type Scene } from "./scene.js";
import { type Target } from "./target.js";
import { smallFont } from "./theme.js";

const pad = 4;

interface Sample {
  x: number;
  min: number;
  max: number;
  last: number;
}

/** samplesOf returns the samples of a series that the window shows, the last one before it included. */
function samplesOf(scene: Scene, pieces: readonly Piece[], series: number): Sample[] {
  const { window: w, width } = scene;
  const list: Sample[] = [];
  let before = -Infinity;
  for (const {
    tile: { samples: s },
    to,
  } of pieces) {
    for (let i = 0; i < s.times.length; i++) {
      if (s.series[i] !== series || s.times[i] <= before || s.times[i] >= to) continue;
      before = s.times[i];
      if (before > w.start + w.span) return list;
      const sample = { x: toX(w, width, before), min: s.min[i], max: s.max[i], last: s.last[i] };
      if (before < w.start) list[0] = { ...sample, x: -1, min: sample.last, max: sample.last };
      else list.push(sample);
    }
  }
  return list;
}

/** scaleTop is a round number that is at least this large, so that the scale doesn't change with every move. */
export function scaleTop(most: number): number {
  if (!(most > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(most));
  return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].map((m) => m * power).find((top) => top >= most * 0.999999) ?? most;
}

export function drawCounter(t: Target, scene: Scene, laid: Laid, y: number): void {
  const pieces = scene.pieces(laid.track.id);
  const { theme } = scene;
  const all = (laid.track.series.length ? laid.track.series : [""]).map((_, i) => samplesOf(scene, pieces, i));
  const flat = all.flat();
  if (!flat.length) return;
  // Loops, since there may be more samples than a call has room for arguments.
  const least = flat.reduce((least, s) => Math.min(least, s.min), 0);
  const most = flat.reduce((most, s) => Math.max(most, s.max), 0);
  const bottom = least < 0 ? -scaleTop(-least) : 0;
  const top = scaleTop(most);
  const height = laid.height - 2 * pad;
  const toY = (v: number) => Math.round(y + pad + height * (1 - (v - bottom) / (top - bottom)));
  const end = Math.min(scene.width, toX(scene.window, scene.width, scene.now));
  all.forEach((samples, series) => {
    if (samples.length) drawSeries(t, samples, end, toY, theme.counter, series === 0 ? theme.counterLine : theme.flow, series === 0);
  });
  t.font = smallFont;
  t.textAlign = "left";
  t.textBaseline = "top";
  t.fillStyle = theme.background + "c0";
  t.fillRect(2, y + pad, t.measureText(short(top)).width + 6, 13);
  t.fillStyle = theme.dim;
  t.fillText(short(top), 5, y + pad + 1);
}

function drawSeries(
  t: Target,
  samples: readonly Sample[],
  end: number,
  toY: (v: number) => number,
  area: string,
  line: string,
  filled: boolean,
): void {
  const zero = toY(0);
  const rights = samples.map((_, i) => (i + 1 < samples.length ? samples[i + 1].x : Math.max(end, samples[i].x + 1)));
  if (filled) {
    t.fillStyle = area;
    samples.forEach((s, i) => {
      const y = toY(s.last);
      if (y !== zero) t.fillRect(s.x, Math.min(y, zero), rights[i] - s.x, Math.abs(zero - y));
    });
  }
  t.fillStyle = line;
  samples.forEach((s) => {
    if (s.max !== s.min) t.fillRect(Math.round(s.x), toY(s.max), 1, Math.max(1, toY(s.min) - toY(s.max)));
  });
  t.strokeStyle = line;
  t.lineWidth = 1;
  t.beginPath();
  samples.forEach((s, i) => {
    const y = toY(s.last) + 0.5;
    if (i === 0) t.moveTo(s.x, y);
    else t.lineTo(s.x, y);
    t.lineTo(rights[i], y);
  });
  t.stroke();
}
