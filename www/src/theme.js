/** Light, dark, or as the system says: the button goes round the three. */
import { byId } from "./dom.js";
import { recall, remember } from "./memory.js";

const CHOICES = ["system", "light", "dark"];
const ICONS = { system: "◐", light: "☀", dark: "☾" };
const SAID = { system: "as the system", light: "light", dark: "dark" };

/** @typedef {keyof typeof ICONS} Choice */

const wantsDark = matchMedia("(prefers-color-scheme: dark)");
/** @type {Choice} */
let choice = readChoice();

/** @returns {Choice} */
function readChoice() {
  const kept = recall("theme") ?? "";
  return /** @type {Choice} */ (CHOICES.includes(kept) ? kept : "system");
}

function show() {
  const dark = choice === "dark" || (choice === "system" && wantsDark.matches);
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  const button = byId("theme");
  button.setAttribute("aria-label", `Colours: ${SAID[choice]}`);
  button.title = `Colours: ${SAID[choice]}`;
  byId("theme-icon").textContent = ICONS[choice];
}

byId("theme").addEventListener("click", () => {
  choice = /** @type {Choice} */ (CHOICES[(CHOICES.indexOf(choice) + 1) % CHOICES.length]);
  remember("theme", choice);
  show();
});
wantsDark.addEventListener("change", show);
show();
