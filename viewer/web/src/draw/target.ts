// What drawing needs of a canvas' context: the functions of this folder know no more of where they draw, so that a test can
// record it and a file can be made of it.

type Paint = CanvasRenderingContext2D["fillStyle"];

export interface Target {
  fillStyle: Paint;
  strokeStyle: Paint;
  lineWidth: number;
  font: string;
  textAlign: CanvasTextAlign;
  textBaseline: CanvasTextBaseline;
  save(): void;
  restore(): void;
  setLineDash(dash: number[]): void;
  fillRect(x: number, y: number, width: number, height: number): void;
  strokeRect(x: number, y: number, width: number, height: number): void;
  beginPath(): void;
  closePath(): void;
  moveTo(x: number, y: number): void;
  lineTo(x: number, y: number): void;
  bezierCurveTo(ax: number, ay: number, bx: number, by: number, x: number, y: number): void;
  arc(x: number, y: number, radius: number, from: number, to: number): void;
  rect(x: number, y: number, width: number, height: number): void;
  clip(): void;
  fill(): void;
  stroke(): void;
  fillText(text: string, x: number, y: number): void;
  measureText(text: string): { width: number };
}

/** clipped draws inside of a rectangle only. */
export function clipped(t: Target, x: number, y: number, width: number, height: number, draw: () => void): void {
  t.save();
  t.beginPath();
  t.rect(x, y, width, height);
  t.clip();
  draw();
  t.restore();
}
