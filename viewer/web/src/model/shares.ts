// What took how much of a critical path, in a sentence.

import { type Critical } from "../import/protocol.js";

/** Share is what the slices of a name take of a critical path, in ns. longest is the number of the longest segment among them, -1 if it isn't there. */
export interface Share {
  name: string;
  total: number;
  longest: number;
}

/** shares are those of a path by name, wherever the slices are, the largest first. */
export function shares({ sums, segments }: Pick<Critical, "sums" | "segments">): Share[] {
  const list = new Map<string, Share>();
  for (const { path, total } of sums) {
    const name = path[path.length - 1] ?? "";
    const share = list.get(name) ?? { name, total: 0, longest: -1 };
    share.total += total;
    list.set(name, share);
  }
  segments.forEach((segment, i) => {
    const share = list.get(segment.name);
    if (!share) return;
    const best = segments[share.longest];
    if (!best || segment.end - segment.start > best.end - best.start) share.longest = i;
  });
  return [...list.values()].sort((a, b) => b.total - a.total);
}

/** amount is how much of something a part of it is, in words. */
export function amount(part: number): string {
  if (part >= 0.95) return "Nearly all";
  return part > 0.5 ? "Most" : "The largest part";
}

/** worthTelling are the shares after the first that are worth a word. */
export function worthTelling(list: readonly Share[], total: number): Share[] {
  return list.slice(1, 4).filter((share) => share.total >= 0.02 * total);
}
