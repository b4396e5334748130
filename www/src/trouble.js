/** Errors for people: what happened, and what to do about it. */
import { byId, element } from "./dom.js";

/** @typedef {import("../../pkg/src/types.js").ErrorKind} ErrorKind */

/**
 * What can be done on this page, beside what the message itself says.
 * @type {Record<ErrorKind, string>}
 */
const ADVICE = {
  input: "",
  empty: "",
  limit: "",
  model: "Choose another model on this page. make demo fetches one; reload this page after it.",
  fingerprint: "",
  locked: "",
  corrupt: "",
  storage: "",
  "storage-full": "The list of indexed pages has a button to remove each.",
  device: "With ?device=cpu in the address this page searches without the GPU.",
  network: "Is the server still running? Then reload this page.",
  aborted: "",
  closed: "Reload this page.",
  worker: "",
};

/**
 * The kind of a Burrow error; any other error counts as `"worker"`, for which this page has no advice.
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
  const notice = element("div", { className: "notice", data: { kind, message, what } },
    element("strong", {}, `${what}.`), message);
  if (ADVICE[kind]) notice.append(element("p", {}, ADVICE[kind]));
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

/**
 * Takes errors off the page.
 * @param {string} [what] only of what could not be done; without it, all of them
 */
export function clearTrouble(what) {
  for (const notice of /** @type {HTMLElement[]} */ ([...byId("trouble").children])) {
    if (what === undefined || notice.dataset.what === what) notice.remove();
  }
}
