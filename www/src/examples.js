/** The pages that the demo indexes by itself: the bundled examples, or the list that `?pages=` names. */
import { recall, remember } from "./memory.js";
import { outcomeLine, sayEnd } from "./outcomes.js";
import { contentKind, KINDS, shortName } from "./text.js";
import { kindOf } from "./trouble.js";

/** @typedef {import("./queue.js").Job} Job */
/** @typedef {import("./settings.js").Settings} Settings */
/** @typedef {{url: string, title?: string, topic?: string, time?: string}} Entry of a list: its time as in `2026-11-21` */

/** Questions that share few words or none with the page that answers them. */
export const QUESTIONS = [
  "how do plants eat light?",
  "why is my bread so flat?",
  "stop my phone from dying early",
  "how did sailors know where they were?",
  "comment les abeilles se parlent",
];

/**
 * The jobs of the list, without the pages that the reader took out.
 * @param {Settings} settings
 * @returns {Promise<Job[]>}
 */
export async function listedPages(settings) {
  const response = await fetch(settings.pages);
  if (!response.ok) throw new Error(`The list of pages at ${settings.pages} could not be read: the server said ${response.status}.`);
  const list = await response.json();
  if (!Array.isArray(list)) throw new Error(`${settings.pages} is not a list: it must be a JSON array of {url, title, topic, time}.`);
  const out = leftOut(settings.name);
  return list.map((entry) => toJob(entry, settings.pages)).filter((job) => !out.has(job.url));
}

/**
 * @param {string | Entry} entry
 * @param {string} base
 * @returns {Job}
 */
function toJob(entry, base) {
  /** @type {Entry} */
  const { url: relative, title, topic, time } = typeof entry === "string" ? { url: entry } : entry;
  const url = new URL(relative, base).href;
  const kind = contentKind(new URL(url).pathname) ?? "html";
  const facts = factsOf(kind, topic, time);
  return {
    url,
    name: title ?? relative,
    load: async (signal) => {
      const response = await fetch(url, { signal });
      if (!response.ok) throw new Error(`${url} could not be read: the server said ${response.status}.`);
      if (kind === "html") return { url, html: await response.arrayBuffer(), ...facts };
      const text = await response.text();
      // A text file has no title of its own.
      return kind === "markdown" ? { url, markdown: text, ...facts } : { url, text, title: title ?? shortName(url), ...facts };
    },
    // Nobody asked for these pages, so only a failure is worth a line.
    settled: (end) => {
      if ("error" in end && kindOf(end.error) !== "aborted") outcomeLine(title ?? relative)("failed", sayEnd(end));
    },
  };
}

/**
 * What pages can be told apart by, besides their address and language.
 * @param {"html" | "markdown" | "text"} kind
 * @param {string} [topic]
 * @param {string} [time]
 * @returns {Pick<import("../../pkg/src/types.js").PageInput, "fields" | "time">}
 */
function factsOf(kind, topic, time) {
  const ms = Date.parse(time ?? "");
  return { fields: { kind: KINDS[kind], ...(topic ? { topic } : {}) }, ...(Number.isNaN(ms) ? {} : { time: ms }) };
}

/**
 * Pages that the reader removed: they must not come back with the next visit.
 * @param {string} name
 * @returns {Set<string>}
 */
export function leftOut(name) {
  try {
    const kept = JSON.parse(recall(`left out of ${name}`) ?? "[]");
    return new Set(Array.isArray(kept) ? kept.map(String) : []);
  } catch {
    // Not our JSON: then nothing was left out.
    return new Set();
  }
}

/**
 * @param {string} name
 * @param {Iterable<string>} urls
 */
export function setLeftOut(name, urls) {
  remember(`left out of ${name}`, JSON.stringify([...urls]));
}
