// The critical path of a slice, as a list: what it would have to be quicker at to be quicker itself.

import { type Critical, type SliceRef } from "../import/protocol.js";
import { cut, duration, percent, plural } from "../model/format.js";
import { amount, type Share, shares, worthTelling } from "../model/shares.js";
import { focused, theme } from "./app-state.js";
import { DataTable } from "./data-table.js";
import { hidePath, switchPath } from "./explain.js";
import { Bar, Cut, IconButton, SliceLink, Swatch } from "./parts.js";
import { type Session } from "./session.js";
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
          <b>{ready ? "What kept this slice from ending earlier?" : "What took all this time?"}</b> The critical path goes back from the end
          of a slice: at each time, to what it was waiting for.
        </p>
        <button disabled={session.paths.busy.value} onClick={() => switchPath(session)}>
          {ready ? "Show the critical path" : "Show that of the longest slice"} <kbd>C</kbd>
        </button>
      </div>
    );
  }
  return (
    <div class="panel-body halves">
      {session.paths.of.value && <Answer path={path} slice={session.paths.of.value} session={session} />}
      <section class="half">
        <h2>
          By what it is <span class="dim">{duration(path.total)}</span>
        </h2>
        {path.left > 0 && <p class="dim">Without {plural(path.left, "track")} with too much on: it may have waited for something there.</p>}
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
                  <span class="beside-bar">{percent(sum.total, path.total)}</span>
                </>,
                duration(sum.total),
              ],
            };
          }}
        />
      </section>
      <section class="half">
        <h2>
          In the order of time <span class="dim">{plural(path.segments.length, "part")}</span> <Cut n={path.cut} what="of the last" />
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

/** whole keeps a number and its unit in one line. */
const whole = (text: string) => text.replaceAll(" ", "\u00a0");

/** Answer says in a sentence what took the time, and leads to the longest part of it. */
function Answer({ path, slice, session }: { path: Critical; slice: SliceRef; session: Session }) {
  const all = shares(path);
  const [first] = all;
  if (!first) return null;
  const others = worthTelling(all, path.total);
  return (
    <p class="answer">
      <span>
        {amount(first.total / Math.max(path.total, 1))} of the {whole(duration(path.total))} of <b>{cut(slice.name, 80)}</b> was{" "}
        <Part share={first} path={path} slice={slice} session={session} />: {whole(percent(first.total, path.total))}
        {others.map((share, i) => (
          <span key={share.name}>
            {i === 0 ? ", then " : ", "}
            <Part share={share} path={path} slice={slice} session={session} /> {whole(percent(share.total, path.total))}
          </span>
        ))}
        .
      </span>
      <IconButton icon="close" title="Hide the critical path (C)" onClick={() => hidePath(session)} />
    </p>
  );
}

function Part({ share, path, slice, session }: { share: Share; path: Critical; slice: SliceRef; session: Session }) {
  const segment = path.segments[share.longest];
  if (share.name === slice.name) return <span>its own</span>;
  return segment ? <SliceLink slice={{ ...segment, pos: 0 }} session={session} /> : <b>{cut(share.name, 80)}</b>;
}
