// What is selected: nothing, a slice, or a range of time on some tracks; and how arrow keys walk slices within the tiles.

import { openBit, type Tile } from "../import/tiles.js";
import { type SliceRef } from "../import/protocol.js";

export type Selection =
  | { type: "none" }
  | { type: "slice"; slice: SliceRef; open: boolean }
  | { type: "range"; from: number; to: number; tracks: readonly number[] };

export const none: Selection = { type: "none" };

/** interval is what the selection spans, with open slices up to now. */
export function interval(selection: Selection, now: number): { from: number; to: number } | null {
  if (selection.type === "range") return { from: selection.from, to: selection.to };
  if (selection.type === "slice")
    return { from: selection.slice.start, to: selection.open ? Math.max(now, selection.slice.start) : selection.slice.end };
  return null;
}

/** range orders its ends, and is no selection if it is shorter than least. */
export function range(a: number, b: number, tracks: readonly number[], least: number): Selection {
  const from = Math.max(0, Math.min(a, b));
  const to = Math.max(a, b);
  return to - from < least || to <= 0 ? none : { type: "range", from, to, tracks };
}

/** Item is one of a tile's: a slice, or a bucket of short ones. */
export interface Item {
  tile: Tile;
  i: number;
}

/** firstEnding finds the first item of a row that ends after a time: items of a row are disjoint, so their ends ascend too. */
export function firstEnding(tile: Tile, row: number, time: number): number {
  let low = tile.rowStarts[row];
  let high = tile.rowStarts[row + 1];
  while (low < high) {
    const mid = (low + high) >>> 1;
    if (tile.ends[mid] > time || tile.starts[mid] >= time) high = mid;
    else low = mid + 1;
  }
  return low;
}

/** pick finds the item of a row at a time, or within slack of it: short ones must be hit as well. */
export function pick(tile: Tile, row: number, time: number, slack: number): Item | null {
  if (row < 0 || row + 1 >= tile.rowStarts.length) return null;
  let best = -1;
  let distance = Infinity;
  for (let i = firstEnding(tile, row, time - slack); i < tile.rowStarts[row + 1] && tile.starts[i] <= time + slack; i++) {
    const away = Math.max(0, tile.starts[i] - time, time - tile.ends[i]);
    if (away < distance) [best, distance] = [i, away];
  }
  return best < 0 ? null : { tile, i: best };
}

/** next finds the item of a row after (or before) a slice in tiles that are in the order of time. */
export function next(tiles: readonly Tile[], row: number, start: number, forward: boolean): Item | null {
  for (const tile of forward ? tiles : [...tiles].reverse()) {
    if (row + 1 >= tile.rowStarts.length) continue;
    const from = tile.rowStarts[row];
    const to = tile.rowStarts[row + 1];
    if (forward) {
      for (let i = from; i < to; i++) if (tile.starts[i] > start) return { tile, i };
    } else {
      for (let i = to - 1; i >= from; i--) if (tile.starts[i] < start) return { tile, i };
    }
  }
  return null;
}

export function isOpen(item: Item): boolean {
  return (item.tile.counts[item.i] & openBit) !== 0;
}
