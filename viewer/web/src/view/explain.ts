// What a file's time went for, shown to who has just opened it: the critical path of the slice that most of it is about.

import { effect } from "@preact/signals";
import { cut } from "../model/format.js";
import { notice, panel, showPanel } from "./app-state.js";
import { type Session } from "./session.js";

/** explainOnce explains a file as soon as its first picture is there, unless the user did something before. The returned function takes that back. */
export function explainOnce(session: Session): () => void {
  let done = false;
  const stop = effect(() => {
    void [session.tilesVersion.value, session.info.value?.state];
    if (done || session.info.peek()?.state !== "loaded" || !session.cache.size || session.loader.busy) return;
    done = true;
    void explain(session);
  });
  return () => {
    done = true;
    stop();
  };
}

async function explain(session: Session): Promise<void> {
  const isFresh = () => session.selection.peek().type === "none" && panel.peek() === null;
  try {
    const root = await session.paths.root();
    if (!root || !isFresh()) return;
    if (root.large) notice.value = `C finds out what took the time of “${cut(root.slice.name, 60)}”.`;
    else {
      showPanel("critical");
      await session.paths.findOf(root.slice);
    }
  } catch (err) {
    session.fail(err);
  }
}

/** hidePath hides it, and the panel that is about it. */
export function hidePath(session: Session): void {
  if (session.critical.peek() && panel.peek() === "critical") showPanel(null);
  session.paths.hide();
}

/** switchPath shows the critical path of the selected slice, or of the one that most of the trace is about; again, it hides it. */
export function switchPath(session: Session): void {
  const selection = session.selection.peek();
  const shown = session.paths.of.peek();
  if (shown && selection.type === "slice" && selection.slice.key === shown.key && panel.peek() === "critical") {
    hidePath(session);
    return;
  }
  showPanel("critical");
  if (selection.type === "slice" || session.isSelecting) void session.paths.find();
  else void session.paths.findRoot();
}
