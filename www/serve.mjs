/** A static server for the demo and its tests: the page, the package, a model folder and, if given, a folder of pages. */
import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { createServer } from "node:http";
import { spawn } from "node:child_process";
import { basename, extname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const WWW = fileURLToPath(new URL(".", import.meta.url));
const PKG = fileURLToPath(new URL("../pkg/", import.meta.url));

/** @type {Record<string, string>} */
const TYPES = {
  ".html": "text/html", ".htm": "text/html", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8", ".json": "application/json", ".wasm": "application/wasm", ".svg": "image/svg+xml",
  ".png": "image/png", ".md": "text/markdown; charset=utf-8", ".txt": "text/plain; charset=utf-8", ".map": "application/json",
};

/**
 * The page's own policy, as a header too: a worker takes its policy from the answer its script came with.
 */
const POLICY = [
  "default-src 'none'", "script-src 'self' 'wasm-unsafe-eval'", "worker-src 'self'", "connect-src 'self'", "style-src 'self'",
  "img-src 'self' data:", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
].join("; ");

/** Pages of others may show their text and nothing more: no script, no origin of their own, nothing loaded. */
const POLICY_GUEST = "sandbox; default-src 'none'; style-src 'unsafe-inline'";

/** The endings that `?pages=` lists from a folder. */
const PAGES = new Set([".html", ".htm", ".md", ".markdown", ".txt"]);

/**
 * @typedef {object} ServeOptions
 * @property {number} [port] 0, the default, takes any free one
 * @property {string} [host] default 127.0.0.1: nothing is offered to the network
 * @property {string} [model] folder of the model, served as `/model/<its name>/`
 * @property {string} [pages] folder of pages, served as `/user-pages/`, listed in `/user-pages/list.json`
 */

/**
 * Starts the server.
 * @param {ServeOptions} [options]
 * @returns {Promise<{url: string, port: number, demo: string, close: () => Promise<void>}>} `demo` is the demo's address,
 *   with the parameters that the folders given ask for
 */
export async function serve({ port = 0, host = "127.0.0.1", model, pages } = {}) {
  for (const folder of [model, pages]) if (folder) await requireFolder(folder);
  const roots = rootsOf(model, pages);
  const server = createServer((request, response) => {
    answer(request, response, roots, pages).catch((error) => {
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
  return { url, port: at, demo: demoAddress(url, model, pages), close: /** @type {() => Promise<void>} */ (close) };
}

/** @param {string} folder */
async function requireFolder(folder) {
  const there = await stat(folder).catch(() => null);
  if (!there?.isDirectory()) throw new Error(`${folder} is not a folder: give one that exists.`);
}

/**
 * Which folder answers for which prefix; the longest prefix that fits wins by coming first.
 * @param {string} [model]
 * @param {string} [pages]
 * @returns {[prefix: string, folder: string][]}
 */
function rootsOf(model, pages) {
  /** @type {[string, string][]} */
  const roots = [["/pkg/dist/", join(PKG, "dist")], ["/pkg/wasm/", join(PKG, "wasm")]];
  if (model) roots.push([`/model/${basename(resolve(model))}/`, resolve(model)], ["/model/", resolve(model)]);
  if (pages) roots.push(["/user-pages/", resolve(pages)]);
  roots.push(["/", WWW]);
  return roots;
}

/**
 * @param {string} url
 * @param {string} [model]
 * @param {string} [pages]
 */
function demoAddress(url, model, pages) {
  const demo = new URL(url);
  const name = model ? basename(resolve(model)) : "all-MiniLM-L6-v2";
  if (name !== "all-MiniLM-L6-v2") demo.searchParams.set("model", `/model/${name}/`);
  if (pages) demo.searchParams.set("pages", "/user-pages/list.json");
  return demo.href;
}

/**
 * @param {import("node:http").IncomingMessage} request
 * @param {import("node:http").ServerResponse} response
 * @param {[string, string][]} roots
 * @param {string} [pages]
 */
async function answer(request, response, roots, pages) {
  if (request.method !== "GET" && request.method !== "HEAD") return refuse(response, 405, "Only GET and HEAD are answered.");
  const path = pathOf(request.url ?? "/");
  if (path === null) return refuse(response, 400, "This address cannot be read.");
  if (pages && path === "/user-pages/list.json") return sendJson(response, await listPages(pages));
  const found = roots.find(([prefix]) => path.startsWith(prefix));
  const file = found && inside(found[1], path.slice(found[0].length));
  const there = file ? await stat(file).catch(() => null) : null;
  if (!file || !there?.isFile()) return refuse(response, 404, `There is no ${path} here.`);
  const guest = found[0] === "/user-pages/";
  sendFile(request, response, file, there, guest ? POLICY_GUEST : POLICY);
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
 * @param {import("node:http").IncomingMessage} request
 * @param {import("node:http").ServerResponse} response
 * @param {string} file
 * @param {import("node:fs").Stats} there
 * @param {string} policy
 */
function sendFile(request, response, file, there, policy) {
  const tag = `"${there.size.toString(36)}-${Math.trunc(there.mtimeMs).toString(36)}"`;
  const headers = {
    "Content-Type": TYPES[extname(file).toLowerCase()] ?? "application/octet-stream",
    // Asked for again each time, sent again only when it has changed.
    "Cache-Control": "no-cache",
    ETag: tag,
    "Content-Security-Policy": policy,
    ...ISOLATION,
  };
  if (request.headers["if-none-match"] === tag) {
    response.writeHead(304, headers).end();
    return;
  }
  response.writeHead(200, { ...headers, "Content-Length": there.size });
  if (request.method === "HEAD") {
    response.end();
    return;
  }
  createReadStream(file).on("error", () => response.destroy()).pipe(response);
}

const ISOLATION = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Resource-Policy": "same-origin",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
};

/**
 * @param {import("node:http").ServerResponse} response
 * @param {number} code
 * @param {string} why
 */
function refuse(response, code, why) {
  response.writeHead(code, { "Content-Type": "text/plain; charset=utf-8", ...ISOLATION }).end(`${why}\n`);
}

/**
 * @param {import("node:http").ServerResponse} response
 * @param {unknown} value
 */
function sendJson(response, value) {
  response.writeHead(200, { "Content-Type": "application/json", "Cache-Control": "no-store", ...ISOLATION });
  response.end(JSON.stringify(value));
}

/**
 * The pages of a folder and the folders in it, in the order of their names. Where a folder holds a `source.html`, that is
 * the page and its neighbours are notes about it.
 * @param {string} folder
 * @returns {Promise<{url: string, title: string}[]>} addresses relative to the list
 */
export async function listPages(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && PAGES.has(extname(entry.name).toLowerCase()))
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep));
  const saved = new Set(files.filter((parts) => parts.at(-1) === "source.html").map((parts) => parts.slice(0, -1).join("/")));
  return files
    .filter((parts) => parts.at(-1) === "source.html" || !saved.has(parts.slice(0, -1).join("/")))
    .map((parts) => ({ url: parts.map(encodeURIComponent).join("/"), title: parts.join("/").replace(/\/source\.html$/, "") }))
    .sort((a, b) => (a.url < b.url ? -1 : 1));
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

async function main() {
  const { values } = parseArgs({
    options: {
      port: { type: "string" }, host: { type: "string" }, model: { type: "string" },
      pages: { type: "string" }, open: { type: "boolean", default: false },
    },
  });
  const options = { host: values.host, model: values.model ?? process.env.BURROW_MODEL, pages: values.pages };
  const server = await serve({ ...options, port: Number(values.port ?? PORT) }).catch((error) => {
    if (error.code !== "EADDRINUSE" || values.port) throw error;
    console.log(`Port ${PORT} is taken; another one is used, where the index is another too.`);
    return serve(options);
  });
  console.log(`Burrow's demo: ${server.demo}\nCtrl-C ends it.`);
  if (values.open) openInBrowser(server.demo);
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  main().catch((error) => {
    console.error(error.code === "EADDRINUSE" ? "The port is taken: give another with --port, or 0 for any free one." : error.message);
    process.exitCode = 1;
  });
}
