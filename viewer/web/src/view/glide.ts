// A window that glides to another one, so that the eye can follow. Its length goes by equal factors in equal times.

import { type Signal } from "@preact/signals";
import { type Window } from "../model/zoom.js";

const duration = 160;

export class Glide {
  target: Window | null = null;
  private from: Window | null = null;
  private began = 0;

  constructor(
    private window: Signal<Window>,
    private calm = () => typeof matchMedia === "function" && matchMedia("(prefers-reduced-motion: reduce)").matches,
  ) {}

  to(target: Window, smooth: boolean): void {
    const from = this.window.peek();
    if (!smooth || this.calm() || (from.start === target.start && from.span === target.span)) {
      this.stop();
      this.window.value = target;
      return;
    }
    this.target = target;
    this.from = from;
    this.began = 0;
  }

  stop(): void {
    this.target = this.from = null;
  }

  /** step moves the window, and says whether it goes on. */
  step(time: number): boolean {
    if (!this.target || !this.from) return false;
    if (!this.began) this.began = time;
    const part = Math.min(1, (time - this.began) / duration);
    if (part === 1) {
      this.window.value = this.target;
      this.stop();
      return false;
    }
    this.window.value = between(this.from, this.target, 1 - (1 - part) ** 3);
    return true;
  }
}

/** between is a window on the way. The point that both windows have at the same fraction of their widths stays where it is. */
export function between(a: Window, b: Window, part: number): Window {
  const span = a.span * (b.span / a.span) ** part;
  const way = Math.abs(b.span - a.span) < 1e-9 * a.span ? part : (span - a.span) / (b.span - a.span);
  return { start: a.start + (b.start - a.start) * way, span };
}
