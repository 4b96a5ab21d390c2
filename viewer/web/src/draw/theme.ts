// The colours of both schemes. The page's style sheet takes its own from here, too, as custom properties.

import { coverSteps, mix, type Scheme, slicePalette } from "../model/colours.js";

const colours = {
  light: {
    background: "#ffffff",
    panel: "#f6f7fa",
    raised: "#ffffff",
    line: "#e3e6ed",
    grid: "#eef0f5",
    strong: "#c9ced9",
    text: "#1b2230",
    dim: "#586174",
    accent: "#2457d6",
    soft: "#e6edff",
    onAccent: "#ffffff",
    error: "#c4122f",
    errorSoft: "#fdecee",
    warn: "#8f5a00",
    warnSoft: "#fdf3dd",
    good: "#1b7340",
    sliceText: "#131a26",
    hit: "#b3009b",
    critical: "#b83200",
    flow: "#4a3fc0",
    counter: "#7d9ff0",
    counterLine: "#2d5bc7",
    shade: "#1b2230",
  },
  dark: {
    background: "#12151c",
    panel: "#181c25",
    raised: "#1f2430",
    line: "#282e3b",
    grid: "#1d222d",
    strong: "#414a5c",
    text: "#e4e8f0",
    dim: "#9aa4b8",
    accent: "#86abff",
    soft: "#1f2c4d",
    onAccent: "#0c1220",
    error: "#ff8a94",
    errorSoft: "#3a1a20",
    warn: "#f0b94f",
    warnSoft: "#352a14",
    good: "#6fd398",
    sliceText: "#f4f6fa",
    hit: "#ff8df0",
    critical: "#ff9a5c",
    flow: "#b9b2ff",
    counter: "#33508f",
    counterLine: "#86abff",
    shade: "#000000",
  },
};

export type ColourName = keyof (typeof colours)["light"];

export interface Theme extends Record<ColourName, string> {
  scheme: Scheme;
  /** slices are the colours of whole slices; covers those of buckets, colour by colour, each in coverSteps steps. */
  slices: string[];
  covers: string[];
}

function make(scheme: Scheme): Theme {
  const own = colours[scheme];
  const slices = slicePalette(scheme);
  const covers = slices.flatMap((colour) =>
    Array.from({ length: coverSteps }, (_, i) => mix(own.background, colour, 0.52 + (0.48 * i) / (coverSteps - 1))),
  );
  return { ...own, scheme, slices, covers };
}

export const themes: Record<Scheme, Theme> = { light: make("light"), dark: make("dark") };

export const fontFamily = `system-ui, "Segoe UI", "Noto Sans", "DejaVu Sans", sans-serif`;
export const sliceFont = `12px ${fontFamily}`;
export const smallFont = `11px ${fontFamily}`;
export const nameFont = `13px ${fontFamily}`;

/** cssVariables are the theme's colours for the style sheet. */
export function cssVariables(theme: Theme): [name: string, value: string][] {
  return Object.keys(colours.light).map((name) => [`--${name}`, theme[name as ColourName]]);
}
