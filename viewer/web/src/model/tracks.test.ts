import { describe, expect, it } from "vitest";
import { type TrackInfo, trackInfo } from "../import/protocol.js";
import {
  counterHeight,
  firstAt,
  headerHeight,
  markHeight,
  maxRows,
  pinnedHeight,
  rowHeight,
  scrollAt,
  scrollTop,
  trackPad,
  TrackTree,
  visible,
} from "./tracks.js";

const track = (id: number, parent: number, fields: Partial<TrackInfo> = {}): TrackInfo => ({
  ...trackInfo({}, ""),
  id,
  parent,
  type: "track",
  name: `t${id}`,
  depth: 2,
  slices: 9,
  ...fields,
});
const tree = (...list: TrackInfo[]) => {
  const t = new TrackTree();
  t.merge(list, 1);
  return t;
};
const shape = (t: TrackTree, collapsed: number[] = []) => t.layout(new Set(collapsed)).laid.map((l) => "-".repeat(l.indent) + l.track.id);

describe("TrackTree", () => {
  const some = () =>
    tree(track(1, 0, { type: "process", depth: 0 }), track(2, 1), track(5, 2), track(3, 1), track(4, 0, { type: "process", depth: 0 }));

  it("draws parents before children, in the order in which they came", () => {
    expect(shape(some())).toEqual(["1", "-2", "--5", "-3", "4"]);
    expect(shape(some(), [2])).toEqual(["1", "-2", "-3", "4"]);
    expect(shape(some(), [1])).toEqual(["1", "4"]);
  });

  it("knows on which tracks what is open waits for others", () => {
    expect([...some().waiting()]).toEqual([]);
    expect([
      ...tree(track(1, 0), track(2, 1), track(3, 2, { open: 1 }), track(4, 1, { open: 0 }), track(5, 9, { open: 2 })).waiting(),
    ]).toEqual([2, 1]);
  });

  it("goes by order first", () => {
    expect(shape(tree(track(1, 0), track(2, 1, { order: 2 }), track(3, 1, { order: 1 })))).toEqual(["1", "-3", "-2"]);
  });

  it("takes changes: more slices, new tracks, another parent", () => {
    const t = some();
    t.merge([track(3, 2, { depth: 7 }), track(6, 4), track(2, 1, { name: "renamed" })], 9);
    expect(shape(t)).toEqual(["1", "-2", "--5", "--3", "4", "-6"]);
    expect([t.get(2)?.name, t.get(3)?.depth, t.changedAt(3), t.changedAt(5), t.size]).toEqual(["renamed", 7, 9, 1, 6]);
  });

  it("survives cycles, and parents that aren't there", () => {
    expect(shape(tree(track(1, 99), track(2, 2), track(3, 4), track(4, 3)))).toEqual(["1"]);
    expect(tree(track(3, 4), track(4, 3)).ancestors(3).length).toBeLessThanOrEqual(10_000);
    expect(tree(track(3, 4), track(4, 3)).within(3)).toEqual([3, 4]);
  });

  it("tells processes of one name apart, as long as there are several", () => {
    const process = (id: number, name: string, source: string) => track(id, 0, { type: "process", name, source });
    const t = tree(process(1, "zferry", "pid 820"), process(2, "agent", "pid 7"), track(3, 1, { name: "zferry", source: "tid 5" }));
    const also = () => t.layout(new Set()).laid.map((l) => l.also);
    expect(also()).toEqual(["", "", ""]);
    t.merge([process(4, "zferry", "pid 9"), process(5, "", "pid 10"), process(6, "", "pid 11")], 2);
    expect(also()).toEqual(["pid 820", "", "", "pid 9", "", ""]); // what has no name is called by its number anyway
    t.merge([process(4, "zferry", "pid 9"), process(4, "zfs", "pid 9")], 3);
    expect(also()).toEqual(["", "", "", "", "", ""]);
    t.clear();
    t.merge([process(1, "zferry", "pid 820")], 1);
    expect(also()).toEqual([""]);
  });

  it("knows what is above and below", () => {
    expect(some().ancestors(5)).toEqual([2, 1]);
    expect(some().within(1).sort()).toEqual([1, 2, 3, 5]);
  });
});

describe("layout", () => {
  it("gives tracks the height that they need", () => {
    const t = tree(
      track(1, 0, { type: "process", depth: 0 }),
      track(2, 1, { depth: 3, marks: 4 }),
      track(3, 1, { type: "counter" }),
      track(4, 1, { depth: 1 }),
      track(5, 1, { depth: 1e5 }),
    );
    expect(t.layout(new Set()).laid.map((l) => l.height)).toEqual([
      headerHeight,
      3 * rowHeight + markHeight + 2 * trackPad,
      counterHeight,
      rowHeight + 2 * trackPad,
      maxRows * rowHeight + 2 * trackPad,
    ]);
    const folded = t.layout(new Set([2])).laid[1];
    expect([folded.rows, folded.height, folded.collapsible]).toEqual([1, rowHeight + markHeight + 2 * trackPad, true]);
  });

  it("leaves no gaps", () => {
    const { laid, height } = tree(
      ...Array.from({ length: 1000 }, (_, i) => track(i + 1, i % 10 ? Math.floor(i / 10) * 10 + 1 : 0, { depth: i % 7 })),
    ).layout(new Set());
    laid.reduce((y, l) => (expect(l.y).toBe(y), y + l.height), 0);
    expect(height).toBe(laid[999].y + laid[999].height);
  });

  it("leaves out, if told to, tracks on which nothing is in the window", () => {
    const t = tree(
      track(1, 0, { type: "process", depth: 0, slices: 0 }),
      track(2, 1, { start: 0, end: 5 }),
      track(3, 2, { start: 7, end: 9 }),
      track(4, 1, { start: 0, end: 6, open: 1 }),
      track(5, 0, { start: 20, end: 30 }),
      track(6, 1, { type: "counter", slices: 0 }),
    );
    expect([...t.active(8, 10)].sort()).toEqual([1, 2, 3, 4, 6]);
    expect(t.layout(new Set(), t.active(1, 2)).laid.map((l) => l.track.id)).toEqual([1, 2, 4, 6]);
  });

  it("leaves out tracks that have nothing but a name", () => {
    const empty = { slices: 0, marks: 0, depth: 0 };
    const t = tree(track(1, 0, { type: "process", ...empty }), track(2, 1, empty), track(3, 1, { ...empty, marks: 1 }), track(4, 1, empty));
    t.merge([track(5, 4)], 1);
    expect(shape(t)).toEqual(["1", "-3", "-4", "--5"]);
    t.merge([track(2, 1, { slices: 1 })], 2); // something has come
    expect(shape(t)).toEqual(["1", "-2", "-3", "-4", "--5"]);
  });

  it("counts what is folded away", () => {
    expect(tree(track(1, 0), track(2, 1), track(3, 2)).layout(new Set([1])).laid[0]).toMatchObject({
      hidden: 2,
      collapsed: true,
      collapsible: true,
    });
  });

  it("finds what is in sight", () => {
    const layout = tree(...Array.from({ length: 1000 }, (_, i) => track(i + 1, 0, { depth: 1 }))).layout(new Set());
    const h = rowHeight + 2 * trackPad;
    expect(visible(layout, 10 * h, 12 * h).map((l) => l.track.id)).toEqual([11, 12]);
    expect(visible(layout, 10 * h - 1, 12 * h + 1).map((l) => l.track.id)).toEqual([10, 11, 12, 13]);
    expect([firstAt(layout, -5), firstAt(layout, 1e9)]).toEqual([0, 1000]);
  });

  it("is scrolled to the same track, whatever came above it", () => {
    const h = rowHeight + 2 * trackPad;
    const some = Array.from({ length: 9 }, (_, i) => track(i + 2, 0, { depth: 1, order: i + 2 }));
    const t = tree(...some);
    expect(scrollAt(t.layout(new Set()), 0)).toEqual({ track: 0, by: 0 });
    const at = scrollAt(t.layout(new Set()), 3 * h + 7);
    expect(at).toEqual({ track: 5, by: 7 });
    t.merge([track(1, 0, { depth: 1, order: 1 })], 2);
    expect(scrollTop(t.layout(new Set()), at)).toBe(4 * h + 7);
    expect([scrollTop(t.layout(new Set()), { track: 0, by: 0 }), scrollTop(t.layout(new Set()), { track: 99, by: 0 })]).toEqual([0, null]);
    expect(scrollAt(tree().layout(new Set()), 50)).toEqual({ track: 0, by: 0 });
  });

  it("leaves half of the height to what isn't pinned", () => {
    const t = tree(track(1, 0), track(2, 0, { depth: 50 }));
    const pinned = (...ids: number[]) => pinnedHeight(t.pinned(ids, new Set()), 301);
    expect([pinned(), pinned(1), pinned(1, 2)]).toEqual([0, 2 * rowHeight + 2 * trackPad + 2, 151]);
  });

  it("pins tracks in the order in which they were pinned, and forgets those that are gone", () => {
    const t = tree(track(1, 0), track(2, 1), track(3, 1));
    expect(t.pinned([3, 99, 1], new Set()).laid.map((l) => [l.track.id, l.y, l.indent])).toEqual([
      [3, 0, 0],
      [1, 2 * rowHeight + 2 * trackPad, 0],
    ]);
  });
});
