// Which tracks of a trace are shown, and where: those that are folded or pinned, and those on which there is something.

import { computed, type ReadonlySignal, signal } from "@preact/signals";
import { type TrackTree } from "../model/tracks.js";
import { type Window } from "../model/zoom.js";

export class Shown {
  readonly collapsed = signal<ReadonlySet<number>>(new Set());
  readonly pinned = signal<readonly number[]>([]);
  /** onlyActive leaves out tracks on which nothing is in the window; active are the others. */
  readonly onlyActive = signal(false);
  private readonly active = signal<ReadonlySet<number> | null>(null);
  readonly layout = computed(() => (this.version.value, this.tree.layout(this.collapsed.value, this.active.value)));
  readonly pinnedLayout = computed(() => (this.version.value, this.tree.pinned(this.pinned.value, this.collapsed.value)));
  /** waiting are the tracks on which what is open waits for something that is open on others. */
  readonly waiting = computed(() => (this.version.value, this.tree.waiting()));

  /** version changes whenever the tree does. */
  constructor(
    private tree: TrackTree,
    private version: ReadonlySignal<number>,
  ) {}

  /** keepActive finds out which tracks are active in a window, and leaves all as it is if they are the same. It is an effect. */
  keepActive(w: Window): void {
    const before = this.active.peek();
    void this.version.value;
    const now = this.onlyActive.value ? this.tree.active(w.start, w.start + w.span) : null;
    if (now?.size === before?.size && (!now || [...now].every((id) => before!.has(id)))) return;
    this.active.value = now;
  }

  /** unfold opens all that hides a track. */
  unfold(track: number): void {
    const hidden = this.tree.ancestors(track).filter((id) => this.collapsed.peek().has(id));
    if (this.collapsed.peek().has(track)) hidden.push(track);
    if (hidden.length) this.collapsed.value = new Set([...this.collapsed.peek()].filter((id) => !hidden.includes(id)));
  }

  fold(track: number): void {
    const next = new Set(this.collapsed.peek());
    if (!next.delete(track)) next.add(track);
    this.collapsed.value = next;
  }

  foldAll(): void {
    const tops = [...this.tree.flat()]
      .filter(([track]) => track.type === "process" || this.tree.hasChildren(track.id))
      .map(([track]) => track.id);
    this.collapsed.value = this.collapsed.peek().size ? new Set() : new Set(tops);
  }

  pin(track: number): void {
    const now = this.pinned.peek();
    this.pinned.value = now.includes(track) ? now.filter((id) => id !== track) : [...now, track];
  }

  forget(): void {
    this.pinned.value = [];
    this.collapsed.value = new Set();
  }
}
