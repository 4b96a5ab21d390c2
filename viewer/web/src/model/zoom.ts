// The window on the time axis, and its arithmetic. Times are float64 ns since the trace's first event.
//
// A window is a start and a span, not two ends: of two ends 10 years away, which are exact to 64 ns, a span of 100 ns couldn't be
// told. Zooming goes by the fraction of the width at which the pointer is, which is exact however far in one is; so the time under it
// stays, and in-and-out again gives the same window to within the rounding of one addition.

import { maxLevel, tileBuckets } from "../import/tiles.js";

export interface Window {
  start: number;
  span: number;
}

/** Limits are the trace's: windows keep their middle in it. */
export interface Limits {
  end: number;
}

/** ulp is the distance from a time to the next that a float64 can hold. */
export function ulp(time: number): number {
  const t = Math.abs(time);
  return t < 2 ** -1000 ? 2 ** -1052 : 2 ** (Math.floor(Math.log2(t)) - 52);
}

/** minSpan is how far in one can get: 1 ns, or where the numbers themselves are coarser, 64 of their steps. */
export function minSpan(limits: Limits): number {
  return Math.max(1, 64 * ulp(limits.end));
}

/** maxSpan leaves some air around the whole trace. */
export function maxSpan(limits: Limits): number {
  return Math.max(limits.end * 1.25, minSpan(limits) * 2);
}

const between = (low: number, x: number, high: number) => Math.min(Math.max(x, low), high);

export function clamp(w: Window, limits: Limits): Window {
  const span = between(minSpan(limits), w.span, maxSpan(limits));
  return { start: between(-span / 2, w.start, limits.end - span / 2), span };
}

/** zoom makes the span factor times as long; what is at fraction of the width stays there. */
export function zoom(w: Window, factor: number, fraction: number, limits: Limits): Window {
  const span = between(minSpan(limits), w.span * factor, maxSpan(limits));
  return clamp({ start: w.start + fraction * (w.span - span), span }, limits);
}

/** pan moves by a fraction of the width. */
export function pan(w: Window, fraction: number, limits: Limits): Window {
  return clamp({ start: w.start + fraction * w.span, span: w.span }, limits);
}

/** fit shows an interval with 5 % of air on both sides. */
export function fit(start: number, end: number, limits: Limits): Window {
  const length = Math.max(end - start, minSpan(limits) / 2);
  return clamp({ start: start - length * 0.05, span: length * 1.1 }, limits);
}

/** whole shows all of the trace. */
export function whole(limits: Limits): Window {
  const length = Math.max(limits.end, 1);
  return clamp({ start: -length * 0.015, span: length * 1.03 }, limits);
}

/** isWhole reports whether a window shows all of a trace, as whole does, that ends at that time. */
export function isWhole(w: Window, end: number): boolean {
  const all = whole({ end });
  return all.start === w.start && all.span === w.span;
}

/** reveal moves the window as little as it takes to show the interval; an interval that is too long, or tiny, is fitted. */
export function reveal(w: Window, start: number, end: number, limits: Limits): Window {
  const length = end - start;
  if (length > w.span || length < w.span / 400) {
    return length > w.span
      ? fit(start, end, limits)
      : clamp({ start: (start + end - Math.max(length * 12, minSpan(limits))) / 2, span: Math.max(length * 12, minSpan(limits)) }, limits);
  }
  if (start < w.start) return clamp({ start: start - w.span * 0.1, span: w.span }, limits);
  if (end > w.start + w.span) return clamp({ start: end - w.span * 0.9, span: w.span }, limits);
  return w;
}

/** toX is where a time is, in pixels; far away times are far away pixels, but finite ones. */
export function toX(w: Window, width: number, time: number): number {
  return between(-1e7, ((time - w.start) / w.span) * width, 1e7);
}

export function toTime(w: Window, width: number, x: number): number {
  return w.start + (x / width) * w.span;
}

/** level is the coarsest whose buckets are at most a pixel wide. */
export function level(w: Window, width: number): number {
  return between(0, Math.floor(Math.log2(w.span / Math.max(width, 1))), maxLevel);
}

/** tileSpan is the length of a tile in ns. */
export function tileSpan(atLevel: number): number {
  return tileBuckets * 2 ** atLevel;
}

/** tileRange are the first and last tiles which the window needs; last is below first if it is outside of the trace. */
export function tileRange(w: Window, atLevel: number, limits: Limits): [first: number, last: number] {
  const span = tileSpan(atLevel);
  return [Math.max(0, Math.floor(w.start / span)), Math.floor(Math.min(w.start + w.span, Math.max(limits.end, 0)) / span)];
}
