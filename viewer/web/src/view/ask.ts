// Components that show an answer of the server.

import { useEffect, useState } from "preact/hooks";

export interface Answer<T> {
  value: T | null;
  error: string;
  busy: boolean;
}

/** useAsk asks anew whenever deps change, after wait ms without another change. The last answer stays until there is a new one. */
export function useAsk<T>(ask: ((signal: AbortSignal) => Promise<T>) | null, deps: readonly unknown[], wait = 0): Answer<T> {
  const [answer, setAnswer] = useState<Answer<T>>({ value: null, error: "", busy: ask !== null });
  useEffect(() => {
    if (!ask) {
      setAnswer({ value: null, error: "", busy: false });
      return undefined;
    }
    const controller = new AbortController();
    setAnswer((before) => (before.busy ? before : { ...before, busy: true }));
    const timer = setTimeout(() => {
      ask(controller.signal).then(
        (value) => {
          if (!controller.signal.aborted) setAnswer({ value, error: "", busy: false });
        },
        (err) => {
          if (!controller.signal.aborted) setAnswer({ value: null, error: err instanceof Error ? err.message : String(err), busy: false });
        },
      );
    }, wait);
    return () => {
      clearTimeout(timer);
      controller.abort();
    };
  }, deps);
  return answer;
}
