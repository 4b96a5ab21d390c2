// The layout of a flame graph: the tree of an aggregate by path as boxes, of which those too narrow to be seen are left out.

import { type AggregateRow } from "../import/protocol.js";

export interface Box {
  row: AggregateRow;
  depth: number;
  /** x and width are parts of the whole, 0 to 1. */
  x: number;
  width: number;
  path: string[];
}

export interface Flame {
  boxes: Box[];
  total: number;
  depth: number;
}

/** flame lays out the boxes; what is narrower than least, a part of the whole, is left out with all below it. */
export function flame(rows: readonly AggregateRow[], least: number, maxDepth = 400): Flame {
  const total = rows.reduce((sum, row) => sum + row.total, 0);
  const boxes: Box[] = [];
  let depth = 0;
  const todo: { rows: readonly AggregateRow[]; x: number; width: number; depth: number; path: string[]; total: number }[] = [
    { rows, x: 0, width: 1, depth: 0, path: [], total },
  ];
  for (let at = todo.pop(); at; at = todo.pop()) {
    // Children of a node may overlap each other in time, if they are tasks: together they are at most as wide as it.
    const sum = at.rows.reduce((s, row) => s + row.total, 0);
    const scale = at.width / Math.max(at.total, sum, 1e-300);
    let x = at.x;
    for (const row of [...at.rows].sort((a, b) => b.total - a.total)) {
      const width = row.total * scale;
      if (width < least || at.depth >= maxDepth) break;
      const path = [...at.path, row.name];
      boxes.push({ row, depth: at.depth, x, width, path });
      depth = Math.max(depth, at.depth + 1);
      if (row.children.length) todo.push({ rows: row.children, x, width, depth: at.depth + 1, path, total: row.total });
      x += width;
    }
  }
  return { boxes, total, depth };
}

export function boxAt(f: Flame, x: number, depth: number): Box | undefined {
  return f.boxes.find((box) => box.depth === depth && x >= box.x && x < box.x + box.width);
}

/** descend follows a path of names; undefined if it isn't there. */
export function descend(rows: readonly AggregateRow[], path: readonly string[]): AggregateRow | undefined {
  let at: AggregateRow | undefined;
  let below = rows;
  for (const name of path) {
    at = below.find((row) => row.name === name);
    if (!at) return undefined;
    below = at.children;
  }
  return at;
}
