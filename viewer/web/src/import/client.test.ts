import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { scenes, serve } from "../../dev/server.mjs";
import { Client, query, ServerError } from "./client.js";

it("query repeats lists and leaves out what isn't there", () => {
  expect(query({ a: 1, b: undefined, c: [3, 4], d: "x y&z" })).toBe("?a=1&c=3&c=4&d=x+y%26z");
  expect(query({ a: undefined, c: [] })).toBe("");
});

describe("errors", () => {
  const answering = (body: string, status: number) => new Client("http://h/", 0, async () => new Response(body, { status }));

  it("are the server's own words, if it has some", async () => {
    await expect(answering('{"error": "open x: no such file"}', 404).info()).rejects.toMatchObject({
      name: "ServerError",
      message: "open x: no such file",
      status: 404,
    });
    await expect(answering("<html>", 502).info()).rejects.toMatchObject({ message: "the server answered 502", status: 502 });
    await expect(answering("<html>", 200).info()).rejects.toThrow("the server's answer to api/trace isn't JSON");
    await expect(answering("[]", 200).info()).rejects.toThrow("all of it is object, not an object");
  });

  it("tell a server that is gone from a request that was cancelled", async () => {
    const gone = new Client("http://h/", 0, async () => {
      throw new TypeError("fetch failed");
    });
    await expect(gone.info()).rejects.toEqual(new ServerError("the server doesn't answer: has it ended?", 0));
    const controller = new AbortController();
    controller.abort();
    await expect(gone.info(controller.signal)).rejects.toThrow("fetch failed");
  });
});

describe("with a server", () => {
  let server: Awaited<ReturnType<typeof serve>>;
  let client: Client;
  beforeAll(async () => {
    server = await serve(scenes.replication());
    client = new Client(server.url);
  });
  afterAll(() => server.close());

  it("asks everything that there is to ask", async () => {
    const info = await client.info();
    const { tracks } = await client.tracks();
    const kinds = await client.kinds(0);
    expect(info).toMatchObject({ title: "replicate.pftrace", state: "loaded", tracks: tracks.length, kinds: kinds.names.length });
    const { hits } = await client.search("zfs send", { limit: 5 });
    expect(hits.length).toBe(5);
    const slice = await client.slice({ key: hits[0].key });
    expect(slice).toMatchObject({ name: "zfs send", track: hits[0].track });
    expect(await client.slice({ track: slice.track, pos: slice.pos })).toEqual(slice);
    expect(await client.slice({ track: slice.track, row: slice.row, at: slice.start })).toEqual(slice);
    const logs = await client.logs({ from: 0, to: info.end, slice: slice.key });
    expect(logs.lines.length).toBe(slice.logs);
    const path = await client.aggregate({ from: 0, to: info.end }, "path");
    const name = await client.aggregate({ from: 0, to: info.end }, "name");
    expect(path.rows.some((row) => row.children.length > 0)).toBe(true);
    expect(name.rows.find((row) => row.name === "zfs send")?.count).toBe(
      (await client.search("zfs send", {})).hits.filter((hit) => hit.what === "name" && hit.name === "zfs send").length,
    );
    const critical = await client.critical(slice.key);
    expect(critical.segments.reduce((sum, s) => sum + s.end - s.start, 0)).toBe(critical.total);
    expect((await client.flows({ from: 0, to: info.end, slice: slice.key })).flows.length).toBe(1);
    expect((await client.waits()).open).toEqual([]);
    expect((await client.diff(0, 1, true)).changes[0].change).toBe("slower");
    expect((await client.formats()).map((f) => f.name)).toContain("perfetto");
    expect((await client.download("perfetto", {})).byteLength).toBeGreaterThan(0);
  });

  it("asks another trace by its number", async () => {
    expect((await client.of(1).info()).title).toBe("replicate-slow.pftrace");
    await expect(client.of(7).info()).rejects.toMatchObject({ status: 404 });
  });

  it("cancels", async () => {
    const controller = new AbortController();
    const asked = client.tiles(20, 1, [[3, 0]], controller.signal);
    controller.abort();
    await expect(asked).rejects.toMatchObject({ name: "AbortError" });
  });
});
