// The critical path of the selected slice; and of a file that is opened, that of the slice that most of it is about, so that
// one sees where its time went before one knows any key.

import { signal } from "@preact/signals";
import { type Client } from "../import/client.js";
import { type Critical, type Slice, type SliceRef } from "../import/protocol.js";

/** Host is what a path is shown in. */
export interface Host {
  client: Client;
  /** selected is the slice whose path is asked for, once all is known of it. */
  selected(): Promise<Slice | null>;
  select(slice: SliceRef): Promise<Slice | null>;
  fail(err: unknown): void;
}

export class Paths {
  readonly path = signal<Critical | null>(null);
  readonly busy = signal(false);
  /** of is the slice that the path is of. */
  readonly of = signal<SliceRef | null>(null);
  /** hidden says that one was shown, and isn't any more. */
  readonly hidden = signal(false);
  private asking = new AbortController();

  constructor(private host: Host) {}

  /** find finds the critical path of the selected slice, unless something else is selected meanwhile. */
  async find(): Promise<void> {
    this.asking.abort();
    const controller = (this.asking = new AbortController());
    const { signal } = controller;
    this.busy.value = true;
    try {
      const slice = await this.host.selected();
      const path = slice && !signal.aborted ? await this.host.client.critical(slice.key, signal) : null;
      if (path && !signal.aborted) {
        this.of.value = slice;
        this.path.value = path;
        this.hidden.value = false;
      }
    } catch (err) {
      if (!signal.aborted) this.host.fail(err);
    }
    if (this.asking === controller) this.busy.value = false;
  }

  /** root is the slice that most of the trace is about; null if there is none. large says that its path takes long to find. */
  async root(signal?: AbortSignal): Promise<{ slice: SliceRef; large: boolean } | null> {
    const { slice, large } = await this.host.client.root(signal);
    return slice && { slice, large };
  }

  /** findOf selects a slice, and finds its path. */
  async findOf(slice: SliceRef): Promise<void> {
    void this.host.select(slice);
    await this.find();
  }

  /** findRoot selects the slice that most of the trace is about, if there is one, and finds its path. */
  async findRoot(): Promise<void> {
    try {
      const root = await this.root();
      if (root) await this.findOf(root.slice);
    } catch (err) {
      this.host.fail(err);
    }
  }

  /** keep forgets the path, unless a slice is on it. */
  keep(key: string): void {
    if (this.path.peek() && !this.path.peek()!.segments.some((segment) => segment.key === key)) this.hide();
  }

  /** stop ends what is asked for. */
  stop(): void {
    this.asking.abort();
  }

  hide(): void {
    this.stop();
    if (this.path.peek()) this.hidden.value = true;
    this.path.value = this.of.value = null;
  }
}
