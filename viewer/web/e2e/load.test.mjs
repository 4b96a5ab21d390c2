// Traces of all formats: as many slices are in sight as their readers read.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { end, Page, setup, slicesOf, test, traceView, until } from "./harness.mjs";

const files = [
  "chrome/testdata/catapult/nestable_async.json",
  "chrome/testdata/catapult/simple_trace_gz.gz",
  "chrome/testdata/fgtrace/fgtrace.json",
  "chrome/testdata/firefox/chrome-trace-issue-5429.json.gz",
  "chrome/testdata/sample.golden.json",
  "chrome/testdata/speedscope/invalid-x-nesting.json",
  "cloudtrace/testdata/catapult/google_cloud_trace.json",
  "gotrace/testdata/program.trace",
  "jaeger/testdata/ui_01.json",
  "jsonl/testdata/sample.golden.jsonl",
  "spanlog/testdata/zferry.json",
  "spanlog/testdata/zferry.logfmt",
  "speedscope/testdata/multiprocess.golden.json",
  "stdouttrace/testdata/sdk.stdouttrace.json",
  "zipkin/testdata/messaging-kafka.json",
].map((name) => join(setup.tracefmt, name));

const sample = join(setup.tracefmt, "chrome/testdata/sample.golden.json");

test("all formats: all slices are in sight", async () => {
  const view = await traceView(...files);
  const p = await Page.open(view, { viewport: { width: 1280, height: 3000 }, hash: "panel=visible" });
  for (const [i, file] of files.entries()) {
    if (i > 0) await p.page.getByLabel("Trace", { exact: true }).selectOption(String(i));
    const want = slicesOf(file);
    await p.text(".facts-line", new RegExp(`^${want.toLocaleString("en-US").replaceAll(",", ".?")} slices ·`));
    await until(`all ${want} slices of ${file} are in sight`, () => p.inSight(), (n) => n === want);
  }
  await p.close();
  await end(view.child);
});

test("a file that is cut short says so, and shows what there is", async () => {
  const whole = readFileSync(sample);
  const path = join(setup.out, "cut.json");
  writeFileSync(path, whole.subarray(0, whole.length * 0.6));
  const view = await traceView(path);
  const p = await Page.open(view);
  await p.text(".badge[data-state=failed]", /\S/);
  const shown = Number(/^(\d+) slices/.exec(await p.page.locator(".facts-line").innerText())[1]);
  assert.ok(shown > 0 && shown < slicesOf(sample), `${shown} slices`);
  await until("its error is told", () => p.page.locator(".badge[data-state=failed][title]").getAttribute("title"), (text) => /byte|cut/.test(text));
  await p.close();
  await end(view.child);
});
