// Colours of slices: a name has the same one always, on both themes. They are made in OKLCH, where equal lightness looks equal, so
// that labels are legible on all of them; neighbouring hues differ in lightness, which is what is left to who sees few hues.
// Red is none of them: it says that something failed, together with a mark that needs no colour.

export type Scheme = "light" | "dark";

const hues = [255, 185, 85, 305, 145, 55, 225, 115, 335, 205, 70, 275, 165, 100, 320, 240];
export const colourCount = hues.length;

/** coverSteps is in how many steps the colour of a bucket goes from the background's to its full one. */
export const coverSteps = 4;

/** oklch returns an sRGB colour, each part 0 to 255; what is outside of sRGB loses chroma. */
export function oklch(l: number, c: number, h: number): [number, number, number] {
  for (let chroma = c; ; chroma -= 0.005) {
    const rgb = linear(l, Math.max(chroma, 0), (h * Math.PI) / 180);
    if (chroma <= 0 || rgb.every((x) => x >= -1e-4 && x <= 1.0001)) return rgb.map(encode) as [number, number, number];
  }
}

function linear(l: number, c: number, h: number): number[] {
  const a = c * Math.cos(h);
  const b = c * Math.sin(h);
  const [x, y, z] = [
    l + 0.3963377774 * a + 0.2158037573 * b,
    l - 0.1055613458 * a - 0.0638541728 * b,
    l - 0.0894841775 * a - 1.291485548 * b,
  ].map((v) => v ** 3);
  return [
    4.0767416621 * x - 3.3077115913 * y + 0.2309699292 * z,
    -1.2684380046 * x + 2.6097574011 * y - 0.3413193965 * z,
    -0.0041960863 * x - 0.7034186147 * y + 1.707614701 * z,
  ];
}

const encode = (x: number) => Math.round(255 * Math.min(1, Math.max(0, x <= 0.0031308 ? 12.92 * x : 1.055 * x ** (1 / 2.4) - 0.055)));

export function hex(rgb: readonly number[]): string {
  return "#" + rgb.map((x) => Math.round(x).toString(16).padStart(2, "0")).join("");
}

export function parseHex(colour: string): [number, number, number] {
  return [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16)) as [number, number, number];
}

/** mix goes from one colour to another by part, 0 to 1. */
export function mix(a: string, b: string, part: number): string {
  const x = parseHex(a);
  const y = parseHex(b);
  return hex(x.map((v, i) => v + (y[i] - v) * part));
}

/** contrast is WCAG's, 1 to 21. */
export function contrast(a: string, b: string): number {
  const [x, y] = [a, b].map((colour) => {
    const [r, g, bl] = parseHex(colour).map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * bl;
  });
  return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
}

/** slicePalette returns the colours of a scheme, by number. */
export function slicePalette(scheme: Scheme): string[] {
  return hues.map((hue, i) => {
    const step = i % 3;
    return hex(scheme === "light" ? oklch([0.84, 0.79, 0.89][step], 0.08, hue) : oklch([0.485, 0.52, 0.44][step], 0.085, hue));
  });
}

/** colouredLength is how much of a name counts for its colour: less than what any place leaves of a long one. */
export const colouredLength = 200;

/**
 * colourOf numbers the colour of a name: FNV-1a, so that it depends on nothing else. Digits don't count, nor does the "#" that a
 * difference has instead: "worker 1" is "worker 2", and both are "worker #".
 */
export function colourOf(name: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < name.length && i < colouredLength; i++) {
    const c = name.charCodeAt(i);
    if ((c >= 48 && c <= 57) || c === 35) continue;
    h = Math.imul(h ^ c, 0x01000193);
  }
  h ^= h >>> 15;
  return ((Math.imul(h, 0x2c1b3c6d) >>> 12) >>> 0) % colourCount;
}
