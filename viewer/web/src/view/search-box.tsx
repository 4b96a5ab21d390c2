// The search: as one types; Enter goes from hit to hit.

import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { count, cut, duration } from "../model/format.js";
import { focused, momentText } from "./app-state.js";
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
    const inField = e.target === searchInput.current;
    if (e.key === "Enter" && inField) session.searching.next(!e.shiftKey);
    else if (e.key === "Escape" && (open.value || inField)) {
      if (!open.value) session.searching.ask("");
      open.value = false;
      (document.activeElement as HTMLElement | null)?.blur();
    } else if (e.key === "ArrowDown" && inField) box.current?.querySelector<HTMLElement>(".hit-row")?.focus();
    else if (e.key === "ArrowUp" && !inField)
      searchInput.current?.focus(); // from the first of the hits
    else return;
    e.preventDefault();
    e.stopPropagation();
  };
  const left = (e: FocusEvent) => {
    if (!box.current!.contains(e.relatedTarget as Node | null)) open.value = false;
  };
  return (
    <div class="search" ref={box} role="search" onFocusOut={left} onKeyDown={key}>
      <div class="search-field" data-busy={search.busy}>
        <Icon name="search" />
        <input
          ref={(el) => {
            searchInput.current = el;
          }}
          type="search"
          placeholder="Search names, logs, IDs"
          title="Names, attributes, IDs, log lines"
          aria-label="Search"
          value={search.query}
          spellcheck={false}
          autocomplete="off"
          onInput={(e) => {
            open.value = true;
            session.searching.ask(e.currentTarget.value);
          }}
          onFocus={() => {
            open.value = true;
          }}
          aria-controls={open.value && search.query !== "" ? "hits" : undefined}
        />
        <span class="search-count" role="status">
          {counted(session)}
        </span>
        <button
          class="quiet small"
          aria-pressed={search.regexp}
          title="Regular expression (RE2)"
          aria-label="Regular expression"
          onClick={() => session.searching.ask(search.query, !search.regexp)}
        >
          .*
        </button>
        {search.query === "" ? (
          <kbd>/</kbd>
        ) : (
          <>
            <IconButton icon="up" title="Hit before (Shift N)" onClick={() => session.searching.next(false)} />
            <IconButton icon="down" title="Next hit (N)" onClick={() => session.searching.next(true)} />
            <IconButton icon="close" title="End the search" onClick={() => session.searching.ask("")} />
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
        fits
        label="Hits of the search"
        bring={at}
        row={(i) => {
          const hit = hits[i];
          return (
            <button key={i} class="hit-row" data-current={i === at} onClick={() => session.searching.go(i)}>
              <span class="cell-name">
                {hit.mark ? <span class="mark" /> : <Swatch name={hit.name} />}
                <span class="link-text">{cut(hit.name, 160)}</span>
                <span class="num dim">{hit.end > hit.start && duration(hit.end - hit.start)}</span>
              </span>
              <span class="dim hit-where">
                {hit.text && hit.text !== hit.name && (
                  <>
                    {cut(hit.what, 60)}: <span class="hit-text">{cut(hit.text, 200)}</span> ·{" "}
                  </>
                )}
                {cut(trackName(session, hit.track), 60)} · {momentText(session, hit.start)}
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
