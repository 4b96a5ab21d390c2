// The search: as one types; Enter goes from hit to hit.

import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { count, cut, duration } from "../model/format.js";
import { focused, timeText } from "./app-state.js";
import { Icon } from "./icon.js";
import { IconButton, Swatch, trackName } from "./parts.js";
import { type Session } from "./session.js";
import { VirtualList } from "./virtual-list.js";

export const searchInput: { current: HTMLInputElement | null } = { current: null };

export function SearchBox() {
  const session = focused.value;
  const open = useSignal(false);
  const box = useRef<HTMLDivElement>(null);
  if (!session) return null;
  const search = session.search.value;
  const key = (e: KeyboardEvent) => {
    if (e.key === "Enter") session.nextHit(!e.shiftKey);
    else if (e.key === "Escape") {
      if (!open.value) session.ask("");
      open.value = false;
      searchInput.current?.blur();
    } else if (e.key === "ArrowDown") box.current?.querySelector<HTMLElement>(".list")?.focus();
    else return;
    e.preventDefault();
    e.stopPropagation();
  };
  const left = (e: FocusEvent) => {
    if (!box.current!.contains(e.relatedTarget as Node | null)) open.value = false;
  };
  return (
    <div class="search" ref={box} role="search" onFocusOut={left}>
      <div class="search-field" data-busy={search.busy}>
        <Icon name="search" />
        <input
          ref={(el) => {
            searchInput.current = el;
          }}
          type="search"
          placeholder="Search names, attributes, IDs, logs"
          aria-label="Search"
          value={search.query}
          spellcheck={false}
          autocomplete="off"
          onInput={(e) => {
            open.value = true;
            session.ask(e.currentTarget.value);
          }}
          onFocus={() => {
            open.value = true;
          }}
          onKeyDown={key}
          aria-controls={open.value && search.query !== "" ? "hits" : undefined}
        />
        <span class="search-count" role="status">
          {counted(session)}
        </span>
        <button
          class="quiet small"
          aria-pressed={search.regexp}
          title="Regular expression (RE2)"
          onClick={() => session.ask(search.query, !search.regexp)}
        >
          .*
        </button>
        {search.query === "" ? (
          <kbd>/</kbd>
        ) : (
          <>
            <IconButton icon="up" title="Hit before (Shift N)" onClick={() => session.nextHit(false)} />
            <IconButton icon="down" title="Next hit (N)" onClick={() => session.nextHit(true)} />
            <IconButton icon="close" title="End the search" onClick={() => session.ask("")} />
          </>
        )}
      </div>
      {open.value && search.query !== "" && <Hits session={session} />}
    </div>
  );
}

function counted(session: Session): string {
  const { query, busy, hits, total, at, complete, error } = session.search.value;
  if (!query || error) return "";
  if (busy && !hits.length) return "…";
  return `${at >= 0 ? `${at + 1} of ` : ""}${count(total)}${complete ? "" : "+"}`;
}

function Hits({ session }: { session: Session }) {
  const { hits, total, at, error, busy, complete } = session.search.value;
  if (error)
    return (
      <div class="hits" id="hits">
        <p class="status bad">{error}</p>
      </div>
    );
  if (!hits.length)
    return (
      <div class="hits" id="hits">
        <p class="status dim">{busy ? "Searching …" : "Nothing has it."}</p>
      </div>
    );
  return (
    <div class="hits" id="hits">
      <VirtualList
        count={hits.length}
        rowHeight={40}
        label="Hits of the search"
        bring={at}
        row={(i) => {
          const hit = hits[i];
          return (
            <button key={i} class="hit-row" data-current={i === at} onClick={() => session.showHit(i)}>
              <span class="cell-name">
                <Swatch name={hit.name} />
                <span class="link-text">{cut(hit.name, 160)}</span>
                <span class="num dim">{hit.end > hit.start && duration(hit.end - hit.start)}</span>
              </span>
              <span class="dim hit-where">
                {cut(trackName(session, hit.track), 60)} · {timeText(session, hit.start, 1e6)}
                {hit.text && hit.text !== hit.name && (
                  <>
                    {" "}
                    · {cut(hit.what, 60)}: <span class="hit-text">{cut(hit.text, 200)}</span>
                  </>
                )}
              </span>
            </button>
          );
        }}
      />
      {(total > hits.length || !complete) && (
        <p class="hits-foot dim">
          The first {count(hits.length)} of {complete ? count(total) : `${count(total)} or more: the search took too long`}.
        </p>
      )}
    </div>
  );
}
