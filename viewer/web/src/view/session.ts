// A session is one trace that is open: what is known of it, and what is looked at. Its signals are what the page and the canvas
// draw. Methods that ask the server put failures into problem.

import { batch, computed, effect, signal } from "@preact/signals";
import { type Client } from "../import/client.js";
import { type Critical, type Flow, type LogLine, mergeEvent, type Slice, type SliceRef, type TraceInfo } from "../import/protocol.js";
import { TileCache } from "../model/cache.js";
import { Kinds } from "../model/kinds.js";
import { TileLoader } from "../model/loader.js";
import { answered, asked, failed, noSearch, type Search, step } from "../model/search.js";
import { interval, none, type Selection } from "../model/selection.js";
import { TrackTree } from "../model/tracks.js";
import { clamp, fit, type Limits, reveal, whole, type Window } from "../model/zoom.js";
import { Glide } from "./glide.js";

const searchWait = 180;
const hitLimit = 500;
const settleWait = 120;
const longestUnsettled = 600;
/** hungAfter is from which age on an open slice of a live trace stands out, in ns. */
export const hungAfter = 10e9;

let sessions = 0;

export class Session {
  readonly id = ++sessions;
  readonly info = signal<TraceInfo | null>(null);
  readonly connected = signal(true);
  readonly problem = signal("");
  readonly tree = new TrackTree();
  readonly kinds = new Kinds();
  readonly cache = new TileCache();
  readonly loader: TileLoader;
  readonly tilesVersion = signal(0);
  readonly treeVersion = signal(0);
  readonly loading = signal(false);

  readonly window = signal<Window>({ start: 0, span: 1 });
  /** settled is the window once it has been still for a moment: what is asked of the server follows it, not each frame. */
  readonly settled = signal<Window>(this.window.peek());
  readonly glide = new Glide(this.window);
  readonly collapsed = signal<ReadonlySet<number>>(new Set());
  readonly pinned = signal<readonly number[]>([]);
  readonly selection = signal<Selection>(none);
  readonly detail = signal<Slice | null>(null);
  readonly flows = signal<readonly Flow[]>([]);
  readonly critical = signal<Critical | null>(null);
  readonly criticalBusy = signal(false);
  readonly search = signal<Search>(noSearch);
  readonly activeTrack = signal(0);
  readonly follow = signal(false);
  /** pointed is a time that another part of the page points at: a log line's. */
  readonly pointed = signal<number | null>(null);
  /** reveals is called with a track that is to be scrolled into sight. */
  onReveal: (track: number, row: number) => void = () => {};
  onSelect: () => void = () => {};

  /** onlyActive leaves out tracks on which nothing is in the window; active are the others. */
  readonly onlyActive = signal(false);
  private readonly active = signal<ReadonlySet<number> | null>(null);
  readonly layout = computed(() => (this.treeVersion.value, this.tree.layout(this.collapsed.value, this.active.value)));
  readonly pinnedLayout = computed(() => (this.treeVersion.value, this.tree.pinned(this.pinned.value, this.collapsed.value)));
  /** atLeast is how long the trace is taken for, if it is shown beside a longer one. */
  readonly atLeast = signal(0);
  readonly limits = computed<Limits>(() => ({
    end: Math.max(this.info.value?.end ?? 0, this.info.value?.now ?? 0, this.atLeast.value, 1),
  }));
  readonly isLive = computed(() => ["live", "paused", "reconnecting"].includes(this.info.value?.state ?? ""));

  private tracksGen = -1;
  /** epoch counts the traces that this one has been: answers about the one before are of no use. */
  private epoch = 0;
  private nowAt = { now: 0, at: 0 };
  private asking = { slice: new AbortController(), search: new AbortController(), tracks: false, kinds: false, again: false };
  private searchTimer: ReturnType<typeof setTimeout> | undefined;
  private stops: (() => void)[] = [];
  private placed = false;
  private settleTimer: ReturnType<typeof setTimeout> | undefined;
  private settledAt = 0;

  constructor(
    readonly client: Client,
    readonly request: () => void,
  ) {
    this.loader = new TileLoader(this.cache, {
      ask: (level, gen, tiles, signal) => client.tiles(level, gen, tiles, signal),
      gen: () => this.info.peek()?.gen ?? 0,
      changedAt: (track) => this.tree.changedAt(track),
      now: () => this.info.peek()?.now ?? 0,
      arrived: () => {
        this.tilesVersion.value++;
      },
      failed: (err) => this.fail(err),
    });
  }

  /** start asks what there is, and goes on listening until stop. A window that is given is shown, else all of the trace. */
  async start(window?: Window): Promise<void> {
    if (window) {
      this.window.value = window;
      this.placed = true;
    }
    try {
      this.take(await this.client.info());
    } catch (err) {
      this.fail(err);
      this.connected.value = false;
    }
    this.stops.push(
      this.client.events(
        (event) => {
          const info = this.info.peek();
          try {
            if (info) this.take(mergeEvent(info, event));
            else
              void this.client.info().then(
                (first) => this.take(first),
                (err) => this.fail(err),
              );
          } catch (err) {
            this.fail(err);
          }
        },
        (yes) => {
          this.connected.value = yes;
          if (yes && this.problem.peek()) this.problem.value = "";
        },
      ),
    );
    this.stops.push(
      effect(() => this.keepDetail()),
      effect(() => this.keepActive()),
      effect(() => this.settle()),
    );
  }

  stop(): void {
    for (const stop of this.stops.splice(0)) stop();
    this.loader.stop();
    this.asking.slice.abort();
    this.asking.search.abort();
  }

  fail(err: unknown): void {
    if (err instanceof DOMException && err.name === "AbortError") return;
    this.problem.value = err instanceof Error ? err.message : String(err);
  }

  private take(info: TraceInfo): void {
    const before = this.info.peek();
    batch(() => {
      if (before && (info.session !== before.session || info.gen < before.gen)) this.forget();
      this.nowAt = { now: info.now, at: performance.now() };
      this.info.value = info;
      const wasLoading = before?.state === "loading";
      if (wasLoading && info.state !== "loading") this.cache.clear(); // what came meanwhile may have been half of it
      if (!this.placed || (wasLoading && this.wasWhole(before))) this.place(info);
    });
    void this.refresh();
    this.request();
  }

  /** place shows all of the trace; of a live one, the last seconds, and follows it. */
  private place(info: TraceInfo): void {
    this.placed = info.end > 0;
    this.window.value = whole(this.limits.peek());
    if (info.state === "live") {
      this.follow.value = this.onlyActive.value = true;
      this.window.value = { start: info.now - 18e9, span: 20e9 }; // also of a process that has just begun
    }
  }

  private wasWhole(before: TraceInfo): boolean {
    const w = whole({ end: Math.max(before.end, before.now, 1) });
    const now = this.window.peek();
    return w.start === now.start && w.span === now.span;
  }

  /** forget drops what was known: another stream, or a server that counts from the beginning again, is another trace. */
  private forget(): void {
    this.epoch++;
    this.loader.stop();
    this.selectNothing();
    this.ask("");
    this.pinned.value = [];
    this.collapsed.value = new Set();
    this.placed = false;
    this.tree.clear();
    this.kinds.clear();
    this.cache.clear();
    this.tracksGen = -1;
  }

  /** refresh fetches tracks and kinds that have come. Only one is under way at a time. */
  private async refresh(): Promise<void> {
    const info = this.info.peek();
    if (!info || info.state === "loading") return; // before it is there, the server has nothing to tell of it
    if (this.asking.tracks) {
      this.asking.again = true;
      return;
    }
    this.asking.tracks = true;
    const { epoch } = this;
    try {
      for (let had = -1; this.kinds.length < info.kinds && this.kinds.length > had;) {
        had = this.kinds.length;
        const answer = await this.client.kinds(had);
        if (epoch !== this.epoch) break;
        this.kinds.add(answer.from, answer.names, answer.categories);
      }
      if (info.gen !== this.tracksGen || this.tree.size < info.tracks) {
        const answer = await this.client.tracks(this.tracksGen < 0 ? undefined : this.tracksGen);
        if (epoch === this.epoch) {
          this.tree.merge(answer.tracks, answer.gen);
          this.tracksGen = answer.gen;
        }
      }
      batch(() => {
        this.treeVersion.value++;
        this.tilesVersion.value++;
      });
    } catch (err) {
      this.fail(err);
    }
    this.asking.tracks = false;
    if (this.asking.again) {
      this.asking.again = false;
      void this.refresh();
    }
    this.request();
  }

  /** now is where open slices end: of a live trace it goes on between two events of the server, for a second at most. */
  now(): number {
    const { now, at } = this.nowAt;
    return this.info.peek()?.state === "live" ? now + Math.min(1000, performance.now() - at) * 1e6 : now;
  }

  go(to: Window, smooth = true): void {
    this.placed = true;
    this.glide.to(clamp(to, this.limits.peek()), smooth);
    this.request();
  }

  /** move is of the user's hand: it is immediate, and ends following if it goes back in time. */
  move(to: Window): void {
    this.placed = true;
    this.glide.stop();
    if (this.follow.peek() && to.start + to.span < this.now()) this.follow.value = false;
    this.window.value = clamp(to, this.limits.peek());
    this.request();
  }

  fitSelection(): void {
    const at = interval(this.selection.peek(), this.now());
    if (at) this.follow.value = false;
    this.go(at ? fit(at.from, at.to, this.limits.peek()) : whole(this.limits.peek()));
  }

  showWhole(): void {
    this.follow.value = false;
    this.go(whole(this.limits.peek()));
  }

  reveal(start: number, end: number): void {
    const to = reveal(this.glide.target ?? this.window.peek(), start, Math.min(end, Math.max(this.now(), start)), this.limits.peek());
    if (this.follow.peek() && to !== this.window.peek()) this.follow.value = false;
    this.go(to);
  }

  /** select asks for a slice and selects it; seen is what is known of it already, so that it is outlined at once. */
  async select(by: Parameters<Client["slice"]>[0], seen: SliceRef | null = null, bring = false): Promise<Slice | null> {
    this.asking.slice.abort();
    const controller = (this.asking.slice = new AbortController());
    batch(() => {
      if (seen) this.selection.value = { type: "slice", slice: seen, open: !Number.isFinite(seen.end) };
      this.detail.value = null;
      this.flows.value = [];
    });
    try {
      const slice = await this.client.slice(by, controller.signal);
      if (controller.signal.aborted) return null;
      batch(() => this.show(slice));
      if (bring) {
        this.unfold(slice.track);
        this.reveal(slice.start, slice.end);
        this.onReveal(slice.track, slice.row);
      }
      const flows = await this.client.flows(
        { from: 0, to: Math.max(this.limits.peek().end, slice.end), slice: slice.key },
        controller.signal,
      );
      this.flows.value = flows.flows;
      return slice;
    } catch (err) {
      if (!controller.signal.aborted) this.fail(err);
      return null;
    }
  }

  private show(slice: Slice): void {
    this.onSelect();
    const { key, track, pos, row, name, start, end, open } = slice;
    this.selection.value = { type: "slice", slice: { key, track, pos, row, name, start, end }, open };
    this.detail.value = slice;
    this.activeTrack.value = track;
    if (this.critical.peek() && !this.critical.peek()!.segments.some((s) => s.key === key)) this.critical.value = null;
  }

  /** keepDetail asks again for an open slice that is selected, while the trace changes. */
  private keepDetail(): void {
    const gen = this.info.value?.gen;
    const detail = this.detail.peek();
    if (!gen || !detail?.open || !this.isLive.peek()) return;
    const key = detail.key;
    this.client.slice({ key }).then(
      (slice) => {
        if (this.detail.peek()?.key === key) batch(() => this.show(slice));
      },
      (err) => this.fail(err),
    );
  }

  private settle(): void {
    const w = this.window.value;
    clearTimeout(this.settleTimer);
    this.settleTimer = setTimeout(
      () => {
        this.settledAt = performance.now();
        this.settled.value = w;
      },
      performance.now() - this.settledAt > longestUnsettled ? 0 : settleWait,
    );
  }

  /** keepActive finds out which tracks are active, and leaves all as it is if they are the same. */
  private keepActive(): void {
    const w = this.window.value;
    const before = this.active.peek();
    void this.treeVersion.value;
    const now = this.onlyActive.value ? this.tree.active(w.start, w.start + w.span) : null;
    if (now?.size === before?.size && (!now || [...now].every((id) => before!.has(id)))) return;
    this.active.value = now;
  }

  selectNothing(): void {
    this.asking.slice.abort();
    batch(() => {
      this.selection.value = none;
      this.detail.value = null;
      this.flows.value = [];
      this.critical.value = null;
    });
  }

  selectRange(selection: Selection): void {
    this.asking.slice.abort();
    batch(() => {
      this.selection.value = selection;
      this.detail.value = null;
      this.flows.value = [];
    });
  }

  /** goToLine shows a line of the log, and selects the slice that it belongs to. */
  goToLine(line: LogLine): void {
    this.unfold(line.track);
    if (line.slice?.key)
      void this.select({ key: line.slice.key }, line.slice).then(() => this.onReveal(line.slice!.track, line.slice!.row));
    else this.onReveal(line.track, 0);
    const w = this.window.peek();
    if (line.time < w.start || line.time > w.start + w.span) this.go({ start: line.time - w.span / 2, span: w.span });
    this.pointed.value = line.time;
  }

  async findCritical(): Promise<void> {
    const selection = this.selection.peek();
    if (selection.type !== "slice" || !selection.slice.key) return;
    this.criticalBusy.value = true;
    try {
      this.critical.value = await this.client.critical(selection.slice.key);
    } catch (err) {
      this.fail(err);
    }
    this.criticalBusy.value = false;
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

  /** ask searches, once nothing has been typed for a moment. */
  ask(query: string, regexp = this.search.peek().regexp): void {
    clearTimeout(this.searchTimer);
    this.asking.search.abort();
    this.search.value = asked(this.search.peek(), query, regexp);
    if (query === "") return;
    const controller = (this.asking.search = new AbortController());
    this.searchTimer = setTimeout(async () => {
      try {
        const answer = await this.client.search(query, { regexp: regexp ? 1 : undefined, limit: hitLimit }, controller.signal);
        this.search.value = answered(this.search.peek(), query, answer);
      } catch (err) {
        if (!controller.signal.aborted)
          this.search.value = failed(this.search.peek(), query, err instanceof Error ? err.message : String(err));
      }
    }, searchWait);
  }

  nextHit(forward: boolean): void {
    const w = this.window.peek();
    this.search.value = step(this.search.peek(), forward, w.start);
    this.showHit(this.search.peek().at);
  }

  showHit(at: number): void {
    const hit = this.search.peek().hits[at];
    if (!hit) return;
    this.search.value = { ...this.search.peek(), at };
    if (hit.key) void this.select({ key: hit.key }, hit, true);
    else {
      this.unfold(hit.track);
      this.reveal(hit.start, hit.end);
      this.onReveal(hit.track, 0);
    }
  }

  /** scope is what aggregates and ways out are of: the selection, or the window. */
  scope(): { from: number; to: number; tracks: readonly number[]; what: "slice" | "range" | "window" } {
    const selection = this.selection.value;
    const now = Math.max(this.limits.value.end, 1);
    const at = interval(selection, now);
    if (selection.type === "slice" && at) return { ...at, tracks: this.tree.within(selection.slice.track), what: "slice" };
    if (selection.type === "range" && at) return { ...at, tracks: selection.tracks, what: "range" };
    const w = this.settled.value;
    return { from: Math.max(0, w.start), to: Math.min(now, w.start + w.span), tracks: [], what: "window" };
  }
}
