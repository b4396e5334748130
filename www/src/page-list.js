/** The list of indexed pages, with a button to remove each. */
import { byId, element, setText } from "./dom.js";
import { counted, shortName } from "./text.js";

/** @typedef {import("../../pkg/src/types.js").PageInfo} PageInfo */

/**
 * @param {PageInfo[]} pages
 * @param {(page: PageInfo) => void} remove
 */
export function showPages(pages, remove) {
  const sorted = [...pages].sort((a, b) => nameOf(a).localeCompare(nameOf(b)));
  const list = byId("pages");
  const focused = /** @type {HTMLElement | null} */ (document.activeElement)?.closest("li");
  const at = focused ? [...list.children].indexOf(focused) : -1;
  list.replaceChildren(...sorted.map((page) => pageLine(page, remove)));
  setText(/** @type {HTMLElement} */ (byId("pages-card").querySelector("h2")), `Indexed pages (${pages.length})`);
  byId("clear").hidden = pages.length === 0;
  // The button that had the focus is gone; its neighbour takes it, so that the keyboard is not sent to the top.
  if (at >= 0) list.children[Math.min(at, list.children.length - 1)]?.querySelector("button")?.focus();
}

/**
 * @param {PageInfo} page
 * @param {(page: PageInfo) => void} remove
 */
function pageLine(page, remove) {
  const name = nameOf(page);
  const title = /^https?:/i.test(page.url)
    ? element("a", { href: page.url, target: "_blank", rel: "noopener" }, name) : name;
  const button = element("button", { type: "button", aria: { label: `Remove ${name}` } }, "Remove");
  button.addEventListener("click", () => remove(page));
  return element("li", { data: { url: page.url } },
    element("span", { className: "name" }, title, " ",
      element("span", { className: "count" }, counted(page.passages, "passage"))), button);
}

/** @param {PageInfo} page */
function nameOf(page) {
  return page.title || shortName(page.url);
}
