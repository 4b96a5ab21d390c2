// What a pointer finds of marks and counters.

import { anomalyBit, countMask, lossBit, type Tile } from "../import/tiles.js";
import { type Piece } from "./cache.js";
import { severity } from "./format.js";

/** Mark is one of a tile's, which stands for all in its bucket: it is the most important of them. Times are ns; until excludes. */
export interface Mark {
  kind: number;
  pos: number;
  count: number;
  severity: number;
  from: number;
  until: number;
}

/** nearestMark finds the mark nearest to a time, and of several the most important; null if none is within slack. */
export function nearestMark(pieces: readonly Piece[], time: number, slack: number): Mark | null {
  let best: Mark | null = null;
  let distance = slack;
  for (const { tile, from, to } of pieces) {
    const { times, severities } = tile.marks;
    for (let i = 0; i < times.length; i++) {
      const away = Math.abs(times[i] - time);
      if (times[i] < from || times[i] >= to || away > distance) continue;
      if (best && away === distance && severities[i] <= best.severity) continue;
      [best, distance] = [markOf(tile, i), away];
    }
  }
  return best;
}

function markOf({ level, marks }: Tile, i: number): Mark {
  const from = marks.times[i];
  const bucket = 2 ** level;
  const count = marks.counts[i] & countMask;
  return {
    kind: marks.kinds[i],
    pos: marks.positions[i],
    count,
    severity: marks.severities[i],
    from,
    until: from + (count > 1 ? bucket : 1),
  };
}

/** markName says what a mark is: a level of the log, or what else. */
export function markName(of: number): string {
  if (of & lossBit) return "loss";
  if (of & anomalyBit) return "anomaly";
  return severity(of & 0xff) || "instant";
}

/** valueAt is what a counter's series is at a time: that of the sample before it; null if there is none. */
export function valueAt(pieces: readonly Piece[], series: number, time: number): number | null {
  let value: number | null = null;
  for (const { tile } of pieces) {
    const { samples: s } = tile;
    for (let i = 0; i < s.times.length && s.times[i] <= time; i++) if (s.series[i] === series) value = s.last[i];
  }
  return value;
}
