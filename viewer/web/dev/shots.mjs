// Takes pictures of the built page, to be looked at: npm run shots -- FOLDER [NAME…].

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { launch, open, settled } from "./browser.mjs";
import { scenes, serve } from "./server.mjs";

const folder = process.argv[2];
const only = process.argv.slice(3);
if (!folder) throw new Error("which folder shall the pictures go to?");
mkdirSync(folder, { recursive: true });

const find = async (page, text) => {
  await page.keyboard.press("/");
  await page.keyboard.type(text);
  await page.waitForTimeout(600);
  await page.keyboard.press("Enter");
  await settled(page);
};
const blurred = async (page) => {
  await page.evaluate(() => document.activeElement?.blur());
  await settled(page);
};
const select = (text) => async (page) => {
  await find(page, text);
  await blurred(page);
};
const panel = (key) => async (page) => {
  await page.keyboard.press(key);
  await settled(page);
};
const all =
  (...steps) =>
  async (page) => {
    for (const step of steps) await step(page);
  };

const shots = {
  first: { hints: true },
  selected: { do: select("zfs send") },
  failed: { do: all(select("busy"), panel("f")) },
  searching: { do: (page) => find(page, "zfs send") },
  logs: { do: all(select("busy"), panel("2")) },
  flame: { do: panel("3") },
  table: { do: panel("4") },
  open: { trace: "live", do: panel("5") },
  live: { trace: "live" },
  critical: { do: all(select("replicate"), panel("c"), panel("f")) },
  diff: { hash: "with=1&panel=diff" },
  visible: { do: panel("8") },
  help: { do: panel("?") },
  wall: { hash: "clock=wall&w=800000000,3000000" },
  busy: { trace: "busy" },
  busyzoom: { trace: "busy", hash: "w=30000000000,40000000" },
  hostile: {
    trace: "hostile",
    do: async (page) => {
      await page.mouse.click(700, 165);
      await settled(page);
    },
  },
  menu: {
    do: async (page) => {
      await page.getByText("Open in, save").click();
      await settled(page);
    },
  },
  range: {
    do: async (page) => {
      await page.mouse.move(500, 100);
      await page.mouse.down();
      await page.mouse.move(800, 100, { steps: 4 });
      await page.mouse.up();
      await settled(page);
    },
  },
};

const browser = await launch();
for (const [name, shot] of Object.entries(shots)) {
  if (only.length && !only.includes(name)) continue;
  const server = await serve(scenes[shot.trace ?? "replication"]());
  const looks = {
    "": {},
    "-dark": { scheme: "dark" },
    ...(["first", "selected", "logs", "table", "diff"].includes(name) && {
      "-200": { width: 640, height: 400, scale: 2 },
      "-narrow": { width: 420, height: 800 },
    }),
  };
  for (const [suffix, look] of Object.entries(looks)) {
    const { page, complaints, context } = await open(browser, server.url + (shot.hash ? "#" + shot.hash : ""), {
      ...look,
      hints: shot.hints,
    });
    await shot.do?.(page);
    await page.screenshot({ path: join(folder, `${name}${suffix}.png`) });
    if (complaints.length) console.log(name + suffix, complaints);
    await context.close();
  }
  await server.close();
}
await browser.close();
