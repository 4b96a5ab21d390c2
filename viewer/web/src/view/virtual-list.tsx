// A long list of equal rows, of which only those in sight exist.

import { type ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { rowsIn } from "../model/virtual.js";

interface Props {
  count: number;
  rowHeight: number;
  row: (i: number) => ComponentChildren;
  label: string;
  class?: string;
  /** bring is a row to be scrolled into sight whenever it changes; -1 is none. */
  bring?: number;
  /** stick keeps the end in sight while there is more and more. */
  stick?: boolean;
  /** near is called when the first or last row is about to be seen. */
  near?: (end: "first" | "last") => void;
  role?: "group" | "rowgroup";
  /** fits has the list be no higher than its rows. */
  fits?: boolean;
}

export function VirtualList({
  count,
  rowHeight,
  row,
  label,
  bring = -1,
  stick = false,
  near,
  role = "group",
  fits = false,
  ...rest
}: Props) {
  const el = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  const [view, setView] = useState({ top: 0, height: 300 });
  const keepView = () => {
    const { scrollTop: top, clientHeight: height } = el.current!;
    setView((before) => (before.top === top && before.height === height ? before : { top, height }));
  };
  const look = () => {
    if (!el.current) return; // it is gone already
    const { scrollTop, clientHeight } = el.current;
    atEnd.current = scrollTop + clientHeight > (count - 1) * rowHeight;
    keepView();
    if (near && scrollTop < 3 * rowHeight) near("first");
    if (near && scrollTop + clientHeight > (count - 3) * rowHeight) near("last");
  };
  // The observer outlives this call: it has to look as the last one does.
  const latest = useRef(look);
  latest.current = look;
  useEffect(() => {
    const watch = new ResizeObserver(() => latest.current());
    watch.observe(el.current!);
    return () => watch.disconnect();
  }, []);
  useLayoutEffect(() => {
    if (stick && atEnd.current) el.current!.scrollTop = count * rowHeight;
  }, [stick, count]);
  useLayoutEffect(() => {
    const { scrollTop, clientHeight } = el.current!;
    const y = bring * rowHeight;
    if (bring >= 0 && (y < scrollTop || y + rowHeight > scrollTop + clientHeight))
      el.current!.scrollTop = Math.max(0, y - clientHeight / 3);
    look();
  }, [bring]);
  useLayoutEffect(keepView, [count]); // with fewer rows, the browser scrolls back by itself, and need not say so
  const { first, last } = rowsIn(view.top, view.height, rowHeight, count);
  return (
    <div
      class={`list ${rest.class ?? ""}`}
      ref={el}
      onScroll={look}
      onKeyDown={(e) => walk(e, el.current!)}
      role={role}
      aria-label={label}
      tabIndex={0}
      style={fits ? { height: `${count * rowHeight}px` } : {}}
    >
      <div class="list-all" style={{ height: `${count * rowHeight}px` }}>
        <div class="list-seen" style={{ transform: `translateY(${first * rowHeight}px)` }}>
          {Array.from({ length: last - first }, (_, i) => row(first + i))}
        </div>
      </div>
    </div>
  );
}

/** walk goes by arrow keys from row to row, of which each has one button at most; the list scrolls along. */
function walk(e: KeyboardEvent, list: HTMLElement): void {
  const by = e.key === "ArrowDown" ? 1 : e.key === "ArrowUp" ? -1 : 0;
  const buttons = [...list.querySelectorAll("button")]; // of the rows in sight and some more
  if (!by || !buttons.length) return;
  const at = buttons.indexOf(document.activeElement as HTMLButtonElement);
  const top = list.getBoundingClientRect().top;
  const first = buttons.findIndex((button) => button.getBoundingClientRect().top >= top);
  const to = buttons[at < 0 ? Math.max(first, 0) : at + by];
  if (!to) return; // what is around the list may know where to go
  to.focus();
  to.scrollIntoView({ block: "nearest" });
  e.preventDefault();
  e.stopPropagation();
}
