import { describe, expect, it } from "vitest";
import { Answers } from "../../dev/answers.mjs";
import { encodeTiles } from "../../dev/tiles.mjs";
import { replication } from "../../dev/traces.mjs";
import { ProtocolError } from "./check.js";
import { countMask, decodeTiles, emptyTile, failedBit, openBit } from "./tiles.js";

const trace = replication({ live: true });
const answers = new Answers(trace);

function encoded(level: number, tiles: number[][]): ArrayBuffer {
  const b = encodeTiles(trace, { level, tiles }, 17, answers.now());
  return b.buffer.slice(b.byteOffset, b.byteOffset + b.byteLength) as ArrayBuffer;
}

describe("decodeTiles", () => {
  const ids = trace.tracks.map((t: { id: number }) => [t.id, 0]);

  it("reads what the server wrote", () => {
    const { now, tiles } = decodeTiles(encoded(27, ids));
    expect(now).toBe(trace.end);
    expect(tiles.map((t) => [t.track, t.level, t.index, t.gen])).toEqual(ids.map(([id]: number[]) => [id, 27, 0, 17]));
    for (const tile of tiles) {
      const track = trace.tracks[tile.track - 1];
      const count = tile.counts.reduce((sum, c) => sum + (c & countMask), 0);
      expect(count, track.name).toBe(track.slices.length); // one tile of this level is 68 s: all of the trace
      expect(tile.rowStarts.length - 1).toBe(track.rows.length);
      expect(tile.counts.some((c) => (c & failedBit) !== 0)).toBe(track.slices.some((s: { failed: boolean }) => s.failed));
      expect(tile.hasOpen).toBe(track.slices.some((s: { end: number }) => s.end === Infinity));
      expect(tile.marks.counts.reduce((sum, c) => sum + c, 0)).toBe(track.marks.length);
    }
    expect(tiles.some((t) => t.hasOpen) && tiles.some((t) => t.samples.times.length > 0)).toBe(true);
  });

  it("has open slices end at infinity", () => {
    const root = decodeTiles(encoded(20, [[3, 1]])).tiles[0];
    const open = root.counts.findIndex((c) => (c & openBit) !== 0);
    expect(root.ends[open]).toBe(Infinity);
  });

  it("gives each tile its own memory", () => {
    const { tiles } = decodeTiles(encoded(20, ids));
    expect(new Set(tiles.map((t) => t.starts.buffer)).size).toBe(tiles.length);
    for (const tile of tiles) expect(tile.starts.buffer.byteLength).toBe(tile.bytes);
  });

  it("refuses an answer that is cut off anywhere", () => {
    const whole = encoded(25, ids.slice(0, 6));
    expect(decodeTiles(whole).tiles.length).toBe(6);
    for (let n = 0; n < whole.byteLength; n += n < 400 ? 1 : 37)
      expect(() => decodeTiles(whole.slice(0, n)), `${n} bytes`).toThrow(ProtocolError);
  });

  it("refuses what isn't one, or has too much", () => {
    expect(() => decodeTiles(new TextEncoder().encode("<html>not what you want</html>").buffer)).toThrow(/isn't an answer/);
    const longer = new Uint8Array(encoded(25, ids.slice(0, 2)).byteLength + 8);
    longer.set(new Uint8Array(encoded(25, ids.slice(0, 2))));
    expect(() => decodeTiles(longer.buffer)).toThrow(/8 bytes are left over/);
  });

  it("refuses counts that lie", () => {
    for (const [offset, what] of [
      [36, /rows have|cut off|left over/],
      [40, /rows have|cut off|left over/],
      [44, /cut off|left over/],
    ] as const) {
      const bytes = encoded(25, [[3, 0]]);
      new DataView(bytes).setUint32(offset, 7, true);
      expect(() => decodeTiles(bytes)).toThrow(what);
      new DataView(bytes).setUint32(offset, 0xffffffff, true);
      expect(() => decodeTiles(bytes)).toThrow(ProtocolError);
    }
  });

  it("survives any bytes", () => {
    const whole = new Uint8Array(encoded(22, ids.slice(0, 4)));
    for (let i = 0, x = 1; i < 3000; i++) {
      const bytes = whole.slice();
      for (let k = 0; k < 3; k++) {
        x = (Math.imul(x, 1103515245) + 12345) >>> 0;
        bytes[(x >>> 8) % Math.min(bytes.length, 400)] = x >>> 24;
      }
      try {
        decodeTiles(bytes.buffer);
      } catch (err) {
        expect(err).toBeInstanceOf(ProtocolError);
      }
    }
  });
});

it("emptyTile has nothing on it", () => {
  const tile = emptyTile(1, 2, 3, 4);
  expect([tile.rowStarts.length, tile.starts.length, tile.marks.times.length, tile.samples.times.length]).toEqual([1, 0, 0, 0]);
});
