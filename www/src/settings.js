/** What the address bar asks for: `?q= &device= &model= &pages= &name=`, with defaults. */
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
  const here = new URL(location.href);
  if (query) here.searchParams.set("q", query);
  else here.searchParams.delete("q");
  history.replaceState(null, "", here);
}
