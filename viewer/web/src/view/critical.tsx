// The critical path of a slice, as a list: what it would have to be quicker at to be quicker itself.

import { cut, duration, percent } from "../model/format.js";
import { focused, theme } from "./app-state.js";
import { DataTable } from "./data-table.js";
import { Bar, SliceLink, Swatch } from "./parts.js";
import { VirtualList } from "./virtual-list.js";

export function CriticalPath() {
  const session = focused.value;
  const path = session?.critical.value;
  const selection = session?.selection.value;
  if (!session) return null;
  if (!path) {
    const ready = selection?.type === "slice";
    return (
      <div class="panel-body placeholder">
        <p>
          <b>{ready ? "What kept this slice from ending earlier?" : "Select a slice first."}</b> The critical path goes back from its end:
          at each time, to what it was waiting for.
        </p>
        {ready && (
          <button disabled={session.criticalBusy.value} onClick={() => void session.findCritical()}>
            Show the critical path <kbd>C</kbd>
          </button>
        )}
      </div>
    );
  }
  return (
    <div class="panel-body halves">
      <section class="half">
        <h2>
          By what it is <span class="dim">{duration(path.total)}</span>
        </h2>
        <DataTable
          label="Parts of the critical path, by name"
          class="critical-sums"
          columns={[{ name: "Path" }, { name: "Part", number: true }, { name: "Time", number: true }]}
          count={path.sums.length}
          row={(i) => {
            const sum = path.sums[i];
            const name = sum.path[sum.path.length - 1] ?? "";
            return {
              key: i,
              title: cut(sum.path.join(" › "), 1000),
              cells: [
                <>
                  <Swatch name={name} />
                  <span class="link-text">{cut(name, 200)}</span>
                  <span class="dim cell-rest">{cut(sum.path.slice(0, -1).join(" › "), 200)}</span>
                </>,
                <>
                  <Bar part={sum.total / Math.max(path.total, 1)} colour={theme.value.critical} />
                  {percent(sum.total, path.total)}
                </>,
                duration(sum.total),
              ],
            };
          }}
        />
      </section>
      <section class="half">
        <h2>
          In the order of time <span class="dim">{path.segments.length} parts</span>
        </h2>
        <VirtualList
          count={path.segments.length}
          rowHeight={26}
          label="Parts of the critical path, in the order of time"
          row={(i) => {
            const s = path.segments[i];
            return (
              <div key={i} class="row critical-parts">
                <SliceLink slice={{ ...s, pos: 0 }} session={session} />
                <span class="num">{duration(s.end - s.start)}</span>
              </div>
            );
          }}
        />
      </section>
    </div>
  );
}
