// Where records are missing in a trace: what the server knows of it, asked for when there is more, and how one goes from place to
// place. Of a trace without losses nothing is asked.

import { signal } from "@preact/signals";
import { type Client } from "../import/client.js";
import { type LogLine, type LossPlace, type TraceInfo } from "../import/protocol.js";
import { Losses } from "../model/losses.js";

/** wait is how many ms there are between two questions at least, while more and more is lost. */
const wait = 1000;

export class Losing {
  readonly all = signal<Losses | null>(null);
  /** at is the number of the place that is shown, -1 if none is. */
  private at = -1;
  private known = "";
  private timer: ReturnType<typeof setTimeout> | undefined;
  private controller = new AbortController();
  private going = new AbortController();
  private askedAt = -Infinity;

  /** show shows the line of a place; from is the time from which on the first one is looked for. */
  constructor(
    private client: Client,
    private show: (line: LogLine, place: LossPlace) => void,
    private from: () => number,
    private fail: (err: unknown) => void,
  ) {}

  /** hear takes in what is told of a trace. */
  hear({ session, lossMarks, losses }: TraceInfo): void {
    const now = JSON.stringify([session, lossMarks, losses]);
    if (now === this.known) return;
    this.known = now;
    if (!lossMarks) return this.forget(now);
    this.timer ??= setTimeout(() => void this.ask(), Math.max(0, this.askedAt + wait - performance.now()));
  }

  private async ask(): Promise<void> {
    this.timer = undefined;
    this.askedAt = performance.now();
    this.controller.abort();
    const { signal } = (this.controller = new AbortController());
    try {
      const { losses } = await this.client.losses(signal);
      if (!signal.aborted) this.all.value = losses.length ? new Losses(losses) : null;
    } catch (err) {
      if (signal.aborted) return;
      this.known = ""; // the next event has it asked again
      this.fail(err);
    }
  }

  /** forget drops what is known. */
  forget(known = ""): void {
    this.stop();
    this.known = known;
    this.at = -1;
    this.all.value = null;
  }

  /** next shows the next place, or the one before, and round again at the end. */
  next(forward: boolean): void {
    const all = this.all.peek();
    const n = all?.places.length ?? 0;
    if (!all || !n) return;
    const after = this.at >= 0 && this.at < n ? this.at + 1 : all.after(this.from());
    void this.go(forward ? after % n : (after + n - (this.at >= 0 ? 2 : 1)) % n);
  }

  /** go shows a place. */
  async go(at: number): Promise<void> {
    const place = this.all.peek()?.places[at];
    if (!place) return;
    this.at = at;
    this.going.abort();
    const { signal } = (this.going = new AbortController());
    try {
      const { lines } = await this.client.logs({ from: place.time, to: place.time + 1, track: [place.track], limit: 1000 }, signal);
      const losses = lines.filter((line) => line.type === "loss");
      const line = losses.find((one) => one.pos === place.pos) ?? losses[0];
      if (line && !signal.aborted) this.show(line, place);
    } catch (err) {
      if (!signal.aborted) this.fail(err);
    }
  }

  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.controller.abort();
    this.going.abort();
  }
}
