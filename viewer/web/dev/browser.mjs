// Starts Debian's Chromium, headless and off the network, for pictures and measurements.

import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { chromium } from "playwright-core";

/** findChromium returns the first of its names in PATH. */
function findChromium() {
  for (const name of ["chromium", "chromium-browser", "google-chrome"]) {
    for (const dir of (process.env.PATH ?? "").split(delimiter)) {
      try {
        accessSync(join(dir, name), constants.X_OK);
        return join(dir, name);
      } catch {
        /* the next one */
      }
    }
  }
  throw new Error("there is no Chromium in PATH; on Debian: apt-get install chromium");
}

export function launch() {
  const args = ["--disable-gpu", "--disable-quic", "--disable-component-update"];
  return chromium.launch({ executablePath: findChromium(), args, chromiumSandbox: process.getuid?.() !== 0 });
}

/** open returns a page with the server's trace in it, and the list of what it complained about. */
export async function open(browser, url, { width = 1280, height = 800, scheme = "light", scale = 1, hints = false } = {}) {
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: scheme,
    deviceScaleFactor: scale,
    timezoneId: "UTC",
    locale: "en-GB",
  });
  const page = await context.newPage();
  const complaints = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (err) => complaints.push(String(err)));
  if (!hints) await page.addInitScript(() => localStorage.setItem("trace-view.hints", "seen"));
  await page.goto(url);
  await page.waitForSelector(".name", { timeout: 20_000 });
  await settled(page);
  return { page, complaints, context };
}

/** settled waits until the page asks for nothing more. */
export async function settled(page) {
  await page.waitForLoadState("load");
  await page.waitForTimeout(450);
}
