/** The models that there are to choose from, and what makes an address one of a model's folder. No DOM in here. */
import { roughSize, shortName } from "./text.js";

/** @typedef {{name: string, href: string, bytes: number | null, weights: string | null}} Model */

/** The model where the address names none, relative to the page. */
export const MODEL_DEFAULT = "model/all-MiniLM-L6-v2/";
const LIST = "model/list.json";

/**
 * The models that the server lists, with absolute addresses. None where it lists none: any static server may serve the demo.
 * @param {string} here
 * @returns {Promise<Model[]>}
 */
export async function listedModels(here) {
  const url = new URL(LIST, here);
  try {
    const response = await fetch(url);
    const list = response.ok ? await response.json() : [];
    return (Array.isArray(list) ? list : []).flatMap((entry) => toModel(entry, url.href) ?? []);
  } catch {
    // No answer, or a page in place of the list.
    return [];
  }
}

/**
 * @param {{name?: unknown, href?: unknown, bytes?: unknown, weights?: unknown} | null} entry
 * @param {string} base
 * @returns {Model | null}
 */
function toModel(entry, base) {
  if (typeof entry?.name !== "string" || typeof entry.href !== "string") return null;
  const folder = checkFolder(entry.href, base);
  if ("problem" in folder) return null;
  return {
    name: entry.name,
    href: folder.href,
    bytes: typeof entry.bytes === "number" ? entry.bytes : null,
    weights: typeof entry.weights === "string" ? entry.weights : null,
  };
}

/**
 * A model of which only the address is known.
 * @param {string} href
 * @returns {Model}
 */
export function unlistedModel(href) {
  return { name: shortName(href), href, bytes: null, weights: null };
}

/**
 * A model in one line: `pplx-embed-v1-0.6b, q8, 640 MB`.
 * @param {Model} model
 */
export function modelLine({ name, weights, bytes }) {
  return [name, weights, bytes === null ? null : roughSize(bytes)].filter((part) => part !== null).join(", ");
}

/**
 * The address of a model's folder, absolute and with a slash at its end, or why it cannot be one.
 * @param {string} typed
 * @param {string} here
 * @returns {{href: string} | {problem: string}}
 */
export function checkFolder(typed, here) {
  const text = typed.trim();
  if (text === "") return { problem: "Give the address of a folder, such as /model/my-model/." };
  if (!URL.canParse(text, here)) return { problem: `“${text}” is not an address. Give one such as /model/my-model/.` };
  const url = new URL(text, here);
  const { origin } = new URL(here);
  // The page's policy has `connect-src 'self'`: a request to anywhere else would be stopped by the browser.
  if (url.origin !== origin) {
    return { problem: `This page may load from its own server alone, ${origin}, so that nothing leaves it. Serve the model's folder there.` };
  }
  url.hash = url.search = "";
  if (!url.pathname.endsWith("/")) url.pathname += "/";
  return { href: url.href };
}

/**
 * The name of the index that a model's passages go into: vectors of two models cannot be compared.
 * @param {string} name the index's name with the default model
 * @param {string} model
 * @param {string} here
 */
export function indexName(name, model, here) {
  return model === new URL(MODEL_DEFAULT, here).href ? name : `${name}, model ${new URL(model).pathname}`;
}
