// The timeline: names of tracks, ruler, canvases, and what hands and keys do to them.

import { type ReadonlySignal, useComputed, useSignal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { count, cut, duration, number, plural } from "../model/format.js";
import { recordsLost } from "../model/losses.js";
import { markName } from "../model/marks.js";
import { firstAt, pinnedHeight, scrollTop } from "../model/tracks.js";
import { focused, showPanel, momentText, wallClock } from "./app-state.js";
import { Gestures } from "./gestures.js";
import { type SliceRef } from "../import/protocol.js";
import { Icon } from "./icon.js";
import { Minimap } from "./minimap.js";
import { Names } from "./names.js";
import { type Session } from "./session.js";
import { type Hover, type LossHover, type MarkHover, pickAt, type SliceHover } from "./pick.js";
import { TimelineView } from "./timeline-view.js";

export const views = new Map<Session, TimelineView>();

export function Timeline({ session, title }: { session: Session; title?: string }) {
  const stage = useRef<HTMLDivElement>(null);
  const scroller = useRef<HTMLDivElement>(null);
  const tracks = useRef<HTMLCanvasElement>(null);
  const overlay = useRef<HTMLCanvasElement>(null);
  const ruler = useRef<HTMLCanvasElement>(null);
  const height = useSignal(0);
  const hover = useSignal<Hover | null>(null);
  const bar = useSignal(0);
  const tall = useComputed(() => session.shown.layout.value.height + pinnedHeight(session.shown.pinnedLayout.value, height.value) + 60);

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
      // A panel that opens doesn't hide what is selected.
      const selection = session.selection.peek();
      const seen = selection.type === "slice" && view.height > 0 && view.scrollTo(selection.slice.track, selection.slice.row) === null;
      view.resize(around.clientWidth, height.value);
      if (seen) session.onReveal(selection.slice.track, selection.slice.row);
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

  // Where to scroll to is there once this has been drawn as high as it is now. A track that isn't there may yet come.
  const to = height.value > 0 && session.treeVersion.value > 0 ? session.toScroll.value : null;
  const top = to && scrollTop(session.shown.layout.value, to);
  useLayoutEffect(() => {
    if (top !== null) scroller.current!.scrollTop = top;
    if (to && (top !== null || !session.grows.peek())) session.toScroll.value = null;
  }, [to, top, tall.value]);

  const scrolled = () => {
    session.scrollTop.value = scroller.current!.scrollTop;
    session.toScroll.value = hover.value = null;
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
            <Names session={session} height={height} />
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
              <Tip hover={hover} session={session} height={height} />
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
          {title ?? plural(size, "track")}
        </span>
        <button
          class="quiet"
          title="Only tracks with something in the window (X)"
          aria-label="Only tracks with something in the window"
          aria-pressed={session.shown.onlyActive.value}
          onClick={() => {
            session.shown.onlyActive.value = !session.shown.onlyActive.value;
          }}
        >
          <Icon name="active" />
        </button>
        <button class="quiet" title="Fold or unfold all" aria-label="Fold or unfold all" onClick={() => session.shown.foldAll()}>
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
  const some = info && info.slices + info.instants + info.logs + info.counters > 0;
  if (some || session.isLive.value || (info === null && session.problem.value === "")) return null;
  const lost = info?.losses.map((loss) => `${cut(loss.what, 100)}: ${count(loss.count)}`).join("; ");
  const nothing = `There is nothing to draw in this trace.${lost ? ` What was left out: ${lost}` : ""}`;
  const said = waiting ? "Reading the trace …" : nothing;
  return <p class="empty">{info?.state === "failed" ? info.error : said}</p>;
}

interface TipProps {
  hover: ReadonlySignal<Hover | null>;
  session: Session;
  height: ReadonlySignal<number>;
}

/** Tip says what is below the pointer. It takes the signal, so that a pointer that moves has nothing else drawn again. */
function Tip({ hover: { value: hover }, session, height }: TipProps) {
  if (!hover) return null;
  const width = views.get(session)?.width ?? 0;
  const left = hover.x > width - 280;
  const place = {
    [left ? "right" : "left"]: `${left ? width - hover.x + 14 : hover.x + 14}px`,
    top: `${Math.min(hover.y + 24, height.value - 64)}px`,
  };
  return (
    <div class="tip" style={place}>
      {hover.type === "slice" && <SliceTip hover={hover} session={session} />}
      {hover.type === "mark" && <MarkTip hover={hover} session={session} />}
      {hover.type === "loss" && <LossTip hover={hover} session={session} />}
      {hover.type === "values" &&
        hover.values.map(({ series, value }) => (
          <div key={series}>
            <span class="tip-name">{number(value)}</span> <span class="dim">{cut(series, 80)}</span>
          </div>
        ))}
    </div>
  );
}

function SliceTip({ hover, session }: { hover: SliceHover; session: Session }) {
  const length = duration((hover.open ? session.now() : hover.ref.end) - hover.ref.start);
  return (
    <>
      <div class="tip-name">{hover.ref.name}</div>
      <div class="dim">
        {hover.count > 1 ? `${count(hover.count)} slices in ${length}; the longest is named` : length}
        {hover.open && ", open"}
        {hover.failed && <b class="bad">{hover.count > 1 ? ", some failed" : ", failed"}</b>}
      </div>
    </>
  );
}

function MarkTip({ hover: { name, mark }, session }: { hover: MarkHover; session: Session }) {
  return (
    <>
      <div class="tip-name">{name}</div>
      <div class="dim">
        {markName(mark.severity)}, {momentText(session, mark.from)}
        {mark.count > 1 && `; the most important of ${count(mark.count)}`}
      </div>
    </>
  );
}

function LossTip({ hover: { gap }, session }: { hover: LossHover; session: Session }) {
  const place = session.losing.all.value?.places[gap.first];
  const when = momentText(session, gap.from);
  return (
    <>
      <div class="tip-name">{recordsLost(gap)}</div>
      <div class="dim">
        {gap.marks > 1
          ? `told by ${plural(gap.marks, "mark")} from ${when} to ${momentText(session, gap.until)}`
          : `${cut(place?.what ?? "", 200)}, ${when}`}
      </div>
    </>
  );
}

interface Elements {
  scroller: HTMLElement;
  overlay: HTMLCanvasElement;
  ruler: HTMLCanvasElement;
}

/** onRuler is the height of a pointer that is on the ruler, above the tracks. */
const onRuler = -1;

/** connect listens to pointer and wheel until the returned function is called. */
function connect(session: Session, view: TimelineView, el: Elements, hover: { value: Hover | null }): () => void {
  const gestures = new Gestures({
    view,
    session,
    scrollTo: (top) => {
      el.scroller.scrollTop = top;
    },
    clicked: (x, y) => {
      const item = pickAt(view, x, y);
      if (item?.type === "slice") void session.select(byOf(session, item.ref), item.ref);
      else if (item?.type === "mark") void goToMark(session, item);
      else if (item?.type === "loss") void session.losing.go(item.gap.first);
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
    view.pointer = { x, y: ruler ? onRuler : y };
    gestures.move(e.pointerId, x, y);
    hover.value = gestures.dragging ? null : view.pick();
    if (gestures.dragging) view.hover = null;
    const leads = hover.value && hover.value.type !== "values";
    el.overlay.style.cursor = gestures.dragging ? "grabbing" : leads ? "pointer" : "default";
    el.ruler.style.cursor = ruler && leads ? "pointer" : "";
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
export function byOf(session: Session, { track, row, pos, start }: Pick<SliceRef, "track" | "row" | "pos" | "start">) {
  return session.grows.peek() ? { track, row, at: start } : { track, pos };
}

/** goToMark goes to the line, or instant, that a mark is: to its slice, which has its lines, or if it has none to the panel of lines. */
async function goToMark(session: Session, { track, mark }: MarkHover): Promise<void> {
  try {
    const { lines } = await session.client.logs({ from: mark.from, to: mark.until, track: [track], limit: 1000 });
    const line = lines.find((one) => one.pos === mark.pos) ?? lines[0];
    if (!line) return;
    session.goToLine(line);
    if (!line.slice) showPanel("logs");
  } catch (err) {
    session.fail(err);
  }
}

/** tracksBetween are the tracks between two heights, for a range; all of a process stand for it. */
function tracksBetween(view: TimelineView, a: number, b: number): number[] {
  const { session } = view;
  const [pinned, below] = view.bands();
  const ids = new Set<number>();
  const [top, bottom] = [Math.min(a, b), Math.max(a, b)];
  for (const laid of pinned.laid) if (laid.y < bottom && laid.y + laid.height > top && top < pinned.clipBottom) ids.add(laid.track.id);
  const layout = session.shown.layout.peek();
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
