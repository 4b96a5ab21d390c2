// A zfs send that hangs, in a process that runs: what is open has to name it, with its age and the last line of its log, as the process
// itself tells them. The picture is for people.

import assert from "node:assert/strict";
import { join } from "node:path";
import { endAll, Page, setup, traceView, until } from "./harness.mjs";

/** seconds reads a duration as the page writes it: 12.3 s, 1 m 02 s. */
const seconds = (text) => {
  const [, minutes, rest] = /^(?:(\d+) m )?([\d.]+) s$/.exec(text) ?? assert.fail(`"${text}" is no duration of some seconds`);
  return 60 * Number(minutes ?? 0) + Number(rest);
};

/** told is what the process tells of its zfs send. */
async function told() {
  const answer = await fetch(`${setup.process}active?format=json`);
  return (await answer.json()).open.find(({ name }) => name === "zfs send");
}

async function watch(p) {
  const stuck = async () => (await p.rows("Open slices, as a tree")).find(([slice]) => /^└?\s*zfs send\s/.test(slice));
  const hung = p.page.locator("#panel .row[data-hung=true]", { hasText: "zfs send" });
  await until("it stands out", () => hung.count(), (n) => n === 1);
  if (setup.age) await until(`it hangs for ${setup.age} s`, async () => seconds((await stuck())[1]), (age) => age >= setup.age);
  const process = await told();
  const [slice, age, line] = await stuck();
  console.log([slice, age, line, process.state].map((text) => text.replace(/\s+/g, " ")).join(" | "));
  assert.match(process.state, /\(zfs\) in state D, taskq_wait/, "it hangs as openzfs#12500 has it");
  assert.match(slice, /waits/);
  assert.match(slice, new RegExp(`dataset=${process.attrs.dataset}`));
  const late = seconds(age) - process.age_ns / 1e9;
  assert.ok(seconds(age) >= 10 && late > -2 && late < 3, `its age is ${age}, the process tells ${process.age_ns / 1e9} s`);
  assert.ok(line.includes(process.last_log.msg), `the last line of its log is "${line}", the process tells "${process.last_log.msg}"`);
  await p.page.screenshot({ path: join(setup.out, "hung-send.png") });
}

const view = await traceView(setup.process);
const size = { viewport: { width: 1280, height: 720 }, deviceScaleFactor: 2 };
const p = await Page.open(view, { live: true, hash: "panel=tasks&tracks=active", ...size });
try {
  await watch(p);
  await p.close();
} catch (err) {
  await p.page.screenshot({ path: join(setup.out, "failed hung-send.png") }).catch(() => {});
  throw err;
} finally {
  await endAll();
}
