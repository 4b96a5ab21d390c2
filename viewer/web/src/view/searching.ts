// A search in a trace: it is asked once nothing has been typed for a moment, and gone through hit by hit.

import { signal } from "@preact/signals";
import { type Client } from "../import/client.js";
import { type Hit } from "../import/protocol.js";
import { answered, asked, failed, noSearch, type Search, step } from "../model/search.js";

const wait = 180;
const most = 500;

export class Searching {
  readonly state = signal<Search>(noSearch);
  private controller = new AbortController();
  private timer: ReturnType<typeof setTimeout> | undefined;
  /** wanted is the direction in which a hit is wanted, as soon as there are hits. */
  private wanted: boolean | null = null;

  /** show shows a hit; from is the time from which on the first one is looked for. */
  constructor(
    private client: Client,
    private show: (hit: Hit) => void,
    private from: () => number,
  ) {}

  ask(query: string, regexp = this.state.peek().regexp): void {
    this.stop();
    this.wanted = null;
    this.state.value = asked(this.state.peek(), query, regexp);
    if (query === "") return;
    const { signal } = (this.controller = new AbortController());
    this.timer = setTimeout(() => void this.send(query, regexp, signal), wait);
  }

  private async send(query: string, regexp: boolean, signal: AbortSignal): Promise<void> {
    try {
      const answer = await this.client.search(query, { regexp: regexp ? 1 : undefined, limit: most }, signal);
      this.state.value = answered(this.state.peek(), query, answer);
      if (this.wanted !== null) this.next(this.wanted);
    } catch (err) {
      if (!signal.aborted) this.state.value = failed(this.state.peek(), query, err instanceof Error ? err.message : String(err));
    }
  }

  /** next shows the next hit, or the one before; while there is no answer yet, as soon as there is. */
  next(forward: boolean): void {
    this.wanted = this.state.peek().busy ? forward : null;
    if (this.wanted !== null) return;
    this.state.value = step(this.state.peek(), forward, this.from());
    this.go(this.state.peek().at);
  }

  go(at: number): void {
    const hit = this.state.peek().hits[at];
    if (!hit) return;
    this.state.value = { ...this.state.peek(), at };
    this.show(hit);
  }

  stop(): void {
    clearTimeout(this.timer);
    this.controller.abort();
  }
}
