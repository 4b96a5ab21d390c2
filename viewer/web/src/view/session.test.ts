// A session with the development server: what it asks, what it selects, and that it doesn't mix up answers.

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { scenes, serve } from "../../dev/server.mjs";
import { Client } from "../import/client.js";
import { Session } from "./session.js";

let server: Awaited<ReturnType<typeof serve>>;
let session: Session;
let said: { change: (event: unknown) => void; connected: (yes: boolean) => void };

/** Quiet is a client whose events come from the test. */
class Quiet extends Client {
  override events(change: (event: unknown) => void, connected: (yes: boolean) => void): () => void {
    said = { change, connected };
    return () => {};
  }
}

async function open(scene: keyof typeof scenes, start?: { start: number; span: number }) {
  server = await serve(scenes[scene]());
  session = new Session(new Quiet(server.url), () => {});
  await session.start(start);
  await vi.waitFor(() => expect(session.tree.size).toBeGreaterThan(0));
}

const asked = (path: string) => server.requests.filter((request) => request.path === path);
const selected = () => (session.selection.value.type === "slice" ? session.selection.value.slice : null);

beforeEach(() => vi.useRealTimers());
afterEach(async () => {
  session.stop();
  await server.close();
});

describe("a recorded trace", () => {
  beforeEach(() => open("replication"));

  it("is shown whole, with its tracks and kinds", () => {
    const { end } = session.limits.value;
    const w = session.window.value;
    expect(w.start < 0 && w.start + w.span > end).toBe(true);
    expect(session.tree.size).toBe(session.info.value!.tracks);
    expect(session.kinds.length).toBe(session.info.value!.kinds);
    expect(session.follow.value).toBe(false);
  });

  it("isn't asked for again by an event that changes nothing", async () => {
    said.change({ gen: 1, state: "loaded" });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect([asked("api/tracks").length, asked("api/kinds").length]).toEqual([1, 1]);
  });

  it("selects a slice at once, and knows all of it when the answer has come", async () => {
    const seen = { key: "", track: 3, pos: 1, row: 1, name: "plan", start: 4e6, end: 210e6 };
    const answer = session.select({ track: 3, pos: 1 }, seen);
    expect(selected()).toBe(seen);
    expect(session.detail.value).toBeNull();
    await answer;
    expect(selected()?.key).toBe("3:4000000:0");
    expect(session.detail.value).toMatchObject({ name: "plan", children: 2 });
  });

  it("shows the last of two slices that were selected, whichever is answered first", async () => {
    const [first, second] = await Promise.all([session.client.slice({ track: 3, pos: 0 }), session.client.slice({ track: 3, pos: 1 })]);
    let late = () => {};
    const slow = new Promise<typeof first>((resolve) => (late = () => resolve(first)));
    vi.spyOn(session.client, "slice").mockReturnValueOnce(slow).mockResolvedValueOnce(second);
    const asked = session.select({ track: 3, pos: 0 });
    await session.select({ track: 3, pos: 1 });
    late();
    await asked;
    expect([session.detail.value?.name, selected()?.name]).toEqual(["plan", "plan"]);
    expect(session.problem.value).toBe("");
  });

  it("unfolds and reveals what is selected from elsewhere", async () => {
    const revealed: number[] = [];
    session.onReveal = (track) => revealed.push(track);
    const { hits } = await session.client.search("zfs send", { limit: 1 });
    session.fold(1);
    session.move({ start: 4e9, span: 1e6 });
    expect(session.layout.value.byTrack.has(hits[0].track)).toBe(false);
    await session.select({ key: hits[0].key }, null, true);
    expect(session.layout.value.byTrack.has(hits[0].track)).toBe(true);
    expect(revealed).toEqual([hits[0].track]);
    const to = session.glide.target!;
    expect(to.start <= hits[0].start && to.start + to.span >= hits[0].end).toBe(true);
  });

  it("says what failed", async () => {
    await session.select({ key: "no such" });
    expect(session.problem.value).toMatch(/slice .* there is none/);
  });

  it("searches once, for what was typed last", async () => {
    for (const text of ["z", "zf", "zfs", "zfs s"]) session.ask(text);
    await vi.waitFor(() => expect(session.search.value.busy).toBe(false));
    expect(asked("api/search").map((request) => new URLSearchParams(request.query).get("q"))).toEqual(["zfs s"]);
    session.nextHit(true);
    expect(session.search.value.at).toBe(0);
    session.ask("");
    expect(session.search.value.hits).toEqual([]);
  });

  it("scopes to the selection, and what it started", async () => {
    expect(session.scope().what).toBe("window");
    await session.select({ track: 3, pos: 0 });
    const scope = session.scope();
    expect(scope).toMatchObject({ what: "slice", from: 2e6 });
    expect(scope.tracks.length).toBeGreaterThan(10);
    session.selectRange({ type: "range", from: 5, to: 9, tracks: [3] });
    expect(session.scope()).toEqual({ what: "range", from: 5, to: 9, tracks: [3] });
  });

  it("forgets everything if the server begins anew", async () => {
    said.change({ gen: 5 });
    await vi.waitFor(() => expect(asked("api/tracks").length).toBe(2));
    said.change({ gen: 0, tracks: 0 });
    expect([session.kinds.length, session.tree.size]).toEqual([0, 0]);
  });

  it("takes another stream for another trace, and not what comes late of the one before", async () => {
    await session.select({ track: 3, pos: 0 });
    session.pin(3);
    session.move({ start: 1e9, span: 1e6 });
    const old = await session.client.tracks();
    let late = () => {};
    vi.spyOn(session.client, "tracks").mockReturnValueOnce(new Promise((resolve) => (late = () => resolve(old))));
    said.change({ gen: 2 }); // asks for tracks, slowly
    said.change({ session: 2, gen: 1, tracks: 0, kinds: 0 });
    expect([session.tree.size, session.selection.value.type, session.pinned.value]).toEqual([0, "none", []]);
    expect(session.window.value.span).toBeGreaterThan(5e9);
    late();
    await new Promise((resolve) => setTimeout(resolve));
    expect(session.tree.size).toBe(0);
  });
});

it("asks nothing about a file that is still being read, and then shows all of it", async () => {
  await open("replication");
  const info = session.info.value!;
  session.stop();
  session = new Session(new Quiet(server.url), () => {});
  vi.spyOn(session.client, "info").mockResolvedValue({ ...info, state: "loading", gen: 0, end: 0, now: 0, tracks: 0, kinds: 0 });
  server.requests.length = 0;
  await session.start();
  said.change({ progress: 0.5, end: 3e9, now: 3e9 });
  expect(server.requests).toEqual([]);
  said.change({ ...info });
  await vi.waitFor(() => expect(session.tree.size).toBe(info.tracks));
  expect(session.window.value.span).toBeGreaterThan(info.end);
});

it("a window that is given is kept", async () => {
  await open("replication", { start: 1e9, span: 1e6 });
  expect(session.window.value).toEqual({ start: 1e9, span: 1e6 });
  said.change({ end: 9e9 });
  expect(session.window.value).toEqual({ start: 1e9, span: 1e6 });
});

it("only tracks with something in the window are laid out, if that is wanted", async () => {
  await open("replication", { start: 0, span: 100e6 });
  const all = session.layout.value.laid.length;
  session.onlyActive.value = true;
  const early = session.layout.value.laid.length;
  expect(early).toBeLessThan(all);
  session.move({ start: 0, span: 5.2e9 });
  expect(session.layout.value.laid.length).toBe(all);
});

describe("a live trace", () => {
  beforeEach(() => open("live"));

  it("is followed, until one goes back", () => {
    expect([session.follow.value, session.isLive.value]).toEqual([true, true]);
    session.move({ start: 0, span: 1e9 });
    expect(session.follow.value).toBe(false);
  });

  it("goes on between two events, for a second at most", () => {
    const first = session.now();
    vi.useFakeTimers({ toFake: ["performance"], now: performance.now() });
    vi.advanceTimersByTime(5000);
    expect(session.now() - first).toBeLessThanOrEqual(1e9);
    vi.useRealTimers();
    said.change({ state: "paused" });
    expect(session.now()).toBe(session.info.value!.now);
  });

  it("asks anew for an open slice that is selected", async () => {
    await session.select({ track: 3, pos: 0 });
    const before = asked("api/slice").length;
    expect(session.detail.value?.open).toBe(true);
    said.change({ gen: 9 });
    await vi.waitFor(() => expect(asked("api/slice").length).toBe(before + 1));
  });

  it("says that the server is gone, and that it is back", () => {
    said.connected(false);
    expect(session.connected.value).toBe(false);
    session.fail(new Error("the server doesn't answer"));
    said.connected(true);
    expect([session.connected.value, session.problem.value]).toEqual([true, ""]);
  });
});
