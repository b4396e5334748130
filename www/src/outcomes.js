/** The list of what became of each file, and of each listed page that could not be indexed. */
import { byId, element } from "./dom.js";
import { counted } from "./text.js";
import { kindOf, messageOf } from "./trouble.js";

/** @typedef {import("./queue.js").Ending} Ending */

/**
 * What became of a page, in a few words.
 * @param {Ending} end
 */
export function sayEnd(end) {
  if ("error" in end) return kindOf(end.error) === "aborted" ? "Stopped" : `Not indexed: ${messageOf(end.error)}`;
  const { outcome, passages } = end.result;
  const said = { added: "Added", replaced: "Replaced", unchanged: "Already there, unchanged" }[outcome];
  return `${said}, ${counted(passages, "passage")}`;
}

/**
 * A line in the list of outcomes; a file given again takes the line it had.
 * @param {string} path
 * @returns {(state: "waiting" | "working" | "done" | "failed", text: string) => void}
 */
export function outcomeLine(path) {
  const list = byId("outcomes");
  const old = [...list.children].find((line) => /** @type {HTMLElement} */ (line).dataset.path === path);
  const how = element("span", { className: "how" });
  const line = element("li", { data: { path } }, path, how);
  if (old) old.replaceWith(line);
  else list.prepend(line);
  return (state, text) => {
    line.className = state;
    how.textContent = text;
  };
}
