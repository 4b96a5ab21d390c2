// The server's side of api/tiles, as docs/viewer-protocol.md has it: slowly, and by the letter.

const magic = 0x31545653;
const buckets = 512;
const pad = (n) => (n + 7) & ~7;

/** items are a row's slices in a tile: long ones alone, short ones that begin in one bucket together. */
function items(row, from, to, bucket, now) {
  const list = [];
  let i = firstAfter(row, from);
  for (; i < row.length && row[i].start < to; i++) {
    const slice = row[i];
    const end = Math.min(slice.end, now);
    const at = Math.floor(slice.start / bucket);
    const before = list[list.length - 1];
    if (end - slice.start >= bucket)
      list.push({ slice, start: slice.start, end: slice.end, count: 1, cover: 1, failed: slice.failed, open: slice.end === Infinity });
    else if (slice.start < from) continue;
    else if (before && before.bucket === at) {
      before.end = Math.max(before.end, slice.end);
      before.count++;
      before.sum += end - slice.start;
      before.cover = Math.min(1, before.sum / bucket);
      before.failed ||= slice.failed;
      before.open ||= slice.end === Infinity;
      if (end - slice.start > before.longest) [before.slice, before.longest] = [slice, end - slice.start];
    } else {
      const length = end - slice.start;
      list.push({
        slice,
        start: slice.start,
        end: slice.end,
        count: 1,
        cover: length / bucket,
        sum: length,
        longest: length,
        bucket: at,
        failed: slice.failed,
        open: slice.end === Infinity,
      });
    }
  }
  return list;
}

/** firstAfter finds the first slice of a row, whose slices are disjoint, that ends after a time. */
function firstAfter(row, time) {
  let low = 0;
  let high = row.length;
  while (low < high) {
    const mid = (low + high) >> 1;
    if (row[mid].end > time || row[mid].start >= time) high = mid;
    else low = mid + 1;
  }
  return low;
}

function markItems(marks, from, to, bucket) {
  const list = [];
  for (const mark of marks) {
    if (mark.time < from || mark.time >= to) continue;
    const at = Math.floor(mark.time / bucket);
    const before = list[list.length - 1];
    const severity = (mark.severity | (mark.type === "anomaly" ? 0x80000000 : 0) | (mark.type === "loss" ? 0x40000000 : 0)) >>> 0;
    if (before?.bucket === at) {
      before.count++;
      if (severity > before.severity) Object.assign(before, { mark, severity });
    } else list.push({ mark, time: mark.time, count: 1, severity, bucket: at });
  }
  return list;
}

/** sampleItems begin with the last sample before the tile. */
function sampleItems(samples, from, to, bucket) {
  const list = [];
  let last = null;
  for (const { series, time, value } of samples) {
    if (time >= to) break;
    if (time < from) {
      last = { series, time, min: value, max: value, last: value };
      continue;
    }
    const at = Math.floor(time / bucket);
    const before = list[list.length - 1];
    if (before?.bucket === at) Object.assign(before, { min: Math.min(before.min, value), max: Math.max(before.max, value), last: value });
    else list.push({ series, time, min: value, max: value, last: value, bucket: at });
  }
  return last ? [last, ...list] : list;
}

class Out {
  constructor() {
    this.parts = [];
    this.at = 0;
  }
  array(Type, values) {
    const data = Type.from(values);
    const bytes = new Uint8Array(pad(data.byteLength));
    bytes.set(new Uint8Array(data.buffer));
    this.parts.push(bytes);
  }
  u32(values) {
    this.array(Uint32Array, values);
  }
  f64(values) {
    this.array(Float64Array, values);
  }
  f32(values) {
    this.array(Float32Array, values);
  }
}

/** encodeTiles answers a request: {level, tiles: [[track, index], …]}. */
export function encodeTiles(trace, { level, tiles }, gen, now) {
  const out = new Out();
  const byId = new Map(trace.tracks.map((t) => [t.id, t]));
  out.u32([magic, tiles.length]);
  out.f64([now]);
  for (const [id, index] of tiles) encodeTile(out, byId.get(id), id, level, index, gen, now);
  return Buffer.concat(out.parts);
}

function encodeTile(out, track, id, level, index, gen, now) {
  const bucket = 2 ** level;
  const from = index * buckets * bucket;
  const to = from + buckets * bucket;
  const rows = (track?.rows ?? []).map((row) => items(row.filter ? row : [], from, to, bucket, now));
  const all = rows.flat();
  const marks = markItems(track?.marks ?? [], from, to, bucket);
  const samples = sampleItems(track?.samples ?? [], from, to, bucket);
  out.u32([id, level]);
  out.f64([index]);
  out.u32([gen, rows.length, all.length, marks.length, samples.length, 0]);
  out.u32(rows.map((row) => row.length));
  out.f64(all.map((item) => item.start));
  out.f64(all.map((item) => (item.open ? Infinity : item.end)));
  out.u32(all.map((item) => item.slice.kind));
  out.u32(all.map((item) => item.slice.pos));
  out.u32(all.map((item) => (item.count | (item.failed ? 0x80000000 : 0) | (item.open ? 0x40000000 : 0)) >>> 0));
  out.f32(all.map((item) => item.cover));
  out.f64(marks.map((item) => item.time));
  out.u32(marks.map((item) => item.mark.kind));
  out.u32(marks.map((item) => item.mark.pos));
  out.u32(marks.map((item) => item.count));
  out.u32(marks.map((item) => item.severity));
  out.u32(samples.map((item) => item.series));
  for (const field of ["time", "min", "max", "last"]) out.f64(samples.map((item) => item[field]));
}
