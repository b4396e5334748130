/** What the address bar asks for: `?q= &device= &model= &pages= &name=`, with defaults. */

/** @typedef {"auto" | "webgpu" | "cpu"} Device */
/** @typedef {{query: string, device: Device, model: string, pages: string, bundled: boolean, name: string}} Settings */

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
  return {
    query: asked.get("q") ?? "",
    device: /** @type {Device} */ (DEVICES.includes(device) ? device : "auto"),
    model: new URL(asked.get("model") ?? "model/all-MiniLM-L6-v2/", here).href,
    pages,
    bundled: list === null,
    // Another list of pages is another index, so that the examples do not answer for it.
    name: asked.get("name") ?? (list === null ? "demo" : `demo ${new URL(pages).pathname}`),
  };
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
