// A target for tests: it writes down what is called, and the properties that were set since the call before.

import { type Target } from "./target.js";

type Call = (string | number | number[] | Record<string, unknown>)[];

/** record returns a target and the list of its calls. Each character is 6 wide. */
export function record(): { target: Target; calls: Call[] } {
  const calls: Call[] = [];
  const state: Record<string, unknown> = { fillStyle: "", strokeStyle: "", lineWidth: 1, font: "", textAlign: "", textBaseline: "" };
  let changed: Record<string, unknown> = {};
  const target = new Proxy({} as Target, {
    get(_, name: string) {
      if (name === "measureText") return (text: string) => ({ width: 6 * [...text].length });
      if (name in state) return state[name];
      return (...args: (number | string)[]) => {
        if (Object.keys(changed).length) calls.push([changed]);
        changed = {};
        calls.push([name, ...args.map((a) => (typeof a === "number" ? Math.round(a * 1000) / 1000 : a))]);
      };
    },
    set(_, name: string, value: unknown) {
      if (name !== "font" && state[name] !== value) changed[name] = value;
      state[name] = value;
      return true;
    },
  });
  return { target, calls };
}

/** golden writes calls as JSON, one a line. */
export function golden(calls: readonly Call[]): string {
  return "[\n" + calls.map((call) => "  " + JSON.stringify(call)).join(",\n") + "\n]\n";
}
