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
}

export function VirtualList({ count, rowHeight, row, label, bring = -1, stick = false, near, role = "group", ...rest }: Props) {
  const el = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 300 });
  const look = () => {
    if (!el.current) return; // it is gone already
    const { scrollTop, clientHeight } = el.current;
    setView((before) => (before.top === scrollTop && before.height === clientHeight ? before : { top: scrollTop, height: clientHeight }));
    if (near && scrollTop < 3 * rowHeight) near("first");
    if (near && scrollTop + clientHeight > (count - 3) * rowHeight) near("last");
  };
  useEffect(() => {
    const watch = new ResizeObserver(look);
    watch.observe(el.current!);
    return () => watch.disconnect();
  }, []);
  useLayoutEffect(() => {
    if (stick) el.current!.scrollTop = count * rowHeight;
  }, [stick, count]);
  useLayoutEffect(() => {
    const { scrollTop, clientHeight } = el.current!;
    const y = bring * rowHeight;
    if (bring >= 0 && (y < scrollTop || y + rowHeight > scrollTop + clientHeight))
      el.current!.scrollTop = Math.max(0, y - clientHeight / 3);
    look();
  }, [bring]);
  const { first, last } = rowsIn(view.top, view.height, rowHeight, count);
  return (
    <div class={`list ${rest.class ?? ""}`} ref={el} onScroll={look} role={role} aria-label={label} tabIndex={0}>
      <div class="list-all" style={{ height: `${count * rowHeight}px` }}>
        <div class="list-seen" style={{ transform: `translateY(${first * rowHeight}px)` }}>
          {Array.from({ length: last - first }, (_, i) => row(first + i))}
        </div>
      </div>
    </div>
  );
}
