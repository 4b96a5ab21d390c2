// The top bar: what is open, how it is, the search, and the ways out.

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { type TraceInfo } from "../import/protocol.js";
import { count, cut, duration, plural } from "../model/format.js";
import { lost } from "../model/losses.js";
import { focused, helpOpen, main, notice, switchTheme, theme } from "./app-state.js";
import { useAsk } from "./ask.js";
import { compareWith } from "./compare.js";
import { address, openTrace } from "./link.js";
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
          <h1 title={info?.source}>{cut(shortTitle(info?.title ?? "trace-view"), 120)}</h1>
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

/** shortTitle is what tells a process's address from others. */
function shortTitle(title: string): string {
  return title.replace(/^https?:\/\/(.+?)(\/debug\/trace)?\/?$/, "$1");
}

function State({ session, info }: { session: Session; info: TraceInfo }) {
  const places = session.losing.all.value;
  const told = places?.sum(0, places.places.length) ?? { count: 0, marks: 0, uncounted: 0 };
  const listed = info.losses.reduce((sum, loss) => sum + loss.count, 0);
  const sum = { ...told, count: Math.max(listed, told.count) };
  const state = session.connected.value ? info.state : "disconnected";
  const words: Record<string, string> = {
    loading: info.progress < 0 ? "reading …" : `reading, ${Math.floor(info.progress * 100)} %`,
    loaded: "",
    reconnecting: "reconnecting …",
    disconnected: "server lost, trying again …",
  };
  const said = words[state] ?? state;
  const length = duration(session.isLive.value ? info.now : info.end);
  const facts = [plural(info.slices, "slice"), length, ...(info.format ? [cut(info.format, 24)] : [])].join(" · ");
  return (
    <div class="state">
      {said && (
        <span class="badge" data-state={state} role="status">
          {said}
        </span>
      )}
      <span class="dim facts-line" title={facts}>
        {facts}
      </span>
      {info.error && (
        <span class="badge" data-state="failed" title={info.error}>
          {cut(info.error, 60)}
        </span>
      )}
      {sum.count + sum.uncounted > 0 && (
        <Lost session={session} said={lost(sum)} title={info.losses.map((loss) => `${loss.what}: ${count(loss.count)}`).join("\n")} />
      )}
      {state === "loading" && info.progress >= 0 && <progress max={1} value={info.progress} aria-label="Reading the trace" />}
    </div>
  );
}

/** Lost says how much was lost, and leads to where that was, if it is known. */
function Lost({ session, said, title }: { session: Session; said: string; title: string }) {
  if (!session.losing.all.value)
    return (
      <span class="badge" data-state="loss" title={title}>
        {said}
      </span>
    );
  return (
    <button
      class="badge"
      data-state="loss"
      title={`${title || "The trace says so itself"}\nShow the next place (L)`}
      onClick={() => session.losing.next(true)}
    >
      {said}
    </button>
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
  const button = useRef<HTMLButtonElement>(null);
  const session = focused.value;
  // Who was in it goes on from where it was opened.
  const close = () => {
    if (el.current?.querySelector(".menu-list")?.contains(document.activeElement)) button.current?.focus();
    open.value = false;
  };
  useEffect(() => {
    if (!open.value) return undefined;
    el.current?.querySelector<HTMLElement>("[role=menuitem]")?.focus();
    const elsewhere = (e: Event) => {
      if (!el.current?.contains(e.target as Node)) open.value = false;
    };
    document.addEventListener("pointerdown", elsewhere);
    document.addEventListener("focusin", elsewhere);
    return () => {
      document.removeEventListener("pointerdown", elsewhere);
      document.removeEventListener("focusin", elsewhere);
    };
  }, [open.value]);
  const key = (e: KeyboardEvent) => {
    const items = [...el.current!.querySelectorAll<HTMLElement>("[role=menuitem]")];
    const at = items.indexOf(document.activeElement as HTMLElement);
    if (!open.value && e.key !== "ArrowDown") return;
    if (!open.value) open.value = true;
    else if (e.key === "Escape") close();
    else if (e.key === "Home") items[0]?.focus();
    else if (e.key === "End") items[items.length - 1]?.focus();
    else if (e.key === "ArrowDown") items[(at + 1) % items.length]?.focus();
    else if (e.key === "ArrowUp") items[(at + items.length - 1) % items.length]?.focus();
    else return;
    e.preventDefault();
    e.stopPropagation();
  };
  return (
    <div class="menu" ref={el} onKeyDown={key}>
      <button
        ref={button}
        aria-haspopup="menu"
        aria-expanded={open.value}
        onClick={() => {
          open.value = !open.value;
        }}
      >
        Open in, save
      </button>
      {open.value && session && <MenuItems session={session} info={info} close={close} />}
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
          await navigator.clipboard.writeText(address());
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
