// Lines lead to spans, and spans to lines.

import assert from "node:assert/strict";
import { onTrace, setup, until } from "./harness.mjs";
import { datasets, replication } from "./traces.mjs";

const trace = replication();
const file = () => [trace.write(setup.out, "logs.jsonl")];
const all = trace.list.filter((line) => line.kind === "log").length;
const lines = (p) => p.page.locator("#panel .log-row").allInnerTexts();
const shown = (p, what, ok) => until(what, () => lines(p), ok);

onTrace("a line leads to its span, and a span to its lines", file, {}, async (p) => {
  await p.key("2");
  await shown(p, "all lines", (list) => list.length === all);
  await p.page.locator("#panel .log-row", { hasText: "sending tank/home/src" }).click();
  await p.said(/^Selected zfs send, .* on dataset tank\/home\/src/);
  // Now they are those of the span and of what it started.
  const own = await shown(p, "its lines", (list) => list.length === 2);
  assert.match(own[0], /sending tank\/home\/src/);
  assert.match(own[1], /window is full/);
  await until("one of them is its own", () => p.page.locator("#panel .log-row[data-own=true]").count(), (n) => n === 1);
  await p.page.getByLabel("Lines of").selectOption("all");
  await shown(p, "all lines again", (list) => list.length === all);
});

onTrace("lines are filtered by severity and text", file, {}, async (p) => {
  await p.key("2");
  await p.page.getByLabel("Least severity").selectOption("9");
  await shown(p, "without debug lines", (list) => list.length === all - datasets.length && list.every((line) => !/window is full/.test(line)));
  await p.page.getByLabel("Least severity").selectOption("17");
  await shown(p, "errors", (list) => list.length === 1 && /dataset is busy/.test(list[0]));
  await p.page.getByLabel("Least severity").selectOption("0");
  await p.page.getByLabel("Filter log lines by text").fill("sending");
  await shown(p, "lines with a text", (list) => list.length === datasets.length && list.every((line) => /sending/.test(line)));
  await p.page.getByLabel("Filter log lines by text").fill("nobody wrote this");
  await p.text("#panel .status", /No line was logged here/);
});
