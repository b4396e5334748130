/** What the address bar asks for: `?q= &device= &model= &pages= &name=`, with defaults, and how and where is looked. */
import { WAYS } from "./facets.js";
import { checkFolder, indexName, MODEL_DEFAULT } from "./models.js";

/** @typedef {"auto" | "webgpu" | "cpu"} Device */
/**
 * @typedef {object} Settings
 * @property {string} query
 * @property {Device} device
 * @property {string} model address of its folder
 * @property {string | null} problem why the model that was asked for cannot be used; then `model` is the default one
 * @property {string} pages address of the list of pages
 * @property {boolean} bundled whether the pages are the examples
 * @property {string} name of the index
 */

const DEVICES = ["auto", "webgpu", "cpu"];

/**
 * Reads the settings out of an address.
 * @param {string} href
 * @returns {Settings}
 */
export function readSettings(href) {
  const here = new URL(href);
  const asked = here.searchParams;
  const device = asked.get("device") ?? "auto";
  const list = asked.get("pages");
  const pages = new URL(list ?? "pages/index.json", here).href;
  const folder = checkFolder(asked.get("model") ?? MODEL_DEFAULT, href);
  const model = "href" in folder ? folder.href : new URL(MODEL_DEFAULT, here).href;
  // Another list of pages is another index, so that the examples do not answer for it.
  const name = asked.get("name") ?? (list === null ? "demo" : `demo ${new URL(pages).pathname}`);
  return {
    query: asked.get("q") ?? "",
    device: /** @type {Device} */ (DEVICES.includes(device) ? device : "auto"),
    model,
    problem: "problem" in folder ? folder.problem : null,
    pages,
    bundled: list === null,
    name: indexName(name, model, href),
  };
}

/**
 * The address with another model in it; the default one needs no mention.
 * @param {string} href
 * @param {string} model
 */
export function withModel(href, model) {
  const here = new URL(href);
  if (model === new URL(MODEL_DEFAULT, here).href) here.searchParams.delete("model");
  else here.searchParams.set("model", new URL(model).pathname);
  return here.href;
}

/**
 * Keeps the query in the address, so that a reload or a shared link asks it again.
 * @param {string} query
 */
export function rememberQuery(query) {
  put({ q: query });
}

/**
 * Keeps in the address how is looked and where; what is empty is the default and needs no mention.
 * @param {Record<string, string>} how
 * @param {Record<string, string>} picked
 */
export function rememberNarrowing(how, picked) {
  put({ ...how, ...Object.fromEntries(WAYS.map(({ id }) => [id, picked[id] ?? ""])) });
}

/** @param {Record<string, string>} values */
function put(values) {
  const here = new URL(location.href);
  for (const [name, value] of Object.entries(values)) {
    if (value) here.searchParams.set(name, value);
    else here.searchParams.delete(name);
  }
  history.replaceState(null, "", here);
}
