// The scheduler of drawing: at most one frame is asked for, in it all changes of state come first, then drawing; and how long it took.

export interface FrameClock {
  request(callback: (time: number) => void): void;
  now(): number;
}

/** FrameTimes keeps the last 600 of each. */
export class FrameTimes {
  draws: number[] = [];
  gaps: number[] = [];

  add(list: number[], ms: number): void {
    list.push(ms);
    if (list.length > 600) list.shift();
  }

  static percentile(list: readonly number[], p: number): number {
    if (list.length === 0) return 0;
    const sorted = [...list].sort((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.ceil((p / 100) * sorted.length) - 1)];
  }
}

export class Scheduler {
  readonly times = new FrameTimes();
  private asked = false;
  private last = 0;
  private steps: ((time: number) => boolean)[] = [];
  private draws: (() => void)[] = [];

  constructor(private clock: FrameClock) {}

  /** onStep is called at the beginning of each frame; while one returns true there is another frame. */
  onStep(step: (time: number) => boolean): () => void {
    return add(this.steps, step);
  }

  /** onDraw is called in each frame, after the steps. It is up to the callee to see that nothing has changed. */
  onDraw(draw: () => void): () => void {
    return add(this.draws, draw);
  }

  request(): void {
    if (this.asked) return;
    this.asked = true;
    this.clock.request((time) => this.frame(time));
  }

  private frame(time: number): void {
    this.asked = false;
    const before = this.clock.now();
    let again = false;
    for (const step of [...this.steps]) again = step(time) || again;
    for (const draw of [...this.draws]) draw();
    this.times.add(this.times.draws, this.clock.now() - before);
    if (this.last) this.times.add(this.times.gaps, time - this.last);
    this.last = again ? time : 0; // a gap is one between frames that follow each other
    if (again) this.request();
  }
}

function add<T>(list: T[], item: T): () => void {
  list.push(item);
  return () => {
    const at = list.indexOf(item);
    if (at >= 0) list.splice(at, 1); // else it is gone already, and another one would go
  };
}
