// Checks turn an answer of the server, which may be anything, into a typed value. The shape of an answer is said once, as a value,
// and its type follows from it. What is missing is the zero value, as in Go's own JSON; what has another type is an error.

export class ProtocolError extends Error {
  override name = "ProtocolError";
}

export type Check<T> = (value: unknown, at: string) => T;
export type Checked<C> = C extends Check<infer T> ? T : never;

function wrong(want: string, value: unknown, at: string): never {
  throw new ProtocolError(`the server's answer: ${at || "all of it"} is ${value === null ? "null" : typeof value}, not ${want}`);
}

export const num: Check<number> = (value, at) => {
  if (value === undefined || value === null) return 0;
  return typeof value === "number" ? value : wrong("a number", value, at);
};

export const text: Check<string> = (value, at) => {
  if (value === undefined || value === null) return "";
  return typeof value === "string" ? value : wrong("a string", value, at);
};

export const flag: Check<boolean> = (value, at) => {
  if (value === undefined || value === null) return false;
  return typeof value === "boolean" ? value : wrong("true or false", value, at);
};

export function list<T>(of: Check<T>): Check<T[]> {
  return (value, at) => {
    if (value === undefined || value === null) return [];
    return Array.isArray(value) ? value.map((item, i) => of(item, `${at}[${i}]`)) : wrong("a list", value, at);
  };
}

export function mapOf<T>(of: Check<T>): Check<Map<string, T>> {
  return (value, at) => {
    if (value === undefined || value === null) return new Map();
    if (typeof value !== "object" || Array.isArray(value)) wrong("an object", value, at);
    return new Map(Object.entries(value as object).map(([key, item]) => [key, of(item, `${at}.${key}`)]));
  };
}

/** nullable is for objects that may be missing. */
export function nullable<T>(of: Check<T>): Check<T | null> {
  return (value, at) => (value === undefined || value === null ? null : of(value, at));
}

/** deepest is how many levels of lists in themselves are taken: what is below can't be shown, and would be too much for the stack. */
export const deepest = 500;

/** below is for the list of a shape in itself. */
export function below<T>(of: () => Check<T>): Check<T[]> {
  let depth = 0;
  return (value, at) => {
    if (depth === deepest) return [];
    depth++;
    try {
      return list(of())(value, at);
    } finally {
      depth--;
    }
  };
}

type Shape = Record<string, Check<unknown>>;
type Shaped<S extends Shape> = { [K in keyof S]: Checked<S[K]> };

export function object<S extends Shape>(shape: S): Check<Shaped<S>> {
  const fields = Object.entries(shape);
  return (value, at) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) wrong("an object", value, at);
    const from = value as Record<string, unknown>;
    return Object.fromEntries(fields.map(([key, check]) => [key, check(from[key], at ? `${at}.${key}` : key)])) as Shaped<S>;
  };
}
