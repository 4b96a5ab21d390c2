// The log beside the spans: a line leads to its slice, and a slice to its lines.

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { type LogLine } from "../import/protocol.js";
import { type Bounds } from "../import/client.js";
import { cut, plural, severity } from "../model/format.js";
import { focused, momentText } from "./app-state.js";
import { Status, trackName } from "./parts.js";
import { type Session } from "./session.js";
import { VirtualList } from "./virtual-list.js";

const pageSize = 300;
const most = 6000;
const rowHeight = 24;
const wait = 150;

type Where = "auto" | "window" | "all";

interface Loaded {
  lines: LogLine[];
  total: number;
  /** before and after say whether there are more lines on that side. */
  before: boolean;
  after: boolean;
}

export function Logs() {
  const session = focused.value;
  return session && <LogsOf key={session.id} session={session} />;
}

function LogsOf({ session }: { session: Session }) {
  const min = useSignal(0);
  const text = useSignal("");
  const where = useSignal<Where>("auto");
  const loaded = useSignal<Loaded | null>(null);
  const error = useSignal("");
  const busy = useRef(false);
  const following = session.follow.value && session.info.value?.state === "live";
  const bounds = linesOf(session, where.value, following);
  const line = session.line.value;
  const within = bounds && line && line.time >= bounds.from && line.time <= bounds.to && !following && !text.value ? line : null;
  const key = JSON.stringify([bounds, min.value, text.value, within?.cursor]);
  const ask = (bounds: Bounds, more: { before?: string; after?: string }, signal?: AbortSignal) =>
    session.client.logs({ ...bounds, min: min.value || undefined, q: text.value || undefined, limit: pageSize, ...more }, signal);

  useEffect(() => {
    if (!bounds) return undefined;
    const controller = new AbortController();
    const { signal } = controller;
    const timer = setTimeout(
      () =>
        (within ? around(within, (more) => ask(bounds, more, signal)) : from(following, (more) => ask(bounds, more, signal))).then(
          (answer) => {
            loaded.value = answer;
            error.value = "";
          },
          (err) => {
            if (!signal.aborted) error.value = err.message;
          },
        ),
      following ? 0 : wait,
    );
    return () => {
      clearTimeout(timer);
      controller.abort();
    };
  }, [key, following && session.info.value?.gen]);

  const more = (end: "first" | "last") => {
    const now = loaded.value;
    if (!bounds || !now || busy.current || following || !(end === "first" ? now.before : now.after) || !now.lines.length) return;
    busy.current = true;
    const from = end === "first" ? { before: now.lines[0].cursor } : { after: now.lines[now.lines.length - 1].cursor };
    ask(bounds, from)
      .then(
        (answer) => {
          if (loaded.value === now) loaded.value = join(now, answer.lines, answer.more, end);
        },
        (err) => {
          if (loaded.value === now) error.value = err.message;
        },
      )
      .finally(() => {
        busy.current = false;
      });
  };
  const lines = loaded.value?.lines ?? [];
  const selection = session.selection.value;
  const own = lines.findIndex((one) => one.cursor === within?.cursor);
  const selected = own < 0 && selection.type === "slice" ? lines.findIndex((one) => one.slice?.key === selection.slice.key) : own;
  return (
    <div class="panel-body filled">
      <div class="panel-tools">
        <Choice
          label="Least severity"
          value={String(min.value)}
          set={(v) => {
            min.value = Number(v);
          }}
          options={[
            ["0", "all lines"],
            ["5", "debug"],
            ["9", "info"],
            ["13", "warnings"],
            ["17", "errors"],
          ]}
        />
        <input
          type="search"
          class="field"
          placeholder="Filter by text"
          aria-label="Filter log lines by text"
          value={text.value}
          onInput={(e) => {
            text.value = e.currentTarget.value;
          }}
        />
        <Choice
          label="Lines of"
          value={where.value}
          set={(v) => {
            where.value = v as Where;
          }}
          options={[
            ["auto", selection.type === "none" ? "the window" : "the selection"],
            ["window", "the window"],
            ["all", "all of the trace"],
          ]}
        />
        <span class="dim">
          {loaded.value ? plural(loaded.value.total, "line") : ""}
          {following && ", following"}
        </span>
      </div>
      <Status busy={!loaded.value} error={error.value} empty={loaded.value && !lines.length && "No line was logged here."} />
      <VirtualList
        count={lines.length}
        rowHeight={rowHeight}
        label="Log lines"
        near={more}
        bring={selected}
        stick={following}
        class="log"
        row={(i) => <LogRow key={lines[i].cursor} line={lines[i]} session={session} track />}
      />
    </div>
  );
}

/** linesOf says which lines are shown; null while that isn't known of a slice, of which those before stay. */
function linesOf(session: Session, where: Where, following: boolean): Bounds | null {
  const selection = session.selection.value;
  const all = { from: 0, to: 1e18 };
  if (where === "auto" && selection.type === "slice") return selection.slice.key ? { ...all, slice: selection.slice.key } : null;
  if (where === "auto" && selection.type === "range") return { from: selection.from, to: selection.to, track: selection.tracks };
  if (following || where === "all") return all;
  const w = session.settled.value;
  return { from: Math.max(0, Math.floor(w.start)), to: Math.ceil(w.start + w.span) };
}

type Page = (more: { before?: string; after?: string }) => Promise<{ lines: LogLine[]; total: number; more: boolean }>;

/** from is the first page, or the last one of what is followed. */
async function from(following: boolean, page: Page): Promise<Loaded> {
  const { lines, total, more } = await page(following ? { before: "" } : {});
  return { lines, total, before: following && more, after: !following && more };
}

/** around are the lines before and after one. */
async function around(line: LogLine, page: Page): Promise<Loaded> {
  const [before, after] = await Promise.all([page({ before: line.cursor }), page({ after: line.cursor })]);
  return { lines: [...before.lines, line, ...after.lines], total: after.total, before: before.more, after: after.more };
}

/** join adds a page to one end, and lets go of the other end when there is too much. */
function join(now: Loaded, lines: LogLine[], more: boolean, end: "first" | "last"): Loaded {
  if (end === "first") {
    const all = [...lines, ...now.lines];
    return { ...now, lines: all.slice(0, most), before: more, after: now.after || all.length > most };
  }
  const all = [...now.lines, ...lines];
  return { ...now, lines: all.slice(-most), after: more, before: now.before || all.length > most };
}

function Choice({ label, value, set, options }: { label: string; value: string; set: (v: string) => void; options: [string, string][] }) {
  return (
    <select class="field" aria-label={label} value={value} onChange={(e) => set(e.currentTarget.value)}>
      {options.map(([v, name]) => (
        <option key={v} value={v}>
          {name}
        </option>
      ))}
    </select>
  );
}

export function LogRow({ line, session, track = false }: { line: LogLine; session: Session; track?: boolean }) {
  const level = line.type === "log" ? severity(line.severity) : line.type;
  const selection = session.selection.value;
  const own = session.line.value?.cursor === line.cursor || (selection.type === "slice" && line.slice?.key === selection.slice.key);
  const attrs = line.attrs.map((a) => `${cut(a.key, 60)}=${cut(a.value, 120)}`).join(" ");
  return (
    <button
      class="log-row"
      data-level={level}
      data-own={own}
      onClick={() => session.goToLine(line)}
      onPointerEnter={() => {
        session.pointed.value = line.time;
      }}
      onPointerLeave={() => {
        session.pointed.value = null;
      }}
      title={cut(`${line.message}${attrs && "\n" + attrs}`, 2000)}
    >
      <span class="log-time">{momentText(session, line.time)}</span>
      <span class="log-level">{level || "–"}</span>
      {track && <span class="log-from">{cut(line.subsystem, 40) || trackName(session, line.track)}</span>}
      <span class="log-text">
        {cut(line.message, 1000)}
        {attrs && <span class="dim"> {cut(attrs, 400)}</span>}
      </span>
    </button>
  );
}
