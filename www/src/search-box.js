/** The search box: asks as one types, the newest query wins, and the keys do what the line below the box says. */
import { byId } from "./dom.js";
import { moveThroughHits, onHit } from "./hits.js";

/** Long enough that a word typed quickly is one query, short enough that it feels immediate. */
const PAUSE_MS = 150;

/**
 * @param {(query: string, signal: AbortSignal, typing: boolean) => Promise<void>} ask called with the newest query; its signal is
 *   aborted when a newer one comes. An empty query asks for the page at rest. While it is being typed, its last word may be unfinished.
 * @returns {{ask: (query: string) => void, again: () => void, query: () => string}}
 */
export function searchBox(ask) {
  const input = /** @type {HTMLInputElement} */ (byId("query"));
  let timer = 0;
  let current = new AbortController();
  let typing = false;

  const now = () => {
    clearTimeout(timer);
    current.abort();
    current = new AbortController();
    // A space after a word ends it.
    void ask(input.value.trim(), current.signal, typing && !/\s$/.test(input.value));
  };
  input.addEventListener("input", () => {
    clearTimeout(timer);
    typing = true;
    // Clearing shows the page at rest at once.
    timer = setTimeout(now, input.value.trim() ? PAUSE_MS : 0);
  });
  byId("search").addEventListener("submit", (event) => {
    event.preventDefault();
    if (byId("results").dataset.query === input.value.trim()) moveThroughHits(1);
    else now();
  });
  listenToKeys(input, now);
  return {
    ask: (query) => { input.value = query; typing = false; input.focus(); now(); },
    again: now,
    query: () => input.value.trim(),
  };
}

/**
 * @param {HTMLInputElement} input
 * @param {() => void} now
 */
function listenToKeys(input, now) {
  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = event.target === input;
    if (event.key === "/" && !typing && !isField(event.target)) {
      input.focus();
      input.select();
    } else if (event.key === "Escape" && (typing || onHit())) {
      input.focus();
      if (typing && input.value) { input.value = ""; now(); }
    } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && (typing || onHit())) {
      moveThroughHits(event.key === "ArrowDown" ? 1 : -1);
    } else return;
    event.preventDefault();
  });
}

/** @param {EventTarget | null} target */
function isField(target) {
  return target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement;
}
