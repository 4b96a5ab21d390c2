// The names of the tracks, for pictures in files: on the page they are elements.

import { cut } from "../model/format.js";
import { type Measure } from "./text.js";
import { type Band, type Scene } from "./scene.js";
import { clipped, type Target } from "./target.js";
import { nameFont } from "./theme.js";

export const indentWidth = 12;

export function drawNames(t: Target, scene: Pick<Scene, "theme" | "bands" | "height">, width: number, measure: Measure): void {
  t.fillStyle = scene.theme.panel;
  t.fillRect(0, 0, width, scene.height);
  for (const band of scene.bands) {
    if (band.clipBottom > band.clipTop)
      clipped(t, 0, band.clipTop, width, band.clipBottom - band.clipTop, () => drawBandNames(t, scene.theme, band, width, measure));
  }
}

function drawBandNames(t: Target, theme: Scene["theme"], band: Band, width: number, measure: Measure): void {
  t.font = nameFont;
  t.textAlign = "left";
  t.textBaseline = "middle";
  for (const laid of band.laid) {
    const y = band.top + laid.y;
    const x = 12 + indentWidth * laid.indent;
    t.fillStyle = theme.line;
    t.fillRect(0, y + laid.height - 1, width, 1);
    t.fillStyle = laid.track.type === "process" ? theme.text : theme.dim;
    const name = cut(laid.track.name || laid.track.source, 240);
    t.fillText(measure.clip(laid.also ? `${name} ${laid.also}` : name, width - x - 8), x, y + 14);
  }
}
