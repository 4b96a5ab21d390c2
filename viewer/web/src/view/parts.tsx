// Small parts that several panels have.

import { type ComponentChildren } from "preact";
import { type SliceRef } from "../import/protocol.js";
import { colourOf, coverSteps } from "../model/colours.js";
import { cut, duration } from "../model/format.js";
import { notice, theme } from "./app-state.js";
import { Icon, type IconName } from "./icon.js";
import { type Session } from "./session.js";

/** Swatch is a slice's colour, as the timeline draws it. */
export function Swatch({ name }: { name: string }) {
  return <span class="swatch" style={{ background: theme.value.covers[colourOf(name) * coverSteps + coverSteps - 1] }} />;
}

/** SliceLink selects a slice and brings it into sight. */
export function SliceLink({ slice, session, children }: { slice: SliceRef; session: Session; children?: ComponentChildren }) {
  return (
    <button class="link" onClick={() => void session.select({ key: slice.key }, slice, true)} title={cut(slice.name, 1000)}>
      <Swatch name={slice.name} />
      <span class="link-text">{children ?? (cut(slice.name, 240) || "(no name)")}</span>
    </button>
  );
}

export function trackName(session: Session, track: number): string {
  return cut(session.tree.get(track)?.name ?? "", 120);
}

export function CopyButton({ text, what }: { text: string; what: string }) {
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      notice.value = `Copied ${what}.`;
    } catch {
      notice.value = `The browser doesn't let ${what} be copied from here: select it instead.`;
    }
  };
  return (
    <button class="quiet copy" title={`Copy ${what}`} aria-label={`Copy ${what}`} onClick={() => void copy()}>
      <Icon name="copy" />
    </button>
  );
}

/** IconButton has a title that is its name, too. */
export function IconButton({ icon, title, onClick, pressed }: { icon: IconName; title: string; onClick: () => void; pressed?: boolean }) {
  return (
    <button class="quiet" title={title} aria-label={title} aria-pressed={pressed} onClick={onClick}>
      <Icon name={icon} />
    </button>
  );
}

/** Bar shows a part of a whole. */
export function Bar({ part, colour }: { part: number; colour?: string }) {
  return (
    <span class="bar">
      <span style={{ width: `${Math.min(100, Math.max(0, part * 100))}%`, ...(colour && { background: colour }) }} />
    </span>
  );
}

export function Status({ busy, error, empty }: { busy: boolean; error: string; empty?: string | false | null | undefined }) {
  if (error)
    return (
      <p class="status bad" role="alert">
        {error}
      </p>
    );
  if (busy) return <p class="status dim">Asking the server …</p>;
  return empty ? <p class="status dim">{empty}</p> : null;
}

/** Scope says what a panel's numbers are of. */
export function Scope({ session }: { session: Session }) {
  const { from, to, what, tracks } = session.scope();
  const selection = session.selection.value;
  const of =
    what === "slice" && selection.type === "slice"
      ? `“${cut(selection.slice.name, 60)}” and what it started`
      : what === "range"
        ? `the selected range${tracks.length ? ` on ${tracks.length} ${tracks.length === 1 ? "track" : "tracks"}` : ""}`
        : "the window";
  return (
    <span class="scope">
      Of <b>{of}</b>, {duration(to - from)}
    </span>
  );
}
