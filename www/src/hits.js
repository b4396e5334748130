/** Hits as DOM: title, heading path, score, excerpt with its marks; and the arrow keys that walk through them. */
import { byId, element } from "./dom.js";
import { passageUrl, scoreTitle, stretches, withoutTitleLine } from "./text.js";

/** @typedef {import("../../pkg/src/types.js").Hit} Hit */

/** How long a hit takes to its new place. */
const MOVE_MS = 180;

/**
 * Puts the hits in place of the ones shown. A page that is shown already keeps its element, and with it the focus; it glides to its
 * new place, unless the reader wants no motion.
 * @param {Hit[]} hits
 * @param {(hit: Hit) => string | null} addressOf where a hit opens; null where it cannot be opened
 */
export function showHits(hits, addressOf) {
  const list = byId("hits");
  const shown = /** @type {HTMLElement[]} */ ([...list.children]);
  const before = new Map(shown.map((item) => [item.dataset.url, item]));
  const tops = new Map(shown.map((item) => [item, item.getBoundingClientRect().top]));
  const focused = /** @type {HTMLElement | null | undefined} */ (document.activeElement?.closest("#hits > li"));
  const items = hits.map((hit) => renewed(before.get(hit.url), hitItem(hit, addressOf(hit))));
  list.replaceChildren(...items);
  if (focused && items.includes(focused)) /** @type {HTMLElement} */ (focused.querySelector("h3 > *")).focus();
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  for (const item of items) {
    const moved = (tops.get(item) ?? 0) - item.getBoundingClientRect().top;
    if (tops.has(item) && moved !== 0) item.animate([{ transform: `translateY(${moved}px)` }, { transform: "none" }], { duration: MOVE_MS, easing: "ease-out" });
  }
}

/**
 * The element that was there, with what is new in it.
 * @param {HTMLElement | undefined} before
 * @param {HTMLElement} made
 */
function renewed(before, made) {
  if (!before) return made;
  if (!before.isEqualNode(made)) {
    before.replaceChildren(...made.childNodes);
    Object.assign(before.dataset, made.dataset);
  }
  return before;
}

/**
 * The address of a page that the web server has.
 * @param {Hit} hit
 */
export function webAddress(hit) {
  // Only these two are followed: a page's address comes from outside and could be `javascript:`.
  return /^https?:/i.test(hit.url) ? passageUrl(hit) : null;
}

/**
 * @param {Hit} hit
 * @param {string | null} address
 */
function hitItem(hit, address) {
  const head = element("div", { className: "hit-head" }, element("h3", {}, titleOf(hit, address)),
    element("span", { className: "score", title: scoreTitle(hit) }, element("span", { className: "hidden" }, "Score "), hit.score.toFixed(2)));
  const item = element("li", { className: "hit", data: { url: hit.url, score: String(hit.score), passage: String(hit.passage) } }, head);
  // A first heading that repeats the title says nothing new.
  const path = hit.headings.filter((heading, depth) => depth > 0 || heading !== hit.title);
  if (path.length > 0) item.append(element("p", { className: "path" }, path.join(" › ")));
  item.append(excerptOf(hit));
  return item;
}

/**
 * @param {Hit} hit
 * @param {string | null} address
 */
function titleOf(hit, address) {
  const title = hit.title || hit.url;
  if (address === null) {
    return element("span", { className: "title", tabIndex: 0, title: "A file of yours: add it again to open it from here" }, title);
  }
  return element("a", { href: address, target: "_blank", rel: "noopener" }, title,
    element("span", { className: "hidden" }, " (opens in a new tab)"));
}

/** @param {Hit} hit */
function excerptOf(hit) {
  const paragraph = element("p", { className: "excerpt" });
  const { excerpt, marks } = withoutTitleLine(hit);
  /** @type {HTMLElement | null} */
  let sentence = null;
  for (const stretch of stretches(excerpt, marks)) {
    const node = stretch.word ? element("strong", { className: "word" }, stretch.text) : document.createTextNode(stretch.text);
    if (!stretch.sentence) {
      sentence = null;
      paragraph.append(node);
      continue;
    }
    if (!sentence) paragraph.append(sentence = element("mark"));
    sentence.append(node);
  }
  return paragraph;
}

/**
 * Moves the focus through the hits; one step up from the first is the search box.
 * @param {1 | -1} step
 */
export function moveThroughHits(step) {
  const targets = /** @type {HTMLElement[]} */ ([...document.querySelectorAll("#hits h3 > *")]);
  const at = targets.indexOf(/** @type {HTMLElement} */ (document.activeElement));
  const next = at + step;
  if (next < 0) byId("query").focus();
  else targets[Math.min(next, targets.length - 1)]?.focus();
}

/** Whether the focus is on a hit. */
export function onHit() {
  return document.activeElement?.closest("#hits") != null;
}
