// The address and the page's state, kept equal: what is looked at is in the address, and another address is looked at.

import { effect } from "@preact/signals";
import { Client } from "../import/client.js";
import { decode, encode, type UrlState } from "../model/url.js";
import { focused, main, other, panel, scheduler, selectionShown, showPanel, wallClock } from "./app-state.js";
import { compareWith } from "./compare.js";
import { Session } from "./session.js";

const wait = 250;

/** base is the page's address without what comes after its folder. */
const base = () => new URL(".", location.href).href;

let written = "";

/** openTrace shows a trace, with the state that an address has. */
export function openTrace(trace: number, state: UrlState = {}): void {
  main.peek()?.stop();
  other.peek()?.stop();
  other.value = null;
  const session = new Session(new Client(base(), trace), () => scheduler.request());
  session.onSelect = selectionShown;
  main.value = focused.value = session;
  void session.start(state.window).then(() => apply(session, state));
}

function apply(session: Session, state: UrlState): void {
  if (state.window) {
    session.follow.value = false;
    session.go(state.window, false);
  }
  if (state.onlyActive) session.onlyActive.value = true;
  session.pinned.value = state.pinned ?? [];
  session.collapsed.value = new Set(state.collapsed ?? []);
  if (state.panel) showPanel(state.panel);
  wallClock.value = state.wall ?? wallClock.peek();
  if (state.search !== session.search.peek().query) session.ask(state.search ?? "", state.regexp ?? false);
  if (state.slice)
    void session.select({ key: state.slice }).then((slice) => {
      if (slice) session.onReveal(slice.track, slice.row);
    });
  else if (state.range) session.selectRange({ type: "range", ...state.range });
  else session.selectNothing();
  if (state.compare !== other.peek()?.client.trace) compareWith(state.compare ?? null);
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
  state.pinned = [...session.pinned.value];
  state.collapsed = [...session.collapsed.value].slice(0, 200);
  if (panel.value) state.panel = panel.value;
  if (session.client.trace) state.trace = session.client.trace;
  if (other.value) state.compare = other.value.client.trace;
  if (session.onlyActive.value) state.onlyActive = true;
  if (wallClock.value) state.wall = true;
  return state;
}

/** keepLink writes the address a moment after the state changed, and reads it when somebody else changes it. */
export function keepLink(): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const first = decode(location.hash);
  openTrace(first.trace ?? 0, first);
  effect(() => {
    const session = main.value;
    if (!session?.info.value) return;
    const hash = encode(stateOf(session));
    clearTimeout(timer);
    timer = setTimeout(() => {
      written = hash;
      history.replaceState(null, "", hash ? "#" + hash : location.pathname + location.search);
    }, wait);
  });
  addEventListener("hashchange", () => {
    const now = location.hash.replace(/^#/, "");
    const session = main.peek();
    if (now === written || !session) return;
    const state = decode(now);
    if ((state.trace ?? 0) !== session.client.trace) openTrace(state.trace ?? 0, state);
    else apply(session, state);
  });
}
