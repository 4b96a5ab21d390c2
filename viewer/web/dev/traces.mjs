// The traces of the development server.

import { Builder, random } from "./builder.mjs";

const ms = 1e6;
const s = 1e9;
const text = (key, value) => ({ key, value: String(value), type: "string" });
const int = (key, value) => ({ key, value: String(Math.round(value)), type: "int" });

/** replication is a run of zferry: some datasets, two at a time, each by steps, with an agent on the other side. slow makes receiving slower. */
export function replication({ seed = 7, slow = 1, live = false, title = "replicate.pftrace" } = {}) {
  const rnd = random(seed);
  const b = new Builder(title);
  const here = b.track(null, "process", "zferry", { source: "pid 820" });
  const there = b.track(null, "process", "zferry agent", { source: "pid 4410 on backup" });
  const root = b.track(here, "track", "replicate", { task: "replicate" });
  const all = b.slice(root, "replicate", 2 * ms, undefined, {
    category: "task",
    attrs: [text("source", "tank/home"), text("target", "backup/home")],
  });
  const plan = b.slice(root, "plan", 4 * ms, 210 * ms, { parent: all });
  b.slice(root, "zfs list", 6 * ms, 120 * ms, {
    parent: plan,
    attrs: [text("args", "list -Hp -t filesystem,snapshot -o name,guid,createtxg"), int("lines", 412)],
  });
  b.slice(root, "zfs get", 122 * ms, 170 * ms, { parent: plan, attrs: [text("properties", "written,encryption,receive_resume_token")] });
  b.log(plan, 205 * ms, 9, "plan: 14 steps, 3.1 GiB", "plan", [int("steps", 14)]);
  const steps = b.slice(root, "steps", 215 * ms, undefined, { parent: all });
  const workers = [215 * ms, 215 * ms];
  const names = [
    "mail",
    "photos",
    "music",
    "src",
    "vm/alpha",
    "vm/beta",
    "www",
    "db",
    "projects",
    "notes",
    "cache",
    "games",
    "books",
    "backup",
  ];
  names.forEach((name, i) => {
    const worker = workers[0] <= workers[1] ? 0 : 1;
    workers[worker] = dataset(b, {
      under: root,
      there,
      parent: steps,
      name,
      i,
      at: workers[worker],
      rnd,
      slow,
      hang: live && i === names.length - 1,
    });
  });
  const end = Math.max(...workers);
  if (!live) {
    steps.end = Math.round(end + 2 * ms);
    all.end = Math.round(end + 6 * ms);
  }
  counters(b, here, end, rnd);
  scrub(b, here, end, rnd);
  b.instant(root, 0.4 * end, "SIGHUP");
  b.instant(root, 0.72 * end, "records were lost", "loss");
  return b.done(end + (live ? 40 * s : 8 * ms));
}

function dataset(b, { under, there, parent, name, i, at, rnd, slow, hang }) {
  const track = b.track(under, "track", `dataset tank/home/${name}`, { task: "dataset" });
  const own = b.slice(track, "dataset", at, undefined, { parent, category: "task", attrs: [text("dataset", `tank/home/${name}`)] });
  b.flow("spawn", parent, at, own);
  let t = at + ms;
  const count = 1 + Math.floor(rnd() * 3);
  for (let k = 0; k < count; k++)
    t = step(b, { track, there, parent: own, name, t, rnd, slow, k, failed: i === 5 && k === 0, hang: hang && k === count - 1 });
  if (!hang) own.end = Math.round(t + ms);
  if (i === 5) {
    own.failed = true;
    own.attrs.push(text("error", "send tank/home/vm/beta@tue: zfs exited 1: dataset is busy"));
  }
  return t + 2 * ms;
}

function step(b, { track, there, parent, name, t, rnd, slow, k, failed, hang }) {
  const size = (0.2 + rnd() ** 3 * 4) * 300 * ms;
  const bytes = size * 0.9;
  const own = b.slice(track, "step", t, undefined, {
    parent,
    attrs: [text("from", `@day${k}`), text("to", `@day${k + 1}`), int("bytes", bytes)],
  });
  const hold = b.slice(track, "zfs hold", t + ms, t + 24 * ms, { parent: own });
  const send = b.slice(track, "zfs send", hold.end + ms, hang ? undefined : hold.end + size * slow, {
    parent: own,
    failed,
    attrs: [text("args", `send -Lce -i @day${k} tank/home/${name}@day${k + 1}`), int("pid", 2000 + rnd() * 9000)],
  });
  const far = b.track(there, "track", `receive backup/home/${name}@day${k + 1}`, { task: "receive" });
  const receive = b.slice(far, "receive", send.start + 9 * ms, hang ? undefined : send.end + 30 * ms, { category: "task", parent: own });
  b.flow("agent", send, send.start + 4 * ms, receive);
  const stop = hang ? send.start + size : send.end;
  for (let at = send.start + 3 * ms; at < stop;) {
    const wait = Math.min(stop - at, (2 + rnd() * 22) * ms);
    b.slice(track, rnd() < 0.7 ? "splice" : "wait for pipe", at, at + wait * 0.93, { parent: send, attrs: [int("bytes", wait / 3)] });
    if (rnd() < 0.8) b.slice(far, "write", at + 10 * ms, at + 10 * ms + wait * 0.8, { parent: receive });
    at += wait;
  }
  b.log(send, send.start + 2 * ms, 9, `sending tank/home/${name}@day${k + 1}`, "zfs.cmd", [int("estimate", bytes)]);
  if (rnd() < 0.5) b.log(receive, send.start + size * 0.4, 5, "window is full, waiting for the pool", "agent");
  if (rnd() < 0.3) b.log(send, send.start + size * 0.6, 13, "no progress for 100 ms", "zfssend");
  if (failed)
    b.log(send, stop - ms, 17, "zfs send exited 1: cannot open 'tank/home/vm/beta@day1': dataset is busy", "zfs.cmd", [
      text("stderr", "cannot open 'tank/home/vm/beta@day1': dataset is busy\n".repeat(9)),
      int("exit", 1),
    ]);
  if (hang) {
    b.log(send, stop, 13, "zfs send didn't end of SIGKILL: it waits for its pipe", "zfssend");
    return stop;
  }
  own.failed = failed;
  own.end = Math.round(send.end + 42 * ms);
  b.slice(track, "zfs release", send.end + 34 * ms, own.end - ms, { parent: own });
  return own.end + ms;
}

function counters(b, process, end, rnd) {
  const rate = b.track(process, "counter", "bytes sent a second", { series: ["value"] });
  const open = b.track(process, "counter", "goroutines", { series: ["value"] });
  let level = 4e8;
  for (let t = 0; t < end; t += 40 * ms) {
    level = Math.max(0, Math.min(9e8, level + (rnd() - 0.5) * 2e8));
    rate.samples.push({ series: 0, time: t, value: t < 215 * ms ? 0 : level });
    if (rnd() < 0.3) open.samples.push({ series: 0, time: t, value: 8 + Math.floor(rnd() * 20) });
  }
}

function scrub(b, process, end, rnd) {
  const track = b.track(process, "async", "pool I/O");
  for (let t = 0; t < end; t += (1 + rnd() * 12) * ms)
    b.slice(track, rnd() < 0.6 ? "read" : "write", t, t + (1 + rnd() * 40) * ms, { category: "io", failed: rnd() < 0.004 });
}

/** busy is 1,000 tracks, the first 40 of which are full of slices of all lengths. */
export function busy({ seed = 3, full = 40, tracks = 1000, slices = 12_000 } = {}) {
  const rnd = random(seed);
  const b = new Builder("busy.pftrace");
  const end = 60 * s;
  const words = [
    "parse",
    "encode",
    "flush",
    "lock",
    "read block",
    "write block",
    "checksum",
    "compress",
    "handle request",
    "query",
    "wait",
    "schedule",
    "commit",
    "index",
    "merge",
    "fsync",
  ];
  let process = null;
  for (let i = 0; i < tracks; i++) {
    if (i % 50 === 0) process = b.track(null, "process", `worker process ${i / 50}`, { source: `pid ${1000 + i}` });
    const track = b.track(process, "track", `thread ${i}`);
    const n = i < full ? slices : 60;
    let t = 0;
    while (t < end) {
      const length = Math.exp(rnd() * 6) * (end / n / 70);
      const outer = b.slice(track, words[Math.floor(rnd() * words.length)], t, t + length * 0.96);
      if (i < full && rnd() < 0.6)
        b.slice(track, words[Math.floor(rnd() * words.length)], t + length * 0.1, t + length * 0.8, {
          parent: outer,
          failed: rnd() < 0.01,
        });
      t += length;
    }
  }
  return b.done(end);
}

/** hostile has markup, and a megabyte, wherever a text can be. */
export function hostile() {
  const b = new Builder(`<script>alert("title")</script>`);
  const long = "<img src=x onerror=alert(1)>" + "x".repeat(1 << 20);
  const process = b.track(null, "process", long, { source: long });
  const track = b.track(process, "track", `<b onclick="alert(2)">bold</b>`);
  const outer = b.slice(track, long, 0, 5 * s, {
    category: long,
    attrs: [{ key: long, value: long, type: "string" }, text("</dd><script>alert(3)</script>", "javascript:alert(4)")],
  });
  b.slice(track, "\u202eright to left\u0000\ud800", 1 * s, 2 * s, {
    parent: outer,
    failed: true,
    attrs: [text("error", "<svg onload=alert(5)>")],
  });
  for (let i = 0; i < 40; i++)
    b.log(outer, (i + 1) * 0.1 * s, [5, 9, 13, 17][i % 4], i ? `<iframe src="javascript:alert(6)"> line ${i}` : long, "<u>sub</u>");
  b.track(process, "counter", "NaN & infinity", { series: ["<i>"] }).samples.push(
    { series: 0, time: 0, value: 1 },
    { series: 0, time: s, value: 1e300 },
    { series: 0, time: 2 * s, value: -5 },
  );
  return b.done(5 * s, "");
}
