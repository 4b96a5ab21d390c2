// The traces of the tests, as JSON lines: always the same. What a test expects of one is computed from its lines.

import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const ms = 1e6;
/** began is when the traces begin: times in the page count from there. */
const began = 1_764_460_800_000_000_000n;

let files = 0;

/** Lines collects the lines of a trace. Times are in ns since its beginning. */
class Lines {
  list = [];
  ids = 0;

  add(line) {
    this.list.push(line);
    return line;
  }

  slice(on, name, start, end, rest = {}) {
    return this.add({ name, category: "span", start, end, ...on, id: `id${++this.ids}`, ...rest });
  }

  write(folder, file) {
    const text = this.list.map(({ start, end, ...line }) => {
      // Numbers of this size aren't exact in JavaScript: they are put in as text.
      const times = `"start_ns":${began + BigInt(start)}${end === undefined ? "" : `,"end_ns":${began + BigInt(end)}`}`;
      return `{${times},${JSON.stringify(line).slice(1)}\n`;
    });
    const path = join(folder, file);
    // Another test may be reading the one of the same name.
    const fresh = join(folder, `.fresh-${++files}`);
    writeFileSync(fresh, text.join(""));
    renameSync(fresh, path);
    return path;
  }
}

/** datasets are what is replicated, and for how long each is sent, in ms. */
export const datasets = [
  ["mail", 180],
  ["photos", 420],
  ["music", 90],
  ["src", 240],
  ["db", 310],
  ["www", 60],
];

/** replication is a run of zferry, one dataset after the other on two workers. The receiver may be slow. */
export function replication({ slow = 1 } = {}) {
  const t = new Lines();
  const here = { process: "zferry", pid: 820 };
  const main = { ...here, track: "replicate", tid: 1 };
  const agent = { process: "zferry agent", pid: 4410 };
  const all = t.slice(main, "replicate", 0, 0, { category: "task", source: "tank/home", target: "backup/home" });
  const plan = t.slice(main, "plan", 2 * ms, 80 * ms, { parent: all.id, steps: datasets.length });
  t.slice(main, "zfs list", 4 * ms, 60 * ms, { parent: plan.id, args: "list -Hp -t filesystem,snapshot" });
  log(t, main, plan, 78 * ms, "INFO", "plan is made");
  const steps = t.slice(main, "steps", 82 * ms, 0, { parent: all.id });
  const free = [83 * ms, 83 * ms];
  datasets.forEach(([name, length], i) => {
    const worker = free[0] <= free[1] ? 0 : 1;
    free[worker] = dataset(t, { main: { ...here, track: `dataset tank/home/${name}`, tid: i + 2 }, agent, steps, name, length, i, slow, at: free[worker] });
  });
  steps.end = Math.max(...free) + ms;
  all.end = steps.end + ms;
  for (let at = 0; at < all.end; at += 20 * ms) t.add({ kind: "counter", name: "bytes in flight", start: at, ...here, value: 1000 + ((at / ms) % 7) * 300 });
  return t;
}

function dataset(t, { main, agent, steps, name, length, i, slow, at }) {
  const failed = name === "db";
  const own = t.slice(main, "dataset", at, 0, { category: "task", parent: steps.id, dataset: `tank/home/${name}` });
  arrow(t, { process: "zferry", pid: 820, track: "replicate", tid: 1 }, main, own, at);
  const hold = t.slice(main, "zfs hold", at + ms, at + 12 * ms, { parent: own.id });
  const send = t.slice(main, "zfs send", hold.end + ms, hold.end + ms + length * ms * slow, { parent: own.id, bytes: length * 1_000_000 });
  const far = { ...agent, track: `receive backup/home/${name}`, tid: i + 20 };
  const receive = t.slice(far, "receive", send.start + 3 * ms, send.end + 8 * ms, { category: "task", parent: send.id });
  arrow(t, main, far, receive, send.start + 3 * ms);
  for (let k = 0; k < 4; k++) {
    const part = (send.end - send.start) / 4;
    t.slice(main, k % 2 ? "wait for pipe" : "splice", Math.round(send.start + k * part), Math.round(send.start + (k + 0.9) * part), { parent: send.id });
  }
  log(t, main, send, send.start + ms, "INFO", `sending tank/home/${name}`);
  log(t, far, receive, receive.start + 10 * ms, "DEBUG", "window is full");
  if (failed) {
    log(t, main, send, send.end - ms, "ERROR", "zfs send exited 1: dataset is busy");
    send.error = own.error = "zfs exited 1: dataset is busy";
  }
  own.end = receive.end + 4 * ms;
  return own.end + ms;
}

function log(t, on, slice, at, severity, name) {
  t.add({ kind: "log", name, start: at, severity, ...on, parent: slice.id, subsystem: "test" });
}

function arrow(t, from, to, slice, at) {
  t.add({ kind: "flow_start", name: "start", category: "task", start: at, ...from, key: slice.id });
  t.add({ kind: "flow_end", name: "start", category: "task", start: at, ...to, key: slice.id });
}

/** lossy is a replication that was recorded with losses: here and there, many in one place, and some that nobody counted. */
export function lossy() {
  const t = replication();
  const lose = (at, rest) => t.add({ kind: "instant", name: "records lost", category: "loss", start: at, ...rest });
  lose(120 * ms, { count: 1234 });
  for (let i = 0; i < 500; i++) lose(400 * ms + i * 1000, { count: 3 });
  lose(700 * ms, {});
  return t;
}

const script = `<script>alert(1)</script><img src=http://evil.example/x onerror=alert(2)>'"\`\u0000\u0007\u001b[31m\u202e\u2028</style>`;

/** hostile has markup, quotes, control characters and a megabyte of text wherever there is text. */
export function hostile() {
  const t = new Lines();
  const long = script + "é<b>".repeat(1 << 18);
  const on = { process: long, pid: script, track: long, tid: script };
  const attributes = { [long]: long, [script]: script, list: [script, { [script]: script }], link: "javascript:alert(3)" };
  const outer = t.slice(on, long, 0, 50 * ms, { category: long, id: long, attributes });
  t.slice(on, script, 5 * ms, 40 * ms, { category: script, id: script, parent: outer.id, error: script + long, attributes });
  t.slice({ process: script, pid: script, track: script, tid: script }, script, 10 * ms, undefined, { kind: "slice", id: "open", parent: script, attributes });
  t.add({ kind: "log", name: long, start: 11 * ms, severity: "ERROR", ...on, parent: script, subsystem: script, attributes });
  t.add({ kind: "log", name: script, start: 12 * ms, severity: "INFO", ...on, parent: long, subsystem: long });
  t.add({ kind: "instant", name: script, category: "loss", start: 13 * ms, ...on, attributes });
  t.add({ kind: "counter", name: script, start: 14 * ms, ...on, attributes: { [script]: 3, [long]: 4 } });
  t.add({ kind: "flow_start", name: script, category: script, start: 6 * ms, ...on, key: script });
  t.add({ kind: "flow_end", name: long, category: long, start: 11 * ms, process: script, pid: script, track: script, tid: script, key: script });
  return t;
}
