// A target that makes an SVG file of what is drawn. It knows what the functions of this folder use of a canvas.

import { type Target } from "./target.js";

interface State {
  fillStyle: Target["fillStyle"];
  strokeStyle: Target["strokeStyle"];
  lineWidth: number;
  font: string;
  textAlign: CanvasTextAlign;
  textBaseline: CanvasTextBaseline;
  dash: number[];
  /** groups is how many elements a clip has opened since save. */
  groups: number;
  shift: [number, number];
}

const escapes: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** escapeXml writes text so that it is text, and leaves out what XML 1.0 can't say. */
export function escapeXml(s: string): string {
  return s
    .toWellFormed()
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "\ufffd")
    .replace(/[&<>"]/g, (c) => escapes[c]);
}

const r = (n: number) => String(Math.round(n * 100) / 100);

export class SvgTarget implements Target {
  fillStyle: Target["fillStyle"] = "#000000";
  strokeStyle: Target["strokeStyle"] = "#000000";
  lineWidth = 1;
  font = "12px sans-serif";
  textAlign: CanvasTextAlign = "left";
  textBaseline: CanvasTextBaseline = "alphabetic";
  private dash: number[] = [];
  private groups = 0;
  private shift: [number, number] = [0, 0];
  private saved: State[] = [];
  private path = "";
  private clips = 0;
  private out: string[] = [];

  constructor(
    private width: number,
    private height: number,
    readonly measureText: (text: string) => { width: number },
  ) {}

  /** at moves what is drawn until restore. */
  at(x: number, y: number): void {
    this.shift = [this.shift[0] + x, this.shift[1] + y];
  }

  save(): void {
    const { fillStyle, strokeStyle, lineWidth, font, textAlign, textBaseline, dash, groups, shift } = this;
    this.saved.push({ fillStyle, strokeStyle, lineWidth, font, textAlign, textBaseline, dash, groups, shift });
    this.groups = 0;
  }

  restore(): void {
    const state = this.saved.pop();
    if (!state) return;
    for (let i = 0; i < this.groups; i++) this.out.push("</g>");
    Object.assign(this, state);
  }

  setLineDash(dash: number[]): void {
    this.dash = dash;
  }

  private x(x: number): string {
    return r(x + this.shift[0]);
  }
  private y(y: number): string {
    return r(y + this.shift[1]);
  }

  private box(x: number, y: number, width: number, height: number): string {
    return `x="${this.x(Math.min(x, x + width))}" y="${this.y(Math.min(y, y + height))}" width="${r(Math.abs(width))}" height="${r(Math.abs(height))}"`;
  }

  private stroked(): string {
    const dash = this.dash.length ? ` stroke-dasharray="${this.dash.map(r).join(" ")}"` : "";
    return `fill="none" stroke="${paint(this.strokeStyle)}" stroke-width="${r(this.lineWidth)}"${dash}`;
  }

  fillRect(x: number, y: number, width: number, height: number): void {
    this.out.push(`<rect ${this.box(x, y, width, height)} fill="${paint(this.fillStyle)}"/>`);
  }

  strokeRect(x: number, y: number, width: number, height: number): void {
    this.out.push(`<rect ${this.box(x, y, width, height)} ${this.stroked()}/>`);
  }

  beginPath(): void {
    this.path = "";
  }
  closePath(): void {
    this.path += "Z";
  }
  moveTo(x: number, y: number): void {
    this.path += `M${this.x(x)} ${this.y(y)}`;
  }
  lineTo(x: number, y: number): void {
    this.path += `L${this.x(x)} ${this.y(y)}`;
  }

  bezierCurveTo(ax: number, ay: number, bx: number, by: number, x: number, y: number): void {
    this.path += `C${this.x(ax)} ${this.y(ay)} ${this.x(bx)} ${this.y(by)} ${this.x(x)} ${this.y(y)}`;
  }

  /** arc draws whole circles, which are all that is needed. */
  arc(x: number, y: number, radius: number): void {
    const left = `${this.x(x - radius)} ${this.y(y)}`;
    const right = `${this.x(x + radius)} ${this.y(y)}`;
    const rr = `${r(radius)} ${r(radius)}`;
    this.path += `M${right}A${rr} 0 1 0 ${left}A${rr} 0 1 0 ${right}Z`;
  }

  rect(x: number, y: number, width: number, height: number): void {
    this.path += `M${this.x(x)} ${this.y(y)}h${r(width)}v${r(height)}h${r(-width)}Z`;
  }

  clip(): void {
    const id = `c${++this.clips}`;
    this.out.push(`<clipPath id="${id}"><path d="${this.path}"/></clipPath><g clip-path="url(#${id})">`);
    this.groups++;
  }

  fill(): void {
    if (this.path) this.out.push(`<path d="${this.path}" fill="${paint(this.fillStyle)}"/>`);
  }

  stroke(): void {
    if (this.path) this.out.push(`<path d="${this.path}" ${this.stroked()}/>`);
  }

  fillText(text: string, x: number, y: number): void {
    const size = parseFloat(this.font) || 12;
    const family = this.font.replace(/^[^ ]* /, "");
    const down = this.textBaseline === "middle" ? 0.35 : this.textBaseline === "top" ? 0.8 : this.textBaseline === "bottom" ? -0.2 : 0;
    const anchor = this.textAlign === "center" ? ` text-anchor="middle"` : this.textAlign === "right" ? ` text-anchor="end"` : "";
    this.out.push(
      `<text x="${this.x(x)}" y="${this.y(y + size * down)}" font-size="${size}" font-family="${escapeXml(family)}"${anchor} ` +
        `fill="${paint(this.fillStyle)}" xml:space="preserve">${escapeXml(text)}</text>`,
    );
  }

  /** file is all that was drawn. */
  file(): string {
    return (
      `<svg xmlns="http://www.w3.org/2000/svg" width="${this.width}" height="${this.height}" viewBox="0 0 ${this.width} ${this.height}">\n` +
      this.out.join("\n") +
      "\n</svg>\n"
    );
  }
}

const paint = (style: Target["fillStyle"]) => (typeof style === "string" ? escapeXml(style) : "none");
