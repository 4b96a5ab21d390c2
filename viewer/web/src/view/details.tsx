// Everything about the selected slice.

import { useState } from "preact/hooks";
import { type Attr, type Slice } from "../import/protocol.js";
import { count, cut, duration, percent, plural } from "../model/format.js";
import { interval } from "../model/selection.js";
import { focused, momentText, timeText, theme } from "./app-state.js";
import { useAsk } from "./ask.js";
import { LogRow } from "./logs.js";
import { Bar, breakable, CopyButton, IconButton, Scope, SliceLink, Status, Swatch, trackName } from "./parts.js";
import { type Session } from "./session.js";

const foldedLength = 240;
const drawnLength = 20_000;
const shownLines = 60;

export function Details() {
  const session = focused.value;
  if (!session) return null;
  const detail = session.detail.value;
  const selection = session.selection.value;
  if (detail) return <SliceDetails key={detail.key} slice={detail} session={session} />;
  if (selection.type === "range") return <RangeDetails session={session} />;
  if (selection.type === "slice")
    return (
      <div class="panel-body">
        <Status busy error={session.problem.value} />
      </div>
    );
  return (
    <div class="panel-body placeholder">
      <p>
        <b>Nothing is selected.</b> Click a slice to see what it is, what it belongs to and what it logged.
      </p>
      <p class="dim">
        Drag to move, <kbd>Ctrl</kbd> and wheel or <kbd>W</kbd> <kbd>S</kbd> to zoom, <kbd>Shift</kbd> and drag to select a range of time.{" "}
        <kbd>?</kbd> shows all keys.
      </p>
    </div>
  );
}

function RangeDetails({ session }: { session: Session }) {
  const at = interval(session.selection.value, session.now())!;
  return (
    <div class="panel-body">
      <h2>{duration(at.to - at.from)}</h2>
      <p class="dim">
        from {timeText(session, at.from, at.to - at.from)} to {timeText(session, at.to, at.to - at.from)}
      </p>
      <p>
        <Scope session={session} />: see the flame graph (<kbd>3</kbd>), the table (<kbd>4</kbd>) and the logs (<kbd>2</kbd>) of it.
      </p>
    </div>
  );
}

function SliceDetails({ slice, session }: { slice: Slice; session: Session }) {
  const end = slice.open ? Math.max(session.info.value?.now ?? 0, slice.start) : slice.end;
  const length = end - slice.start;
  return (
    <div class="panel-body details">
      <div class="detail-main">
        <Head slice={slice} session={session} length={length} />
        <dl class="facts">
          <dt>Duration</dt>
          <dd>
            {duration(length)}
            {slice.open && <span class="pill warn">open</span>}
          </dd>
          <dt>Self time</dt>
          <dd>
            {duration(slice.self)} <span class="dim">{percent(slice.self, length)}</span>{" "}
            <Bar part={slice.self / Math.max(length, 1)} colour={theme.value.counterLine} />
          </dd>
          {slice.parent && (
            <>
              <dt>Of its parent</dt>
              <dd>
                {percent(length, parentLength(slice, session))} <Bar part={length / Math.max(parentLength(slice, session), 1)} />
              </dd>
            </>
          )}
          <dt>Begins</dt>
          <dd>{momentText(session, slice.start, true)}</dd>
          <dt>{slice.open ? "Open since" : "Ends"}</dt>
          <dd>{slice.open ? duration(length) : momentText(session, slice.end, true)}</dd>
          <dt>Track</dt>
          <dd>{trackName(session, slice.track)}</dd>
          {slice.category && (
            <>
              <dt>Category</dt>
              <dd>{cut(slice.category, 240)}</dd>
            </>
          )}
        </dl>
        <Family slice={slice} session={session} />
      </div>
      <div class="detail-side">
        <Attributes attrs={slice.attrs} />
        <Links slice={slice} session={session} />
        {slice.stack && (
          <section>
            <h3>
              ID stack <CopyButton text={slice.stack} what="the ID stack" />
            </h3>
            <code class="stack">{cut(slice.stack, drawnLength)}</code>
          </section>
        )}
      </div>
      <Lines slice={slice} session={session} />
    </div>
  );
}

function parentLength(slice: Slice, session: Session): number {
  const p = slice.parent!;
  const now = session.info.value?.now ?? 0;
  return (p.end > p.start ? p.end : now) - p.start;
}

function Head({ slice, session, length }: { slice: Slice; session: Session; length: number }) {
  const busy = session.paths.busy.value;
  return (
    <header class="detail-head">
      {slice.ancestors.length > 0 && (
        <nav class="crumbs" aria-label="Ancestors">
          {slice.ancestors.map((a, i) => (
            <span key={a.key}>
              {i > 0 && <i>›</i>}
              <SliceLink slice={a} session={session} />
            </span>
          ))}
        </nav>
      )}
      <h2>
        <Swatch name={slice.name} />
        {cut(slice.name, 300) || "(no name)"}
        {slice.failed && <span class="pill bad">✕ failed</span>}
      </h2>
      <div class="detail-actions">
        <button onClick={() => session.fitSelection()}>
          Zoom to it <kbd>F</kbd>
        </button>
        <button onClick={() => void session.paths.find()} disabled={busy || length <= 0}>
          Critical path <kbd>C</kbd>
        </button>
        <IconButton
          icon="up"
          title="Parent (↑)"
          disabled={!slice.parent}
          onClick={() => slice.parent && void session.select({ key: slice.parent.key }, slice.parent, true)}
        />
        <IconButton
          icon="down"
          title="First child (↓)"
          disabled={!slice.firstChildren.length}
          onClick={() => slice.firstChildren[0] && void session.select({ key: slice.firstChildren[0].key }, slice.firstChildren[0], true)}
        />
      </div>
    </header>
  );
}

function Family({ slice, session }: { slice: Slice; session: Session }) {
  const [all, setAll] = useState(false);
  const shown = all ? slice.firstChildren : slice.firstChildren.slice(0, 8);
  const rest = slice.firstChildren.length - shown.length;
  if (!slice.children) return null;
  const most = Math.max(...slice.firstChildren.map((c) => lengthOf(c, session)), 1);
  return (
    <section>
      <h3>
        Children <span class="dim">{count(slice.children)}</span>
      </h3>
      <ul class="children">
        {shown.map((child) => (
          <li key={child.key}>
            <SliceLink slice={child} session={session} />
            <Elsewhere slice={child} from={slice} session={session} />
            <Bar part={lengthOf(child, session) / most} />
            <span class="num">{duration(lengthOf(child, session))}</span>
          </li>
        ))}
      </ul>
      {rest > 0 && (
        <button class="more" onClick={() => setAll(true)}>
          {rest} more
        </button>
      )}
      {all && slice.children > slice.firstChildren.length && (
        <p class="dim">
          The first {slice.firstChildren.length} of {count(slice.children)}.
        </p>
      )}
    </section>
  );
}

/** Elsewhere names a slice's track, if it is another one. */
function Elsewhere({ slice, from, session }: { slice: { track: number }; from: Slice; session: Session }) {
  return slice.track === from.track ? null : <span class="dim cell-rest">{trackName(session, slice.track)}</span>;
}

function lengthOf(slice: { start: number; end: number }, session: Session): number {
  return (slice.end >= slice.start ? slice.end : (session.info.peek()?.now ?? slice.start)) - slice.start;
}

const isError = (attr: Attr) => /(^|[._])(error|err|exception|panic|status_message)([._]|$)/i.test(attr.key);

/** Attributes has errors first; long values are folded. */
function Attributes({ attrs }: { attrs: readonly Attr[] }) {
  const sorted = [...attrs.filter(isError), ...attrs.filter((a) => !isError(a))];
  return (
    <section>
      <h3>
        Attributes <span class="dim">{attrs.length || "none"}</span>
      </h3>
      <dl class="attrs">
        {sorted.map((attr, i) => (
          <Attribute key={i} attr={attr} />
        ))}
      </dl>
    </section>
  );
}

function Attribute({ attr }: { attr: Attr }) {
  const [open, setOpen] = useState(false);
  const long = attr.value.length > foldedLength;
  return (
    <>
      <dt class={isError(attr) ? "bad" : ""} title={cut(attr.key, 1000)}>
        {breakable(cut(attr.key, 120))}
      </dt>
      <dd class={isError(attr) ? "bad" : ""} data-type={attr.type}>
        <span class="value">{long && !open ? cut(attr.value, foldedLength) : cut(attr.value, drawnLength)}</span>
        {long && (
          <button class="more" aria-expanded={open} onClick={() => setOpen(!open)}>
            {open ? "less" : `all ${count(attr.value.length)} characters`}
          </button>
        )}
        {(attr.cut || (open && attr.value.length > drawnLength)) && <span class="dim"> cut</span>}
        <CopyButton text={attr.value} what={`the value of ${cut(attr.key, 60)}`} />
      </dd>
    </>
  );
}

function Links({ slice, session }: { slice: Slice; session: Session }) {
  if (!slice.links.length) return null;
  return (
    <section>
      <h3>Links</h3>
      <ul class="children">
        {slice.links.map((link, i) => (
          <li key={i}>
            <span class="dim link-kind">
              {link.direction === "in" ? "←" : "→"} {cut(link.name || link.type, 60)}
            </span>
            {link.to ? (
              <>
                <SliceLink slice={link.to} session={session} />
                <Elsewhere slice={link.to} from={slice} session={session} />
              </>
            ) : (
              <span class="dim">not in this trace</span>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

/** Lines are what the slice and all below it logged, errors first. */
function Lines({ slice, session }: { slice: Slice; session: Session }) {
  const ends = { from: 0, to: Math.max(session.limits.value.end, slice.end) };
  const errors = useAsk(
    slice.logs ? (signal) => session.client.logs({ ...ends, slice: slice.key, min: 17, limit: 20 }, signal) : null,
    [slice.key, slice.logs, slice.open && session.info.value?.gen],
    60,
  );
  const all = useAsk(
    slice.logs ? (signal) => session.client.logs({ ...ends, slice: slice.key, limit: shownLines }, signal) : null,
    [slice.key, slice.logs, slice.open && session.info.value?.gen],
    60,
  );
  if (!slice.logs) return null;
  const first = errors.value?.lines ?? [];
  const keys = new Set(first.map((line) => line.cursor));
  const lines = [...first, ...(all.value?.lines ?? []).filter((line) => !keys.has(line.cursor))];
  return (
    <section class="detail-logs">
      <h3>
        Log <span class="dim">{plural(all.value?.total ?? slice.logs, "line")} of it and below</span>
      </h3>
      <Status busy={all.busy && !all.value} error={all.error} />
      {lines.map((line) => (
        <LogRow key={line.cursor} line={line} session={session} />
      ))}
      {all.value?.more && (
        <p class="dim">
          The first {shownLines}; panel Logs (<kbd>2</kbd>) has all of them.
        </p>
      )}
    </section>
  );
}
