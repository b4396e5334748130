/** What the browser tests share: a server that can misbehave on demand, and a browser whose console is watched. */
import { readFile, stat } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Folder of the real model, or "" where there is none: then say `skipped` and why. */
export const MODEL = process.env.BURROW_MODEL ?? "";
/** Folder of the real data; it may not exist. */
export const DATA = resolve(ROOT, process.env.BURROW_DATA ?? "../shared/data");

/** @type {Record<string, string>} */
const TYPES = {
  ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".mjs": "text/javascript", ".css": "text/css", ".json": "application/json",
  ".wasm": "application/wasm", ".svg": "image/svg+xml", ".md": "text/markdown; charset=utf-8", ".txt": "text/plain; charset=utf-8",
};

/**
 * How an answer can go wrong.
 *
 * - `missing`: 404. `html`: a page in place of the file, with 200. `error`: 503.
 * - `cut`: the connection breaks after half of the file. `short`: only half of the file is there.
 * - `altered`: one bit in the middle is another.
 * - `stalled`: half of the file comes, and then nothing.
 * @typedef {"missing" | "html" | "error" | "cut" | "short" | "altered" | "stalled"} Fault
 */

/**
 * @typedef {object} TestServer
 * @property {string} url ends with a slash; a page at it is empty
 * @property {Map<string, Fault>} faults by path, as in `/model/config.json`
 * @property {Map<string, string | Buffer>} overlays what is served in place of the file at a path, by path
 * @property {string[]} requests the paths that were asked for, in order
 * @property {() => Promise<void>} close
 */

/**
 * Serves `pkg/`, `www/` and `tests/data/` under these names, `model` as `/model/` and `data` as `/data/`.
 * @param {{model?: string, data?: string, isolated?: boolean, folders?: Record<string, string>}} [options] `isolated` sends the
 *   headers for cross-origin isolation; `folders` are further ones, by prefix
 * @returns {Promise<TestServer>}
 */
export async function startServer({ model = MODEL, data = DATA, isolated = false, folders = {} } = {}) {
  /** @type {Record<string, string>} */
  const roots = {
    ...folders, "/pkg/": join(ROOT, "pkg"), "/www/": join(ROOT, "www"), "/tests/data/": join(ROOT, "tests", "data"),
    ...(model && { "/model/": model }), ...(data && { "/data/": data }),
  };
  const [faults, overlays] = [new Map(), new Map()];
  /** @type {string[]} */
  const requests = [];
  const headers = isolated ? { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" } : {};
  const server = createServer(async (request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? "/", "http://localhost").pathname);
    requests.push(path);
    const body = await bodyAt(path, roots, overlays).catch(() => null);
    const type = path === "/" ? TYPES[".html"] : TYPES[extname(path)] ?? "application/octet-stream";
    send(response, body, { "Content-Type": type, "Cache-Control": "no-store", ...headers }, faults.get(path));
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", () => done(undefined)));
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  const close = async () => {
    server.close();
    server.closeAllConnections();
  };
  return { url: `http://localhost:${port}/`, faults, overlays, requests, close };
}

/**
 * @param {string} path
 * @param {Record<string, string>} roots
 * @param {Map<string, string>} overlays
 */
async function bodyAt(path, roots, overlays) {
  const overlay = overlays.get(path);
  if (overlay !== undefined) return Buffer.from(overlay);
  if (path === "/") return Buffer.from("<!doctype html><meta charset=utf-8><title>test</title><link rel=icon href=data:,>");
  const prefix = Object.keys(roots).find((prefix) => path.startsWith(prefix));
  if (!prefix) return null;
  const folder = resolve(roots[prefix]);
  const file = resolve(folder, path.slice(prefix.length));
  if (!file.startsWith(folder + sep) || !(await stat(file)).isFile()) return null;
  return readFile(file);
}

/**
 * @param {import("node:http").ServerResponse} response
 * @param {Buffer | null} body
 * @param {Record<string, string>} headers
 * @param {Fault | undefined} fault
 */
function send(response, body, headers, fault) {
  if (!body || fault === "missing") return response.writeHead(404, headers).end("There is no such file.\n");
  if (fault === "error") return response.writeHead(503, headers).end();
  if (fault === "html") return response.writeHead(200, { ...headers, "Content-Type": TYPES[".html"] }).end("<!doctype html><p>Home</p>");
  const half = body.subarray(0, body.length >> 1);
  if (fault === "cut" || fault === "stalled") {
    response.writeHead(200, { ...headers, "Content-Length": body.length });
    return response.write(half, () => fault === "cut" && setTimeout(() => response.destroy(), 100));
  }
  const sent = fault === "short" ? half : fault === "altered" ? altered(body) : body;
  return response.writeHead(200, { ...headers, "Content-Length": sent.length }).end(sent);
}

/** @param {Buffer} body */
function altered(body) {
  const copy = Buffer.from(body);
  copy[copy.length >> 1] ^= 1;
  return copy;
}

/** The browser does not call home, and WebGPU is to be had from a software adapter where there is no GPU. */
const FLAGS = [
  "--no-sandbox", "--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--disable-gpu-sandbox",
  "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run",
  "--host-resolver-rules=MAP insecure.test 127.0.0.1",
];

/**
 * The same address by a name that browsers do not trust without HTTPS: there they offer no WebGPU, no cache and no SHA-256.
 * @param {string} url
 */
export function insecure(url) {
  return url.replace("//localhost:", "//insecure.test:");
}

/**
 * Starts Chromium.
 * @param {{adapter?: boolean}} [options] whether WebGPU has an adapter; default true, a software one if need be
 */
export function launch({ adapter = true } = {}) {
  const args = adapter ? FLAGS : [...FLAGS.filter((flag) => !flag.includes("webgpu")), "--disable-gpu"];
  return chromium.launch({ executablePath: process.env.CHROMIUM || "/usr/bin/chromium", args });
}

/**
 * A page in a context of its own (storage that nobody else has), at an address, with the package's class as `Burrow`, and all
 * that its console calls an error in `errors`.
 * @param {import("playwright-core").Browser} browser
 * @param {string} address
 */
export async function openPage(browser, address) {
  const context = await browser.newContext();
  const page = await context.newPage();
  /** @type {string[]} */
  const errors = [];
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(`${message.text()} (${message.location().url})`);
  });
  page.on("pageerror", (error) => errors.push(error.stack ?? String(error)));
  await goTo(page, address);
  return { page, context, errors };
}

/**
 * Goes to an address, or there again, and makes the package's names known on the page, as `Burrow` and `BurrowError`; `outcome`
 * tells how a promise settled as plain data.
 * @param {import("playwright-core").Page} page
 * @param {string} address
 */
export async function goTo(page, address) {
  await page.goto(address);
  await page.addScriptTag({
    type: "module",
    content: `
      import * as burrow from "/pkg/dist/index.js";
      Object.assign(globalThis, burrow, {
        outcome: (promise) => promise.then(
          (value) => ({ value: value instanceof burrow.Burrow ? "open" : value }),
          (error) => ({ kind: error.kind, message: error.message, isBurrowError: error instanceof burrow.BurrowError }),
        ),
        isLoaded: true,
      });`,
  });
  await page.waitForFunction("globalThis.isLoaded === true");
}
