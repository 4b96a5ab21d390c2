// A development server: it answers docs/viewer-protocol.md on traces that it makes up, and serves the built page under the policy
// that the real one has. Run "npm run build", then "npm run dev [-- NAME]", where NAME is replication, busy, live or hostile.

import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { extname, join, normalize } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { Answers, diff } from "./answers.mjs";
import { encodeTiles } from "./tiles.mjs";
import { busy, hostile, replication } from "./traces.mjs";

const dist = fileURLToPath(new URL("../dist/", import.meta.url));
const types = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };
export const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

export const scenes = {
  replication: () => [new Answers(replication()), new Answers(replication({ slow: 1.8, title: "replicate-slow.pftrace" }))],
  busy: () => [new Answers(busy())],
  live: () => [new Answers(replication({ live: true, title: "127.0.0.1:6060" }), { live: true })],
  hostile: () => [new Answers(hostile())],
};

const formats = [
  ["chrome", "Chrome's trace event format", ".json"],
  ["otlp", "OTLP, JSON", ".json"],
  ["perfetto", "Perfetto's protobuf", ".pftrace"],
  ["speedscope", "speedscope's JSON", ".speedscope.json"],
].map(([name, description, extension]) => ({ name, description, extension }));

class Failure extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

function answer(all, path, q, body) {
  const one = all[Number(q.get("trace") ?? 0)];
  if (!one) throw new Failure(404, `trace ${q.get("trace")}: there are ${all.length}`);
  const slice = (query = q) =>
    one.find(query) ??
    (() => {
      throw new Failure(404, `slice ${query}: there is none`);
    })();
  switch (path) {
    case "api/trace":
      return one.info(all.map((a) => a.trace.title));
    case "api/tracks":
      return one.tracks();
    case "api/kinds":
      return one.kinds(Number(q.get("from") ?? 0));
    case "api/tiles":
      return encodeTiles(one.trace, JSON.parse(body), one.gen, one.now());
    case "api/slice":
      return one.slice(slice());
    case "api/logs":
      return one.logs(q);
    case "api/search":
      return one.search(q);
    case "api/aggregate":
      return one.aggregate(q);
    case "api/flows":
      return one.flows(q);
    case "api/critical":
      return one.critical(slice(new URLSearchParams({ key: q.get("slice") })));
    case "api/root":
      return one.root();
    case "api/losses":
      return one.losses();
    case "api/waits":
      return one.waits();
    case "api/diff":
      return diff(all[Number(q.get("a"))], all[Number(q.get("b"))]);
    case "api/formats":
      return formats;
    case "api/download":
      return Buffer.from(`a trace as ${q.get("format")}`);
    case "api/live":
      one.paused = q.get("do") === "pause";
      return {};
    default:
      throw new Failure(404, `${path}: there is no such thing`);
  }
}

function events(one, titles, response) {
  response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
  const send = () => {
    if (one.live && !one.paused) one.gen++;
    response.write(`data: ${JSON.stringify(one.info(titles))}\n\n`);
  };
  send();
  const timer = one.live ? setInterval(send, 250) : null;
  response.on("close", () => clearInterval(timer));
}

async function file(path, response) {
  const name = normalize("/" + (path || "index.html"));
  const content = await readFile(join(dist, name)).catch(() => {
    throw new Failure(404, `${name}: there is no such file`);
  });
  response.writeHead(200, {
    "Content-Type": types[extname(name)] ?? "application/octet-stream",
    "Content-Security-Policy": policy,
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
  });
  response.end(content);
}

/** serve starts a server on a free port of this host; close ends it. delay, in ms, makes answers slow. */
export async function serve(all, { port = 0, prefix = "/token/", delay = 0 } = {}) {
  const requests = [];
  const server = createServer(async (request, response) => {
    const url = new URL(request.url, "http://localhost");
    const path = url.pathname.slice(prefix.length);
    try {
      if (!url.pathname.startsWith(prefix)) throw new Failure(404, "not found");
      let body = "";
      for await (const chunk of request) body += chunk;
      requests.push({ method: request.method, path, query: url.search, body });
      if (delay) await new Promise((resolve) => setTimeout(resolve, delay));
      if (path === "api/events")
        return events(
          all[Number(url.searchParams.get("trace") ?? 0)],
          all.map((a) => a.trace.title),
          response,
        );
      if (!path.startsWith("api/")) return await file(path, response);
      const value = answer(all, path, url.searchParams, body);
      const binary = Buffer.isBuffer(value);
      response.writeHead(200, { "Content-Type": binary ? "application/octet-stream" : "application/json", "Cache-Control": "no-store" });
      response.end(binary ? value : JSON.stringify(value));
    } catch (err) {
      response.writeHead(err.status ?? 500, { "Content-Type": "application/json" });
      response.end(JSON.stringify({ error: err.message }));
    }
  });
  await new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
  const close = () =>
    new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    });
  return { url: `http://127.0.0.1:${server.address().port}${prefix}`, requests, close };
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const name = process.argv[2] ?? "replication";
  if (!scenes[name]) throw new Error(`there is no trace ${name}, but ${Object.keys(scenes).join(", ")}`);
  console.log((await serve(scenes[name](), { port: 8421 })).url);
}
