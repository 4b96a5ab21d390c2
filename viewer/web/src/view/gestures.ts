// What the pointer and the wheel do on the timeline. Dragging goes from where it began, not from event to event, so that nothing
// adds up.

import { range } from "../model/selection.js";
import { type Window, pan, toTime, zoom } from "../model/zoom.js";
import { type Session } from "./session.js";
import { type TimelineView } from "./timeline-view.js";

/** clickSlack is how many pixels a click may move. */
const clickSlack = 4;

type Drag =
  | { type: "pan"; x: number; y: number; window: Window; scroll: number; moved: boolean }
  | { type: "range"; x: number; y: number; moved: boolean }
  | { type: "pinch"; window: Window; middle: number; distance: number };

export interface GestureHost {
  view: TimelineView;
  session: Session;
  scrollTo(top: number): void;
  clicked(x: number, y: number): void;
}

export class Gestures {
  private pointers = new Map<number, { x: number; y: number }>();
  private drag: Drag | null = null;

  constructor(private host: GestureHost) {}

  get dragging(): boolean {
    return this.drag !== null && (this.drag.type === "pinch" || this.drag.moved);
  }

  down(id: number, x: number, y: number, selecting: boolean): void {
    const { session } = this.host;
    this.pointers.set(id, { x, y });
    const window = session.window.peek();
    if (this.pointers.size === 2) {
      const [a, b] = [...this.pointers.values()];
      this.drag = { type: "pinch", window, middle: (a.x + b.x) / 2, distance: Math.max(10, Math.abs(a.x - b.x)) };
    } else if (selecting) this.drag = { type: "range", x, y, moved: false };
    else this.drag = { type: "pan", x, y, window, scroll: session.scrollTop.peek(), moved: false };
  }

  move(id: number, x: number, y: number): void {
    const at = this.pointers.get(id);
    if (!at || !this.drag) return;
    this.pointers.set(id, { x, y });
    if (this.drag.type === "pinch") this.pinch(this.drag);
    else {
      this.drag.moved ||= Math.hypot(x - this.drag.x, y - this.drag.y) > clickSlack;
      if (this.drag.moved) this.dragTo(this.drag, x, y);
    }
  }

  private dragTo(drag: Exclude<Drag, { type: "pinch" }>, x: number, y: number): void {
    const { view, session } = this.host;
    if (drag.type === "range") {
      const w = session.window.peek();
      const a = toTime(w, view.width, drag.x);
      const b = toTime(w, view.width, x);
      view.drag = { from: Math.max(0, Math.min(a, b)), to: Math.max(0, a, b) };
      view.touch(false);
      return;
    }
    session.move(pan(drag.window, (drag.x - x) / view.width, session.limits.peek()));
    this.host.scrollTo(drag.scroll + drag.y - y);
  }

  private pinch(drag: Extract<Drag, { type: "pinch" }>): void {
    const { view, session } = this.host;
    const [a, b] = [...this.pointers.values()];
    if (!b) return;
    const middle = (a.x + b.x) / 2;
    const limits = session.limits.peek();
    const moved = pan(drag.window, (drag.middle - middle) / view.width, limits);
    session.move(zoom(moved, drag.distance / Math.max(10, Math.abs(a.x - b.x)), middle / view.width, limits));
  }

  /** up ends a drag; tracks are those which a range is of, none for all. */
  up(id: number, x: number, y: number, tracksBetween: (a: number, b: number) => number[]): void {
    const { view, session } = this.host;
    const drag = this.drag;
    this.pointers.delete(id);
    if (this.pointers.size) return;
    this.drag = null;
    if (!drag || drag.type === "pinch") return;
    if (!drag.moved) this.host.clicked(x, y);
    else if (drag.type === "range" && view.drag) {
      const least = (2 * session.window.peek().span) / view.width;
      session.selectRange(range(view.drag.from, view.drag.to, tracksBetween(drag.y, y), least));
    }
    view.drag = null;
    view.touch(false);
  }

  cancel(): void {
    this.pointers.clear();
    this.drag = null;
    this.host.view.drag = null;
    this.host.view.touch(false);
  }

  /** wheel zooms with Ctrl (a pinch on a touchpad comes as that, too), pans with Shift or sideways; it returns whether it did. */
  wheel(
    e: { deltaX: number; deltaY: number; deltaMode: number; ctrlKey: boolean; metaKey: boolean; shiftKey: boolean },
    x: number,
  ): boolean {
    const { view, session } = this.host;
    const unit = e.deltaMode === 1 ? 18 : e.deltaMode === 2 ? view.height : 1;
    const limits = session.limits.peek();
    const w = session.window.peek();
    if (e.ctrlKey || e.metaKey) {
      const turn = Math.max(-240, Math.min(240, e.deltaY * unit));
      session.move(zoom(w, Math.exp(turn * 0.0035), x / view.width, limits));
      return true;
    }
    const side = e.shiftKey ? e.deltaX || e.deltaY : Math.abs(e.deltaX) > Math.abs(e.deltaY) ? e.deltaX : 0;
    if (side) session.move(pan(w, (side * unit) / view.width, limits));
    return side !== 0;
  }
}

/** HeldKeys moves the window as long as keys are down: a tap is a step, holding it goes on, faster after a moment. */
export class HeldKeys {
  private held = new Map<string, number>();
  private last = 0;

  constructor(
    private session: () => Session | null,
    private fraction: () => number,
  ) {}

  private apply(command: string, amount: number): void {
    const session = this.session();
    if (!session) return;
    const w = session.window.peek();
    const limits = session.limits.peek();
    if (command === "zoom-in") session.move(zoom(w, Math.exp(-amount), this.fraction(), limits));
    if (command === "zoom-out") session.move(zoom(w, Math.exp(amount), this.fraction(), limits));
    if (command === "pan-left") session.move(pan(w, -amount * 0.5, limits));
    if (command === "pan-right") session.move(pan(w, amount * 0.5, limits));
  }

  press(command: string, time: number): void {
    if (this.held.has(command)) return;
    this.held.set(command, time);
    this.last = time;
    this.apply(command, 0.22);
  }

  release(command?: string): void {
    if (command) this.held.delete(command);
    else this.held.clear();
  }

  /** step is called in each frame. */
  step(time: number): boolean {
    if (!this.held.size) return false;
    const passed = Math.min(50, Math.max(0, time - this.last)) / 1000;
    this.last = time;
    for (const [command, since] of this.held) {
      const age = (time - since) / 1000;
      if (age > 0.15) this.apply(command, passed * Math.min(4.5, 2 + 2 * age));
    }
    return true;
  }
}
