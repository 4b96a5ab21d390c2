// The timeline: names of tracks, ruler, canvases, and what hands and keys do to them.

import { useComputed, useSignal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { count, duration } from "../model/format.js";
import { firstAt } from "../model/tracks.js";
import { focused, wallClock } from "./app-state.js";
import { Gestures } from "./gestures.js";
import { Icon } from "./icon.js";
import { Minimap } from "./minimap.js";
import { Names } from "./names.js";
import { type Session } from "./session.js";
import { type Hover, TimelineView } from "./timeline-view.js";

export const views = new Map<Session, TimelineView>();

export function Timeline({ session, title }: { session: Session; title?: string }) {
  const stage = useRef<HTMLDivElement>(null);
  const scroller = useRef<HTMLDivElement>(null);
  const tracks = useRef<HTMLCanvasElement>(null);
  const overlay = useRef<HTMLCanvasElement>(null);
  const ruler = useRef<HTMLCanvasElement>(null);
  const scrollTop = useSignal(0);
  const height = useSignal(0);
  const hover = useSignal<Hover | null>(null);
  const bar = useSignal(0);
  const tall = useComputed(() => session.layout.value.height + Math.min(session.pinnedLayout.value.height + 2, height.value / 2) + 60);

  useLayoutEffect(() => {
    const el = { scroller: scroller.current!, overlay: overlay.current!, ruler: ruler.current!, stage: stage.current! };
    const around = el.overlay.parentElement!;
    const view = new TimelineView(session, { tracks: tracks.current!, overlay: el.overlay, ruler: el.ruler });
    views.set(session, view);
    const stop = connect(session, view, el, hover);
    const watch = new ResizeObserver(() => {
      height.value = el.scroller.clientHeight;
      el.stage.style.height = `${height.value}px`;
      bar.value = el.scroller.offsetWidth - el.scroller.clientWidth;
      const smaller = height.value < view.height;
      const selection = session.selection.peek();
      view.resize(around.clientWidth, height.value);
      // A panel that opens doesn't hide what is selected.
      if (smaller && selection.type === "slice") session.onReveal(selection.slice.track, selection.slice.row);
    });
    watch.observe(el.scroller);
    watch.observe(around);
    return () => {
      watch.disconnect();
      stop();
      view.stop();
      views.delete(session);
    };
  }, [session]);

  const scrolled = () => {
    scrollTop.value = scroller.current!.scrollTop;
    hover.value = null;
    views.get(session)?.scroll(scrollTop.value);
  };
  return (
    <section class="timeline" aria-label={title ?? "Timeline"} data-focused={focused.value === session}>
      <div class="ruler-row" style={{ paddingRight: `${bar.value}px` }}>
        <Corner session={session} title={title} />
        <div class="ruler-cell">
          <Minimap session={session} />
          <canvas ref={ruler} class="ruler" role="img" aria-label="Time axis. Drag on it to select a range of time." />
        </div>
      </div>
      <div class="scroller" ref={scroller} onScroll={scrolled}>
        <div style={{ height: `${tall.value}px` }}>
          <div class="stage" ref={stage}>
            <Names session={session} scrollTop={scrollTop} height={height} />
            <div class="canvases">
              <canvas ref={tracks} class="tracks" aria-hidden="true" />
              <canvas
                ref={overlay}
                class="overlay"
                tabIndex={0}
                role="application"
                aria-label="Timeline. Arrow keys walk slices, W A S D move. Press ? for all keys."
                aria-describedby="announce"
                onFocus={() => {
                  focused.value = session;
                }}
              />
              <Empty session={session} />
              {hover.value && <Tip hover={hover.value} session={session} width={views.get(session)?.width ?? 0} height={height.value} />}
            </div>
          </div>
        </div>
      </div>
    </section>
  );
}

function Corner({ session, title }: { session: Session; title: string | undefined }) {
  const span = useComputed(() => session.window.value.span).value;
  const size = (session.treeVersion.value, session.tree.size);
  return (
    <div class="corner">
      <div class="corner-line">
        <span class="corner-title" title={title}>
          {title ?? `${count(size)} ${size === 1 ? "track" : "tracks"}`}
        </span>
        <button
          class="quiet"
          title="Only tracks with something in the window (X)"
          aria-label="Only tracks with something in the window"
          aria-pressed={session.onlyActive.value}
          onClick={() => {
            session.onlyActive.value = !session.onlyActive.value;
          }}
        >
          <Icon name="active" />
        </button>
        <button class="quiet" title="Fold or unfold all" aria-label="Fold or unfold all" onClick={() => session.foldAll()}>
          <Icon name="fold" />
        </button>
        <button class="quiet" title="Show all of the trace (0)" aria-label="Show all of the trace" onClick={() => session.showWhole()}>
          <Icon name="fit" />
        </button>
      </div>
      <div class="corner-line dim">
        <span title="Length of the window">{duration(span)}</span>
        <button
          class="quiet small"
          title="Wall clock or time since the beginning (K)"
          aria-pressed={wallClock.value}
          onClick={() => {
            wallClock.value = !wallClock.value;
          }}
        >
          {wallClock.value ? "wall clock" : "relative"}
        </button>
      </div>
    </div>
  );
}

function Empty({ session }: { session: Session }) {
  const info = session.info.value;
  const waiting = session.treeVersion.value === 0 || info?.state === "loading";
  if (session.tree.size || (info === null && session.problem.value === "")) return null;
  const said = waiting ? "Reading the trace …" : "There is nothing in this trace.";
  return <p class="empty">{info?.state === "failed" ? info.error : said}</p>;
}

/** Tip says what is below the pointer. */
function Tip({ hover, session, width, height }: { hover: Hover; session: Session; width: number; height: number }) {
  const end = hover.open ? session.now() : hover.ref.end;
  const left = hover.x > width - 280;
  const place = {
    [left ? "right" : "left"]: `${left ? width - hover.x + 14 : hover.x + 14}px`,
    top: `${Math.min(hover.y + 24, height - 64)}px`,
  };
  return (
    <div class="tip" style={place}>
      <div class="tip-name">{hover.ref.name}</div>
      <div class="dim">
        {hover.count > 1
          ? `${hover.count} slices in ${duration(end - hover.ref.start)}; the longest is named`
          : duration(end - hover.ref.start)}
        {hover.open && ", open"}
        {hover.failed && <b class="bad">{hover.count > 1 ? ", some failed" : ", failed"}</b>}
      </div>
    </div>
  );
}

interface Elements {
  scroller: HTMLElement;
  overlay: HTMLCanvasElement;
  ruler: HTMLCanvasElement;
}

/** connect listens to pointer and wheel until the returned function is called. */
function connect(session: Session, view: TimelineView, el: Elements, hover: { value: Hover | null }): () => void {
  const gestures = new Gestures({
    view,
    session,
    scrollTo: (top) => {
      el.scroller.scrollTop = top;
    },
    clicked: (x, y) => {
      const item = view.itemAt(x, y);
      if (item) void session.select(byOf(session, item), item.ref);
      else {
        session.selectNothing();
        const at = view.trackAt(y);
        if (at) session.activeTrack.value = at.laid.track.id;
      }
    },
  });
  session.onReveal = (track, row) => {
    const top = view.scrollTo(track, row);
    if (top !== null) el.scroller.scrollTop = top;
  };
  const place = (e: { clientX: number; clientY: number }) => {
    const box = el.overlay.getBoundingClientRect();
    return [e.clientX - box.left, e.clientY - box.top] as const;
  };
  const between = (a: number, b: number) => tracksBetween(view, a, b);
  const down = (ruler: boolean) => (e: PointerEvent) => {
    if (e.button !== 0) return;
    focused.value = session;
    (e.currentTarget as HTMLElement).setPointerCapture(e.pointerId);
    hover.value = null;
    gestures.down(e.pointerId, ...place(e), ruler || e.shiftKey);
  };
  const move = (ruler: boolean) => (e: PointerEvent) => {
    const [x, y] = place(e);
    view.pointer = { x, y: ruler ? -1 : y };
    gestures.move(e.pointerId, x, y);
    hover.value = gestures.dragging ? null : view.pick();
    if (gestures.dragging) view.hover = null;
    el.overlay.style.cursor = gestures.dragging ? "grabbing" : hover.value ? "pointer" : "default";
    session.pointed.value = null;
    view.touch(false);
  };
  const up = (ruler: boolean) => (e: PointerEvent) => gestures.up(e.pointerId, ...place(e), ruler ? () => [] : between);
  const leave = () => {
    view.pointer = view.hover = hover.value = null;
    view.touch(false);
  };
  const wheel = (e: WheelEvent) => {
    if (gestures.wheel(e, place(e)[0])) e.preventDefault();
    hover.value = null;
  };
  const listen: [HTMLElement, boolean][] = [
    [el.overlay, false],
    [el.ruler, true],
  ];
  const stops = listen.flatMap(([target, ruler]) => [
    on(target, "pointerdown", down(ruler)),
    on(target, "pointermove", move(ruler)),
    on(target, "pointerup", up(ruler)),
    on(target, "pointercancel", () => gestures.cancel()),
    on(target, "pointerleave", leave),
    on(target, "wheel", wheel),
  ]);
  return () => stops.forEach((stop) => stop());
}

function on<K extends keyof HTMLElementEventMap>(target: HTMLElement, type: K, listener: (e: HTMLElementEventMap[K]) => void): () => void {
  target.addEventListener(type, listener, { passive: false });
  return () => target.removeEventListener(type, listener);
}

/** byOf asks for a slice by its number, if that still holds, and else by its place. */
export function byOf(session: Session, item: Hover) {
  const { track, row, pos, start } = item.ref;
  return session.isLive.peek() ? { track, row, at: start } : { track, pos };
}

/** tracksBetween are the tracks between two heights, for a range; all of a process stand for it. */
function tracksBetween(view: TimelineView, a: number, b: number): number[] {
  const { session } = view;
  const [pinned, below] = view.bands();
  const ids = new Set<number>();
  const [top, bottom] = [Math.min(a, b), Math.max(a, b)];
  for (const laid of pinned.laid) if (laid.y < bottom && laid.y + laid.height > top && top < pinned.clipBottom) ids.add(laid.track.id);
  const layout = session.layout.peek();
  if (bottom >= below.clipTop) {
    for (
      let i = firstAt(layout, Math.max(top, below.clipTop) - below.top);
      i < layout.laid.length && layout.laid[i].y + below.top < bottom;
      i++
    ) {
      const laid = layout.laid[i];
      for (const id of laid.hidden || laid.track.type === "process" ? session.tree.within(laid.track.id) : [laid.track.id]) ids.add(id);
    }
  }
  return [...ids];
}
