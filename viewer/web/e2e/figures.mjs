// What measurements are made of. They print one line of JSON, which the Go benchmark reads: facts in words, and figures with their units.

import { readFileSync } from "node:fs";

/** spread is what is told of many times in ms: their median, how long 95 of 100 take at most, and the longest. */
export function spread(name, times) {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (part) => sorted[Math.min(sorted.length - 1, Math.ceil(part * sorted.length) - 1)] ?? NaN;
  return [
    [`${name}-p50-ms`, at(0.5)],
    [`${name}-p95-ms`, at(0.95)],
    [`${name}-max-ms`, at(1)],
  ];
}

export const print = (facts, figures) => console.log(JSON.stringify({ facts, figures }));

/** peak is the most memory that a process had, in MB. */
export function peak(pid) {
  return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) / 1000;
}

/** cpu is how much of a processor a process has used, in ms. */
export function cpu(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const [user, system] = stat.slice(stat.lastIndexOf(")") + 2).split(" ").slice(11, 13);
  return (Number(user) + Number(system)) * 10; // Linux counts in hundredths of a second for all programs
}

/** share is which part of a processor a process uses meanwhile, in per cent. */
export async function share(pid, meanwhile) {
  const [before, began] = [cpu(pid), performance.now()];
  await meanwhile();
  return (100 * (cpu(pid) - before)) / (performance.now() - began);
}

/** frames returns what the page's scheduler has measured since the last call. */
export function frames(page) {
  return page.evaluate(() => ({ draws: window.frameTimes.draws.splice(0), gaps: window.frameTimes.gaps.splice(0) }));
}
