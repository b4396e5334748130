/** Hits as DOM: title, heading path, score, excerpt with its marks; and the arrow keys that walk through them. */
import { byId, element } from "./dom.js";
import { passageUrl, stretches, withoutTitleLine } from "./text.js";

/** @typedef {import("../../pkg/src/types.js").Hit} Hit */

/**
 * Puts the hits in place of the ones shown.
 * @param {Hit[]} hits
 * @param {(hit: Hit) => string | null} addressOf where a hit opens; null where it cannot be opened
 */
export function showHits(hits, addressOf) {
  byId("hits").replaceChildren(...hits.map((hit) => hitItem(hit, addressOf(hit))));
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
    element("span", { className: "score", title: scoreTitle(hit) },
      element("span", { className: "hidden" }, "Score "), hit.cosine === undefined ? "words" : hit.cosine.toFixed(2)));
  const item = element("li", { className: "hit", data: { url: hit.url, score: String(hit.score), passage: String(hit.passage) } }, head);
  // A first heading that repeats the title says nothing new.
  const path = hit.headings.filter((heading, depth) => depth > 0 || heading !== hit.title);
  if (path.length > 0) item.append(element("p", { className: "path" }, path.join(" › ")));
  item.append(excerptOf(hit));
  return item;
}

/** @param {Hit} hit */
function scoreTitle({ cosine, bm25 }) {
  const words = bm25 === undefined ? "" : "It has words of the question.";
  return cosine === undefined ? words : `Nearness in meaning: the cosine of query and passage. ${words}`.trim();
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
