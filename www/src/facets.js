/** What the pages can be told apart by, and what of it the reader has picked: as a filter, in the address, in words. No DOM in here. */

/** @typedef {import("../../pkg/src/types.js").FacetAsk} FacetAsk */
/** @typedef {import("../../pkg/src/types.js").Facet} Facet */
/** @typedef {import("../../pkg/src/types.js").Filter} Filter */
/** @typedef {import("../../pkg/src/types.js").SearchOptions} SearchOptions */
/** @typedef {import("../../pkg/src/types.js").SearchResult} SearchResult */

/**
 * A way to tell pages apart.
 * @typedef {object} Way
 * @property {string} id its name in the address
 * @property {string} label
 * @property {FacetAsk} ask what is counted
 * @property {(value: string) => Filter} filter the pages that have a value
 * @property {(value: string) => string} name a value, for people
 */

/** @typedef {Record<string, string>} Picked of the ways by which is narrowed, their values */
/** @typedef {{value: string, count: number}} Count */

const languages = new Intl.DisplayNames(["en"], { type: "language" });
/** @param {string} value */
const asItIs = (value) => value;

/** @type {Way[]} */
export const WAYS = [
  { id: "topic", label: "Topic", ask: { field: "topic", limit: 12 }, filter: (topic) => ({ topic }), name: asItIs },
  { id: "lang", label: "Language", ask: { field: "lang", limit: 8 }, filter: (lang) => ({ lang }), name: languageName },
  { id: "year", label: "Year", ask: { field: "time", by: "year", limit: 8 }, filter: yearFilter, name: asItIs },
  { id: "kind", label: "Kind", ask: { field: "kind", limit: 4 }, filter: (kind) => ({ kind }), name: asItIs },
  { id: "folder", label: "Folder", ask: { field: "url", limit: 8 }, filter: (prefix) => ({ url: { prefix } }), name: folderName },
];

/** Every page has an address: so many pages meet a filter as have one. */
const ALL = { field: "url", limit: 1 };

/** @param {string} tag */
function languageName(tag) {
  try {
    return languages.of(tag) ?? tag;
  } catch {
    // No tag of a language: what a page says of itself can be anything.
    return tag;
  }
}

/** @param {string} year */
function yearFilter(year) {
  return { time: { gte: year, lt: String(Number(year) + 1).padStart(4, "0") } };
}

/**
 * The last folder of an address, as far as it says something.
 * @param {string} prefix
 */
function folderName(prefix) {
  if (prefix === "dropped:") return "your files";
  const bare = prefix.replace(/^[a-z]+:\/*/, "").replace(/\/$/, "");
  const last = bare.slice(bare.lastIndexOf("/") + 1);
  try {
    return decodeURIComponent(last);
  } catch {
    return last;
  }
}

/**
 * What is picked, as a filter; undefined where nothing is.
 * @param {Picked} picked
 * @returns {Filter | undefined}
 */
export function filterOf(picked) {
  const parts = WAYS.filter(({ id }) => id in picked).map(({ id, filter }) => filter(picked[id]));
  return parts.length === 0 ? undefined : { and: parts };
}

/**
 * What is picked, without one way.
 * @param {Picked} picked
 * @param {string} id
 * @returns {Picked}
 */
export function without(picked, id) {
  return Object.fromEntries(Object.entries(picked).filter(([other]) => other !== id));
}

/**
 * What is picked, in words: `Topic: Nature`.
 * @param {Picked} picked
 * @returns {string[]}
 */
export function inWords(picked) {
  return WAYS.filter(({ id }) => id in picked).map(({ id, label, name }) => `${label}: ${name(picked[id])}`);
}

/**
 * What an address picks. A year that is none is left out, for no page could have it.
 * @param {URLSearchParams} asked
 * @returns {Picked}
 */
export function pickedIn(asked) {
  const pairs = WAYS.map(({ id }) => [id, asked.get(id) ?? ""]);
  return Object.fromEntries(pairs.filter(([id, value]) => value !== "" && (id !== "year" || /^\d{4}$/.test(value))));
}

/**
 * How many pages have each value, of every way: those among the pages that all other ways leave. A value that all of them have tells
 * nothing apart, and is left out, unless it is picked.
 * @param {(query: string, options: SearchOptions) => Promise<SearchResult>} search
 * @param {Picked} picked
 * @returns {Promise<Map<string, Count[]>>} by the ways' ids
 */
export async function countsOf(search, picked) {
  const free = WAYS.filter(({ id }) => !(id in picked));
  const groups = [free, ...WAYS.filter(({ id }) => id in picked).map((way) => [way])].filter((ways) => ways.length > 0);
  const counted = await Promise.all(groups.map(async (ways) => {
    const others = ways === free ? picked : without(picked, ways[0].id);
    // No word is looked for: only the counting costs anything.
    const asked = { mode: /** @type {const} */ ("keyword"), filter: filterOf(others), facets: [ALL, ...ways.map(({ ask }) => ask)] };
    const { facets: [all, ...facets] } = await search("", asked);
    return ways.map(({ id }, at) => /** @type {[string, Count[]]} */ ([id, telling(facets[at], all.pages, picked[id])]));
  }));
  return new Map(counted.flat());
}

/**
 * @param {Facet} facet
 * @param {number} pages
 * @param {string | undefined} picked
 * @returns {Count[]}
 */
function telling({ field, counts }, pages, picked) {
  const telling = counts.map(({ value, count }) => ({ value: String(value), count }))
    .filter(({ value, count }) => count < pages || value === picked);
  if (picked !== undefined && !telling.some(({ value }) => value === picked)) telling.push({ value: picked, count: 0 });
  // Years go by time; all else by how many pages have it.
  return field === "time" ? telling.sort((a, b) => (a.value < b.value ? 1 : -1)) : telling;
}
