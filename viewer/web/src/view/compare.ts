// The second trace: opened and closed, and moved along with the first.

import { computed, effect } from "@preact/signals";
import { whole } from "../model/zoom.js";
import { focused, linked, main, other, scheduler, selectionShown } from "./app-state.js";
import { Session } from "./session.js";

/** compareWith opens another trace below the one in front; null closes it. */
export function compareWith(trace: number | null): void {
  const a = main.peek();
  const b = other.peek();
  if (!a) return;
  other.value = null;
  focused.value = a;
  b?.stop();
  if (trace === null) return;
  const session = new Session(a.client.of(trace), () => scheduler.request());
  session.onSelect = selectionShown;
  other.value = session;
  void session.start();
}

/** linkWindows keeps both windows equal, as long as that is wanted: who is moved takes the other along. */
export function linkWindows(): () => void {
  const ready = computed(() => [main, other].every((session) => (session.value?.info.value?.end ?? 0) > 0));
  return effect(() => {
    const a = main.value;
    const b = other.value;
    if (!a || !b || !ready.value || !linked.value) return undefined;
    let own = false;
    const follow = (from: Session, to: Session) =>
      from.window.subscribe((w) => {
        if (own) return;
        own = true;
        to.window.value = w;
        own = false;
      });
    const wasWhole = a.window.peek().span >= a.limits.peek().end;
    a.atLeast.value = b.atLeast.value = Math.max(a.limits.peek().end, b.limits.peek().end);
    if (wasWhole) a.window.value = whole(a.limits.peek());
    const stops = [follow(a, b), follow(b, a)];
    return () => {
      stops.forEach((stop) => stop());
      a.atLeast.value = b.atLeast.value = 0;
    };
  });
}
