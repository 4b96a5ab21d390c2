import { describe, expect, it } from "vitest";
import { themes } from "../draw/theme.js";
import { colourCount, colourOf, contrast, coverSteps, hex, mix, oklch, parseHex, slicePalette } from "./colours.js";
import { cut } from "./format.js";
import { drawnLength, Kinds } from "./kinds.js";

describe("contrast, as WCAG computes it", () => {
  it("is right for black, white and red", () => {
    expect(contrast("#000000", "#ffffff")).toBe(21);
    expect(contrast("#ff0000", "#ffffff")).toBeCloseTo(3.998, 2);
  });

  for (const theme of Object.values(themes)) {
    it(`of labels on slices is at least 4.5 (${theme.scheme})`, () => {
      for (const colour of [...theme.slices, ...theme.covers]) expect(contrast(theme.sliceText, colour), colour).toBeGreaterThan(4.5);
    });

    it(`of text is at least 4.5 on all that it is on (${theme.scheme})`, () => {
      for (const text of [theme.text, theme.dim, theme.accent, theme.error, theme.warn, theme.good]) {
        for (const ground of [theme.background, theme.panel, theme.raised])
          expect(contrast(text, ground), `${text} on ${ground}`).toBeGreaterThan(4.5);
      }
      for (const [text, ground] of [
        [theme.error, theme.errorSoft],
        [theme.warn, theme.warnSoft],
        [theme.accent, theme.soft],
        [theme.text, theme.soft],
        [theme.dim, theme.soft],
        [theme.text, theme.errorSoft],
        [theme.onAccent, theme.accent],
      ]) {
        expect(contrast(text, ground), `${text} on ${ground}`).toBeGreaterThan(4.5);
      }
    });

    it(`of slices and of what is drawn on them is enough to be seen (${theme.scheme})`, () => {
      for (const colour of theme.slices) {
        expect(contrast(colour, theme.background), `${colour} on the background`).toBeGreaterThan(1.25);
        expect(contrast(theme.error, colour), `error on ${colour}`).toBeGreaterThan(2); // and it has a shape
      }
      for (const mark of [theme.error, theme.warn, theme.accent, theme.hit, theme.flow, theme.critical])
        expect(contrast(mark, theme.background), mark).toBeGreaterThan(3);
    });
  }
});

it("colours of a palette differ, also in what is left to who doesn't see hues", () => {
  for (const scheme of ["light", "dark"] as const) {
    const palette = slicePalette(scheme);
    expect(new Set(palette).size).toBe(colourCount);
    for (let i = 1; i < palette.length; i++) expect(contrast(palette[i], palette[i - 1]), `${i}`).toBeGreaterThan(1.08);
  }
});

it("a name's colour is stable, and digits don't change it", () => {
  expect(["replicate", "zfs send", "step", "", "x".repeat(1 << 20)].map(colourOf)).toMatchInlineSnapshot(`
    [
      0,
      8,
      14,
      2,
      5,
    ]
  `);
  expect(colourOf("worker 1")).toBe(colourOf("worker 22"));
  expect(colourOf("worker 1")).toBe(colourOf("worker #"));
  const used = new Set(Array.from({ length: 400 }, (_, i) => colourOf(`name ${String.fromCharCode(97 + (i % 26), 97 + i / 26)}`)));
  expect(used.size).toBe(colourCount);
});

it("a long name has one colour, however much of it is left", () => {
  for (const long of ["abc/".repeat(1 << 18), "\u{1f600}".repeat(5000), "d".repeat(drawnLength - 1) + "\u{1f600}" + "e".repeat(500)]) {
    const kinds = new Kinds();
    kinds.add(0, [long], [""]);
    for (const left of [cut(long, 1024), cut(long, 300), cut(long, drawnLength), kinds.name(0)])
      expect(colourOf(left)).toBe(colourOf(long));
    expect(kinds.colour(0)).toBe(colourOf(long));
  }
});

it("converts colours", () => {
  expect(hex(oklch(1, 0, 0))).toBe("#ffffff");
  expect(hex(oklch(0, 0, 0))).toBe("#000000");
  expect(oklch(0.628, 0.2577, 29.23)[0]).toBeGreaterThan(250);
  expect(oklch(0.7, 0.5, 150).every((x) => x >= 0 && x <= 255)).toBe(true); // outside of sRGB
  expect(parseHex("#0a1fff")).toEqual([10, 31, 255]);
  expect([mix("#000000", "#ffffff", 0.5), mix("#102030", "#102030", 0.3)]).toEqual(["#808080", "#102030"]);
  expect(themes.light.covers.length).toBe(colourCount * coverSteps);
  expect(themes.light.covers[coverSteps - 1]).toBe(themes.light.slices[0]);
});
