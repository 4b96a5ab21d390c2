import { effect } from "@preact/signals";
import { render } from "preact";
import { App, keepTitle } from "./view/app.js";
import { applyTheme, followSystemScheme, scheduler } from "./view/app-state.js";
import { listenToKeys } from "./view/commands.js";
import { linkWindows } from "./view/compare.js";
import { keepLink } from "./view/link.js";
import "./style.css";

followSystemScheme();
effect(applyTheme);
const root = document.getElementById("app")!;
root.replaceChildren();
render(<App />, root);
keepTitle();
listenToKeys();
linkWindows();
keepLink();

// What measures the page reads how long frames took.
Object.defineProperty(window, "frameTimes", { value: scheduler.times });
