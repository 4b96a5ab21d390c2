// The page: top bar, one or two timelines, and the panels below.

import { effect } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { cut, duration, plural } from "../model/format.js";
import { type Panel, panels } from "../model/url.js";
import { focused, main, momentText, notice, other, panel, panelHeight, showPanel } from "./app-state.js";
import { CriticalPath } from "./critical.js";
import { Details } from "./details.js";
import { DiffPanel } from "./diff.js";
import { Help, Hints } from "./help.js";
import { Logs } from "./logs.js";
import { IconButton, trackName } from "./parts.js";
import { type Session } from "./session.js";
import { FlameGraph, Table } from "./sums.js";
import { Timeline } from "./timeline.js";
import { TopBar } from "./top-bar.js";
import { Visible } from "./visible.js";
import { Tasks } from "./waits.js";

const names: Record<Panel, string> = {
  details: "Details",
  logs: "Logs",
  flame: "Flame graph",
  table: "Table",
  tasks: "Open",
  critical: "Critical path",
  diff: "Diff",
  visible: "In sight",
};
const bodies = {
  details: Details,
  logs: Logs,
  flame: FlameGraph,
  table: Table,
  tasks: Tasks,
  critical: CriticalPath,
  diff: DiffPanel,
  visible: Visible,
};

export function App() {
  const a = main.value;
  const b = other.value;
  return (
    <>
      <TopBar />
      <Problem />
      <main class="work">
        <div class="timelines" data-two={b !== null}>
          {a && <Timeline key={a.id} session={a} {...(b && { title: `A  ${cut(a.info.value?.title ?? "", 60)}` })} />}
          {b && <Timeline key={b.id} session={b} title={`B  ${cut(b.info.value?.title ?? "", 60)}`} />}
          <Hints />
        </div>
        <Panels />
      </main>
      <Announce />
      <Notice />
      <Help />
    </>
  );
}

function Panels() {
  const shown = panel.value;
  const Body = shown && bodies[shown];
  const tabKey = (e: KeyboardEvent) => {
    const at = panels.indexOf(shown ?? "details");
    const to = e.key === "ArrowRight" ? at + 1 : e.key === "ArrowLeft" ? at - 1 + panels.length : -1;
    if (to < 0) return;
    showPanel(panels[to % panels.length]);
    document.getElementById(`tab-${panel.peek()}`)?.focus();
    e.preventDefault();
  };
  return (
    <section
      class="panels"
      style={shown ? { height: `${panelHeight.value}px` } : { height: "auto" }}
      data-open={shown !== null}
      aria-label="Panels"
    >
      <Splitter />
      <div class="panel-tabs">
        <div class="tabs" role="tablist" aria-label="Panels" onKeyDown={tabKey}>
          {panels.map((p, i) => (
            <button
              key={p}
              id={`tab-${p}`}
              role="tab"
              aria-selected={shown === p}
              aria-controls={shown === p ? "panel" : undefined}
              tabIndex={shown === p || (!shown && i === 0) ? 0 : -1}
              title={`${names[p]} (${i + 1})`}
              onClick={() => {
                showPanel(shown === p ? null : p);
              }}
            >
              {names[p]}
            </button>
          ))}
        </div>
        <span class="grow" />
        {shown && <IconButton icon="down" title="Close the panel" onClick={() => showPanel(null)} />}
      </div>
      {Body && (
        <div class="panel" id="panel" role="tabpanel" aria-labelledby={`tab-${shown}`}>
          <Body />
        </div>
      )}
    </section>
  );
}

/** Splitter changes the height of the panels, by pointer or arrow keys. */
function Splitter() {
  const set = (height: number) => {
    panelHeight.value = Math.min(Math.max(120, height), Math.max(160, innerHeight - 220));
  };
  return (
    <div
      class="splitter"
      role="separator"
      aria-orientation="horizontal"
      aria-label="Height of the panels"
      aria-valuenow={Math.round(panelHeight.value)}
      aria-valuemin={120}
      aria-valuemax={2000}
      tabIndex={panel.value ? 0 : -1}
      onPointerDown={(e) => e.currentTarget.setPointerCapture(e.pointerId)}
      onPointerMove={(e) => {
        if (e.currentTarget.hasPointerCapture(e.pointerId)) set(innerHeight - e.clientY);
      }}
      onKeyDown={(e) => {
        const by = e.key === "ArrowUp" ? 24 : e.key === "ArrowDown" ? -24 : 0;
        if (!by) return;
        set(panelHeight.value + by);
        e.preventDefault();
        e.stopPropagation();
      }}
    />
  );
}

/** Announce tells who doesn't see the picture what is selected. */
function Announce() {
  const session = focused.value;
  return (
    <div id="announce" class="for-readers" role="status" aria-live="polite">
      {session ? said(session) : ""}
    </div>
  );
}

function said(session: Session): string {
  const selection = session.selection.value;
  const detail = session.detail.value;
  void session.treeVersion.value; // names of tracks come later
  if (selection.type === "range") return `Selected range of ${duration(selection.to - selection.from)}`;
  const line = session.line.value;
  if (line && selection.type === "none") {
    const attrs = line.attrs.map((attr) => `${cut(attr.key, 40)} ${cut(attr.value, 60)}`).join(", ");
    return `${cut(line.message, 120)}, ${momentText(session, line.time)}${attrs && `, ${attrs}`}`;
  }
  if (selection.type !== "slice") return "";
  if (!detail) return `Selected ${cut(selection.slice.name, 120)}`;
  const length = detail.open ? "open" : duration(detail.end - detail.start);
  const counts = `${plural(detail.children, "child", "children")}, ${plural(detail.logs, "log line")}`;
  return `Selected ${cut(detail.name, 120)}, ${length}, on ${trackName(session, detail.track)}${detail.failed ? ", failed" : ""}, ${counts}`;
}

function Problem() {
  const session = focused.value;
  const text = session?.problem.value;
  if (!session || !text) return null;
  return (
    <div class="problem" role="alert">
      <span>{cut(text, 600)}</span>
      <IconButton
        icon="close"
        title="Hide"
        onClick={() => {
          session.problem.value = "";
        }}
      />
    </div>
  );
}

function Notice() {
  const text = notice.value;
  useEffect(() => {
    if (!text) return undefined;
    const timer = setTimeout(() => {
      notice.value = "";
    }, 4000);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <div class="notice" role="status" data-shown={text !== ""}>
      {text}
    </div>
  );
}

/** keepTitle has the tab say what is open, and how it is. */
export function keepTitle(): void {
  effect(() => {
    const info = main.value?.info.value;
    const progress = info && info.progress >= 0 ? `${Math.floor(info.progress * 100)} % ` : "… ";
    const state = info?.state === "loading" ? progress : info?.state === "live" ? "● " : "";
    document.title = info ? `${state}${cut(info.title, 100)}, trace-view` : "trace-view";
  });
}
