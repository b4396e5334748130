/** Errors for people: what happened, and what to do about it. */
import { byId, element } from "./dom.js";

/** @typedef {import("../../pkg/src/types.js").ErrorKind} ErrorKind */

/** @type {Record<ErrorKind, string>} */
const ADVICE = {
  input: "Choose another file: HTML, Markdown and plain text can be indexed.",
  empty: "There is no readable text on this page, so there is nothing to find on it.",
  limit: "Split the page into smaller ones and add those.",
  model: "Fetch the model again (make demo does it) and reload this page.",
  fingerprint: "Clear the index and index the pages again with this model.",
  corrupt: "Clear the index and index the pages again.",
  storage: "Close other tabs with this page and reload. In a private window the browser may refuse to store anything.",
  "storage-full": "Remove some pages, or free space on this device, and try again.",
  device: "Reload with ?device=cpu to search without the GPU.",
  network: "Check that the server still runs and reload this page.",
  aborted: "",
  closed: "Reload this page.",
  worker: "Reload this page. If it happens again, this browser may be too old or out of memory.",
};

/**
 * The kind of a Burrow error; of any other error, `"worker"`'s advice is as good as there is.
 * @param {unknown} error
 * @returns {ErrorKind}
 */
export function kindOf(error) {
  const kind = /** @type {{kind?: string}} */ (error)?.kind ?? "";
  if (Object.hasOwn(ADVICE, kind)) return /** @type {ErrorKind} */ (kind);
  return error instanceof DOMException && error.name === "AbortError" ? "aborted" : "worker";
}

/** @param {unknown} error */
export function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}

/**
 * Shows an error above the results. A second one with the same message takes the place of the first.
 * @param {string} what what could not be done, as a sentence without its stop
 * @param {unknown} error
 * @param {{label: string, act: () => void}} [action] a button that puts it right
 */
export function showTrouble(what, error, action) {
  const kind = kindOf(error);
  if (kind === "aborted") return;
  const message = messageOf(error);
  const notice = element("div", { className: "notice", data: { kind, message } },
    element("strong", {}, `${what}.`), `${message} `, element("span", {}, ADVICE[kind]));
  if (action) {
    const button = element("button", { type: "button" }, action.label);
    button.addEventListener("click", () => { notice.remove(); action.act(); });
    notice.append(element("div", {}, button));
  }
  const place = byId("trouble");
  for (const old of place.querySelectorAll("[data-message]")) {
    if (/** @type {HTMLElement} */ (old).dataset.message === message) old.remove();
  }
  place.append(notice);
}

/** Takes every error off the page. */
export function clearTrouble() {
  byId("trouble").replaceChildren();
}
