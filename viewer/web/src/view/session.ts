// A session is one trace that is open: what is known of it, and what is looked at. Its signals are what the page and the canvas
// draw. Methods that ask the server put failures into problem.

import { batch, computed, effect, signal } from "@preact/signals";
import { type Client } from "../import/client.js";
import { type Flow, type Hit, type LogLine, mergeEvent, type Slice, type SliceRef, type TraceInfo } from "../import/protocol.js";
import { TileCache } from "../model/cache.js";
import { Kinds } from "../model/kinds.js";
import { lateNs, TileLoader } from "../model/loader.js";
import { oneAtATime } from "../model/once.js";
import { type Scope, scopeOf } from "../model/scope.js";
import { interval, none, type Selection } from "../model/selection.js";
import { type Scroll, TrackTree } from "../model/tracks.js";
import { clamp, fit, isWhole, type Limits, reveal, whole, type Window } from "../model/zoom.js";
import { Glide } from "./glide.js";
import { Losing } from "./losing.js";
import { Paths } from "./paths.js";
import { Searching } from "./searching.js";
import { Shown } from "./shown.js";

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
  readonly searching: Searching;
  readonly search: Searching["state"];
  readonly tilesVersion = signal(0);
  readonly treeVersion = signal(0);

  readonly window = signal<Window>({ start: 0, span: 1 });
  /** settled is the window once it has been still for a moment: what is asked of the server follows it, not each frame. */
  readonly settled = signal<Window>(this.window.peek());
  readonly glide = new Glide(this.window);
  readonly shown = new Shown(this.tree, this.treeVersion);
  readonly selection = signal<Selection>(none);
  readonly detail = signal<Slice | null>(null);
  readonly flows = signal<readonly Flow[]>([]);
  readonly paths: Paths;
  readonly critical: Paths["path"];
  readonly losing: Losing;
  /** line is one of the log that nothing is selected for, and that is to be seen among the others. */
  readonly line = signal<LogLine | null>(null);
  readonly activeTrack = signal(0);
  readonly follow = signal(false);
  /** scrollTop is by how many pixels the tracks are scrolled; toScroll is where to, as soon as that track is there. */
  readonly scrollTop = signal(0);
  readonly toScroll = signal<Scroll | null>(null);
  /** pointed is a time that another part of the page points at: a log line's. */
  readonly pointed = signal<number | null>(null);
  /** onReveal is called with a track that is to be scrolled into sight, onSelect when a slice was selected. */
  onReveal: (track: number, row: number) => void = () => {};
  onSelect: () => void = () => {};
  /** onLine is called when a line of the log is to be shown among others. */
  onLine: () => void = () => {};

  /** atLeast is how long the trace is taken for, if it is shown beside a longer one. */
  readonly atLeast = signal(0);
  readonly limits = computed<Limits>(() => ({
    end: Math.max(this.info.value?.end ?? 0, this.info.value?.now ?? 0, this.atLeast.value, 1),
  }));
  readonly isLive = computed(() => ["live", "paused", "reconnecting"].includes(this.info.value?.state ?? ""));
  /** grows says that slices may still come or change, so that their numbers are those of a moment. */
  readonly grows = computed(() => this.isLive.value || this.info.value?.state === "loading");

  private tracksGen = -1;
  /** epoch counts the traces that this one has been: answers about the one before are of no use. */
  private epoch = 0;
  private nowAt = { now: 0, at: 0 };
  private asking = new AbortController();
  private readonly ended = new AbortController();
  private readonly refresh = oneAtATime(() => this.fetchTracks());
  private readonly renew = oneAtATime(() => this.fetchDetail());
  /** selecting is the slice that is being selected, until all of it is known; unseen is it if no more than a key is known yet. */
  private selecting: Promise<Slice | null> | null = null;
  private unseen: Promise<Slice | null> | null = null;
  private scoped: Scope = { from: 0, to: 1, tracks: [], what: "window" };
  private stops: (() => void)[] = [];
  private placed = false;
  private settleTimer: ReturnType<typeof setTimeout> | undefined;
  private settledAt = 0;

  constructor(
    readonly client: Client,
    readonly request: () => void,
  ) {
    this.searching = new Searching(
      client,
      (hit) => this.goToHit(hit),
      () => this.window.peek().start,
    );
    this.search = this.searching.state;
    const fail = (err: unknown) => this.fail(err);
    this.losing = new Losing(
      client,
      (line) => this.goToLoss(line),
      () => this.window.peek().start,
      fail,
    );
    const select = (slice: SliceRef) => this.select({ key: slice.key }, slice);
    this.paths = new Paths({ client, selected: () => this.selected(), select, fail });
    this.critical = this.paths.path;
    this.loader = this.newLoader();
  }

  /** newLoader returns one that fills the cache. What it doesn't want any more may be wanted by others, and what it gets is drawn by all. */
  newLoader(arrived = () => {}, failed = (err: unknown) => this.fail(err)): TileLoader {
    return new TileLoader(this.cache, {
      ask: (level, gen, tiles, signal) => this.client.tiles(level, gen, tiles, signal),
      gen: () => this.info.peek()?.gen ?? 0,
      changedAt: (track) => this.tree.changedAt(track),
      changesFrom: () => (this.isLive.peek() ? (this.info.peek()?.now ?? 0) - lateNs : -Infinity),
      arrived: () => {
        this.tilesVersion.value++;
        arrived();
      },
      failed,
    });
  }

  /** start asks what there is, and goes on listening until stop. A window that is given is shown, else all of the trace. */
  async start(window?: Window): Promise<void> {
    if (window) {
      this.window.value = window;
      this.placed = true;
    }
    try {
      this.take(await this.client.info(this.ended.signal));
    } catch (err) {
      this.fail(err);
      this.connected.value = false;
    }
    if (this.ended.signal.aborted) return;
    this.stops.push(
      this.client.events(
        (event) => void this.hear(event),
        (yes) => {
          this.connected.value = yes;
          if (yes && this.problem.peek()) this.problem.value = "";
        },
      ),
    );
    this.stops.push(
      effect(() => this.keepDetail()),
      effect(() => this.shown.keepActive(this.window.value)),
      effect(() => this.settle()),
    );
  }

  stop(): void {
    this.ended.abort();
    for (const stop of this.stops.splice(0)) stop();
    this.asking.abort();
    for (const part of [this.searching, this.losing, this.paths, this.loader]) part.stop();
    clearTimeout(this.settleTimer);
  }

  /** hear takes in what changed. If it wasn't to be had at the start, all is asked for. */
  private async hear(event: unknown): Promise<void> {
    const info = this.info.peek();
    try {
      this.take(info ? mergeEvent(info, event) : await this.client.info(this.ended.signal));
    } catch (err) {
      this.fail(err);
    }
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
      if (!this.placed || (wasLoading && isWhole(this.window.peek(), Math.max(before.end, before.now)))) this.place(info);
    });
    this.losing.hear(info);
    // Before anything of a file is there, the server has nothing to tell of it.
    if (info.state !== "loading" || info.gen > 0) this.refresh();
    this.request();
  }

  /** place shows all of the trace; of a live one, the last seconds, and follows it. */
  private place(info: TraceInfo): void {
    this.placed = info.end > 0;
    this.window.value = whole(this.limits.peek());
    if (info.state === "live") {
      this.follow.value = this.shown.onlyActive.value = true;
      this.window.value = { start: info.now - 18e9, span: 20e9 }; // also of a process that has just begun
    }
  }

  /** forget drops what was known: another stream, or a server that counts from the beginning again, is another trace. */
  private forget(): void {
    this.epoch++;
    this.loader.stop();
    this.selectNothing();
    this.searching.ask("");
    this.losing.forget();
    this.shown.forget();
    this.placed = false;
    this.tree.clear();
    this.kinds.clear();
    this.cache.clear();
    this.tracksGen = -1;
  }

  private async fetchKinds(info: TraceInfo, epoch: number): Promise<void> {
    for (let had = -1; this.kinds.length < info.kinds && this.kinds.length > had;) {
      had = this.kinds.length;
      const answer = await this.client.kinds(had);
      if (epoch !== this.epoch) return;
      this.kinds.add(answer.from, answer.names, answer.categories);
    }
  }

  /** fetchTracks fetches tracks and kinds that have come, both at once. */
  private async fetchTracks(): Promise<void> {
    const info = this.info.peek();
    const { epoch } = this;
    if (!info || this.ended.signal.aborted) return;
    try {
      const isNew = info.gen !== this.tracksGen || this.tree.size < info.tracks;
      const [answer] = await Promise.all([
        isNew ? this.client.tracks(this.tracksGen < 0 ? undefined : this.tracksGen) : null,
        this.fetchKinds(info, epoch),
      ]);
      if (answer && epoch === this.epoch) {
        this.tree.merge(answer.tracks, answer.gen);
        this.tracksGen = answer.gen;
      }
      batch(() => {
        this.treeVersion.value++;
        this.tilesVersion.value++;
      });
    } catch (err) {
      this.fail(err);
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
  select(by: Parameters<Client["slice"]>[0], seen: SliceRef | null = null, bring = false): Promise<Slice | null> {
    const { signal } = this.beginSelecting();
    batch(() => {
      if (seen) {
        this.selection.value = { type: "slice", slice: seen, open: !Number.isFinite(seen.end) };
        this.activeTrack.value = seen.track;
      }
      this.detail.value = null;
      this.flows.value = [];
    });
    const answer = this.fetchSlice(by, bring, signal);
    this.selecting = answer;
    if (!seen) this.unseen = answer;
    void answer.then(() => {
      if (this.selecting === answer) this.selecting = this.unseen = null;
    });
    return answer;
  }

  /** beginSelecting ends what was asked of what was selected before. */
  private beginSelecting(): AbortController {
    this.asking.abort();
    this.paths.stop();
    this.selecting = this.unseen = null;
    this.line.value = null;
    return (this.asking = new AbortController());
  }

  private async fetchSlice(by: Parameters<Client["slice"]>[0], bring: boolean, signal: AbortSignal): Promise<Slice | null> {
    try {
      const slice = await this.client.slice(by, signal);
      if (signal.aborted) return null;
      batch(() => this.show(slice));
      if (bring) {
        this.shown.unfold(slice.track);
        this.reveal(slice.start, slice.end);
        this.onReveal(slice.track, slice.row);
      }
      void this.fetchFlows(slice, signal);
      return slice;
    } catch (err) {
      if (!signal.aborted) this.fail(err);
      return null;
    }
  }

  private async fetchFlows(slice: Slice, signal: AbortSignal): Promise<void> {
    try {
      const to = Math.max(this.limits.peek().end, slice.end);
      const { flows } = await this.client.flows({ from: 0, to, slice: slice.key }, signal);
      if (!signal.aborted) this.flows.value = flows;
    } catch (err) {
      if (!signal.aborted) this.fail(err);
    }
  }

  private show(slice: Slice): void {
    this.onSelect();
    this.describe(slice);
    this.activeTrack.value = slice.track;
    this.paths.keep(slice.key);
  }

  /** describe says what the selected slice is, now. */
  private describe(slice: Slice): void {
    const { key, track, pos, row, name, start, end, open } = slice;
    this.selection.value = { type: "slice", slice: { key, track, pos, row, name, start, end }, open };
    this.detail.value = slice;
  }

  /** isSelecting says that a slice will be selected of which only a key is known. */
  get isSelecting(): boolean {
    return this.unseen !== null;
  }

  /** whenSelected calls act when it is known where the selection is: later, and maybe never, of a slice that only has a key yet. */
  whenSelected(act: () => void): void {
    if (this.unseen) void this.unseen.then((slice) => slice && act());
    else act();
  }

  /** selected is all that there is to say of the selected slice, once it is known; null if none is selected. */
  async selected(): Promise<Slice | null> {
    return this.selecting ?? this.detail.peek();
  }

  /** keepDetail asks again for an open slice that is selected, while the trace changes. */
  private keepDetail(): void {
    if (this.info.value?.gen && this.detail.peek()?.open && this.grows.peek()) this.renew();
  }

  private async fetchDetail(): Promise<void> {
    const key = this.detail.peek()?.key;
    if (!key) return;
    try {
      const slice = await this.client.slice({ key }, this.ended.signal);
      if (this.detail.peek()?.key === key) batch(() => this.describe(slice));
    } catch (err) {
      this.fail(err);
    }
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

  selectNothing(): void {
    this.beginSelecting();
    batch(() => {
      this.selection.value = none;
      this.detail.value = null;
      this.flows.value = [];
      this.paths.hide();
    });
  }

  selectRange(selection: Selection): void {
    this.beginSelecting();
    batch(() => {
      this.selection.value = selection;
      this.detail.value = null;
      this.flows.value = [];
    });
  }

  /** goToLine shows a line of the log, and selects the slice that it belongs to. */
  goToLine(line: LogLine): void {
    this.shown.unfold(line.track);
    if (line.slice?.key)
      void this.select({ key: line.slice.key }, line.slice).then((slice) => slice && this.onReveal(slice.track, slice.row));
    else this.onReveal(line.track, 0);
    this.line.value = null;
    this.point(line.time);
  }

  /** goToLoss shows where something is missing, on all tracks. That is past: a live trace isn't followed any more. */
  private goToLoss(line: LogLine): void {
    this.follow.value = false;
    this.selectNothing();
    this.point(line.time);
    this.line.value = line;
    this.onLine();
  }

  /** point points at a time. */
  private point(time: number): void {
    const w = this.window.peek();
    if (time < w.start || time > w.start + w.span) this.go({ start: time - w.span / 2, span: w.span });
    this.pointed.value = time;
  }

  private goToHit(hit: Hit): void {
    if (hit.key) void this.select({ key: hit.key }, hit, true);
    else {
      this.shown.unfold(hit.track);
      this.reveal(hit.start, hit.end);
      this.onReveal(hit.track, 0);
    }
  }

  /** scope is what numbers and ways out are of. As long as that isn't known of a selected slice, it is what it was before. */
  scope(): Scope {
    return (this.scoped = scopeOf(this.selection.value, this.settled.value, this.limits.value.end) ?? this.scoped);
  }
}
