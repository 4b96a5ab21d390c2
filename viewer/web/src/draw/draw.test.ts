// What is drawn of a few scenes, as the calls of a target. To accept changes: npx vitest run -u, and read the difference.

import { describe, expect, it } from "vitest";
import { emptyTile, failedBit, openBit, type Tile } from "../import/tiles.js";
import { aggregateAnswer, type TrackInfo, trackInfo } from "../import/protocol.js";
import { axis } from "../model/axis.js";
import { type Piece } from "../model/cache.js";
import { flame } from "../model/flame.js";
import { Kinds } from "../model/kinds.js";
import { TrackTree } from "../model/tracks.js";
import { scaleTop } from "./counters.js";
import { drawFlame } from "./flame.js";
import { heaviest, weigh, Weight } from "./marks.js";
import { drawMinimap, minimapWindow } from "./minimap.js";
import { drawNames } from "./names.js";
import { drawOverlay, type Overlay } from "./overlay.js";
import { golden, record } from "./recorder.js";
import { drawRuler } from "./ruler.js";
import { type Scene } from "./scene.js";
import { escapeXml, SvgTarget } from "./svg.js";
import { Measure } from "./text.js";
import { sliceFont, themes } from "./theme.js";
import { drawTracks } from "./tracks.js";

type S = { at: [number, number]; kind?: number; count?: number; cover?: number; failed?: true; open?: true };

function tile(track: number, ...rows: S[][]): Tile {
  const all = rows.flat();
  const rowStarts = new Uint32Array(rows.length + 1);
  rows.forEach((row, i) => {
    rowStarts[i + 1] = rowStarts[i] + row.length;
  });
  return {
    ...emptyTile(track, 4, 0, 1),
    rowStarts,
    starts: Float64Array.from(all, (s) => s.at[0]),
    ends: Float64Array.from(all, (s) => (s.open ? Infinity : s.at[1])),
    kinds: Uint32Array.from(all, (s) => s.kind ?? 0),
    positions: Uint32Array.from(all, (_, i) => i),
    covers: Float32Array.from(all, (s) => s.cover ?? 1),
    counts: Uint32Array.from(all, (s) => (s.count ?? 1) | (s.failed ? failedBit : 0) | (s.open ? openBit : 0)),
    hasOpen: all.some((s) => s.open),
  };
}

const track = (id: number, fields: Partial<TrackInfo> = {}): TrackInfo => ({
  ...trackInfo({}, ""),
  id,
  type: "track",
  name: `track ${id}`,
  depth: 2,
  slices: 9,
  ...fields,
});

function scene(tracks: TrackInfo[], tiles: Tile[], more: Partial<Scene> = {}): Scene {
  const tree = new TrackTree();
  const kinds = new Kinds();
  const w = { start: 0, span: 800 };
  tree.merge(tracks, 1);
  kinds.add(0, ["replicate", "step", "zfs send", "a rather long name that has no room"], ["", "", "", ""]);
  const { laid, height } = tree.layout(new Set());
  const pieces = (id: number): Piece[] =>
    tiles.filter((t) => t.track === id).map((t) => ({ tile: t, from: t.index * 8192, to: (t.index + 1) * 8192 }));
  return {
    width: 800,
    height,
    window: w,
    now: 790,
    theme: themes.light,
    kinds,
    measure: new Measure(record().target, sliceFont),
    axis: axis(w, 800, 200),
    bands: [
      { laid: [], top: 0, clipTop: 0, clipBottom: 0 },
      { laid, top: 0, clipTop: 0, clipBottom: height },
    ],
    pieces,
    hungAfter: Infinity,
    waiting: new Set(),
    ...more,
  };
}

async function matches(name: string, draw: (t: ReturnType<typeof record>["target"]) => void) {
  const { target, calls } = record();
  draw(target);
  await expect(golden(calls)).toMatchFileSnapshot(`testdata/${name}.json`);
  return calls;
}

const fills = (s: Scene) => {
  const { target, calls } = record();
  drawTracks(target, s);
  return calls.filter(([name]) => name === "fillRect").length;
};

describe("tracks", () => {
  it("nested slices, one that failed, one that is open, and one whose name has no room", async () => {
    await matches("nested", (t) =>
      drawTracks(
        t,
        scene(
          [track(1, { type: "process", depth: 0, slices: 0 }), track(2, { parent: 1 })],
          [
            tile(
              2,
              [{ at: [10, 400] }, { at: [410, 700], kind: 1, failed: true }, { at: [705, 0], kind: 2, open: true }],
              [
                { at: [20, 100], kind: 3 },
                { at: [110, 118], kind: 1 },
                { at: [150, 151], kind: 2, failed: true },
              ],
            ),
          ],
        ),
      ),
    );
  });

  it("buckets, by their cover, and joined where they look alike", async () => {
    const buckets: S[] = Array.from({ length: 60 }, (_, i) => ({ at: [i + 10, i + 10.9], count: 5, cover: Math.floor(i / 15) * 0.3 }));
    const calls = await matches("buckets", (t) => drawTracks(t, scene([track(1, { depth: 1 })], [tile(1, buckets)])));
    expect(calls.filter(([name]) => name === "fillRect").length).toBeLessThan(20);
  });

  it("an open slice of a live trace, that is old", async () => {
    await matches("hung", (t) =>
      drawTracks(
        t,
        scene([track(1, { depth: 1 })], [tile(1, [{ at: [10, 0], kind: 2, open: true }])], {
          now: 14e9,
          window: { start: 0, span: 15e9 },
          hungAfter: 10e9,
        }),
      ),
    );
  });

  it("marks and a loss, in dark", async () => {
    const marks = {
      times: Float64Array.of(10, 10.2, 50, 100, 150, 200, 250),
      severities: Uint32Array.of(9, 17, 5, 13, 0, 0x80000000, 0x40000000),
      kinds: new Uint32Array(7),
      positions: new Uint32Array(7),
      counts: new Uint32Array(7).fill(1),
    };
    await matches("marks", (t) =>
      drawTracks(t, scene([track(1, { depth: 0, marks: 7 })], [{ ...tile(1), marks }], { theme: themes.dark })),
    );
  });

  it("what hangs is the innermost, and of all tracks below; the others have a line", () => {
    const rows: S[][] = [[{ at: [0, 0], open: true }], [{ at: [5, 0], open: true }]];
    const one = (more: Partial<Scene>) => {
      const { target, calls } = record();
      drawTracks(target, scene([track(1)], [tile(1, ...rows)], { now: 14e9, window: { start: 0, span: 15e9 }, hungAfter: 10e9, ...more }));
      const lines = calls.filter(([name, , , , height]) => name === "fillRect" && height === 1);
      return [calls.filter(([name]) => name === "strokeRect").length, lines.length];
    };
    expect(one({ hungAfter: Infinity })).toEqual([0, 1]); // that below the track
    expect(one({})).toEqual([1, 2]);
    expect(one({ waiting: new Set([1]) })).toEqual([0, 3]);
  });

  it("a counter that goes below zero", async () => {
    const samples = {
      series: new Uint32Array(4),
      times: Float64Array.of(-50, 100, 300, 500),
      min: Float64Array.of(2, 5, -3, 0),
      max: Float64Array.of(2, 9, -3, 4),
      last: Float64Array.of(2, 7, -3, 1),
    };
    const before = { ...tile(1), index: -1, samples: { ...samples, times: samples.times.slice(0, 1) } };
    await matches("counter", (t) =>
      drawTracks(t, scene([track(1, { type: "counter", series: ["value"] })], [before, { ...tile(1), samples }])),
    );
  });

  it("a slice that reaches over two tiles is drawn once", () => {
    const long = tile(1, [{ at: [100, 500] }]);
    const one = scene([track(1, { depth: 1 })], [long]);
    const pieces: Piece[] = [
      { tile: long, from: 0, to: 300 },
      { tile: tile(1, [{ at: [100, 500] }]), from: 300, to: 600 },
    ];
    expect(fills({ ...one, pieces: () => pieces })).toBe(fills(one));
    // but if the first tile is missing, it is drawn of the second
    expect(fills({ ...one, pieces: () => pieces.slice(1) })).toBe(fills(one));
  });

  it("draws no more rectangles than there are pixels, however many slices there are", () => {
    const many: S[] = Array.from({ length: 20_000 }, (_, i) => ({ at: [i * 0.04, i * 0.04 + 0.03], kind: i % 4, cover: 0.7 }));
    expect(fills(scene([track(1, { depth: 1 })], [tile(1, many)]))).toBeLessThan(830);
  });

  it("draws each pixel of a row once, from left to right", () => {
    const mixed: S[] = Array.from({ length: 3000 }, (_, i) => ({
      at: [i * 0.26, i * 0.26 + (i % 50 ? 0.2 : 0.26)],
      kind: Math.floor(i / 45) % 3,
      cover: 0.5,
    }));
    const { target, calls } = record();
    const s = scene([track(1, { depth: 1 })], [tile(1, mixed)]);
    drawTracks(target, s);
    const rects = calls.filter((call) => call[0] === "fillRect" && call[4] === 19) as [string, number, number, number, number][];
    rects.sort((a, b) => a[1] - b[1]);
    expect(rects.length).toBeGreaterThan(50);
    for (let i = 1; i < rects.length; i++) expect(rects[i][1]).toBeGreaterThanOrEqual(rects[i - 1][1] + rects[i - 1][3]);
    for (const [, , , width] of rects) expect(width).toBeGreaterThan(0);
  });

  it("draws nothing out of sight", () => {
    const s = scene([track(1), track(2)], [tile(1, [{ at: [1, 700] }]), tile(2, [{ at: [1, 700] }])]);
    const band = s.bands[1];
    const drawn = fills(s) - fills({ ...s, bands: [s.bands[0], { ...band, clipBottom: band.laid[1].y + 1 }] });
    expect(drawn).toBe(1);
  });

  it("pinned tracks above, with names", async () => {
    const tree = scene([track(1), track(2)], [tile(1, [{ at: [1, 700] }]), tile(2, [{ at: [1, 700] }])]);
    const [, band] = tree.bands;
    const bands = [
      { laid: [{ ...band.laid[1], y: 0 }], top: 0, clipTop: 0, clipBottom: 52 },
      { ...band, top: 52, clipTop: 52, clipBottom: 160 },
    ];
    await matches("pinned", (t) => {
      drawTracks(t, { ...tree, height: 160, bands });
      drawNames(t, { ...tree, height: 160, bands }, 200, tree.measure);
    });
  });
});

describe("what lies over the tracks", () => {
  const overlay: Overlay = {
    width: 800,
    height: 120,
    window: { start: 0, span: 800 },
    theme: themes.light,
    measure: new Measure(record().target, ""),
    parts: [{ clipTop: 0, clipBottom: 120, top: (id) => (id < 3 ? (id - 1) * 50 : null) }],
    hover: null,
    selected: null,
    range: null,
    hits: [],
    currentHit: null,
    flows: [],
    critical: [],
    losses: [],
    pointer: null,
  };
  const place = { track: 1, row: 0, start: 100, end: 300 };

  it("selection, hover, hits, range and pointer", async () => {
    await matches("overlay", (t) =>
      drawOverlay(t, {
        ...overlay,
        hover: { ...place, row: 1 },
        selected: place,
        hits: [place, { ...place, track: 2 }],
        currentHit: place,
        range: { from: 400, to: 600 },
        pointer: 77,
      }),
    );
  });

  it("arrows and the critical path", async () => {
    const segment = (id: number, start: number, end: number) => ({ track: id, row: 0, key: "k", name: "n", start, end });
    await matches("arrows", (t) =>
      drawOverlay(t, {
        ...overlay,
        flows: [
          { name: "spawn", category: "", from: { track: 1, row: 0, time: 100 }, to: { track: 2, row: 1, time: 400 } },
          { name: "", category: "", from: { track: 1, row: 0, time: 1 }, to: { track: 9, row: 0, time: 2 } },
        ],
        critical: [segment(1, 0, 100), segment(2, 100, 300), segment(7, 300, 310), segment(1, 310, 800)],
      }),
    );
  });

  it("is nothing, of what isn't in sight", () => {
    const { target, calls } = record();
    drawOverlay(target, {
      ...overlay,
      selected: { ...place, track: 9 },
      hover: { ...place, start: -50, end: -10 },
      range: { from: 900, to: 950 },
    });
    expect(calls.map(([name]) => name).filter((name) => typeof name === "string")).toEqual([
      "save",
      "beginPath",
      "rect",
      "clip",
      "restore",
    ]);
  });

  it("stays in its part: what is scrolled below the pinned tracks isn't drawn over them", async () => {
    // Track 1 is pinned, and in sight below, too; track 2 is behind the edge by half.
    const parts = [
      { clipTop: 0, clipBottom: 40, top: (id: number) => (id === 1 ? 0 : null) },
      { clipTop: 40, clipBottom: 120, top: (id: number) => (id === 1 ? 60 : id === 2 ? 26 : null) },
    ];
    const flow = (from: number, to: number) => ({
      name: "",
      category: "",
      from: { track: from, row: 0, time: 100 },
      to: { track: to, row: 0, time: 200 },
    });
    const { target, calls } = record();
    drawOverlay(target, { ...overlay, parts, hits: [place, { ...place, track: 2 }], selected: { ...place, track: 2 } });
    const names = calls.map(([name, ...rest]) => (name === "rect" || name === "fillRect" ? [name, ...rest].join(" ") : name));
    expect(names.filter((name) => typeof name === "string")).toEqual([
      ...["save", "beginPath", "rect 0 0 800 40", "clip", "fillRect 100 22 199 2", "restore"],
      ...["save", "beginPath", "rect 0 40 800 80", "clip", "fillRect 100 82 199 2", "fillRect 100 48 199 2"],
      ...["strokeRect", "strokeRect", "restore"],
    ]);
    const arrow = (parts: Overlay["parts"]) => {
      const drawn = record();
      drawOverlay(drawn.target, { ...overlay, parts, flows: [flow(1, 2)] });
      return drawn.calls.flatMap(([name, ...at]) => (name === "moveTo" || name === "restore" ? [[name, ...at].join(" ")] : []));
    };
    expect(arrow(parts)).toEqual(["restore", "moveTo 100 74.5", "moveTo 200 40.5", "restore"]); // both ends are in the lower part
    const apart = [parts[0], { ...parts[1], top: (id: number) => (id === 2 ? 10 : null) }];
    expect(arrow(apart)).toEqual(["restore", "restore", "moveTo 100 14.5", "moveTo 200 40"]); // to the edge behind which it ends
  });
});

describe("marks", () => {
  it("weigh what matters most", () => {
    expect([0, 1, 5, 9, 13, 17, 21, 0x80000000, 0x40000011].map(weigh)).toEqual([
      Weight.Instant,
      Weight.Tick,
      Weight.Tick,
      Weight.Info,
      Weight.Warn,
      Weight.Error,
      Weight.Error,
      Weight.Anomaly,
      Weight.Loss,
    ]);
  });

  it("of one pixel are one, the heaviest", () => {
    const marks = {
      times: Float64Array.of(10, 10.1, 10.2),
      severities: Uint32Array.of(9, 17, 13),
      kinds: new Uint32Array(3),
      positions: new Uint32Array(3),
      counts: new Uint32Array(3),
    };
    expect(heaviest(scene([track(1, { marks: 3 })], [{ ...tile(1), marks }]), 1)[Weight.Error]).toEqual([10]);
  });
});

it.each([
  [0, 1],
  [-5, 1],
  [0.7, 0.8],
  [1, 1],
  [1.01, 1.5],
  [7, 8],
  [123, 150],
  [8.5e8, 1e9],
  [999, 1000],
])("scaleTop(%d) is %d", (most, want) => {
  expect(scaleTop(most)).toBeCloseTo(want);
});

it("ruler", async () => {
  const w = { start: 0, span: 1e9 };
  await matches("ruler", (t) =>
    drawRuler(t, {
      width: 800,
      height: 26,
      window: w,
      axis: axis(w, 800, 150),
      theme: themes.dark,
      range: { from: 1e8, to: 2e8 },
      losses: [],
      pointer: { x: 790, label: "0.99 s", width: 40 },
    }),
  );
});

it("minimap", async () => {
  await matches("minimap", (t) =>
    drawMinimap(t, {
      width: 100,
      height: 30,
      end: 1000,
      window: { start: 400, span: 100 },
      theme: themes.light,
      busy: [0, 0.01, 1, 0.25],
      failed: [0, 0, 1, 0],
      hits: [0, 2, 0, 4],
      range: { from: 0, to: 100 },
    }),
  );
  expect(minimapWindow(100, 1e9, { start: 5e8, span: 1 })).toMatchObject({ x: expect.closeTo(47), width: 6 });
  expect(minimapWindow(100, 1e9, { start: 1e9 - 1, span: 1 })).toEqual({ x: 94, width: 6 });
});

it("flame graph", async () => {
  const rows = [
    {
      name: "replicate",
      total: 100,
      children: [
        { name: "step", total: 60, failed: 1 },
        { name: "plan", total: 10 },
      ],
    },
  ];
  const graph = flame(aggregateAnswer({ rows }, "").rows, 0);
  await matches("flame", (t) => drawFlame(t, graph, 500, 40, 0, themes.light, new Measure(t, ""), graph.boxes[1]));
});

describe("Measure", () => {
  const m = new Measure(record().target, "");
  it("clips to what has room", () => {
    expect([
      m.clip("replicate", 54),
      m.clip("replicate", 53),
      m.clip("replicate", 12),
      m.clip("replicate", 11),
      m.clip("", 0),
      m.clip("zfs send", 30),
    ]).toEqual(["replicate", "replica…", "r…", "", "", "zfs…"]);
  });
  it("doesn't cut characters in half", () => {
    expect(m.clip("\u{1f600}\u{1f600}\u{1f600}", 12)).toBe("\u{1f600}…");
  });
});

describe("SvgTarget", () => {
  it("writes what is drawn, as text what is text", () => {
    const s = scene(
      [track(1, { name: `<script>alert("x")</script>\u0000` })],
      [tile(1, [{ at: [10, 400] }, { at: [410, 700], failed: true }])],
    );
    const svg = new SvgTarget(800, s.height, (text) => ({ width: 6 * text.length }));
    drawTracks(svg, s);
    drawNames(svg, s, 200, s.measure);
    const file = svg.file();
    expect(file).toContain("&lt;script&gt;alert(&quot;x&quot;)");
    expect(file).not.toContain("<script");
    expect(file.match(/<g /g)?.length).toBe(file.match(/<\/g>/g)?.length);
    expect(file).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" width="800"/);
  });

  it("moves, and comes back", () => {
    const svg = new SvgTarget(10, 10, () => ({ width: 0 }));
    svg.save();
    svg.at(100, 50);
    svg.fillStyle = "#ff0000";
    svg.fillRect(1, 2, 3, 4);
    svg.restore();
    svg.fillRect(1, 2, 3, -4);
    expect(svg.file()).toContain(
      `<rect x="101" y="52" width="3" height="4" fill="#ff0000"/>\n<rect x="1" y="-2" width="3" height="4" fill="#000000"/>`,
    );
  });

  it("leaves out what XML has no way to say", () => {
    expect(escapeXml('a\u0001\ud800&<>"\u{1f600}')).toBe("a\ufffd\ufffd&amp;&lt;&gt;&quot;\u{1f600}");
  });
});
