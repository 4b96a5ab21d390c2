import { expect, it } from "vitest";
import { oneAtATime } from "./once.js";

it("runs once more for all that was asked for meanwhile", async () => {
  const running: (() => void)[] = [];
  const run = oneAtATime(() => new Promise((resolve) => running.push(resolve)));
  const end = async () => {
    running[running.length - 1]();
    await new Promise((resolve) => setTimeout(resolve));
  };
  run();
  expect(running.length).toBe(1);
  run();
  run();
  expect(running.length).toBe(1);
  await end();
  expect(running.length).toBe(2);
  await end();
  expect(running.length).toBe(2);
  run();
  expect(running.length).toBe(3);
});
