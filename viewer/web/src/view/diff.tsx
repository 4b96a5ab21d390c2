// The difference of two traces, as a table: what got slower comes first.

import { useSignal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { type Change } from "../import/protocol.js";
import { count, cut, duration } from "../model/format.js";
import { slower, slowerFirst } from "../model/difference.js";
import { linked, main, other } from "./app-state.js";
import { compareWith } from "./compare.js";
import { useAsk } from "./ask.js";
import { type DataRow, DataTable } from "./data-table.js";
import { Cut, Status, Swatch } from "./parts.js";

export function DiffPanel() {
  const a = main.value;
  const b = other.value;
  const normalize = useSignal(true);
  const answer = useAsk(
    a && b && ((signal) => a.client.diff(a.client.trace, b.client.trace, normalize.value, signal)),
    [a, b, normalize.value],
    0,
  );
  const changes = useMemo(() => slowerFirst(answer.value?.changes ?? []), [answer.value]);
  const traces = a?.info.value?.traces ?? [];
  if (!a) return null;
  if (!b) {
    return (
      <div class="panel-body placeholder">
        <p>
          <b>Compare two traces.</b> {traces.length > 1 ? "Choose the one to put beside this one." : "Open both: trace-view BEFORE AFTER."}
        </p>
        <div class="choices">
          {traces.map(
            (title, i) =>
              i !== a.client.trace && (
                <button key={i} onClick={() => compareWith(i)}>
                  {cut(title, 120)}
                </button>
              ),
          )}
        </div>
      </div>
    );
  }
  return (
    <div class="panel-body filled">
      <div class="panel-tools">
        <span class="scope">
          <b>A</b> {cut(answer.value?.a.title ?? "", 80)} {answer.value && duration(answer.value.a.total)} <b>B</b>{" "}
          {cut(answer.value?.b.title ?? "", 80)} {answer.value && duration(answer.value.b.total)}
        </span>
        <label>
          <input
            type="checkbox"
            checked={normalize.value}
            onChange={() => {
              normalize.value = !normalize.value;
            }}
          />{" "}
          numbers in names are one
        </label>
        <label>
          <input
            type="checkbox"
            checked={linked.value}
            onChange={() => {
              linked.value = !linked.value;
            }}
          />{" "}
          zoom both
        </label>
        <Cut n={answer.value?.cut} what="of the smallest changes" />
        <span class="grow" />
        <button aria-label="End the comparison" onClick={() => compareWith(null)}>
          End
        </button>
      </div>
      <DataTable label="Changes, slower first" class="diff" columns={columns} count={changes.length} row={(i) => changeRow(changes[i], i)}>
        <Status busy={answer.busy && !answer.value} error={answer.error} empty={answer.value && !changes.length && "Both are alike."} />
      </DataTable>
    </div>
  );
}

const columns = [
  { name: "Path" },
  { name: "Change" },
  ...["Self A", "Self B", "Difference", "Count A → B", "p50 A → B"].map((name) => ({ name, number: true })),
];

function changeRow(change: Change, i: number): DataRow {
  const { a, b, path } = change;
  const name = path[path.length - 1] ?? "";
  const by = slower(change);
  return {
    key: i,
    title: `${cut(path.join(" › "), 1000)}\nGo to the longest in both`,
    onClick: () => {
      if (change.longestA) void main.peek()?.select({ key: change.longestA }, null, true);
      if (change.longestB) void other.peek()?.select({ key: change.longestB }, null, true);
    },
    cells: [
      <>
        <Swatch name={name} />
        <span class="link-text">{cut(name, 200)}</span>
        <span class="dim cell-rest">{cut(path.slice(0, -1).join(" › "), 240)}</span>
      </>,
      <span class="change" data-change={change.change}>
        {change.change}
      </span>,
      a ? duration(a.self) : "–",
      b ? duration(b.self) : "–",
      <span data-more={by > 0}>
        {by > 0 ? "+" : ""}
        {duration(by)}
      </span>,
      `${a ? count(a.count) : "–"} → ${b ? count(b.count) : "–"}`,
      `${a ? duration(a.p50) : "–"} → ${b ? duration(b.p50) : "–"}`,
    ],
  };
}
