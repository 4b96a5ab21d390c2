// What the commands of the keyboard do.

import { type Command, bindingOf } from "../model/keys.js";
import { type Slice, type SliceRef } from "../import/protocol.js";
import { interval, next } from "../model/selection.js";
import { level, tileRange } from "../model/zoom.js";
import { type Panel } from "../model/url.js";
import { focused, helpOpen, panel, scheduler, showPanel, switchTheme, wallClock } from "./app-state.js";
import { hidePath, switchPath } from "./explain.js";
import { HeldKeys } from "./gestures.js";
import { sliceAt } from "./pick.js";
import { searchInput } from "./search-box.js";
import { byOf, views } from "./timeline.js";
import { type Session } from "./session.js";
import { toggleFollow } from "./top-bar.js";

const held = new HeldKeys(
  () => focused.peek(),
  () => {
    const session = focused.peek();
    const view = session && views.get(session);
    return view?.pointer && view.width ? view.pointer.x / view.width : 0.5;
  },
);

/** walkSteps is how many slices are looked at for the next one of a row, if no tile has it. */
const walkSteps = 64;

export function listenToKeys(): void {
  scheduler.onStep((time) => held.step(time));
  addEventListener("keydown", (e) => {
    const target = e.target as HTMLElement;
    if (e.defaultPrevented || target.closest("input, select, textarea, [role=menu], dialog")) return;
    const binding = bindingOf(e);
    if (!binding) return;
    // Keys that work buttons and lists go on doing so, where these have the focus.
    if (["enter", "follow", "scroll-up", "scroll-down", "whole"].includes(binding.command) && target.closest("button, a, .list")) return;
    if (/^(parent|child|previous|next)$/.test(binding.command) && target.closest(".list, .panel-tabs")) return;
    e.preventDefault();
    if (binding.held) {
      held.press(binding.command, performance.now());
      scheduler.request();
    } else run(binding.command);
  });
  addEventListener("keyup", (e) => {
    const binding = bindingOf(e);
    if (binding?.held) held.release(binding.command);
  });
  addEventListener("blur", () => held.release());
}

function run(command: Command): void {
  const session = focused.peek();
  if (command === "help") helpOpen.value = !helpOpen.peek();
  else if (command === "theme") switchTheme();
  else if (command === "clock") wallClock.value = !wallClock.peek();
  else if (command === "search") searchInput.current?.select();
  else if (command.startsWith("panel-")) togglePanel(command.slice(6) as Panel);
  else if (session) runOn(session, command);
}

/** Commands on the selection wait for one that is still being asked for: keys may be faster than the server. */
const onSession: Partial<Record<Command, (session: Session) => void>> = {
  fit: (s) => s.whenSelected(() => s.fitSelection()),
  whole: (s) => s.showWhole(),
  mark: (s) => s.whenSelected(() => mark(s)),
  "next-hit": (s) => s.searching.next(true),
  "previous-hit": (s) => s.searching.next(false),
  escape: (s) => {
    hidePath(s);
    s.selectNothing();
  },
  enter,
  parent: (s) => void walkTo(s, (slice) => slice.parent),
  child: (s) => void walkTo(s, (slice) => slice.firstChildren[0]),
  next: (s) => s.whenSelected(() => void walk(s, true)),
  previous: (s) => s.whenSelected(() => void walk(s, false)),
  pin: (s) =>
    s.whenSelected(() => {
      if (s.activeTrack.peek()) s.shown.pin(s.activeTrack.peek());
    }),
  fold: (s) => {
    if (s.activeTrack.peek()) s.shown.fold(s.activeTrack.peek());
  },
  active: (s) => {
    s.shown.onlyActive.value = !s.shown.onlyActive.peek();
  },
  follow: toggleFollow,
  critical: switchPath,
  "next-loss": (s) => s.losing.next(true),
  "previous-loss": (s) => s.losing.next(false),
  "scroll-up": (s) => scrollBy(s, -0.85),
  "scroll-down": (s) => scrollBy(s, 0.85),
};

function togglePanel(name: Panel): void {
  showPanel(panel.peek() === name ? null : name);
}

function runOn(session: Session, command: Command): void {
  onSession[command]?.(session);
}

function scrollBy(session: Session, part: number): void {
  const scroller = document.querySelector<HTMLElement>(".timeline[data-focused=true] .scroller");
  const view = views.get(session);
  if (scroller && view) scroller.scrollTop += part * (view.height - view.pinnedHeight);
}

/** mark makes the time of the selected slice, or the window, the selected range, on all tracks. */
function mark(session: Session): void {
  const selection = session.selection.peek();
  if (selection.type === "range") return;
  const { start, span } = session.window.peek();
  const w = { from: Math.max(0, start), to: Math.min(session.limits.peek().end, start + span) };
  session.selectRange({ type: "range", ...(interval(selection, session.now()) ?? w), tracks: [] });
}

/** walkTo goes from the selected slice to another one. */
async function walkTo(session: Session, to: (slice: Slice) => SliceRef | null | undefined): Promise<void> {
  if (session.selection.peek().type === "none") return session.whenSelected(() => enter(session));
  const slice = await session.selected();
  const next = slice && to(slice);
  if (next) await session.select({ key: next.key }, next, true);
}

/** walk goes to the slice after, or before, in the same row: from the tiles, or if they end, by the numbers of slices. */
async function walk(session: Session, forward: boolean): Promise<void> {
  const selection = session.selection.peek();
  const view = views.get(session);
  if (selection.type !== "slice" || !view) return enter(session);
  const { track, row, start } = selection.slice;
  const w = session.window.peek();
  const at = level(w, view.width);
  const [first, last] = tileRange(w, at, session.limits.peek());
  const tiles = [...new Set(session.cache.cover(track, at, first, last).map((piece) => piece.tile))];
  const item = next(tiles, row, start, forward);
  if (item) {
    const { tile, i } = item;
    const found = { key: "", track, row, pos: tile.positions[i], start: tile.starts[i], end: tile.ends[i] };
    await session.select(byOf(session, found), { ...found, name: session.kinds.name(tile.kinds[i]) }, true);
    return;
  }
  const detail = await session.selected();
  if (detail?.parent && detail.parent.track !== track) return walkSiblings(session, detail.parent.key, detail.key, forward);
  for (let i = 1; detail && i <= walkSteps; i++) {
    const pos = detail.pos + (forward ? i : -i);
    const slices = session.tree.get(track)?.slices ?? 0;
    if (pos < 0 || pos >= slices) return;
    const slice = await session.client.slice({ track, pos }).catch(() => null);
    if (!slice) return;
    if (slice.row === row) return void session.select({ key: slice.key }, slice, true);
  }
}

/** walkSiblings is for tasks, each of which has a track of its own: the next one is what the same slice started next. */
async function walkSiblings(session: Session, parent: string, key: string, forward: boolean): Promise<void> {
  const siblings = (await session.client.slice({ key: parent }).catch(() => null))?.firstChildren ?? [];
  const at = siblings.findIndex((one) => one.key === key);
  const to = at < 0 ? undefined : siblings[at + (forward ? 1 : -1)];
  if (to) await session.select({ key: to.key }, to, true);
}

/** enter selects what is nearest to the middle of the first track in sight; or goes on to the details of what is selected. */
function enter(session: Session): void {
  const view = views.get(session);
  if (session.selection.peek().type !== "none" || !view) {
    if (!panel.peek()) showPanel("details");
    const focus = () => document.querySelector<HTMLElement>("#panel button, #panel .list")?.focus();
    void session.selected().then(() => setTimeout(focus, 30)); // when it has been drawn
    return;
  }
  for (const band of view.bands()) {
    for (const laid of band.laid.filter((one) => one.rows > 0)) {
      const y = Math.max(band.top + laid.y + 8, band.clipTop + 1);
      for (const part of [0.5, 0.4, 0.6, 0.25, 0.75, 0.1, 0.9]) {
        const item = sliceAt(view, view.width * part, y);
        if (item) return void session.select(byOf(session, item.ref), item.ref, true);
      }
    }
  }
}
