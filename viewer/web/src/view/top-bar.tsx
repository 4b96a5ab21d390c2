// The top bar: what is open, how it is, the search, and the ways out.

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { type TraceInfo } from "../import/protocol.js";
import { count, cut, duration } from "../model/format.js";
import { focused, helpOpen, main, notice, switchTheme, theme } from "./app-state.js";
import { useAsk } from "./ask.js";
import { compareWith } from "./compare.js";
import { openTrace } from "./link.js";
import { IconButton } from "./parts.js";
import { SearchBox } from "./search-box.js";
import { type Session } from "./session.js";
import { downloadUrl, openInPerfetto, openPprof, openSpeedscope, saveFlame, savePicture } from "./ways-out.js";

export function TopBar() {
  const session = main.value;
  const info = session?.info.value;
  return (
    <header class="top">
      <div class="title">
        {info && info.traces.length > 1 && session ? (
          <h1>
            <select
              class="field"
              aria-label="Trace"
              value={String(session.client.trace)}
              onChange={(e) => openTrace(Number(e.currentTarget.value))}
            >
              {info.traces.map((title, i) => (
                <option key={i} value={String(i)}>
                  {cut(title, 80)}
                </option>
              ))}
            </select>
          </h1>
        ) : (
          <h1 title={info?.source}>{cut(info?.title ?? "trace-view", 120)}</h1>
        )}
        {session && info && <State session={session} info={info} />}
      </div>
      <SearchBox />
      <div class="actions">
        {session && session.isLive.value && <LiveButtons session={session} />}
        {session && info && info.traces.length > 1 && (
          <IconButton
            icon="compare"
            title="Compare with another trace"
            onClick={() => compareWith(info.traces.findIndex((_, i) => i !== session.client.trace))}
          />
        )}
        {session && info && <Menu info={info} />}
        <IconButton
          icon={theme.value.scheme === "light" ? "moon" : "sun"}
          title={`${theme.value.scheme === "light" ? "Dark" : "Light"} (T)`}
          onClick={switchTheme}
        />
        <IconButton
          icon="help"
          title="Help and keys (?)"
          onClick={() => {
            helpOpen.value = true;
          }}
        />
      </div>
    </header>
  );
}

function State({ session, info }: { session: Session; info: TraceInfo }) {
  const lost = info.losses.reduce((sum, loss) => sum + loss.count, 0);
  const state = session.connected.value ? info.state : "disconnected";
  const words: Record<string, string> = {
    loading: `reading, ${Math.floor(info.progress * 100)} %`,
    loaded: "",
    reconnecting: "reconnecting …",
    disconnected: "server lost, trying again …",
  };
  const said = words[state] ?? state;
  return (
    <div class="state">
      {said && (
        <span class="badge" data-state={state} role="status">
          {said}
        </span>
      )}
      <span class="dim facts-line">
        {count(info.slices)} slices · {duration(info.end)}
        {info.format && ` · ${cut(info.format, 24)}`}
      </span>
      {info.error && (
        <span class="badge" data-state="failed" title={info.error}>
          {cut(info.error, 60)}
        </span>
      )}
      {lost > 0 && (
        <span class="badge" data-state="loss" title={info.losses.map((loss) => `${loss.what}: ${count(loss.count)}`).join("\n")}>
          {count(lost)} lost
        </span>
      )}
      {state === "loading" && <progress max={1} value={info.progress} aria-label="Reading the trace" />}
    </div>
  );
}

function LiveButtons({ session }: { session: Session }) {
  const paused = session.info.value?.state === "paused";
  const tell = (what: "pause" | "follow") => session.client.live(what).catch((err) => session.fail(err));
  return (
    <div class="live">
      <button
        aria-pressed={session.follow.value}
        data-on={session.follow.value}
        title="Keep the newest in sight (Space)"
        onClick={() => toggleFollow(session)}
      >
        {session.follow.value ? "Following" : "Follow"}
      </button>
      <IconButton
        icon={paused ? "play" : "pause"}
        title={paused ? "Take in what comes again" : "Stop taking in what comes: it is counted as lost"}
        onClick={() => void tell(paused ? "follow" : "pause")}
      />
    </div>
  );
}

export function toggleFollow(session: Session): void {
  if (!session.isLive.peek()) return;
  session.follow.value = !session.follow.peek();
  session.glide.stop();
  session.request();
}

function Menu({ info }: { info: TraceInfo }) {
  const open = useSignal(false);
  const el = useRef<HTMLDivElement>(null);
  const session = focused.value;
  useEffect(() => {
    if (!open.value) return undefined;
    el.current?.querySelector<HTMLElement>("[role=menuitem]")?.focus();
    const close = (e: Event) => {
      if (!el.current?.contains(e.target as Node)) open.value = false;
    };
    document.addEventListener("pointerdown", close);
    return () => document.removeEventListener("pointerdown", close);
  }, [open.value]);
  const key = (e: KeyboardEvent) => {
    const items = [...el.current!.querySelectorAll<HTMLElement>("[role=menuitem]")];
    const at = items.indexOf(document.activeElement as HTMLElement);
    if (e.key === "Escape") open.value = false;
    else if (e.key === "ArrowDown") items[(at + 1) % items.length]?.focus();
    else if (e.key === "ArrowUp") items[(at + items.length - 1) % items.length]?.focus();
    else return;
    e.preventDefault();
    e.stopPropagation();
  };
  return (
    <div class="menu" ref={el} onKeyDown={key}>
      <button
        aria-haspopup="menu"
        aria-expanded={open.value}
        onClick={() => {
          open.value = !open.value;
        }}
      >
        Open in, save
      </button>
      {open.value && session && (
        <MenuItems
          session={session}
          info={info}
          close={() => {
            open.value = false;
          }}
        />
      )}
    </div>
  );
}

/** Item is outside of MenuItems: made anew when that is drawn again, it would lose the focus. */
function Item({ onClick, children, hint }: { onClick: () => void; children: string; hint?: string }) {
  return (
    <button role="menuitem" onClick={onClick}>
      {children}
      {hint && <span class="dim">{hint}</span>}
    </button>
  );
}

function MenuItems({ session, info, close }: { session: Session; info: TraceInfo; close: () => void }) {
  const formats = useAsk((signal) => session.client.formats(signal), [session]);
  const part = session.scope();
  const whole = part.what === "window";
  const run = (what: () => void | Promise<void>) => () => {
    close();
    void Promise.resolve()
      .then(what)
      .catch((err) => {
        notice.value = err instanceof Error ? err.message : String(err);
      });
  };
  return (
    <div class="menu-list" role="menu">
      {info.openers?.perfetto && (
        <Item onClick={run(() => openInPerfetto(session))} hint="its page is loaded from ui.perfetto.dev; the trace stays in this browser">
          Open in Perfetto
        </Item>
      )}
      {info.openers?.speedscope && (
        <Item onClick={run(() => openSpeedscope(session))}>
          {whole ? "Open the window in speedscope" : "Open the selection in speedscope"}
        </Item>
      )}
      {info.openers?.pprof && (
        <Item onClick={run(() => openPprof(session))}>{whole ? "Open the window in pprof" : "Open the selection in pprof"}</Item>
      )}
      <hr />
      <Item onClick={run(() => savePicture(session, "png"))}>Save a picture (PNG)</Item>
      <Item onClick={run(() => savePicture(session, "svg"))}>Save a picture (SVG)</Item>
      <Item onClick={run(() => saveFlame(session))}>Save the flame graph (SVG)</Item>
      <Item
        onClick={run(async () => {
          await navigator.clipboard.writeText(location.href);
          notice.value = "Copied a link to this view.";
        })}
      >
        Copy a link to this view
      </Item>
      <hr />
      <div class="menu-title">{whole ? "Download the trace as" : "Download the selection as"}</div>
      <div class="formats">
        {(formats.value ?? []).map((f) => (
          <a key={f.name} role="menuitem" href={downloadUrl(session, f.name)} download onClick={close} title={cut(f.description, 300)}>
            {cut(f.name, 40)}
          </a>
        ))}
      </div>
    </div>
  );
}
