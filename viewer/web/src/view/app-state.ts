// The state of the page that belongs to no trace.

import { computed, signal } from "@preact/signals";
import { type Clock } from "../model/axis.js";
import { type Scheme } from "../model/colours.js";
import { type Panel } from "../model/url.js";
import { relative, wall } from "../model/format.js";
import { cssVariables, themes } from "../draw/theme.js";
import { Scheduler } from "../model/frames.js";
import { type Session } from "./session.js";

export const scheduler = new Scheduler({ request: (callback) => requestAnimationFrame(callback), now: () => performance.now() });

/** main is the trace in front; other the one it is compared with. */
export const main = signal<Session | null>(null);
export const other = signal<Session | null>(null);
/** focused is the session that keys and panels are about. */
export const focused = signal<Session | null>(null);

/** panel is the one that is open. The first selection opens the details, unless panels have been opened or closed before. */
export const panel = signal<Panel | null>(null);
export const panelHeight = signal(290);
let panelTouched = false;

export function showPanel(name: Panel | null): void {
  panelTouched = true;
  panel.value = name;
}

export function selectionShown(): void {
  if (!panelTouched) showPanel("details");
}

export const helpOpen = signal(false);
export const linked = signal(true);
export const wallClock = signal(false);
export const notice = signal("");
export const hintsSeen = signal(stored("hints") === "seen");

const systemScheme = signal<Scheme>("light");
const chosenScheme = signal<Scheme | null>(readScheme());
export const theme = computed(() => themes[chosenScheme.value ?? systemScheme.value]);

/** Storage may be forbidden, and then nothing is remembered. */
function stored(key: string): string | null {
  try {
    return localStorage.getItem("trace-view." + key);
  } catch {
    return null;
  }
}

export function store(key: string, value: string): void {
  try {
    localStorage.setItem("trace-view." + key, value);
  } catch {
    /* nothing is remembered */
  }
}

function readScheme(): Scheme | null {
  const s = stored("scheme");
  return s === "light" || s === "dark" ? s : null;
}

export function followSystemScheme(): void {
  const query = matchMedia("(prefers-color-scheme: dark)");
  const take = () => {
    systemScheme.value = query.matches ? "dark" : "light";
  };
  take();
  query.addEventListener("change", take);
}

export function applyTheme(): void {
  const root = document.documentElement;
  for (const [name, value] of cssVariables(theme.value)) root.style.setProperty(name, value);
  root.style.colorScheme = theme.value.scheme;
  root.dataset.scheme = theme.value.scheme;
}

export function switchTheme(): void {
  chosenScheme.value = theme.value.scheme === "light" ? "dark" : "light";
  store("scheme", chosenScheme.value);
}

/** clockOf is the wall clock, if it is known of the trace and wanted by the user. Local time is that of the day, in summer or in winter. */
export function clockOf(session: Session): Clock | null {
  const s = session.info.value?.unix ?? "";
  if (!wallClock.value || !/^-?\d+$/.test(s)) return null;
  const unix = BigInt(s);
  const ahead = -new Date(Number(unix / 1_000_000n)).getTimezoneOffset();
  return { unix, zone: Number.isFinite(ahead) ? ahead : 0 }; // dates have their limits
}

/** momentText writes when something happened, to the microsecond, or finer if all of the trace is short. */
export function momentText(session: Session, time: number, withDay = false): string {
  return timeText(session, time, Math.min(1e6, session.limits.value.end), withDay);
}

/** timeText writes a time as the user wants it: since the beginning, or by the wall clock, and then maybe with the day. */
export function timeText(session: Session, time: number, span: number, withDay = false): string {
  const clock = clockOf(session);
  return clock ? wall(time, clock.unix, clock.zone, span, withDay) : relative(time, span);
}
