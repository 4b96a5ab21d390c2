// The ways out: other viewers, and files.

import { flame } from "../model/flame.js";
import { boundsOf } from "../model/scope.js";
import { type Bounds } from "../import/client.js";
import { drawFlame, flameRow } from "../draw/flame.js";
import { drawNames } from "../draw/names.js";
import { drawOverlay } from "../draw/overlay.js";
import { drawRuler } from "../draw/ruler.js";
import { SvgTarget } from "../draw/svg.js";
import { type Target } from "../draw/target.js";
import { Measure } from "../draw/text.js";
import { nameFont, sliceFont } from "../draw/theme.js";
import { drawTracks } from "../draw/tracks.js";
import { notice, theme } from "./app-state.js";
import { type Session } from "./session.js";
import { views } from "./timeline.js";
import { context } from "./timeline-view.js";

const perfetto = "https://ui.perfetto.dev";
const pingEvery = 50;
const pingFor = 60_000;
const namesWidth = 240;
const rulerHeight = 26;

/** bounds are the selection's; of a window, which is only looked at, all is taken. */
function bounds(session: Session): Partial<Bounds> {
  const scope = session.scope();
  return scope.what === "window" ? {} : boundsOf(scope);
}

export function downloadUrl(session: Session, format: string): string {
  return session.client.url("api/download", { format, ...bounds(session) });
}

/** openInPerfetto hands the trace over as Perfetto's page expects it: it is called until it answers, then gets the bytes. */
export async function openInPerfetto(session: Session): Promise<void> {
  const opened = window.open(perfetto); // at once, as a browser blocks it later
  if (!opened) throw new Error("The browser blocked the new tab: allow it for this page.");
  const title = session.info.peek()?.title ?? "trace";
  notice.value = "Perfetto is loading …";
  try {
    const buffer = await session.client.download("perfetto", bounds(session));
    await answered(opened);
    const fileName = `${title.replace(/\.(pftrace|perfetto-trace)$/, "")}.pftrace`;
    opened.postMessage({ perfetto: { buffer, title, fileName } }, perfetto, [buffer]);
    notice.value = "Perfetto has the trace.";
  } catch (err) {
    opened.close();
    throw err;
  }
}

/** answered resolves when the page says PONG to our PING. */
function answered(page: Window): Promise<void> {
  return new Promise((resolve, reject) => {
    const began = performance.now();
    const end = (then: () => void) => {
      clearInterval(timer);
      removeEventListener("message", heard);
      then();
    };
    const heard = (e: MessageEvent) => {
      if (e.source === page && e.origin === perfetto && e.data === "PONG") end(resolve);
    };
    const timer = setInterval(() => {
      if (page.closed || performance.now() - began > pingFor)
        end(() => reject(new Error("Perfetto's page didn't answer: is this machine offline?")));
      else page.postMessage("PING", "*"); // to whatever is there until the page has loaded: it says nothing; the trace goes to Perfetto alone
    }, pingEvery);
    addEventListener("message", heard);
  });
}

export function openSpeedscope(session: Session): void {
  const title = session.info.peek()?.title ?? "trace";
  const profile = session.client.url("api/download", { format: "speedscope", ...boundsOf(session.scope()) });
  open(`${session.client.base}speedscope/#profileURL=${encodeURIComponent(profile)}&title=${encodeURIComponent(title)}`);
}

export function openPprof(session: Session): void {
  open(session.client.url("pprof/", { ...boundsOf(session.scope()) }));
}

function save(content: Blob, name: string): void {
  const a = document.createElement("a");
  a.href = URL.createObjectURL(content);
  a.download = name;
  a.click();
  setTimeout(() => URL.revokeObjectURL(a.href), 10_000);
}

function fileName(session: Session, extension: string): string {
  const title = (session.info.peek()?.title ?? "trace").replace(/[^\p{L}\p{N}._-]+/gu, "-").slice(0, 80);
  return `${title}.${extension}`;
}

/** drawAll draws what one sees: names, ruler and tracks. moved draws something with its origin elsewhere. */
function drawAll(
  t: Target,
  session: Session,
  moved: (x: number, y: number, draw: () => void) => void,
  measure: (font: string) => Measure,
): void {
  const view = views.get(session);
  if (!view) throw new Error("There is no timeline to save.");
  const scene = view.scene();
  t.fillStyle = scene.theme.panel;
  t.fillRect(0, 0, namesWidth, rulerHeight);
  moved(namesWidth, 0, () =>
    drawRuler(t, {
      width: view.width,
      height: rulerHeight,
      window: scene.window,
      axis: scene.axis,
      theme: scene.theme,
      range: null,
      losses: view.gaps(),
      pointer: null,
    }),
  );
  moved(namesWidth, rulerHeight, () => {
    drawTracks(t, { ...scene, measure: measure(sliceFont) });
    drawOverlay(t, { ...view.overlay(), hover: null, pointer: null });
  });
  moved(0, rulerHeight, () => drawNames(t, scene, namesWidth, measure(nameFont)));
}

export async function savePicture(session: Session, as: "png" | "svg"): Promise<void> {
  const view = views.get(session);
  if (!view) return;
  const width = view.width + namesWidth;
  const height = view.height + rulerHeight;
  const ratio = Math.max(2, Math.min(3, devicePixelRatio || 1));
  const canvas = document.createElement("canvas");
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  const c = context(canvas);
  const measure = (font: string) => new Measure(c, font);
  if (as === "svg") {
    const svg = new SvgTarget(width, height, (text) => c.measureText(text));
    drawAll(
      svg,
      session,
      (x, y, draw) => {
        svg.save();
        svg.at(x, y);
        draw();
        svg.restore();
      },
      measure,
    );
    save(new Blob([svg.file()], { type: "image/svg+xml" }), fileName(session, "svg"));
    return;
  }
  c.scale(ratio, ratio);
  drawAll(
    c,
    session,
    (x, y, draw) => {
      c.save();
      c.translate(x, y);
      draw();
      c.restore();
    },
    measure,
  );
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/png"));
  if (!blob) throw new Error("The picture is too large for this browser.");
  save(blob, fileName(session, "png"));
}

/** saveFlame saves the flame graph of the selection, or of the window. */
export async function saveFlame(session: Session): Promise<void> {
  const width = 1200;
  const answer = await session.client.aggregate(boundsOf(session.scope()), "path");
  const graph = flame(answer.rows, 1 / 4000);
  const height = Math.max(1, graph.depth) * flameRow;
  const c = context(document.createElement("canvas"));
  const svg = new SvgTarget(width, height, (text) => c.measureText(text));
  drawFlame(svg, graph, width, height, 0, theme.peek(), new Measure(c, sliceFont), undefined);
  save(new Blob([svg.file()], { type: "image/svg+xml" }), fileName(session, "flame.svg"));
}
