// The picture of all tracks.

import { toX } from "../model/zoom.js";
import { drawCounter } from "./counters.js";
import { drawMarks } from "./marks.js";
import { type Band, type Scene } from "./scene.js";
import { SliceBatch } from "./slices.js";
import { clipped, type Target } from "./target.js";

export function drawTracks(t: Target, scene: Scene): void {
  t.fillStyle = scene.theme.background;
  t.fillRect(0, 0, scene.width, scene.height);
  for (const band of scene.bands) {
    const height = band.clipBottom - band.clipTop;
    if (height > 0) clipped(t, 0, band.clipTop, scene.width, height, () => drawBand(t, scene, band));
  }
  const [pinned, below] = scene.bands;
  if (below && pinned.laid.length) {
    t.fillStyle = scene.theme.strong;
    t.fillRect(0, below.clipTop - 2, scene.width, 2);
  }
}

function drawBand(t: Target, scene: Scene, band: Band): void {
  const { theme } = scene;
  const slices = new SliceBatch(scene);
  for (const laid of band.laid) {
    if (laid.track.type === "process") {
      t.fillStyle = theme.panel;
      t.fillRect(0, band.top + laid.y, scene.width, laid.height);
    }
  }
  drawGrid(t, scene, band);
  t.fillStyle = theme.line;
  for (const laid of band.laid) t.fillRect(0, band.top + laid.y + laid.height - 1, scene.width, 1);
  for (const laid of band.laid) {
    if (laid.track.type === "counter") drawCounter(t, scene, laid, band.top + laid.y);
    else slices.add(laid, band.top + laid.y, band);
  }
  slices.draw(t);
  for (const laid of band.laid) if (laid.track.marks > 0) drawMarks(t, scene, laid, band.top + laid.y);
}

function drawGrid(t: Target, scene: Scene, band: Band): void {
  const { theme, window: w, width, now } = scene;
  t.fillStyle = theme.grid;
  for (const tick of scene.axis.ticks) {
    if (tick.major) t.fillRect(Math.round(toX(w, width, tick.time)), band.clipTop, 1, band.clipBottom - band.clipTop);
  }
  // Before the first event and after the last there is nothing, which looks different from nothing having happened.
  t.fillStyle = theme.panel;
  const begin = toX(w, width, 0);
  const end = toX(w, width, now);
  if (begin > 0) t.fillRect(0, band.clipTop, begin, band.clipBottom - band.clipTop);
  if (end < width) t.fillRect(end, band.clipTop, width - end, band.clipBottom - band.clipTop);
}
