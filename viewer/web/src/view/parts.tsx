// Small parts that several panels have.

import { type ComponentChildren, Fragment } from "preact";
import { type SliceRef } from "../import/protocol.js";
import { colourOf, coverSteps } from "../model/colours.js";
import { count, cut, duration, plural } from "../model/format.js";
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
    <button
      class="link"
      disabled={!slice.key} // which the server couldn't find
      onClick={() => void session.select({ key: slice.key }, slice, true)}
      title={cut(slice.name, 1000)}
    >
      <Swatch name={slice.name} />
      <span class="link-text">{children ?? (cut(slice.name, 240) || "(no name)")}</span>
    </button>
  );
}

export function trackName(session: Session, id: number): string {
  const track = session.tree.get(id);
  if (!track) return "";
  const also = session.tree.also(track);
  return cut(track.name || track.source, 120) + (also && ` ${cut(also, 40)}`);
}

/** breakable lets a line break after a slash rather than within a word. */
export function breakable(name: string) {
  return name.split(/(?<=[/._-])/).map((part, i) => (
    <Fragment key={i}>
      {i > 0 && <wbr />}
      {part}
    </Fragment>
  ));
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

interface IconButtonProps {
  icon: IconName;
  title: string;
  onClick: () => void;
  disabled?: boolean;
}

/** IconButton has a title that is its name, too. */
export function IconButton({ icon, title, onClick, disabled = false }: IconButtonProps) {
  return (
    <button class="quiet" title={title} aria-label={title} disabled={disabled} onClick={onClick}>
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

/** Cut says how much the server has left out. */
export function Cut({ n, what }: { n: number | undefined; what: string }) {
  return n ? (
    <span class="dim">
      {count(n)} {what} left out
    </span>
  ) : null;
}

/** Scope says what a panel's numbers are of. */
export function Scope({ session }: { session: Session }) {
  const { from, to, what, tracks } = session.scope();
  const selection = session.selection.value;
  const of =
    what === "slice" && selection.type === "slice"
      ? `“${cut(selection.slice.name, 60)}” and what it started`
      : what === "range"
        ? `the selected range${tracks.length ? ` on ${plural(tracks.length, "track")}` : ""}`
        : "the window";
  return (
    <span class="scope">
      Of <b>{of}</b>, {duration(to - from)}
    </span>
  );
}
