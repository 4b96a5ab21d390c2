// The names of the tracks, as a tree of which only what is in sight exists.

import { type ReadonlySignal } from "@preact/signals";
import { Fragment } from "preact";
import { count, cut } from "../model/format.js";
import { type Laid, visible } from "../model/tracks.js";
import { focused } from "./app-state.js";
import { Icon } from "./icon.js";
import { type Session } from "./session.js";

interface Props {
  session: Session;
  scrollTop: ReadonlySignal<number>;
  height: ReadonlySignal<number>;
}

export function Names({ session, scrollTop, height }: Props) {
  const layout = session.layout.value;
  const pinned = session.pinnedLayout.value;
  const top = pinned.height ? Math.min(pinned.height + 2, Math.round(height.value * 0.5)) : 0;
  const seen = visible(layout, scrollTop.value, scrollTop.value + height.value - top);
  // The tree has one tab stop: the active track if it is in sight, else the first.
  const stop = seen.some((laid) => laid.track.id === session.activeTrack.value) ? session.activeTrack.value : seen[0]?.track.id;
  return (
    <div class="names">
      {pinned.height > 0 && (
        <div class="names-part pinned" style={{ top: "0", height: `${top}px` }} role="list" aria-label="Pinned tracks">
          {pinned.laid.map((laid) => (
            <Name key={laid.track.id} laid={laid} y={laid.y} session={session} role="listitem" tab={false} />
          ))}
        </div>
      )}
      <div class="names-part" style={{ top: `${top}px`, bottom: "0" }} role="tree" aria-label="Tracks" onKeyDown={(e) => walk(e, session)}>
        {seen.map((laid) => (
          <Name
            key={laid.track.id}
            laid={laid}
            y={laid.y - scrollTop.value}
            session={session}
            role="treeitem"
            tab={laid.track.id === stop}
          />
        ))}
      </div>
    </div>
  );
}

function Name({ laid, y, session, role, tab }: { laid: Laid; y: number; session: Session; role: "treeitem" | "listitem"; tab: boolean }) {
  const { track } = laid;
  const active = session.activeTrack.value === track.id;
  const pinned = session.pinned.value.includes(track.id);
  const hits = session.search.value.tracks.get(String(track.id));
  const name = cut(track.name || track.source, 240) || "(no name)";
  const tree =
    role === "treeitem"
      ? { "aria-level": laid.indent + 1, "aria-selected": active, ...(laid.collapsible && { "aria-expanded": !laid.collapsed }) }
      : {};
  return (
    <div
      class="name"
      role={role}
      {...tree}
      tabIndex={tab ? 0 : -1}
      data-type={track.type}
      data-active={active}
      data-track={track.id}
      style={{
        transform: `translateY(${y}px)`,
        height: `${laid.height}px`,
        paddingLeft: `calc(6px + ${Math.min(laid.indent, 9)} * var(--indent))`,
      }}
      onClick={() => {
        session.activeTrack.value = track.id;
        focused.value = session;
      }}
      title={`${cut(track.name, 1000)}${track.source ? "\n" + cut(track.source, 300) : ""}`}
    >
      <button
        class="fold quiet"
        tabIndex={-1}
        aria-hidden="true"
        data-none={!laid.collapsible}
        data-open={!laid.collapsed}
        onClick={() => session.fold(track.id)}
      >
        <Icon name="chevron" />
      </button>
      <span class="name-text" style={{ WebkitLineClamp: String(Math.max(1, Math.floor((laid.height - 8) / 18))) }}>
        {breakable(name)}
      </span>
      {laid.hidden > 0 && <span class="pill">+{count(laid.hidden)}</span>}
      {hits ? (
        <span class="pill hit" title="hits of the search">
          {count(hits)}
        </span>
      ) : null}
      {track.failed > 0 && (
        <span class="pill bad" title={`${count(track.failed)} failed`}>
          ✕ {count(track.failed)}
        </span>
      )}
      <span class="for-readers">{describe(laid)}</span>
      <button
        class="pin quiet"
        tabIndex={-1}
        data-on={pinned}
        title={pinned ? "Unpin (P)" : "Pin to the top (P)"}
        aria-hidden="true"
        onClick={() => session.pin(track.id)}
      >
        <Icon name="pin" />
      </button>
    </div>
  );
}

/** breakable lets a line break after a slash rather than within a word. */
function breakable(name: string) {
  return name.split(/(?<=[/._-])/).map((part, i) => (
    <Fragment key={i}>
      {i > 0 && <wbr />}
      {part}
    </Fragment>
  ));
}

function describe({ track }: Laid): string {
  const parts = [track.type];
  if (track.slices) parts.push(`${track.slices} slices`);
  if (track.open) parts.push(`${track.open} open`);
  return parts.join(", ");
}

/** walk is for keys within the tree. */
function walk(e: KeyboardEvent, session: Session): void {
  const layout = session.layout.peek();
  const at = layout.laid.findIndex((laid) => laid.track.id === session.activeTrack.peek());
  const laid = layout.laid[at];
  const go = (i: number) => {
    const to = layout.laid[Math.min(layout.laid.length - 1, Math.max(0, i))];
    if (!to) return;
    session.activeTrack.value = to.track.id;
    session.onReveal(to.track.id, 0);
    setTimeout(() => document.querySelector<HTMLElement>(`.names [role=treeitem][data-track="${to.track.id}"]`)?.focus(), 50);
  };
  if (e.key === "ArrowDown") go(at + 1);
  else if (e.key === "ArrowUp") go(at < 0 ? 0 : at - 1);
  else if (e.key === "ArrowRight" && laid) laid.collapsed ? session.fold(laid.track.id) : go(at + 1);
  else if (e.key === "ArrowLeft" && laid)
    laid.collapsible && !laid.collapsed ? session.fold(laid.track.id) : go(layout.laid.findIndex((l) => l.track.id === laid.track.parent));
  else if (e.key === "Enter" && laid) session.fold(laid.track.id);
  else return;
  e.preventDefault();
  e.stopPropagation();
}
