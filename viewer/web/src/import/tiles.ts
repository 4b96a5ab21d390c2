// The binary answer of api/tiles. Each tile gets a buffer of its own, so that the cache can let it go alone.

import { ProtocolError } from "./check.js";

export const tileMagic = 0x31545653; // "SVT1"
export const tileBuckets = 512;
export const maxLevel = 55;

export const failedBit = 0x80000000;
export const openBit = 0x40000000;
export const countMask = 0x3fffffff;
export const anomalyBit = 0x80000000;
export const lossBit = 0x40000000;

/** Tile is what is on one track in 512 buckets of 2^level ns, from index · 512 · 2^level on. Times are ns. */
export interface Tile {
  track: number;
  level: number;
  index: number;
  gen: number;
  bytes: number;
  hasOpen: boolean;
  /** rowStarts has, for each row and for the end, the number of its first slice. */
  rowStarts: Uint32Array;
  starts: Float64Array;
  ends: Float64Array;
  kinds: Uint32Array;
  positions: Uint32Array;
  counts: Uint32Array;
  covers: Float32Array;
  marks: { times: Float64Array; kinds: Uint32Array; positions: Uint32Array; counts: Uint32Array; severities: Uint32Array };
  samples: { series: Uint32Array; times: Float64Array; min: Float64Array; max: Float64Array; last: Float64Array };
}

export interface TilesAnswer {
  now: number;
  tiles: Tile[];
}

const headerBytes = 16;
const tileHeaderBytes = 40;
const pad = (bytes: number) => Math.ceil(bytes / 8) * 8;

/** Cursor hands out typed arrays over a buffer, each padded to 8 bytes. */
class Cursor {
  constructor(
    private buffer: ArrayBuffer,
    public at: number,
  ) {}

  private take(bytes: number): number {
    const from = this.at;
    if (from + pad(bytes) > this.buffer.byteLength) {
      throw new ProtocolError(`tiles: ${pad(bytes)} bytes are missing at byte ${from} of ${this.buffer.byteLength}`);
    }
    this.at += pad(bytes);
    return from;
  }

  u32(n: number): Uint32Array {
    return new Uint32Array(this.buffer, this.take(4 * n), n);
  }
  f32(n: number): Float32Array {
    return new Float32Array(this.buffer, this.take(4 * n), n);
  }
  f64(n: number): Float64Array {
    return new Float64Array(this.buffer, this.take(8 * n), n);
  }
}

/** decodeTiles reads an answer. It throws a ProtocolError if that isn't whole, or has more than it says. */
export function decodeTiles(buffer: ArrayBuffer): TilesAnswer {
  if (buffer.byteLength < headerBytes) throw new ProtocolError(`tiles: ${buffer.byteLength} bytes are no header`);
  const view = new DataView(buffer);
  if (view.getUint32(0, true) !== tileMagic) throw new ProtocolError("tiles: this isn't an answer of api/tiles");
  const n = view.getUint32(4, true);
  const now = view.getFloat64(8, true);
  const tiles: Tile[] = [];
  let at = headerBytes;
  for (let i = 0; i < n; i++) {
    const tile = decodeTile(buffer, at);
    at += tile.bytes;
    tiles.push(tile);
  }
  if (at !== buffer.byteLength) throw new ProtocolError(`tiles: ${buffer.byteLength - at} bytes are left over`);
  return { now, tiles };
}

function decodeTile(whole: ArrayBuffer, at: number): Tile {
  if (at + tileHeaderBytes > whole.byteLength) throw new ProtocolError(`tiles: a tile's header is cut off at byte ${at}`);
  const view = new DataView(whole, at, tileHeaderBytes);
  const [track, level, gen, rows, slices, marks, samples] = [0, 4, 16, 20, 24, 28, 32].map((o) => view.getUint32(o, true));
  const index = view.getFloat64(8, true);
  const bytes =
    tileHeaderBytes + pad(4 * rows) + slices * 16 + 4 * pad(4 * slices) + marks * 8 + 4 * pad(4 * marks) + pad(4 * samples) + samples * 32;
  if (at + bytes > whole.byteLength) throw new ProtocolError(`tiles: a tile of ${bytes} bytes is cut off at byte ${at}`);
  if (level > maxLevel || !Number.isInteger(index)) throw new ProtocolError(`tiles: level ${level}, index ${index} at byte ${at}`);
  const own = whole.slice(at, at + bytes);
  const c = new Cursor(own, tileHeaderBytes);
  const rowStarts = prefixSums(c.u32(rows));
  if (rowStarts[rows] !== slices) throw new ProtocolError(`tiles: the rows have ${rowStarts[rows]} slices, not ${slices}`);
  const tile: Tile = {
    track,
    level,
    index,
    gen,
    bytes,
    rowStarts,
    hasOpen: false,
    starts: c.f64(slices),
    ends: c.f64(slices),
    kinds: c.u32(slices),
    positions: c.u32(slices),
    counts: c.u32(slices),
    covers: c.f32(slices),
    marks: { times: c.f64(marks), kinds: c.u32(marks), positions: c.u32(marks), counts: c.u32(marks), severities: c.u32(marks) },
    samples: { series: c.u32(samples), times: c.f64(samples), min: c.f64(samples), max: c.f64(samples), last: c.f64(samples) },
  };
  tile.hasOpen = tile.counts.some((count) => (count & openBit) !== 0);
  return tile;
}

function prefixSums(counts: Uint32Array): Uint32Array {
  const sums = new Uint32Array(counts.length + 1);
  for (let i = 0; i < counts.length; i++) sums[i + 1] = sums[i] + counts[i];
  return sums;
}

/** emptyTile stands for a tile on which there is nothing. */
export function emptyTile(track: number, level: number, index: number, gen: number): Tile {
  const none = new ArrayBuffer(0);
  const f64 = () => new Float64Array(none);
  const u32 = () => new Uint32Array(none);
  return {
    track,
    level,
    index,
    gen,
    bytes: tileHeaderBytes,
    hasOpen: false,
    rowStarts: new Uint32Array(1),
    starts: f64(),
    ends: f64(),
    kinds: u32(),
    positions: u32(),
    counts: u32(),
    covers: new Float32Array(none),
    marks: { times: f64(), kinds: u32(), positions: u32(), counts: u32(), severities: u32() },
    samples: { series: u32(), times: f64(), min: f64(), max: f64(), last: f64() },
  };
}
