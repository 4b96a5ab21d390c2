// The server's side of the rest of docs/viewer-protocol.md, on a trace that is in memory: what the page is developed and tested on.

/** isBelow reports whether a slice is another one, or below it. */
function isBelow(s, root) {
  for (let at = s; at; at = at.parent) if (at === root) return true;
  return false;
}

/** Answers knows one trace. now is where open slices end. */
export class Answers {
  constructor(trace, { live = false } = {}) {
    this.trace = trace;
    this.live = live;
    this.gen = 1;
    this.began = Date.now();
    this.paused = false;
  }

  now() {
    return this.live ? this.trace.end + (Date.now() - this.began) * 1e6 : this.trace.end;
  }

  info(titles) {
    const { tracks, lines, flows, kindList, title, unix } = this.trace;
    return {
      title,
      traces: titles,
      source: `/srv/${title}`,
      format: "perfetto",
      state: this.live ? (this.paused ? "paused" : "live") : "loaded",
      progress: 1,
      error: "",
      gen: this.gen,
      end: this.now(),
      now: this.now(),
      unix,
      slices: tracks.reduce((n, t) => n + t.slices.length, 0),
      instants: lines.filter((l) => l.type !== "log").length,
      logs: lines.filter((l) => l.type === "log").length,
      counters: tracks.filter((t) => t.type === "counter").length,
      flows: flows.length,
      tracks: tracks.length,
      kinds: kindList.length,
      lossMarks: lines.filter((l) => l.type === "loss").length,
      losses: lines.filter((l) => l.type === "loss").map(() => ({ what: "records were lost", count: 3 })),
      openers: { perfetto: true, speedscope: true, pprof: true },
    };
  }

  tracks() {
    return {
      gen: this.gen,
      tracks: this.trace.tracks.map((t) => ({
        id: t.id,
        parent: t.parent,
        type: t.type,
        name: t.name,
        source: t.source,
        order: t.order,
        depth: t.rows.length,
        slices: t.slices.length,
        start: Math.min(t.slices[0]?.start ?? 0, t.marks[0]?.time ?? Infinity),
        end: Math.max(0, ...t.slices.slice(-400).map((s) => this.endOf(s)), ...t.marks.map((m) => m.time)),
        open: t.slices.filter((s) => s.end === Infinity).length,
        failed: t.slices.filter((s) => s.failed).length,
        marks: t.marks.length,
        series: t.series,
        task: t.task,
      })),
    };
  }

  kinds(from) {
    const list = this.trace.kindList.slice(from);
    return { from, names: list.map((k) => k.name), categories: list.map((k) => k.category) };
  }

  endOf(slice) {
    return Math.min(slice.end, this.now());
  }
  ref(s) {
    return { key: s.key, track: s.track.id, pos: s.pos, row: s.row, name: s.name, start: s.start, end: this.endOf(s) };
  }

  find(q) {
    if (q.get("key")) return this.trace.byKey.get(q.get("key"));
    const track = this.trace.tracks.find((t) => t.id === Number(q.get("track")));
    if (q.has("pos")) return track?.slices[Number(q.get("pos"))];
    const at = Number(q.get("at"));
    return track?.rows[Number(q.get("row"))]?.find((s) => s.start <= at && s.end >= at);
  }

  slice(s) {
    const ancestors = [];
    for (let at = s.parent; at; at = at.parent) ancestors.unshift(at);
    const inside = s.children.filter((c) => c.track === s.track).reduce((sum, c) => sum + this.endOf(c) - c.start, 0);
    const arrows = this.trace.flows.filter((f) => f.from === s || f.to === s);
    return {
      ...this.ref(s),
      category: s.category,
      open: s.end === Infinity,
      failed: s.failed,
      self: Math.max(0, this.endOf(s) - s.start - inside),
      id: s.id,
      parent: s.parent && this.ref(s.parent),
      ancestors: ancestors.map((a) => this.ref(a)),
      children: s.children.length,
      firstChildren: s.children.slice(0, 100).map((c) => this.ref(c)),
      attrs: s.attrs,
      links: arrows.map((f) => ({
        to: this.ref(f.from === s ? f.to : f.from),
        type: "flow",
        name: f.name,
        direction: f.from === s ? "out" : "in",
      })),
      logs: s.logs,
      stack: [...ancestors, s].map((a) => a.id).join("$"),
      unix: this.trace.unix && String(BigInt(this.trace.unix) + BigInt(Math.round(s.start))),
    };
  }

  logs(q) {
    const slice = q.get("slice") && this.trace.byKey.get(q.get("slice"));
    const tracks = q.getAll("track").map(Number);
    const find = (q.get("q") ?? "").toLowerCase();
    const all = this.trace.lines.filter(
      (l) =>
        l.time >= Number(q.get("from")) &&
        l.time <= Number(q.get("to")) &&
        (!tracks.length || tracks.includes(l.track.id)) &&
        l.severity >= Number(q.get("min") ?? 0) &&
        (!slice || isBelow(l.slice, slice)) &&
        l.message.toLowerCase().includes(find),
    );
    const limit = Math.min(1000, Number(q.get("limit") ?? 200));
    const backwards = q.has("before");
    const rest = backwards
      ? all.filter((l) => q.get("before") === "" || Number(l.cursor) < Number(q.get("before")))
      : all.filter((l) => !q.get("after") || Number(l.cursor) > Number(q.get("after")));
    const lines = backwards ? rest.slice(-limit) : rest.slice(0, limit);
    return {
      total: all.length,
      more: rest.length > lines.length,
      lines: lines.map((l) => ({
        cursor: l.cursor,
        time: l.time,
        track: l.track.id,
        pos: l.pos,
        severity: l.severity,
        message: l.message.slice(0, 65536),
        subsystem: l.subsystem,
        type: l.type,
        attrs: l.attrs,
        slice: l.slice && this.ref(l.slice),
        stack: l.slice?.id ?? "",
      })),
    };
  }

  search(q) {
    const text = q.get("q");
    const test = q.get("regexp") ? new RegExp(text, /[A-Z]/.test(text) ? "" : "i") : null;
    const plain = /[A-Z]/.test(text) ? (s) => s : (s) => s.toLowerCase();
    const match = (s) => (test ? test.test(s) : plain(s).includes(text));
    const hits = [];
    const tracks = {};
    const density = new Array(256).fill(0);
    const add = (place, what, excerpt) => {
      hits.push({ ...place, what, text: excerpt.slice(0, 200) });
      tracks[place.track] = (tracks[place.track] ?? 0) + 1;
      density[Math.min(255, Math.floor((place.start / this.now()) * 256))]++;
    };
    for (const track of this.trace.tracks) {
      for (const s of track.slices) {
        const attr = s.attrs.find((a) => match(a.value) || match(`${a.key}=${a.value}`));
        if (match(s.name)) add(this.ref(s), "name", s.name);
        else if (attr) add(this.ref(s), `attribute ${attr.key}`, attr.value);
        else if (s.id === text) add(this.ref(s), "ID", s.id);
      }
    }
    for (const l of this.trace.lines) {
      if (l.slice && match(l.message)) add({ ...this.ref(l.slice), start: l.time, end: l.time }, "log", l.message);
    }
    hits.sort((a, b) => a.start - b.start);
    return { total: hits.length, complete: true, hits: hits.slice(0, Number(q.get("limit") ?? 200)), tracks, density };
  }

  aggregate(q) {
    const from = Number(q.get("from"));
    const to = Number(q.get("to"));
    const tracks = q.getAll("track").map(Number);
    const roots = new Map();
    const path = q.get("by") === "path";
    const slice = this.trace.byKey.get(q.get("slice") ?? "");
    const node = (map, s) => {
      const key = `${s.category}\0${s.name}`;
      if (!map.has(key))
        map.set(key, {
          name: s.name,
          category: s.category,
          count: 0,
          total: 0,
          self: 0,
          failed: 0,
          open: 0,
          lengths: [],
          best: null,
          children: new Map(),
        });
      return map.get(key);
    };
    for (const track of this.trace.tracks) {
      if (tracks.length && !tracks.includes(track.id)) continue;
      const nodes = new Map();
      for (const s of track.slices) {
        const inside = Math.min(to, this.endOf(s)) - Math.max(from, s.start);
        if (inside <= 0 || (slice && !isBelow(s, slice))) continue;
        const up = s.parent && nodes.get(s.parent);
        const row = node(path && up ? up.children : roots, s);
        const length = this.endOf(s) - s.start;
        nodes.set(s, row);
        row.count++;
        row.total += inside;
        row.self += inside;
        row.failed += s.failed ? 1 : 0;
        row.open += s.end === Infinity ? 1 : 0;
        row.lengths.push(length);
        if (up) up.self -= inside;
        if (!row.best || length > this.endOf(row.best) - row.best.start) row.best = s;
      }
    }
    const finish = (map) =>
      [...map.values()]
        .map(({ lengths, best, children, ...row }) => {
          lengths.sort((a, b) => a - b);
          const at = (p) => lengths[Math.min(lengths.length - 1, Math.floor(p * lengths.length))];
          return {
            ...row,
            self: Math.max(0, row.self),
            p50: at(0.5),
            p95: at(0.95),
            max: lengths[lengths.length - 1],
            longest: best.key,
            children: finish(children),
          };
        })
        .sort((a, b) => b.self - a.self);
    const rows = finish(roots);
    return { total: rows.length, rows };
  }

  flows(q) {
    const slice = q.get("slice") && this.trace.byKey.get(q.get("slice"));
    const list = this.trace.flows.filter((f) => !slice || f.from === slice || f.to === slice);
    return {
      total: list.length,
      flows: list.map((f) => ({
        name: f.name,
        category: f.category,
        from: { track: f.from.track.id, row: f.from.row, time: f.fromTime },
        to: { track: f.to.track.id, row: f.to.row, time: f.toTime },
      })),
    };
  }

  /** critical goes back from the end: to the child that ended last before, else the slice itself. */
  critical(slice) {
    const segments = [];
    const sums = new Map();
    const put = (s, start, end, path) => {
      if (end <= start) return;
      segments.unshift({ track: s.track.id, row: s.row, key: s.key, name: s.name, start, end });
      const key = path.join("\0");
      const sum = sums.get(key) ?? { path, total: 0, count: 0 };
      sum.total += end - start;
      sum.count++;
      sums.set(key, sum);
    };
    const walk = (s, from, to, path) => {
      let at = Math.min(to, this.endOf(s));
      for (const child of [...s.children].sort((a, b) => this.endOf(b) - this.endOf(a))) {
        const end = Math.min(this.endOf(child), at);
        const start = Math.max(child.start, from);
        if (end <= start) continue;
        put(s, end, at, path);
        walk(child, start, end, [...path, child.name]);
        at = start;
      }
      put(s, Math.max(s.start, from), at, path);
    };
    walk(slice, slice.start, this.endOf(slice), [slice.name]);
    return { total: this.endOf(slice) - slice.start, segments, sums: [...sums.values()].sort((a, b) => b.total - a.total) };
  }

  /** root is the longest slice that has others below it, or what that is below of. */
  root() {
    const all = this.trace.tracks.flatMap((t) => t.slices.filter((s) => s.children.length));
    let root = all.reduce((a, b) => (!a || this.endOf(b) - b.start > this.endOf(a) - a.start ? b : a), null);
    while (root?.parent) root = root.parent;
    return { slice: root && this.ref(root), large: false };
  }

  losses() {
    const lost = this.trace.lines.filter((l) => l.type === "loss");
    return {
      losses: lost.map((l) => ({ time: l.time, until: l.time, track: l.track.id, pos: l.pos, what: l.message, marks: 1, count: 3 })),
    };
  }

  waits() {
    const node = (s) => {
      const last = this.trace.lines.filter((l) => l.slice === s).pop();
      return {
        slice: this.ref(s),
        age: this.now() - s.start,
        attrs: s.attrs,
        lastLog: last ? { time: last.time, message: last.message, severity: last.severity } : null,
        children: s.children.filter((c) => c.end === Infinity).map(node),
      };
    };
    const roots = this.trace.tracks
      .flatMap((t) => t.slices.filter((s) => s.end === Infinity && !s.parent))
      .sort((a, b) => a.start - b.start);
    return { now: this.now(), open: roots.map(node) };
  }
}

/** diff compares two by path. */
export function diff(a, b) {
  const flat = (answers) => {
    const list = new Map();
    const walk = (rows, path) =>
      rows.forEach((row) => {
        list.set([...path, row.name].join("\0"), row);
        walk(row.children, [...path, row.name]);
      });
    walk(answers.aggregate(new URLSearchParams({ from: "0", to: String(answers.now()), by: "path" })).rows, []);
    return list;
  };
  const [x, y] = [flat(a), flat(b)];
  const numbers = (r) => r && { count: r.count, total: r.total, self: r.self, p50: r.p50, p95: r.p95 };
  const changes = [...new Set([...x.keys(), ...y.keys()])]
    .map((key) => {
      const [p, q] = [x.get(key), y.get(key)];
      const by = (q?.self ?? 0) - (p?.self ?? 0);
      return {
        path: key.split("\0"),
        change: !p ? "new" : !q ? "gone" : by > 0 ? "slower" : by < 0 ? "faster" : "same",
        a: numbers(p) ?? null,
        b: numbers(q) ?? null,
        longestA: p?.longest ?? "",
        longestB: q?.longest ?? "",
        by,
      };
    })
    .filter((c) => c.change !== "same")
    .sort((p, q) => q.by - p.by);
  return { a: { title: a.trace.title, total: a.now() }, b: { title: b.trace.title, total: b.now() }, changes };
}
