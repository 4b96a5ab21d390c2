// A session with the development server: what it asks, what it selects, and that it doesn't mix up answers.

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { scenes, serve } from "../../dev/server.mjs";
import { Client } from "../import/client.js";
import { boundsOf } from "../model/scope.js";
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

  it("tells everybody what anybody's loader has brought", async () => {
    const before = session.tilesVersion.value;
    let came = 0;
    session.newLoader(() => came++).want({ level: 20, tiles: [[3, 0]] });
    await vi.waitFor(() => expect(came).toBe(1));
    expect(session.cache.peek(3, 20, 0)).toBeDefined();
    expect(session.tilesVersion.value).toBeGreaterThan(before);
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
    session.shown.fold(1);
    session.move({ start: 4e9, span: 1e6 });
    expect(session.shown.layout.value.byTrack.has(hits[0].track)).toBe(false);
    await session.select({ key: hits[0].key }, null, true);
    expect(session.shown.layout.value.byTrack.has(hits[0].track)).toBe(true);
    expect(revealed).toEqual([hits[0].track]);
    const to = session.glide.target!;
    expect(to.start <= hits[0].start && to.start + to.span >= hits[0].end).toBe(true);
  });

  it("says what failed", async () => {
    await session.select({ key: "no such" });
    expect(session.problem.value).toMatch(/slice .* there is none/);
  });

  it("searches once, for what was typed last", async () => {
    for (const text of ["z", "zf", "zfs", "zfs s"]) session.searching.ask(text);
    await vi.waitFor(() => expect(session.search.value.busy).toBe(false));
    expect(asked("api/search").map((request) => new URLSearchParams(request.query).get("q"))).toEqual(["zfs s"]);
    session.searching.next(true);
    expect(session.search.value.at).toBe(0);
    session.searching.ask("");
    expect(session.search.value.hits).toEqual([]);
  });

  it("scopes to the selection, and what it started", async () => {
    const window = session.scope();
    expect(window.what).toBe("window");
    const answer = session.select({ track: 3, pos: 0 }, { key: "", track: 3, pos: 0, row: 0, name: "replicate", start: 2e6, end: 5e9 });
    expect(session.scope()).toBe(window); // until more is known of it
    await answer;
    expect(session.scope()).toMatchObject({ what: "slice", from: 2e6, slice: "3:2000000:0", tracks: [] });
    const sums = await session.client.aggregate(boundsOf(session.scope()), "name");
    expect(sums.rows.map((row) => row.name)).toContain("receive"); // which is in another process
    session.selectRange({ type: "range", from: 5, to: 9, tracks: [3] });
    expect(session.scope()).toEqual({ what: "range", from: 5, to: 9, tracks: [3] });
  });

  it("finds the critical path of a slice that isn't all there yet", async () => {
    void session.select({ track: 3, pos: 0 }, { key: "", track: 3, pos: 0, row: 0, name: "replicate", start: 2e6, end: 5e9 });
    const found = session.paths.find();
    expect(session.paths.busy.value).toBe(true);
    await found;
    expect(session.critical.value?.segments.length).toBeGreaterThan(3);
    expect(session.paths.busy.value).toBe(false);
  });

  it("shows no critical path of what isn't selected any more", async () => {
    await session.select({ track: 3, pos: 0 });
    const found = session.paths.find();
    session.selectNothing();
    await found;
    expect([session.critical.value, session.paths.busy.value, session.problem.value]).toEqual([null, false, ""]);
    void session.select({ track: 3, pos: 0 });
    const lost = session.paths.find(); // of one that never came
    await session.select({ track: 3, pos: 1 });
    await lost;
    expect([session.critical.value, session.problem.value]).toEqual([null, ""]);
  });

  it("finds the critical path of what most of it is about, and hides it", async () => {
    await session.paths.findRoot();
    expect([selected()?.name, session.paths.of.value?.name, session.paths.hidden.value]).toEqual(["replicate", "replicate", false]);
    const { segments } = session.critical.value!;
    expect(segments.length).toBeGreaterThan(3);
    await session.select({ key: segments[3].key });
    expect(session.critical.value?.segments).toBe(segments); // it is on the path
    session.selectNothing();
    expect([session.critical.value, session.paths.of.value, session.paths.hidden.value]).toEqual([null, null, true]);
  });

  it("has nothing to explain of a trace in which nothing is about anything", async () => {
    vi.spyOn(session.client, "root").mockResolvedValue({ slice: null, large: false });
    await session.paths.findRoot();
    expect([selected(), session.critical.value, session.problem.value]).toEqual([null, null, ""]);
  });

  it("goes from loss to loss, and round again", async () => {
    await vi.waitFor(() => expect(session.losing.all.value?.places.length).toBe(1));
    const { time } = session.losing.all.value!.places[0];
    const shown = vi.fn();
    session.onLine = shown;
    session.move({ start: 0, span: 1e6 });
    session.losing.next(true);
    await vi.waitFor(() => expect(shown).toHaveBeenCalledTimes(1));
    expect(session.line.value).toMatchObject({ type: "loss", time });
    expect([session.pointed.value, session.selection.value.type]).toEqual([time, "none"]);
    const to = session.glide.target!;
    expect(to.start < time && to.start + to.span > time).toBe(true);
    session.losing.next(false);
    await vi.waitFor(() => expect(shown).toHaveBeenCalledTimes(2));
    await session.select({ track: 3, pos: 0 });
    expect(session.line.value).toBeNull();
  });

  it("asks for losses when there are others, and not more often than that", async () => {
    await vi.waitFor(() => expect(session.losing.all.value).not.toBeNull());
    for (const end of [1, 2, 3]) said.change({ end });
    said.change({ lossMarks: 0 });
    expect(session.losing.all.value).toBeNull();
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    for (const lossMarks of [1, 2, 3, 4]) said.change({ lossMarks });
    expect(asked("api/losses").length).toBe(1);
    vi.advanceTimersByTime(1000);
    vi.useRealTimers();
    await vi.waitFor(() => expect(session.losing.all.value).not.toBeNull());
    expect(asked("api/losses").length).toBe(2);
  });

  it("waits for what a command is about, and not for more", async () => {
    const done: string[] = [];
    const pin = (name: string) => session.whenSelected(() => done.push(`${name} ${session.activeTrack.value}`));
    pin("nothing");
    const seen = session.select({ track: 3, pos: 0 }, { key: "", track: 3, pos: 0, row: 0, name: "replicate", start: 2e6, end: 5e9 });
    pin("seen");
    expect(done).toEqual(["nothing 0", "seen 3"]);
    await seen;
    const { hits } = await session.client.search("zfs send", { limit: 1 });
    const unseen = session.select({ key: hits[0].key });
    pin("key");
    expect(done.length).toBe(2);
    await unseen;
    await Promise.resolve();
    expect(done).toEqual(["nothing 0", "seen 3", `key ${hits[0].track}`]);
    const first = session.select({ key: hits[0].key });
    pin("too late");
    await Promise.all([first, session.select({ track: 3, pos: 1 })]);
    expect(done.length).toBe(3);
  });

  it("goes to the first hit when there is one, if that was asked for before", async () => {
    session.searching.ask("zfs send");
    session.searching.next(true);
    expect(session.search.value.at).toBe(-1);
    await vi.waitFor(() => expect(selected()?.name).toBe("zfs send"));
    expect(session.search.value.at).toBe(0);
  });

  it("forgets everything if the server begins anew", async () => {
    said.change({ gen: 5 });
    await vi.waitFor(() => expect(asked("api/tracks").length).toBe(2));
    said.change({ gen: 0, tracks: 0 });
    expect([session.kinds.length, session.tree.size]).toEqual([0, 0]);
  });

  it("takes another stream for another trace, and not what comes late of the one before", async () => {
    await session.select({ track: 3, pos: 0 });
    session.shown.pin(3);
    session.move({ start: 1e9, span: 1e6 });
    const old = await session.client.tracks();
    let late = () => {};
    vi.spyOn(session.client, "tracks").mockReturnValueOnce(new Promise((resolve) => (late = () => resolve(old))));
    said.change({ gen: 2 }); // asks for tracks, slowly
    said.change({ session: 2, gen: 1, tracks: 0, kinds: 0 });
    expect([session.tree.size, session.selection.value.type, session.shown.pinned.value]).toEqual([0, "none", []]);
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

it("shows what has come of a trace that is still being read, and more of it as it comes", async () => {
  await open("replication");
  const info = session.info.value!;
  session.stop();
  session = new Session(new Quiet(server.url), () => {});
  vi.spyOn(session.client, "info").mockResolvedValue({
    ...info,
    state: "loading",
    progress: -1,
    gen: 0,
    end: 0,
    now: 0,
    tracks: 0,
    kinds: 0,
  });
  await session.start();
  const begun = { state: "loading", gen: 1, end: 1e9, now: 1e9, tracks: info.tracks, kinds: info.kinds };
  said.change(begun);
  await vi.waitFor(() => expect(session.tree.size).toBe(info.tracks));
  expect([session.grows.value, session.isLive.value, session.follow.value]).toEqual([true, false, false]);
  const { span } = session.window.value;
  expect(span).toBeGreaterThan(1e9);
  said.change({ ...begun, gen: 2, end: 2e9, now: 2e9 });
  expect(session.window.value.span).toBeCloseTo(2 * span, -3);
  session.move({ start: 5e8, span: 1e6 });
  said.change({ ...begun, gen: 3, end: 3e9, now: 3e9 });
  said.change({ ...info, gen: 4 });
  expect(session.window.value).toEqual({ start: 5e8, span: 1e6 }); // the user's
  expect(session.grows.value).toBe(false);
});

it("doesn't listen any more if it was stopped before there was anything to hear", async () => {
  await open("replication");
  session.stop();
  session = new Session(new Quiet(server.url), () => {});
  const listens = vi.spyOn(session.client, "events");
  const started = session.start();
  session.stop();
  await started;
  expect(listens).not.toHaveBeenCalled();
  expect(session.problem.value).toBe("");
});

it("a window that is given is kept", async () => {
  await open("replication", { start: 1e9, span: 1e6 });
  expect(session.window.value).toEqual({ start: 1e9, span: 1e6 });
  said.change({ end: 9e9 });
  expect(session.window.value).toEqual({ start: 1e9, span: 1e6 });
});

it("only tracks with something in the window are laid out, if that is wanted", async () => {
  await open("replication", { start: 0, span: 100e6 });
  const all = session.shown.layout.value.laid.length;
  session.shown.onlyActive.value = true;
  const early = session.shown.layout.value.laid.length;
  expect(early).toBeLessThan(all);
  session.move({ start: 0, span: 5.2e9 });
  expect(session.shown.layout.value.laid.length).toBe(all);
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
    session.activeTrack.value = 5;
    said.change({ gen: 9 });
    await vi.waitFor(() => expect(asked("api/slice").length).toBe(before + 1));
    for (const gen of [10, 11, 12, 13]) said.change({ gen });
    await vi.waitFor(() => expect(asked("api/slice").length).toBeGreaterThan(before + 1));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(asked("api/slice").length).toBeLessThanOrEqual(before + 3); // one under way, and one after it
    expect(session.activeTrack.value).toBe(5); // where the user is
  });

  it("says that the server is gone, and that it is back", () => {
    said.connected(false);
    expect(session.connected.value).toBe(false);
    session.fail(new Error("the server doesn't answer"));
    said.connected(true);
    expect([session.connected.value, session.problem.value]).toEqual([true, ""]);
  });
});
