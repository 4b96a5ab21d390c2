// Builds traces for the development server and the tests: slices that nest, with logs, flows and counters, from a seed.

/** random returns numbers 0 to 1, the same ones for a seed (mulberry32). */
export function random(seed) {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export class Builder {
  constructor(title) {
    this.title = title;
    this.tracks = [];
    this.kinds = new Map();
    this.kindList = [];
    this.flows = [];
    this.lines = [];
    this.ids = 0;
  }

  kind(name, category) {
    const key = `${category}\0${name}`;
    let number = this.kinds.get(key);
    if (number === undefined) {
      number = this.kindList.push({ name, category }) - 1;
      this.kinds.set(key, number);
    }
    return number;
  }

  track(parent, type, name, more = {}) {
    const track = {
      id: this.tracks.length + 1,
      parent: parent?.id ?? 0,
      type,
      name,
      source: "",
      order: this.tracks.length,
      slices: [],
      marks: [],
      samples: [],
      series: [],
      task: "",
      ...more,
    };
    this.tracks.push(track);
    return track;
  }

  /** slice adds one; end undefined means that it is open. */
  slice(track, name, start, end, { parent = null, category = "span", failed = false, attrs = [], row } = {}) {
    const id = (++this.ids * 7919 + 1048576).toString(32).padStart(8, "0");
    const slice = {
      track,
      name,
      category,
      kind: this.kind(name, category),
      start: Math.round(start),
      end: end === undefined ? Infinity : Math.round(end),
      parent,
      failed,
      attrs,
      id,
      children: [],
      logs: 0,
      row,
    };
    track.slices.push(slice);
    parent?.children.push(slice);
    return slice;
  }

  log(slice, time, severity, message, subsystem = "", attrs = []) {
    this.lines.push({ track: slice.track, time: Math.round(time), severity, message, subsystem, type: "log", attrs, slice });
  }

  instant(track, time, name, type = "instant") {
    this.lines.push({ track, time: Math.round(time), severity: 0, message: name, subsystem: "", type, attrs: [], slice: null });
  }

  flow(name, from, fromTime, to, toTime = to.start) {
    this.flows.push({ name, category: "task", from, fromTime: Math.round(fromTime), to, toTime: Math.round(toTime) });
  }

  /** done computes rows, numbers and ends. */
  done(end, unix = "1764460800000000000") {
    for (const track of this.tracks) {
      track.slices.sort((a, b) => a.start - b.start || b.end - a.end);
      layOut(track);
      track.slices.forEach((slice, pos) => {
        slice.pos = pos;
      });
      keys(track);
    }
    this.lines.sort((a, b) => a.time - b.time);
    this.lines.forEach((line, i) => {
      line.cursor = String(i);
      line.kind = this.kind(line.message.slice(0, 40), line.type);
      line.pos = line.track.marks.push(line) - 1;
      for (let at = line.slice; at; at = at.parent) at.logs++;
    });
    return Object.assign(this, { end: Math.round(end), unix, byKey: new Map(this.tracks.flatMap((t) => t.slices.map((s) => [s.key, s]))) });
  }
}

/** layOut gives each slice its row: below those that are open then, or for async ones the first that is free. */
function layOut(track) {
  const ends = [];
  for (const slice of track.slices) {
    let row = 0;
    while (row < ends.length && ends[row] > slice.start) row++;
    slice.row = row;
    ends[row] = slice.end;
    if (track.type !== "async") ends.length = row + 1;
  }
  track.rows = [];
  for (const slice of track.slices) (track.rows[slice.row] ??= []).push(slice);
}

function keys(track) {
  let last = NaN;
  let ordinal = 0;
  for (const slice of track.slices) {
    ordinal = slice.start === last ? ordinal + 1 : 0;
    last = slice.start;
    slice.key = `${track.id}:${slice.start}:${ordinal}`;
  }
}
