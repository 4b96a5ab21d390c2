// The names of the tracks, as a tree of which only what is in sight exists.

import { type ReadonlySignal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { count, cut, plural } from "../model/format.js";
import { type Laid, pinnedHeight, visible } from "../model/tracks.js";
import { focused } from "./app-state.js";
import { Icon } from "./icon.js";
import { breakable } from "./parts.js";
import { type Session } from "./session.js";

interface Props {
  session: Session;
  height: ReadonlySignal<number>;
}

export function Names({ session, height }: Props) {
  const tree = useRef<HTMLDivElement>(null);
  const walking = useRef(false);
  const layout = session.shown.layout.value;
  const pinned = session.shown.pinnedLayout.value;
  const top = pinnedHeight(pinned, height.value);
  const scrolled = session.scrollTop.value;
  const seen = visible(layout, scrolled, scrolled + height.value - top);
  // The tree has one tab stop: the active track if it is in sight, else the first.
  const stop = seen.some((laid) => laid.track.id === session.activeTrack.value) ? session.activeTrack.value : seen[0]?.track.id;
  useLayoutEffect(() => {
    // The track that was walked to may have to be scrolled into sight first, and be there later.
    const active = walking.current && tree.current!.querySelector<HTMLElement>(`[data-track="${session.activeTrack.value}"]`);
    if (!active) return;
    walking.current = false;
    active.focus({ preventScroll: true });
  });
  const key = (e: KeyboardEvent) => {
    const before = session.activeTrack.peek();
    if (!walk(e, session)) return;
    walking.current = session.activeTrack.peek() !== before;
    e.preventDefault();
    e.stopPropagation();
  };
  return (
    <div class="names">
      {pinned.height > 0 && (
        <div class="names-part pinned" style={{ top: "0", height: `${top}px` }} role="list" aria-label="Pinned tracks">
          {pinned.laid.map((laid) => (
            <Name key={laid.track.id} laid={laid} y={laid.y} session={session} role="listitem" tab={false} />
          ))}
        </div>
      )}
      <div ref={tree} class="names-part" style={{ top: `${top}px`, bottom: "0" }} role="tree" aria-label="Tracks" onKeyDown={key}>
        {seen.map((laid) => (
          <Name key={laid.track.id} laid={laid} y={laid.y - scrolled} session={session} role="treeitem" tab={laid.track.id === stop} />
        ))}
      </div>
    </div>
  );
}

function Name({ laid, y, session, role, tab }: { laid: Laid; y: number; session: Session; role: "treeitem" | "listitem"; tab: boolean }) {
  const { track } = laid;
  const active = session.activeTrack.value === track.id;
  const pinned = session.shown.pinned.value.includes(track.id);
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
        onClick={() => session.shown.fold(track.id)}
      >
        <Icon name="chevron" />
      </button>
      <span class="name-text" style={{ WebkitLineClamp: String(Math.max(1, Math.floor((laid.height - 8) / 18))) }}>
        {breakable(name)}
        {laid.also && <span class="dim"> {cut(laid.also, 40)}</span>}
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
        onClick={() => session.shown.pin(track.id)}
      >
        <Icon name="pin" />
      </button>
    </div>
  );
}

function describe({ track }: Laid): string {
  const parts = [track.type];
  if (track.slices) parts.push(plural(track.slices, "slice"));
  if (track.open) parts.push(`${track.open} open`);
  return parts.join(", ");
}

/** walk is for keys within the tree: it returns whether the key was one. */
function walk(e: KeyboardEvent, session: Session): boolean {
  const { laid: all } = session.shown.layout.peek();
  const at = all.findIndex((laid) => laid.track.id === session.activeTrack.peek());
  const laid = all[at];
  const up = all.findIndex((one) => one.track.id === laid?.track.parent);
  const go = (i: number) => {
    const to = all[Math.min(all.length - 1, Math.max(0, i))];
    if (!to) return;
    session.activeTrack.value = to.track.id;
    session.onReveal(to.track.id, 0);
  };
  if (e.key === "ArrowDown") go(at + 1);
  else if (e.key === "ArrowUp") go(at < 0 ? 0 : at - 1);
  else if (e.key === "Home") go(0);
  else if (e.key === "End") go(all.length - 1);
  else if (e.key === "ArrowRight" && laid) laid.collapsed ? session.shown.fold(laid.track.id) : go(at + 1);
  else if (e.key === "ArrowLeft" && laid) laid.collapsible && !laid.collapsed ? session.shown.fold(laid.track.id) : go(up < 0 ? at : up);
  else if (e.key === "Enter" && laid) session.shown.fold(laid.track.id);
  else return false;
  return true;
}
