// The ticks of the time axis: round steps, and labels that are short because what they have in common is said once.

import { relative, wall } from "./format.js";
import { type Window } from "./zoom.js";

export interface Tick {
  time: number;
  label: string;
  /** minor ticks have no label. */
  major: boolean;
}

export interface Axis {
  step: number;
  /** base is what has to be added to the labels, "" if they are whole. */
  base: string;
  baseTime: number;
  ticks: Tick[];
}

/** Clock is the wall clock, if its time is shown: unix ns at 0, and how many minutes local time is ahead of UTC. */
export interface Clock {
  unix: bigint;
  zone: number;
}

const second = 1e9;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;
const round = [
  ...[0, 1, 2, 3, 4, 5, 6, 7, 8].flatMap((e) => [1, 2, 5].map((m) => m * 10 ** e)),
  ...[1, 2, 5, 10, 15, 30].map((n) => n * second),
  ...[1, 2, 5, 10, 15, 30].map((n) => n * minute),
  ...[1, 2, 3, 6, 12].map((n) => n * hour),
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000].map((n) => n * day),
];

/** roundStep is the smallest round step that is at least this long. */
export function roundStep(least: number): number {
  return round.find((step) => step >= least) ?? round[round.length - 1];
}

/** parts is into how many minor steps a step is divided. */
function parts(step: number): number {
  const lead = step >= minute ? 0 : Number(step.toExponential()[0]);
  return step <= 1 ? 1 : lead === 2 ? 4 : step > second && lead !== 1 && lead !== 5 ? 3 : 5;
}

/** axis computes the ticks in a window of this many pixels, with labels at least least pixels apart. */
export function axis(w: Window, width: number, least = 96, clock?: Clock): Axis {
  const step = roundStep((w.span / Math.max(width, 1)) * least);
  const minor = step / parts(step);
  const phase = clock ? clockPhase(clock, step) : 0;
  const baseTime = clock ? 0 : base(w, step);
  const ticks: Tick[] = [];
  const first = Math.ceil((w.start + phase) / minor);
  const last = Math.floor((w.start + w.span + phase) / minor);
  const per = Math.round(step / minor);
  for (let i = first; i <= last && ticks.length < 1000; i++) {
    const time = i * minor - phase;
    const major = i % per === 0;
    ticks.push({ time, major, label: major ? label(time, step, baseTime, clock) : "" });
  }
  return { step, base: baseTime ? relative(baseTime, step * 10) : "", baseTime, ticks };
}

/** base is a round time before the window, if times from there are shorter to write than those from the beginning. */
function base(w: Window, step: number): number {
  const from = Math.max(0, w.start);
  if (from < step * 1000) return 0;
  const coarse = roundStep(w.span * 2.5);
  return Math.floor(from / coarse) * coarse;
}

function label(time: number, step: number, baseTime: number, clock: Clock | undefined): string {
  if (clock) return wall(time, clock.unix, clock.zone, step * 100);
  const t = time - baseTime;
  const sign = baseTime ? "+" : "";
  if (Math.abs(t) < step / 2) return baseTime ? "+0" : "0";
  return (t < 0 ? "−" : sign) + inUnit(Math.abs(t), step);
}

/** inUnit writes a multiple of step, all of it, in the unit of its size. */
function inUnit(t: number, step: number): string {
  if (t >= minute && step >= second) return clockLike(t, step);
  for (const [name, size] of [
    ["s", 1e9],
    ["ms", 1e6],
    ["µs", 1e3],
  ] as const) {
    if (t < size * 0.9995) continue;
    const decimals = Math.max(0, Math.ceil(Math.log10(size) - Math.log10(step) - 1e-9));
    return `${trim((t / size).toFixed(decimals))} ${name}`;
  }
  return `${Math.round(t)} ns`;
}

const trim = (s: string) => (s.includes(".") ? s.replace(/\.?0+$/, "") : s);

function clockLike(t: number, step: number): string {
  if (step >= day) return `${Math.round(t / day)} d`;
  const s = Math.round(t / second);
  const two = (n: number) => String(n).padStart(2, "0");
  const d = Math.floor(s / 86400);
  const h = Math.floor((s % 86400) / 3600);
  const m = Math.floor((s % 3600) / 60);
  const clock = h || d ? `${h}:${two(m)}${step < minute ? ":" + two(s % 60) : ""}` : `${m}:${two(s % 60)}`;
  return d ? `${d} d ${clock}` : h && step >= minute ? `${clock} h` : clock;
}

/** clockPhase is by how much the wall clock is past a multiple of the step at 0. */
function clockPhase(clock: Clock, step: number): number {
  const ns = clock.unix + BigInt(clock.zone) * BigInt(minute);
  const by = BigInt(step);
  return Number(((ns % by) + by) % by);
}
