// The minimap. What is busy when is summed up from the tiles of the tracks with the most slices, at the level of the whole trace.

import { useComputed, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { drawMinimap, minimapWindow } from "../draw/minimap.js";
import { Busy, busyTracks } from "../model/busy.js";
import { wanted } from "../model/loader.js";
import { pan } from "../model/zoom.js";
import { scheduler, theme } from "./app-state.js";
import { context } from "./timeline-view.js";
import { type Session } from "./session.js";

const bins = 512;
/** whileGrowing is how long, in ms, it stays as it is at least while the trace grows. */
const whileGrowing = 2000;

export function Minimap({ session }: { session: Session }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const width = useSignal(0);
  const version = useSignal(0);
  const busy = useRef(new Busy(bins));
  const dirty = useComputed(() => [
    session.window.value,
    session.search.value,
    session.selection.value,
    session.limits.value,
    theme.value,
    width.value,
    version.value,
  ]);

  useEffect(() => {
    let last = -Infinity;
    let retry: ReturnType<typeof setTimeout> | undefined;
    const tracks = () => busyTracks([...session.tree.flat()].map(([track]) => track), bins);
    const sum = () => {
      busy.current.sum(session.cache, tracks(), session.limits.peek().end, session.now());
      version.value++;
    };
    const ask = () => {
      const { end } = session.limits.peek();
      const wait = loader.want(wanted({ start: 0, span: end }, bins, tracks(), { end }));
      clearTimeout(retry);
      if (wait) retry = setTimeout(ask, wait);
    };
    const loader = session.newLoader(
      () => sum(),
      () => ask(), // the timeline says what failed: it asks the same server
    );
    const stop = session.treeVersion.subscribe(() => {
      const now = performance.now();
      if (!session.tree.size || (session.grows.peek() && now - last < whileGrowing)) return;
      last = now;
      ask();
      sum();
    });
    return () => {
      stop();
      clearTimeout(retry);
      loader.stop();
    };
  }, [session]);

  useEffect(() => {
    const el = canvas.current!;
    const watch = new ResizeObserver(() => {
      width.value = el.clientWidth;
    });
    watch.observe(el);
    let drawn: unknown = null;
    const stop = scheduler.onDraw(() => {
      if (dirty.peek() === drawn || !width.peek()) return;
      drawn = dirty.peek();
      draw(el, session, busy.current);
    });
    const ask = dirty.subscribe(() => scheduler.request());
    return () => {
      watch.disconnect();
      stop();
      ask();
    };
  }, [session]);

  const drag = useDrag(session, canvas);
  return (
    <canvas
      ref={canvas}
      class="minimap"
      {...drag}
      role="img"
      aria-label="The whole trace, and the window in it. Click or drag to move the window."
    />
  );
}

function draw(canvas: HTMLCanvasElement, session: Session, busy: Busy): void {
  const ratio = Math.min(3, devicePixelRatio || 1);
  const width = canvas.clientWidth;
  const height = canvas.clientHeight;
  const c = context(canvas);
  if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
  if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
  c.setTransform(ratio, 0, 0, ratio, 0, 0);
  const selection = session.selection.peek();
  drawMinimap(c, {
    width,
    height,
    end: session.limits.peek().end,
    window: session.window.peek(),
    theme: theme.peek(),
    busy: busy.busy,
    failed: busy.failed,
    hits: session.search.peek().density,
    range: selection.type === "range" ? selection : null,
  });
}

/** useDrag moves the window with the pointer, or brings it to where one clicks. */
function useDrag(session: Session, canvas: { current: HTMLCanvasElement | null }) {
  const from = useRef<number | null>(null);
  const fraction = (e: PointerEvent) => {
    const box = canvas.current!.getBoundingClientRect();
    return (e.clientX - box.left) / box.width;
  };
  return {
    onPointerDown: (e: PointerEvent) => {
      if (e.button !== 0) return;
      const at = fraction(e);
      const { end } = session.limits.peek();
      const w = session.window.peek();
      const width = canvas.current!.clientWidth;
      const frame = minimapWindow(width, end, w);
      const x = at * width;
      canvas.current!.setPointerCapture(e.pointerId);
      if (x < frame.x - 2 || x > frame.x + frame.width + 2 || frame.width > width * 0.95)
        session.move({ start: at * end - w.span / 2, span: w.span });
      from.current = at;
    },
    onPointerMove: (e: PointerEvent) => {
      if (from.current === null) return;
      const at = fraction(e);
      const { end } = session.limits.peek();
      const w = session.window.peek();
      session.move(pan(w, ((at - from.current) * end) / w.span, session.limits.peek()));
      from.current = at;
    },
    // Whatever ends a drag ends the capture, too.
    onLostPointerCapture: () => {
      from.current = null;
    },
  };
}
