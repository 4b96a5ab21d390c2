// The width of text, without asking the canvas each time: characters are measured once, and summed up.

import { type Target } from "./target.js";

const ellipsis = "…";

export class Measure {
  private chars = new Map<string, number>();
  private widths = new Map<string, number>();

  constructor(
    private target: Pick<Target, "font" | "measureText">,
    readonly font: string,
  ) {}

  private char(c: string): number {
    let width = this.chars.get(c);
    if (width === undefined) {
      this.target.font = this.font;
      width = this.target.measureText(c).width;
      this.chars.set(c, width);
    }
    return width;
  }

  width(text: string): number {
    let width = this.widths.get(text);
    if (width === undefined) {
      width = 0;
      for (const c of text) width += this.char(c);
      if (this.widths.size > 20_000) this.widths.clear();
      this.widths.set(text, width);
    }
    return width;
  }

  /** clip shortens text to a width, with an ellipsis; "" if not even one character and that have room. */
  clip(text: string, room: number): string {
    if (this.width(text) <= room) return text;
    let used = this.char(ellipsis);
    let kept = "";
    for (const c of text) {
      used += this.char(c);
      if (used > room) break;
      kept += c;
    }
    return kept && kept.trimEnd() + ellipsis;
  }
}
