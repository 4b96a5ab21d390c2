// All tests, in one browser, some at a time: they wait more than they work. SPANSTACK_E2E says where everything is.

import { test } from "node:test";
import { endAll, setup, tests } from "./harness.mjs";

const files = ["access", "live", "load", "keyboard", "hostile", "move", "search", "select", "logs", "sums", "diff", "ways-out", "looks"];
for (const file of files) if (!setup.only || setup.only.split(",").includes(file)) await import(`./${file}.test.mjs`);

test("viewer", { concurrency: setup.atOnce ?? 3 }, async (t) => {
  await Promise.all(tests.map(({ name, body }) => t.test(name, body)));
  await endAll();
});
