// The address and the page's state, kept equal: what is looked at is in the address, and another address is looked at.

import { effect } from "@preact/signals";
import { Client } from "../import/client.js";
import { type Slice } from "../import/protocol.js";
import { scrollAt } from "../model/tracks.js";
import { decode, encode, type UrlState } from "../model/url.js";
import { focused, main, other, panel, scheduler, selectionShown, showPanel, wallClock } from "./app-state.js";
import { compareWith } from "./compare.js";
import { explainOnce } from "./explain.js";
import { Session } from "./session.js";

const wait = 250;

/** base is the page's address without what comes after its folder. */
const base = () => new URL(".", location.href).href;

let written = "";

function write(hash: string): void {
  written = hash;
  history.replaceState(null, "", hash ? "#" + hash : location.pathname + location.search);
}

/** address is a link to what is seen now. */
export function address(): string {
  if (main.peek()) write(encode(stateOf(main.peek()!)));
  return location.href;
}

/** stopExplaining takes back what is to be said of a trace that was just opened. */
let stopExplaining = () => {};

/** openTrace shows a trace, with the state that an address has. Of an address that has none, the trace is explained. */
export function openTrace(trace: number, state: UrlState = {}): void {
  stopExplaining();
  main.peek()?.stop();
  other.peek()?.stop();
  other.value = null;
  const session = new Session(new Client(base(), trace), () => scheduler.request());
  session.onSelect = selectionShown;
  session.onLine = () => showPanel("logs");
  main.value = focused.value = session;
  void session.start(state.window).then(() => {
    if (main.peek() !== session) return;
    apply(session, state);
    if (!Object.keys(state).some((key) => key !== "trace")) stopExplaining = explainOnce(session);
  });
}

function apply(session: Session, state: UrlState): void {
  if (state.window) {
    session.follow.value = false;
    session.go(state.window, false);
  }
  if (state.onlyActive) session.shown.onlyActive.value = true;
  session.shown.pinned.value = state.pinned ?? [];
  session.shown.collapsed.value = new Set(state.collapsed ?? []);
  if (state.panel || state.slice) showPanel(state.panel ?? null); // also none: a slice alone would open its details
  wallClock.value = state.wall ?? wallClock.peek();
  const { search = "", regexp = false } = state;
  const now = session.search.peek();
  if (search !== now.query || regexp !== now.regexp) session.searching.ask(search, regexp);
  void select(session, state);
  if (state.compare !== other.peek()?.client.trace) compareWith(state.compare ?? null);
}

/** select selects what the address says, and scrolls to where it says, or else to the selection. */
async function select(session: Session, state: UrlState): Promise<void> {
  if (state.range) session.selectRange({ type: "range", ...state.range });
  else if (!state.slice) session.selectNothing();
  const slice = state.range ? null : await selectSlice(session, state);
  if (state.scroll || !state.slice) session.toScroll.value = state.scroll ?? { track: 0, by: 0 };
  else if (slice) session.onReveal(slice.track, slice.row);
}

/** selectSlice selects a slice, and shows the critical path of another one that it is on, or of itself. */
async function selectSlice(session: Session, { slice: key, path }: UrlState): Promise<Slice | null> {
  session.paths.hide();
  session.paths.hidden.value = path === "";
  if (path) {
    const asked = session.select({ key: path });
    await session.paths.find();
    const slice = await asked;
    if (path === key || slice?.key !== session.detail.peek()?.key) return slice; // something else was selected meanwhile
  }
  return key ? session.select({ key }) : null;
}

function stateOf(session: Session): UrlState {
  const selection = session.selection.value;
  const search = session.search.value;
  const state: UrlState = {};
  if (!session.follow.value) state.window = session.window.value;
  if (selection.type === "slice" && selection.slice.key) state.slice = selection.slice.key;
  if (selection.type === "range") state.range = { from: selection.from, to: selection.to, tracks: [...selection.tracks] };
  if (search.query) state.search = search.query;
  if (search.regexp) state.regexp = true;
  state.pinned = [...session.shown.pinned.value];
  state.collapsed = [...session.shown.collapsed.value].slice(0, 200);
  const scroll = scrollAt(session.shown.layout.value, session.scrollTop.value);
  if (scroll.track || state.slice) state.scroll = scroll; // without it, a slice is scrolled into sight
  if (panel.value) state.panel = panel.value;
  if (session.paths.of.value) state.path = session.paths.of.value.key;
  else if (session.paths.hidden.value) state.path = "";
  if (session.client.trace) state.trace = session.client.trace;
  if (other.value) state.compare = other.value.client.trace;
  if (session.shown.onlyActive.value) state.onlyActive = true;
  if (wallClock.value) state.wall = true;
  return state;
}

/** keepLink writes the address a moment after the state changed, and reads it when somebody else changes it. */
export function keepLink(): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let next: string | undefined;
  const first = decode(location.hash);
  openTrace(first.trace ?? 0, first);
  effect(() => {
    const session = main.value;
    if (!session?.info.value) return;
    const hash = encode(stateOf(session));
    if (hash === next) return; // of a live trace, something is new before the moment is over
    next = hash;
    clearTimeout(timer);
    timer = setTimeout(() => write(hash), wait);
  });
  addEventListener("hashchange", () => {
    const now = location.hash.replace(/^#/, "");
    const session = main.peek();
    if (now === written || !session) return;
    const state = decode(now);
    panel.value = state.panel ?? null;
    if ((state.trace ?? 0) !== session.client.trace) openTrace(state.trace ?? 0, state);
    else apply(session, state);
  });
}
