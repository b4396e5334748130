/** Pure functions over text: marked stretches, links to a passage, numbers and file kinds. No DOM in here. */

/** @typedef {import("../../pkg/src/types.js").Mark} Mark */
/** @typedef {import("../../pkg/src/types.js").Hit} Hit */
/** @typedef {{text: string, sentence: boolean, word: boolean}} Stretch */

/** A link names a passage by its first and last words; fewer could match elsewhere, more could cross an element. */
const LINK_WORDS = 4;

/**
 * Cuts an excerpt where its marks begin and end. The stretches joined are the excerpt again, whatever the marks.
 * @param {string} excerpt
 * @param {Mark[]} marks in UTF-16 code units; they may overlap
 * @returns {Stretch[]}
 */
export function stretches(excerpt, marks) {
  const inside = marks.filter((mark) => mark.start < mark.end && mark.start >= 0 && mark.end <= excerpt.length);
  const cuts = new Set([0, excerpt.length]);
  for (const mark of inside) cuts.add(mark.start).add(mark.end);
  const places = [...cuts].sort((a, b) => a - b);
  const made = [];
  for (let i = 0; i + 1 < places.length; i += 1) {
    const [start, end] = [places[i], places[i + 1]];
    const over = inside.filter((mark) => mark.start <= start && mark.end >= end);
    made.push({
      text: excerpt.slice(start, end),
      sentence: over.some((mark) => mark.kind === "sentence"),
      word: over.some((mark) => mark.kind === "word"),
    });
  }
  return made;
}

/**
 * A hit without the first line of its excerpt where that repeats the title: a page's first passage begins with its heading.
 * Where the heading itself is the marked sentence, it stays: a hit without its mark would not say why it is one.
 * @param {Hit} hit
 * @returns {Hit}
 */
export function withoutTitleLine(hit) {
  const line = `${hit.title}\n`;
  if (!hit.title || !hit.excerpt.startsWith(line) || hit.excerpt.length === line.length) return hit;
  if (hit.marks.some((mark) => mark.kind === "sentence" && mark.start < line.length)) return hit;
  const marks = hit.marks.filter((mark) => mark.end > line.length)
    .map((mark) => ({ ...mark, start: Math.max(0, mark.start - line.length), end: mark.end - line.length }));
  return { ...hit, excerpt: hit.excerpt.slice(line.length), marks };
}

/**
 * What the number beside a hit says: the order goes by it.
 * @param {Pick<Hit, "cosine" | "bm25">} hit
 */
export function scoreTitle({ cosine, bm25 }) {
  const parts = [
    ...(cosine === undefined ? [] : [`nearness in meaning (cosine ${cosine.toFixed(2)})`]),
    ...(bm25 === undefined ? [] : [`words of the question (BM25 ${bm25.toFixed(1)})`]),
  ];
  return `The hits are in the order of this number. This one has ${parts.join(" and ") || "neither"}.`;
}

/**
 * The address that opens a hit at its passage: its anchor, and a text fragment for browsers that can show it.
 * @param {Hit} hit
 * @returns {string}
 */
export function passageUrl(hit) {
  const sentence = hit.marks.find((mark) => mark.kind === "sentence");
  const text = sentence ? hit.excerpt.slice(sentence.start, sentence.end) : hit.excerpt;
  const fragment = `${hit.anchor ? encodeURIComponent(hit.anchor) : ""}${textFragment(text)}`;
  const bare = hit.url.split("#", 1)[0];
  return fragment ? `${bare}#${fragment}` : bare;
}

/**
 * A text fragment directive for a sentence, empty where there is nothing to look for.
 * @param {string} sentence
 * @returns {string}
 */
export function textFragment(sentence) {
  // A line break is the edge of a block and a bar that of a table's cell, which a fragment's words may not cross.
  const line = sentence.split(/\n| \| /).reduce((longest, next) => (next.length > longest.length ? next : longest), "");
  const words = line.split(/\s+/u).filter((word) => word !== "" && word !== "…");
  if (words.length === 0) return "";
  if (words.length <= 2 * LINK_WORDS) return `:~:text=${escapeDirective(words.join(" "))}`;
  const first = escapeDirective(words.slice(0, LINK_WORDS).join(" "));
  const last = escapeDirective(words.slice(-LINK_WORDS).join(" "));
  return `:~:text=${first},${last}`;
}

/**
 * The hyphen is syntax in a text directive, and `encodeURIComponent` leaves it alone.
 * @param {string} text
 */
function escapeDirective(text) {
  return encodeURIComponent(text).replaceAll("-", "%2D");
}

/**
 * Which field of `PageInput` a file's content goes into, by its name; null where Burrow cannot read it.
 * @param {string} name
 * @returns {"html" | "markdown" | "text" | null}
 */
export function contentKind(name) {
  const ending = /\.([a-z0-9]+)$/i.exec(name)?.[1].toLowerCase();
  switch (ending) {
    case "html": case "htm": case "xhtml": return "html";
    case "md": case "markdown": return "markdown";
    case "txt": case "text": return "text";
    default: return null;
  }
}

/** So many hits are shown. */
export const HITS_MAX = 10;

/** What those kinds are called. */
export const KINDS = { html: "Web page", markdown: "Markdown", text: "Text" };

/**
 * Bytes as megabytes with one decimal, as model sizes are given.
 * @param {number} bytes
 */
export function megabytes(bytes) {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

/**
 * A size to choose by, which need not be exact: `0.5 MB`, `91 MB`, `1.2 GB`.
 * @param {number} bytes
 */
export function roughSize(bytes) {
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(1)} GB`;
  return bytes >= 10e6 ? `${Math.round(bytes / 1e6)} MB` : megabytes(bytes);
}

/**
 * A number with its noun: `1 page`, `2 pages`.
 * @param {number} count
 * @param {string} noun
 */
export function counted(count, noun) {
  return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}

/**
 * Milliseconds for reading: one decimal below ten.
 * @param {number} ms
 */
export function milliseconds(ms) {
  return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
}

/**
 * The last part of an address, for lists in which no title is known yet.
 * @param {string} url
 */
export function shortName(url) {
  const path = url.split(/[?#]/, 1)[0].replace(/\/+$/, "").replace(/\/source\.html$/, "");
  const last = path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf(":")) + 1) || url;
  try {
    return decodeURIComponent(last);
  } catch {
    // A stray percent sign: the name as it stands is still a name.
    return last;
  }
}
