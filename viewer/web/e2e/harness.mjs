// What all tests have: trace-view, pages that notice whatever a page must not do, and waiting without looking at the clock.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { launch } from "../dev/browser.mjs";

/** setup is what the Go test has prepared: programs, the folder of tracefmt, and where pictures and traces go. */
export const setup = JSON.parse(process.env.SPANSTACK_E2E ?? "null");
if (!setup) throw new Error('these tests are run by "go test -run TestViewer" in browsertest');

/** patience is how long something may take before a test fails. */
const patience = setup.patience ?? 30_000;

/** until waits until get returns something that ok likes, and returns that. */
export async function until(what, get, ok = Boolean) {
  let last;
  for (const late = performance.now() + patience; performance.now() < late; await new Promise((then) => setTimeout(then, 30))) {
    last = await get();
    if (ok(last)) return last;
  }
  return assert.fail(`${what}: not within ${patience / 1000} s; it is ${JSON.stringify(last)}`);
}

const children = new Set();
process.on("exit", () => children.forEach((child) => child.kill("SIGKILL"))); // also of a script that fails

/** run starts a program and returns it with the first line that it prints to one of its outputs. */
export async function run(program, args, output = "stdout") {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
  children.add(child);
  const said = [];
  createInterface({ input: child.stderr }).on("line", (line) => said.push(line));
  const line = await new Promise((resolve, reject) => {
    createInterface({ input: child[output] }).once("line", resolve);
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`${program} exited with ${code}: ${said.join("\n")}`)));
  });
  return { child, line };
}

/** end kills a program, and waits for it. */
export async function end(child, signal = "SIGKILL") {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill(signal);
  await gone;
}

/** convert runs trace-convert and returns what it prints. */
export function convert(...args) {
  return execFileSync(setup.convert, args, { encoding: "utf8", maxBuffer: 1 << 30, stdio: ["ignore", "pipe", "ignore"] });
}

/** slicesOf counts the slices of a file, as its reader reads them. */
export function slicesOf(file) {
  const kinds = convert("--to", "jsonl", "--output", "-", file)
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line).kind);
  return kinds.filter((kind) => ["slice", "begin", "async_begin"].includes(kind)).length;
}

let browser; // or rather a promise of it: the first who needs it starts it
/** endAll ends what failed tests have left. */
export async function endAll() {
  for (const child of children) await end(child);
  await (await browser)?.close();
}

/** Page is a page with a trace in it. complaints is what it did that no page should do, except what is expected. */
export class Page {
  complaints = [];
  expected = null;
  asking = 0;
  traffic = 0;

  /** open opens trace-view's page in a context of its own. options are those of the context; hash is what follows
   * the address: without it, a file would be explained. elsewhere is the one other host that may be asked, and a live page
   * isn't waited for: it never stands still. */
  static async open(view, { hash = "path=0", hints = false, elsewhere, live = false, ...options } = {}) {
    const context = await (await (browser ??= launch())).newContext({
      viewport: { width: 1280, height: 800 },
      colorScheme: "light",
      timezoneId: "UTC",
      locale: "en-GB",
      ...options,
    });
    const own = new Page();
    own.context = context;
    own.url = view.url;
    own.live = live;
    const origin = new URL(view.url).origin;
    await context.addInitScript(() => {
      addEventListener("securitypolicyviolation", (e) => console.error(`policy: ${e.violatedDirective} refused ${e.blockedURI}`));
    });
    if (!hints) await context.addInitScript(() => location.protocol === "about:" || localStorage.setItem("trace-view.hints", "seen"));
    context.on("request", (request) => {
      const url = new URL(request.url());
      if (url.origin !== origin && !["blob:", "data:"].includes(url.protocol) && url.origin !== elsewhere)
        own.complaints.push(`asked ${request.url().slice(0, 200)}`);
      own.count(request, 1);
    });
    for (const event of ["requestfinished", "requestfailed"]) context.on(event, (request) => own.count(request, -1));
    context.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) own.complaints.push(`console: ${message.text()}`);
    });
    context.on("weberror", (error) => own.complaints.push(`error: ${error.error().stack}`));
    context.on("dialog", (dialog) => {
      own.complaints.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    own.page = await context.newPage();
    await own.go(hash);
    return own;
  }

  /** count counts what is asked for, and all that comes and goes. The stream of events never ends. */
  count(request, by) {
    if (request.url().includes("api/events")) return;
    this.asking += by;
    this.traffic++;
  }

  async go(hash) {
    await this.page.goto("about:blank");
    await this.page.goto(this.url + (hash ? `#${hash}` : ""));
    await this.page.waitForSelector(".name", { timeout: patience });
    if (!this.live) await this.settled();
  }

  /** settled waits until nothing is asked for, nothing is drawn, and the address has followed, which takes it 250 ms. That much isn't
   * measured by the clock: of a page that didn't get the processor, all timers are late, but they come one after the other. */
  async settled() {
    const still = async () => {
      const { draws } = window.frameTimes;
      let { hash } = location;
      for (let turn = 0, quiet = 0; turn < 100; turn++, quiet++) {
        await new Promise((then) => setTimeout(then, 20));
        if (draws.length || location.hash !== hash) quiet = draws.length = 0;
        ({ hash } = location);
        if (quiet < 14) continue;
        // A frame that was asked for comes before this one.
        await new Promise((then) => requestAnimationFrame(then));
        if (!draws.length) return true;
      }
      return false;
    };
    await until("nothing is asked for any more", async () => {
      const { traffic } = this;
      return (await this.page.evaluate(still)) && this.asking === 0 && this.traffic === traffic;
    });
  }

  /** picture is what is shown once it stands still. */
  async picture() {
    await this.settled();
    let before = Buffer.alloc(0);
    return until("the picture stands still", async () => {
      const picture = await this.page.screenshot({ animations: "disabled", caret: "hide" });
      const still = picture.equals(before) && picture;
      before = picture;
      return still;
    });
  }

  key(...keys) {
    return keys.reduce((before, key) => before.then(() => this.page.keyboard.press(key)), Promise.resolve());
  }

  /** state is what the address says. */
  async state() {
    const hash = new URLSearchParams(await this.page.evaluate(() => location.hash.slice(1)));
    const [start, span] = (hash.get("w") ?? "").split(",").map(Number);
    return { start, span, get: (key) => hash.get(key) };
  }

  /** said waits until what is announced to screen readers matches. */
  async said(pattern) {
    return until(`"${pattern}" is announced`, () => this.page.locator("#announce").innerText(), (text) => pattern.test(text));
  }

  /** text waits until an element has a text. */
  async text(selector, pattern) {
    return until(`${selector} says ${pattern}`, () => this.page.locator(selector).allInnerTexts().then((all) => all.join("\n")), (text) => pattern.test(text));
  }

  /** place is where on the screen a time (ns) is, in a row of a track that is in sight. */
  async place(track, row, time) {
    const { start, span } = await this.state();
    const box = await this.page.locator(".overlay").first().boundingBox();
    const name = await this.page.locator("[role=treeitem]", { has: this.page.locator(".name-text", { hasText: new RegExp(`^${track}$`) }) }).boundingBox();
    return { x: box.x + ((time - start) / span) * box.width, y: name.y + 14 + row * 20 };
  }

  async click(track, row, time) {
    const { x, y } = await this.place(track, row, time);
    await this.page.mouse.click(x, y);
  }

  async drag(from, to) {
    await this.page.mouse.move(from.x, from.y);
    await this.page.mouse.down();
    await this.page.mouse.move((from.x + to.x) / 2, (from.y + to.y) / 2);
    await this.page.mouse.move(to.x, to.y);
    await this.page.mouse.up();
  }

  /** panel opens one, if it isn't open. */
  async panel(name) {
    const tab = this.page.getByRole("tab", { name, exact: true });
    if ((await tab.getAttribute("aria-selected")) !== "true") await tab.click();
    await this.settled();
  }

  /** rows returns the cells of a table, all of it. */
  async rows(label) {
    const list = this.page.locator(`[role=table][aria-label="${label}"] .list`);
    const rows = new Map();
    for (let top = 0; ; top += 200) {
      const height = await list.evaluate((el, y) => ((el.scrollTop = y), el.scrollHeight - el.clientHeight), top);
      await this.page.evaluate(() => new Promise((then) => requestAnimationFrame(() => requestAnimationFrame(then))));
      for (const [i, cells] of await list.locator("[role=row]").evaluateAll((all) =>
        all.map((row) => [Number(row.ariaRowIndex ?? row.getAttribute("aria-rowindex")), [...row.children].map((cell) => cell.innerText.trim())]),
      ))
        rows.set(i, cells);
      if (top >= height) return [...rows].sort(([a], [b]) => a - b).map(([, cells]) => cells);
    }
  }

  /** inSight counts the slices that the table of what is in sight lists. Short ones are one row, with their number. */
  async inSight() {
    const rows = await this.rows("Slices in sight");
    return rows.reduce((sum, [name]) => sum + Number(/ ×(\d+)/.exec(name)?.[1] ?? 1), 0);
  }

  /** close checks that the page behaved. */
  async close() {
    await this.context.close();
    assert.deepEqual(this.complaints.filter((text) => !this.expected?.test(text)), []);
  }
}

/** traceView serves files, or a process, until its child is ended. */
export async function traceView(...args) {
  const { child, line } = await run(setup.view, args);
  return { child, url: line };
}

/** tests are all that there are: all.mjs runs them, some at a time. */
export const tests = [];
export const test = (name, body) => tests.push({ name, body });

/** onTrace is a test with one page on a trace. */
export function onTrace(name, files, options, body) {
  onPage(name, async () => ({ view: await traceView(...files()) }), options, body);
}

/** onPage is a test with one page on what start starts: a view, and what else it needs. In the end all of that is ended. */
export function onPage(name, start, options, body) {
  test(name, async () => {
    const started = await start();
    try {
      const p = await Page.open(started.view, options);
      try {
        await body(p, started);
      } catch (err) {
        await p.page.screenshot({ path: join(setup.out, `failed ${name.replace(/[^\w]+/g, "-")}.png`) }).catch(() => {});
        if (p.complaints.length) err.message += `\nthe page: ${p.complaints.join("\n")}`;
        await p.context.close();
        throw err;
      }
      await p.close();
    } finally {
      for (const { child } of Object.values(started)) await end(child);
    }
  });
}
