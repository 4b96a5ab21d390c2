// Who waits for whom: the slices that are open, as a tree, the oldest first.

import { type Wait } from "../import/protocol.js";
import { cut, duration, severity } from "../model/format.js";
import { focused } from "./app-state.js";
import { useAsk } from "./ask.js";
import { type DataRow, DataTable } from "./data-table.js";
import { Cut, Status, Swatch, trackName } from "./parts.js";
import { hungAfter, type Session } from "./session.js";

interface Line {
  wait: Wait;
  depth: number;
}

/** lines flattens the tree. The last of a path, which nothing below keeps busy, is what is waited for. */
function lines(open: readonly Wait[]): Line[] {
  const list: Line[] = [];
  const stack = [...open].reverse().map((wait) => ({ wait, depth: 0 }));
  for (let at = stack.pop(); at; at = stack.pop()) {
    const { depth } = at;
    list.push(at);
    stack.push(...[...at.wait.children].reverse().map((wait) => ({ wait, depth: depth + 1 })));
  }
  return list;
}

export function Tasks() {
  const session = focused.value;
  const live = session?.isLive.value ?? false;
  // Ages grow also while nothing else changes.
  const info = session?.info.value;
  const seconds = live ? Math.floor((info?.now ?? 0) / 1e9) : 0;
  const answer = useAsk(session && ((signal) => session.client.waits(signal)), [session, info?.gen, seconds], live ? 100 : 0);
  if (!session) return null;
  const rows = lines(answer.value?.open ?? []);
  return (
    <div class="panel-body filled">
      <div class="panel-tools">
        <span class="scope">
          {live ? "Open now" : "Open at the end of the trace"}: <b>{rows.length}</b>
        </span>
        <span class="dim">The innermost ones are what the others wait for.</span>
        <Cut n={answer.value?.cut} what="of the youngest" />
      </div>
      <DataTable
        label="Open slices, as a tree"
        class="waits"
        columns={columns}
        count={rows.length}
        row={(i) => waitRow(rows[i], live, session)}
      >
        <Status
          busy={answer.busy && !answer.value}
          error={answer.error}
          empty={answer.value && !rows.length && "Nothing is open: all that began has ended."}
        />
      </DataTable>
    </div>
  );
}

const columns = [{ name: "Slice" }, { name: "Age", number: true }, { name: "Last line of its log" }];

function waitRow({ wait, depth }: Line, live: boolean, session: Session): DataRow {
  const hung = live && wait.age >= hungAfter && wait.children.length === 0;
  const log = wait.lastLog;
  const { slice } = wait;
  const attrs = wait.attrs.map((a) => `${cut(a.key, 40)}=${cut(a.value, 60)}`).join("  ");
  return {
    key: slice.key,
    hung,
    title: `${cut(slice.name, 300)}, on ${trackName(session, slice.track)}`,
    onClick: () => void session.select({ key: slice.key }, slice, true),
    cells: [
      <>
        <span class="indent" style={{ width: `${Math.min(depth, 20) * 16}px` }}>
          {depth > 0 && "└"}
        </span>
        <Swatch name={slice.name} />
        <span class="link-text">{cut(slice.name, 200)}</span>
        {hung && <span class="pill warn">waits</span>}
        <span class="dim cell-rest">{cut(attrs, 200)}</span>
      </>,
      duration(wait.age),
      log ? (
        <span class="cell-rest" title={cut(log.message, 1000)}>
          <span class="log-level" data-level={severity(log.severity)}>
            {severity(log.severity)}
          </span>{" "}
          {cut(log.message, 300)} <span class="dim">{duration(Math.max(0, slice.start + wait.age - log.time))} ago</span>
        </span>
      ) : (
        <span class="dim">–</span>
      ),
    ],
  };
}
