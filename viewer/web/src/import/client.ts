// The client asks the server. All of its methods reject with a ServerError that can be shown, and with the signal's reason if cancelled.

import { type Check, ProtocolError, text } from "./check.js";
import * as shapes from "./protocol.js";
import { decodeTiles, type TilesAnswer } from "./tiles.js";

/** ServerError is an answer that says what failed, or none at all: then status is 0. */
export class ServerError extends Error {
  override name = "ServerError";
  constructor(
    message: string,
    readonly status: number,
  ) {
    super(message);
  }
}

export type Params = Record<string, string | number | readonly number[] | undefined>;
export type Fetch = (input: string, init?: RequestInit) => Promise<Response>;

/** query writes parameters in the given order; lists are repeated, what is undefined is left out. */
export function query(params: Params): string {
  const list = new URLSearchParams();
  for (const [key, value] of Object.entries(params)) {
    for (const one of Array.isArray(value) ? value : [value]) if (one !== undefined) list.append(key, String(one));
  }
  const all = list.toString();
  return all && "?" + all;
}

/** Bounds are what a request is about: ns, tracks, of which none means all, and maybe only a slice, by its key, and what is below it. */
export interface Bounds {
  from: number;
  to: number;
  track?: readonly number[] | undefined;
  slice?: string | undefined;
}

export class Client {
  /** base is the page's address, with a slash at its end; trace is the number of the file. */
  constructor(
    readonly base: string,
    readonly trace = 0,
    private fetcher: Fetch = (input, init) => fetch(input, init),
  ) {}

  /** of is the same server's client for another trace. */
  of(trace: number): Client {
    return new Client(this.base, trace, this.fetcher);
  }

  url(path: string, params: Params = {}): string {
    return this.base + path + query({ trace: this.trace || undefined, ...params });
  }

  private async send(url: string, init: RequestInit): Promise<Response> {
    let response: Response;
    try {
      response = await this.fetcher(url, init);
    } catch (err) {
      if (init.signal?.aborted) throw err;
      throw new ServerError("the server doesn't answer: has it ended?", 0);
    }
    if (response.ok) return response;
    throw new ServerError(await failure(response), response.status);
  }

  private async json<T>(check: Check<T>, path: string, params: Params, signal?: AbortSignal): Promise<T> {
    const response = await this.send(this.url(path, params), { ...(signal && { signal }) });
    let value: unknown;
    try {
      value = await response.json();
    } catch (err) {
      if (signal?.aborted) throw err;
      throw new ProtocolError(`the server's answer to ${path} isn't JSON`);
    }
    return check(value, "");
  }

  info(signal?: AbortSignal) {
    return this.json(shapes.traceInfo, "api/trace", {}, signal);
  }
  tracks(since?: number, signal?: AbortSignal) {
    return this.json(shapes.tracksAnswer, "api/tracks", { since }, signal);
  }
  kinds(from: number, signal?: AbortSignal) {
    return this.json(shapes.kindsAnswer, "api/kinds", { from }, signal);
  }
  formats(signal?: AbortSignal) {
    return this.json(shapes.formatsAnswer, "api/formats", {}, signal);
  }

  slice(by: { key: string } | { track: number; pos: number } | { track: number; row: number; at: number }, signal?: AbortSignal) {
    return this.json(shapes.sliceAnswer, "api/slice", { ...by }, signal);
  }

  logs(
    bounds: Bounds & {
      min?: number | undefined;
      q?: string | undefined;
      before?: string;
      after?: string;
      limit?: number;
    },
    signal?: AbortSignal,
  ) {
    return this.json(shapes.logsAnswer, "api/logs", { ...bounds }, signal);
  }

  search(q: string, options: { regexp?: 1 | undefined; in?: string | undefined; limit?: number }, signal?: AbortSignal) {
    return this.json(shapes.searchAnswer, "api/search", { q, ...options }, signal);
  }

  aggregate(bounds: Bounds, by: "name" | "path", signal?: AbortSignal) {
    return this.json(shapes.aggregateAnswer, "api/aggregate", { ...bounds, by }, signal);
  }

  flows(bounds: Bounds, signal?: AbortSignal) {
    return this.json(shapes.flowsAnswer, "api/flows", { ...bounds }, signal);
  }

  critical(slice: string, signal?: AbortSignal) {
    return this.json(shapes.criticalAnswer, "api/critical", { slice }, signal);
  }
  root(signal?: AbortSignal) {
    return this.json(shapes.rootAnswer, "api/root", {}, signal);
  }
  losses(signal?: AbortSignal) {
    return this.json(shapes.lossesAnswer, "api/losses", {}, signal);
  }
  waits(signal?: AbortSignal) {
    return this.json(shapes.waitsAnswer, "api/waits", {}, signal);
  }

  diff(a: number, b: number, normalize: boolean, signal?: AbortSignal) {
    return this.json(shapes.diffAnswer, "api/diff", { a, b, normalize: normalize ? undefined : 0 }, signal);
  }

  async tiles(level: number, gen: number, tiles: readonly (readonly [number, number])[], signal?: AbortSignal): Promise<TilesAnswer> {
    const response = await this.send(this.url("api/tiles"), {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ level, gen, tiles }),
      ...(signal && { signal }),
    });
    return decodeTiles(await response.arrayBuffer());
  }

  async live(what: "pause" | "follow" | "stop"): Promise<void> {
    await this.send(this.url("api/live", { do: what }), { method: "POST" });
  }

  async download(format: string, bounds: Partial<Bounds>, signal?: AbortSignal): Promise<ArrayBuffer> {
    const response = await this.send(this.url("api/download", { format, ...bounds }), { ...(signal && { signal }) });
    return response.arrayBuffer();
  }

  /** events calls back for each change, until the returned function is called. EventSource connects again by itself. */
  events(change: (event: unknown) => void, connected: (yes: boolean) => void): () => void {
    const source = new EventSource(this.url("api/events"));
    source.onopen = () => connected(true);
    source.onerror = () => connected(false);
    source.onmessage = (message) => change(JSON.parse(message.data));
    return () => source.close();
  }
}

async function failure(response: Response): Promise<string> {
  try {
    const said = text(((await response.json()) as { error?: unknown }).error, "error");
    if (said) return said;
  } catch {
    /* not an answer of ours: its status has to do */
  }
  return `the server answered ${response.status} ${response.statusText}`.trim();
}
