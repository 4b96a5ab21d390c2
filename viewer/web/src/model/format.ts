// Numbers for people: durations and times in ns, counts, sizes.

const units: [name: string, ns: number][] = [
  ["ns", 1],
  ["µs", 1e3],
  ["ms", 1e6],
  ["s", 1e9],
];

/** digits writes a number with three significant digits, or more if it is larger. */
function digits(x: number): string {
  const decimals = x >= 100 ? 0 : x >= 10 ? 1 : 2;
  return decimals ? x.toFixed(decimals).replace(/\.?0+$/, "") : x.toFixed(0);
}

/** duration writes ns: 1.23 ms, 41 s, 2 m 05 s, 3 h 07 m, 12 d 4 h. */
export function duration(ns: number): string {
  if (!Number.isFinite(ns)) return ns > 0 ? "∞" : "–";
  if (ns < 0) return "−" + duration(-ns);
  if (ns < 60e9) {
    let [name, size] = units[0];
    for (const [n, s] of units) if (ns >= s * 0.9995 || s === 1) [name, size] = [n, s];
    return size === 1 ? `${Math.round(ns)} ns` : `${digits(ns / size)} ${name}`;
  }
  const s = Math.round(ns / 1e9);
  const two = (n: number) => String(n).padStart(2, "0");
  if (s < 3600) return `${Math.floor(s / 60)} m ${two(s % 60)} s`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${two(Math.floor((s % 3600) / 60))} m`;
  return `${count(Math.floor(s / 86400))} d ${Math.floor((s % 86400) / 3600)} h`;
}

/** count groups the digits of a whole number by thin spaces. */
export function count(n: number): string {
  return Math.round(n)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, "\u202f");
}

/** plural counts things: 1 line, 2 lines. */
export function plural(n: number, one: string, many = one + "s"): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}

/** number writes any number, whole ones as count does. */
export function number(n: number): string {
  return Number.isInteger(n) && Math.abs(n) < 1e15 ? count(n) : String(Number(n.toPrecision(6)));
}

/** short writes a number in few characters: 950, 12k, 3.4M. */
export function short(n: number): string {
  const a = Math.abs(n);
  if (a < 1e-3 && a > 0) return n.toExponential(1);
  if (a < 1000) return String(Number(n.toPrecision(4)));
  if (a >= 1e15) return n.toExponential(1);
  for (const [size, name] of [
    [1e12, "T"],
    [1e9, "G"],
    [1e6, "M"],
    [1e3, "k"],
  ] as const) {
    if (a >= size * 0.9995) return Number((n / size).toPrecision(3)) + name;
  }
  return String(n);
}

export function percent(part: number, of: number): string {
  if (!(of > 0)) return "–";
  const p = (100 * part) / of;
  return p >= 99.95 ? "100 %" : p < 0.05 && p > 0 ? "< 0.1 %" : `${p < 10 ? p.toFixed(1) : p.toFixed(0)} %`;
}

/** cut shortens long text, which names of a trace may be: 1 MB in one of them must cost nothing. Half a character isn't left. */
export function cut(s: string, most: number): string {
  if (s.length <= most) return s;
  const high = s.charCodeAt(most - 2);
  return s.slice(0, most - (high >= 0xd800 && high < 0xdc00 ? 2 : 1)) + "…";
}

/** relative writes a time since the trace's beginning with as many decimals as a window of this span needs. */
export function relative(time: number, span = 1e6): string {
  const decimals = Math.min(9, Math.max(0, Math.ceil(-Math.log10(span / 1e9)) + 2));
  const sign = time < 0 ? "−" : "";
  const seconds = Math.abs(time) / 1e9;
  if (seconds < 60) return `${sign}${seconds.toFixed(decimals)} s`;
  const whole = Math.floor(seconds);
  const two = (n: number) => String(n).padStart(2, "0");
  const fraction = decimals ? (seconds - whole).toFixed(decimals).slice(1) : "";
  const h = Math.floor(whole / 3600);
  const m = Math.floor((whole % 3600) / 60);
  return `${sign}${h ? `${count(h)}:${two(m)}` : m}:${two(whole % 60)}${fraction}`;
}

/** wall writes a time by the wall clock; unix is the one at 0, in ns, and zone the minutes by which local time is ahead of UTC. */
export function wall(time: number, unix: bigint, zone: number, span = 1e6, withDay = false): string {
  const ns = unix + BigInt(Math.round(time)) + BigInt(zone) * 60_000_000_000n;
  const day = 86_400_000_000_000n;
  const ofDay = Number(((ns % day) + day) % day);
  const seconds = Math.floor(ofDay / 1e9);
  const two = (n: number) => String(n).padStart(2, "0");
  const decimals = Math.min(9, Math.max(0, Math.ceil(-Math.log10(span / 1e9)) + 2));
  const fraction = decimals
    ? "." +
      String(ofDay % 1e9)
        .padStart(9, "0")
        .slice(0, decimals)
    : "";
  const clock = `${two(Math.floor(seconds / 3600))}:${two(Math.floor((seconds % 3600) / 60))}:${two(seconds % 60)}${fraction}`;
  return withDay ? `${new Date(Number((ns - (((ns % day) + day) % day)) / 1_000_000n)).toISOString().slice(0, 10)} ${clock}` : clock;
}

const severities: [least: number, name: string][] = [
  [21, "fatal"],
  [17, "error"],
  [13, "warn"],
  [9, "info"],
  [5, "debug"],
  [1, "trace"],
];

/** severity names OpenTelemetry's number; 0 is none. */
export function severity(n: number): string {
  return severities.find(([least]) => n >= least)?.[1] ?? "";
}
