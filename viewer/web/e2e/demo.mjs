// What make demo leaves, as the README shows it: where the time of a replication went, which the page says by itself. The picture is for people.

import assert from "node:assert/strict";
import { join } from "node:path";
import { convert, endAll, Page, setup, traceView } from "./harness.mjs";

const label = "Parts of the critical path, by name";

async function look(view) {
  const p = await Page.open(view, { hash: "", viewport: { width: 1280, height: 900 }, deviceScaleFactor: 2 });
  try {
    await p.page.locator(`[role=table][aria-label="${label}"] [role=row] .link-text`).first().waitFor();
    await p.settled();
    const [[first, part]] = await p.rows(label);
    const path = JSON.parse(convert("critical-path", "--json", setup.file));
    const [most] = path.by_name;
    console.log(`${path.slice.duration_ns / 1e9} s, of which ${part} are ${first.replace(/\s+/g, " ")}`);
    assert.ok(first.startsWith(`${most.name}\n`), `first comes ${first}, trace-convert has ${most.name} first`);
    assert.match(part, new RegExp(`^${Math.round(100 * most.share)}\\s?%$`));
    await p.page.locator(`[role=table][aria-label="${label}"] .list`).evaluate((list) => (list.scrollTop = 0));
    await p.page.mouse.move(640, 3);
    await p.settled();
    await p.page.screenshot({ path: join(setup.out, "replication.png") });
    await p.close();
  } catch (err) {
    await p.page.screenshot({ path: join(setup.out, "failed demo.png") }).catch(() => {});
    throw err;
  }
}

try {
  await look(await traceView(setup.file));
} finally {
  await endAll();
}
