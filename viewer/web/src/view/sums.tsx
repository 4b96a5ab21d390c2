// What the time of the selection, or of the window, went to: as a flame graph, and as a table.

import { useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { type AggregateRow } from "../import/protocol.js";
import { count, cut, duration, percent, plural } from "../model/format.js";
import { type Box, boxAt, descend, flame, type Flame } from "../model/flame.js";
import { boundsOf } from "../model/scope.js";
import { drawFlame, flameRow } from "../draw/flame.js";
import { Measure } from "../draw/text.js";
import { sliceFont } from "../draw/theme.js";
import { focused, theme } from "./app-state.js";
import { useAsk } from "./ask.js";
import { type DataRow, DataTable } from "./data-table.js";
import { Bar, Cut, Scope, Status, Swatch } from "./parts.js";
import { type Session } from "./session.js";
import { context } from "./timeline-view.js";

const wait = 60;
/** doubleClick is how long, in ms, it takes to know that a click is no double one. */
const doubleClick = 250;

function useAggregate(session: Session, by: "name" | "path") {
  const bounds = boundsOf(session.scope());
  // What is followed moves on with each picture: its numbers come a little more seldom.
  const following = session.isLive.value && session.follow.value;
  const moved = following ? Math.floor((session.info.value?.gen ?? 0) / 8) : `${bounds.from},${bounds.to}`;
  return useAsk((signal) => session.client.aggregate(bounds, by, signal), [session, by, moved, bounds.slice, bounds.track?.join()], wait);
}

export function FlameGraph() {
  const session = focused.value;
  return session && <FlameOf key={session.id} session={session} />;
}

function FlameOf({ session }: { session: Session }) {
  const answer = useAggregate(session, "path");
  const inner = useSignal<string[]>([]);
  const hover = useSignal<Box | undefined>(undefined);
  const rows = answer.value?.rows ?? [];
  const root = descend(rows, inner.value);
  const graph = useMemo(() => flame(root ? [root] : rows, 1 / 4000), [answer.value, root]);
  const total = graph.total;
  const shown = hover.value?.row ?? root;
  const pick = (box: Box) => box.row.longest && void session.select({ key: box.row.longest }, null, true);
  const enter = (box: Box) => {
    inner.value = root ? [...inner.value.slice(0, -1), ...box.path] : box.path;
  };
  return (
    <div class="panel-body filled">
      <div class="panel-tools">
        <Scope session={session} />
        {inner.value.map((_, i) => (
          <button
            key={i}
            class="link"
            onClick={() => {
              inner.value = inner.value.slice(0, i);
            }}
          >
            {i === 0 ? "all" : cut(inner.value[i - 1], 60)} ›
          </button>
        ))}
        <Cut n={answer.value?.cut} what="of the shortest paths" />
        <span class="grow" />
        {shown ? (
          <span class="numbers">
            <b>{cut(shown.name, 120)}</b> {count(shown.count)}×, {duration(shown.total)} ({percent(shown.total, total)}), self{" "}
            {duration(shown.self)}
          </span>
        ) : (
          <span class="dim">Click: go to the longest one. Double click: only what is below.</span>
        )}
      </div>
      <Status busy={answer.busy && !answer.value} error={answer.error} empty={answer.value && !rows.length && "There is no slice here."} />
      <FlameCanvas graph={graph} hover={hover} onPick={pick} onEnter={enter} />
      <FlameList graph={graph} onPick={pick} onEnter={enter} />
    </div>
  );
}

interface FlameProps {
  graph: Flame;
  hover: { value: Box | undefined };
  onPick: (box: Box) => void;
  onEnter: (box: Box) => void;
}

function FlameCanvas({ graph, hover, onPick, onEnter }: FlameProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const width = useSignal(0);
  const colours = theme.value;
  const box = hover.value;
  useEffect(() => {
    const around = canvas.current!.parentElement!;
    const watch = new ResizeObserver(() => {
      width.value = around.clientWidth;
    });
    watch.observe(around);
    return () => watch.disconnect();
  }, []);
  const height = Math.max(graph.depth, 1) * flameRow;
  useEffect(() => {
    if (!width.value) return;
    // A canvas has its limits: deeper than these 400 rows the model doesn't go.
    const ratio = Math.min(2, devicePixelRatio || 1);
    const c = context(canvas.current!);
    canvas.current!.width = Math.round(width.value * ratio);
    canvas.current!.height = Math.round(height * ratio);
    c.setTransform(ratio, 0, 0, ratio, 0, 0);
    drawFlame(c, graph, width.value, height, 0, colours, new Measure(c, sliceFont), box);
  }, [graph, width.value, colours, box]);
  const at = (e: MouseEvent) => {
    const r = canvas.current!.getBoundingClientRect();
    return boxAt(graph, (e.clientX - r.left) / r.width, Math.floor((e.clientY - r.top) / flameRow));
  };
  // The first click of two must not lead elsewhere: what is below the second one would be another graph.
  const clicked = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(clicked.current), []);
  const pick = (e: MouseEvent, then: (box: Box) => void, wait: number) => {
    const found = at(e);
    clearTimeout(clicked.current);
    if (found) clicked.current = setTimeout(() => then(found), wait);
  };
  return (
    <div class="flame">
      <canvas
        ref={canvas}
        style={{ height: `${height}px` }}
        role="img"
        aria-label="Flame graph; the list after it has the same"
        onPointerMove={(e) => {
          const found = at(e);
          if (found !== hover.value) hover.value = found;
        }}
        onPointerLeave={() => {
          hover.value = undefined;
        }}
        onClick={(e) => e.detail < 2 && pick(e, onPick, doubleClick)}
        onDblClick={(e) => pick(e, onEnter, 0)}
      />
    </div>
  );
}

/** FlameList is the graph for who doesn't see it, or has no pointer. */
function FlameList({ graph, onPick, onEnter }: Omit<FlameProps, "hover">) {
  return (
    <ul class="for-readers" aria-label="Boxes of the flame graph">
      {graph.boxes
        .filter((box) => box.width > 0.02)
        .sort((a, b) => a.depth - b.depth || a.x - b.x)
        .slice(0, 60)
        .map((box) => (
          <li key={box.path.join("\0")}>
            <button onClick={() => onPick(box)}>
              {"· ".repeat(box.depth)}
              {cut(box.row.name, 120)} {duration(box.row.total)}, {percent(box.row.total, graph.total)}
            </button>{" "}
            {box.row.children.length > 0 && (
              <button aria-label={`Only ${cut(box.row.name, 120)} and what is below`} onClick={() => onEnter(box)}>
                only this
              </button>
            )}
          </li>
        ))}
    </ul>
  );
}

type SumColumn = "name" | "count" | "total" | "self" | "p50" | "p95" | "max";

const columns: [key: SumColumn, name: string][] = [
  ["name", "Name"],
  ["count", "Count"],
  ["total", "Total"],
  ["self", "Self"],
  ["p50", "p50"],
  ["p95", "p95"],
  ["max", "Longest"],
];

export function Table() {
  const session = focused.value;
  return session && <TableOf key={session.id} session={session} />;
}

function TableOf({ session }: { session: Session }) {
  const answer = useAggregate(session, "name");
  const sort = useSignal<{ by: SumColumn; down: boolean }>({ by: "self", down: true });
  const filter = useSignal("");
  const find = filter.value.toLowerCase();
  const rows = (answer.value?.rows ?? [])
    .filter((row) => !find || row.name.toLowerCase().includes(find))
    .sort((a, b) => compare(a, b, sort.value));
  const self = rows.reduce((sum, row) => sum + row.self, 0);
  const named = new Map<string, number>();
  for (const row of rows) named.set(row.name, (named.get(row.name) ?? 0) + 1);
  return (
    <div class="panel-body filled">
      <div class="panel-tools">
        <Scope session={session} />
        <input
          type="search"
          class="field"
          placeholder="Filter by name"
          aria-label="Filter rows by name"
          value={filter.value}
          onInput={(e) => {
            filter.value = e.currentTarget.value;
          }}
        />
        <span class="dim">{answer.value ? plural(rows.length, "name") : ""}</span>
        <Cut n={answer.value?.cut} what="of the shortest" />
      </div>
      <DataTable
        label="Durations by name"
        class="sums"
        count={rows.length}
        row={(i) => sumRow(rows[i], self, session, named.get(rows[i].name)! > 1)}
        columns={columns.map(([key, name]) => ({
          name,
          number: key !== "name",
          sorted: sort.value.by !== key ? "none" : sort.value.down ? "descending" : "ascending",
          onSort: () => {
            sort.value = { by: key, down: sort.value.by === key ? !sort.value.down : key !== "name" };
          },
        }))}
      >
        <Status
          busy={answer.busy && !answer.value}
          error={answer.error}
          empty={answer.value && !rows.length && "There is no slice here."}
        />
      </DataTable>
    </div>
  );
}

function compare(a: AggregateRow, b: AggregateRow, sort: { by: SumColumn; down: boolean }): number {
  const order = sort.by === "name" ? a.name.localeCompare(b.name) : a[sort.by] - b[sort.by];
  return sort.down ? -order : order;
}

/** sumRow is one of the table; with alike, others have the same name and another category. */
function sumRow(row: AggregateRow, self: number, session: Session, alike: boolean): DataRow {
  const ended = row.count > row.open; // what is open has no duration yet
  return {
    key: `${row.category}\0${row.name}`,
    title: `${cut(row.name, 1000)}\nGo to the longest`,
    ...(row.longest && { onClick: () => void session.select({ key: row.longest }, null, true) }),
    cells: [
      <>
        <Swatch name={row.name} />
        <span class="link-text">{cut(row.name, 240) || "(no name)"}</span>
        {alike && <span class="dim">{cut(row.category, 60)}</span>}
        {row.failed > 0 && <span class="pill bad">✕ {count(row.failed)}</span>}
        {row.open > 0 && <span class="pill warn">{count(row.open)} open</span>}
      </>,
      count(row.count),
      duration(row.total),
      <>
        <Bar part={row.self / Math.max(self, 1)} colour={theme.value.counterLine} />
        <span class="beside-bar">{duration(row.self)}</span>
      </>,
      ended ? duration(row.p50) : "–",
      ended ? duration(row.p95) : "–",
      duration(row.max),
    ],
  };
}
