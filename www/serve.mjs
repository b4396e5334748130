/**
 * A static server for the demo and its tests: the page, the package, folders of models and, if given, a folder of pages.
 *
 *   node www/serve.mjs [--model folder …] [--models folder] [--pages folder] [--port n] [--host name] [--open]
 *
 * Without either option, the models beside BURROW_MODEL are served, that one chosen at first.
 */
import { readdir, stat } from "node:fs/promises";
import { createServer } from "node:http";
import { spawn } from "node:child_process";
import { dirname, extname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { checkModels, findModels, listModels, modelPath } from "./models.mjs";
import { POLICY, POLICY_GUEST, refuse, sendFile, sendJson } from "./send.mjs";

const WWW = fileURLToPath(new URL(".", import.meta.url));
const PKG = fileURLToPath(new URL("../pkg/", import.meta.url));

/** The model that the page asks for where its address names none. */
const MODEL_DEFAULT = "all-MiniLM-L6-v2";

/** The endings that `?pages=` lists from a folder. */
const PAGES = new Set([".html", ".htm", ".md", ".markdown", ".txt"]);

/**
 * @typedef {object} ServeOptions
 * @property {number} [port] 0, the default, takes any free one
 * @property {string} [host] default 127.0.0.1: nothing is offered to the network
 * @property {string | string[]} [model] folders of a model each, served as `/model/<its name>/`; the first is the one at first
 * @property {string | string[]} [models] folders whose sub-folders are models, served likewise; `/model/list.json` lists all
 * @property {string} [pages] folder of pages, served as `/user-pages/`, listed in `/user-pages/list.json`
 */

/** @typedef {{folders: string[], parents: string[], pages?: string}} Served */

/**
 * Starts the server.
 * @param {ServeOptions} [options]
 * @returns {Promise<{url: string, port: number, demo: string, close: () => Promise<void>}>} `demo` is the demo's address,
 *   with the parameters that the folders given ask for
 */
export async function serve({ port = 0, host = "127.0.0.1", model = [], models = [], pages } = {}) {
  const served = { folders: [model].flat(), parents: [models].flat(), pages };
  for (const folder of [...served.folders, ...served.parents, pages]) if (folder) await requireFolder(folder);
  await checkModels(served.folders, served.parents);
  const server = createServer((request, response) => {
    answer(request, response, served).catch((error) => {
      if (!response.headersSent) response.writeHead(500, { "Content-Type": "text/plain" });
      response.end(String(error));
    });
  });
  await new Promise((done, failed) => server.once("error", failed).listen(port, host, () => done(undefined)));
  const at = /** @type {import("node:net").AddressInfo} */ (server.address()).port;
  const url = `http://${host === "127.0.0.1" ? "localhost" : host}:${at}/`;
  const close = () => new Promise((done) => {
    server.close(() => done(undefined));
    server.closeAllConnections();
  });
  return { url, port: at, demo: await demoAddress(url, served), close: /** @type {() => Promise<void>} */ (close) };
}

/** @param {string} folder */
async function requireFolder(folder) {
  const there = await stat(folder).catch(() => null);
  if (!there?.isDirectory()) throw new Error(`${folder} is not a folder: give one that exists.`);
}

/**
 * The folder that answers for a path, and what of the path is left for it.
 * @param {string} path
 * @param {Served} served
 * @returns {Promise<[folder: string, rest: string] | null>}
 */
async function folderFor(path, { folders, parents, pages }) {
  const [, name, rest] = /^\/model\/([^/]+)\/(.*)$/s.exec(path) ?? [];
  if (name !== undefined) {
    const model = (await findModels(folders, parents)).find((found) => found.name === name);
    return model ? [model.folder, rest] : null;
  }
  /** @type {[string, string | undefined][]} */
  const roots = [["/pkg/dist/", join(PKG, "dist")], ["/pkg/wasm/", join(PKG, "wasm")], ["/user-pages/", pages], ["/", WWW]];
  const [prefix, folder] = roots.find(([prefix]) => path.startsWith(prefix)) ?? [];
  return prefix && folder ? [folder, path.slice(prefix.length)] : null;
}

/**
 * @param {string} url
 * @param {Served} served
 */
async function demoAddress(url, { folders, parents, pages }) {
  const demo = new URL(url);
  const names = (await findModels(folders, parents)).map(({ name }) => name);
  // Of a folder of models none comes first by itself, so the usual one does where it is there.
  const first = folders.length > 0 || !names.includes(MODEL_DEFAULT) ? names[0] : MODEL_DEFAULT;
  if (first !== undefined && first !== MODEL_DEFAULT) demo.searchParams.set("model", modelPath(first));
  if (pages) demo.searchParams.set("pages", "/user-pages/list.json");
  return demo.href;
}

/**
 * @param {import("node:http").IncomingMessage} request
 * @param {import("node:http").ServerResponse} response
 * @param {Served} served
 */
async function answer(request, response, served) {
  if (request.method !== "GET" && request.method !== "HEAD") return refuse(response, 405, "Only GET and HEAD are answered.");
  const path = pathOf(request.url ?? "/");
  if (path === null) return refuse(response, 400, "This address cannot be read.");
  const { folders, parents, pages } = served;
  if (path === "/model/list.json") return sendJson(response, await listModels(await findModels(folders, parents)));
  if (pages && path === "/user-pages/list.json") return sendJson(response, await listPages(pages));
  const found = await folderFor(path, served);
  const file = found && inside(...found);
  const there = file ? await stat(file).catch(() => null) : null;
  if (!file || !there?.isFile()) return refuse(response, 404, `There is no ${path} here.`);
  sendFile(request, response, file, there, path.startsWith("/user-pages/") ? POLICY_GUEST : POLICY);
}

/** @param {string} url */
function pathOf(url) {
  try {
    const path = decodeURIComponent(new URL(url, "http://localhost").pathname);
    if (path.includes("\0")) return null;
    return path.endsWith("/") ? `${path}index.html` : path;
  } catch {
    // Malformed percent signs.
    return null;
  }
}

/**
 * The file under the folder, or null where the path leads out of it.
 * @param {string} folder
 * @param {string} path
 */
function inside(folder, path) {
  const file = resolve(folder, path);
  return file.startsWith(resolve(folder) + sep) ? file : null;
}

/**
 * The pages of a folder and the folders in it, in the order of their names. Where a folder holds a `source.html`, that is
 * the page and its neighbours are notes about it.
 * @param {string} folder
 * @returns {Promise<{url: string, title: string, time: string}[]>} addresses relative to the list, and when each was last changed
 */
export async function listPages(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && PAGES.has(extname(entry.name).toLowerCase()))
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep));
  const saved = new Set(files.filter((parts) => parts.at(-1) === "source.html").map((parts) => parts.slice(0, -1).join("/")));
  const pages = files.filter((parts) => parts.at(-1) === "source.html" || !saved.has(parts.slice(0, -1).join("/")));
  const list = await Promise.all(pages.map(async (parts) => ({
    url: parts.map(encodeURIComponent).join("/"),
    title: parts.join("/").replace(/\/source\.html$/, ""),
    time: (await stat(join(folder, ...parts))).mtime.toISOString(),
  })));
  return list.sort((a, b) => (a.url < b.url ? -1 : 1));
}

/**
 * Opens an address in the desktop's browser, where there is a desktop.
 * @param {string} url
 */
function openInBrowser(url) {
  const desktop = process.platform !== "linux" || process.env.DISPLAY || process.env.WAYLAND_DISPLAY;
  if (!desktop) return;
  /** @type {Record<string, string[]>} */
  const openers = { darwin: ["open"], win32: ["cmd", "/c", "start", ""] };
  const [command, ...words] = openers[process.platform] ?? ["xdg-open"];
  spawn(command, [...words, url], { stdio: "ignore", detached: true }).on("error", () => {}).unref();
}

/** Where the demo is served unless told otherwise: an index belongs to its port, so the port should stay the same. */
const PORT = 8080;

/**
 * What to serve where nothing is said: the model that the scripts know, before the others that lie beside it.
 * @param {string | undefined} known
 * @returns {Pick<ServeOptions, "model" | "models">}
 */
function besides(known) {
  return known ? { model: known, models: dirname(resolve(known)) } : {};
}

async function main() {
  const { values } = parseArgs({
    options: {
      port: { type: "string" }, host: { type: "string" }, model: { type: "string", multiple: true }, models: { type: "string", multiple: true },
      pages: { type: "string" }, open: { type: "boolean", default: false },
    },
  });
  const { host, model, models, pages } = values;
  const options = { host, pages, ...(model || models ? { model, models } : besides(process.env.BURROW_MODEL)) };
  const server = await serve({ ...options, port: Number(values.port ?? PORT) }).catch((error) => {
    if (error.code !== "EADDRINUSE" || values.port) throw error;
    console.log(`Port ${PORT} is taken; another one is used, where the index is another too.`);
    return serve(options);
  });
  if (!options.model && !options.models) console.log("No model is served: give one with --model, or a folder of them with --models.");
  console.log(`Burrow's demo: ${server.demo}\nCtrl-C ends it.`);
  if (values.open) openInBrowser(server.demo);
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  main().catch((error) => {
    console.error(error.code === "EADDRINUSE" ? "The port is taken: give another with --port, or 0 for any free one." : error.message);
    process.exitCode = 1;
  });
}
