/** What the browser tests share: a server that can misbehave on demand, and a browser whose console is watched. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
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
 * - `slow`: it comes, but takes its time.
 *
 * A fault with ` once` behind it befalls the next request alone.
 * @typedef {"missing" | "html" | "error" | "cut" | "short" | "altered" | "stalled" | "slow"} Wrong
 * @typedef {Wrong | `${Wrong} once`} Fault
 */

/** How many parts a slow answer comes in, and how many milliseconds lie between them. */
const SLOW = { parts: 10, pauseMs: 100 };

/**
 * @typedef {object} TestServer
 * @property {string} url ends with a slash; a page at it is empty
 * @property {Map<string, Fault>} faults by path, as in `/model/config.json`
 * @property {Map<string, string | Buffer>} overlays what is served in place of the file at a path, by path
 * @property {string[]} requests the paths that were asked for, in order
 * @property {Map<string, number>} sent how many bytes of bodies were sent, by path
 * @property {Set<{path: string, socket: import("node:net").Socket}>} open the answers that are under way
 * @property {boolean} ranges whether a part of a file can be asked for; default false
 * @property {() => Promise<void>} close
 */

/**
 * Serves `pkg/`, `www/` and `tests/data/` under these names, `model` as `/model/` and `data` as `/data/`.
 * @param {{model?: string, data?: string, isolated?: boolean, cached?: boolean, folders?: Record<string, string>}} [options] `isolated`
 *   sends the headers for cross-origin isolation; `cached` lets the browser keep the package's files, as `www/serve.mjs` does: it asks
 *   each time whether they have changed; `folders` are further ones, by prefix
 * @returns {Promise<TestServer>}
 */
export async function startServer({ model = MODEL, data = DATA, isolated = false, cached = false, folders = {} } = {}) {
  /** @type {Record<string, string>} */
  const roots = {
    ...folders, "/pkg/": join(ROOT, "pkg"), "/www/": join(ROOT, "www"), "/tests/data/": join(ROOT, "tests", "data"),
    ...(model && { "/model/": model }), ...(data && { "/data/": data }),
  };
  /** @type {TestServer} */
  const state = { url: "", faults: new Map(), overlays: new Map(), requests: [], sent: new Map(), open: new Set(), ranges: false, close: async () => {} };
  const headers = isolated ? { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" } : {};
  const server = createServer(async (request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? "/", "http://localhost").pathname);
    state.requests.push(path);
    const answering = { path, socket: request.socket };
    state.open.add(answering);
    response.on("close", () => state.open.delete(answering));
    const body = await bodyAt(path, roots, state.overlays).catch(() => null);
    const type = path === "/" ? TYPES[".html"] : TYPES[extname(path)] ?? "application/octet-stream";
    const answer = partOf(body, state.ranges ? request.headers.range : undefined);
    const caching = cached && path.startsWith("/pkg/") && body ? { "Cache-Control": "no-cache", ETag: tagOf(body) } : { "Cache-Control": "no-store" };
    if ("ETag" in caching && request.headers["if-none-match"] === caching.ETag) return response.writeHead(304, { ...caching, ...headers }).end();
    const count = (/** @type {number} */ bytes) => state.sent.set(path, (state.sent.get(path) ?? 0) + bytes);
    send(response, answer, { "Content-Type": type, ...caching, ...headers, ...answer.headers }, faultAt(path, state.faults), count);
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", () => done(undefined)));
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  state.url = `http://localhost:${port}/`;
  state.close = async () => {
    server.close();
    server.closeAllConnections();
  };
  return state;
}

/** @param {Buffer} body */
const tagOf = (body) => `"${createHash("sha1").update(body).digest("base64url")}"`;

/**
 * The fault of the next answer at a path.
 * @param {string} path
 * @param {Map<string, Fault>} faults
 * @returns {Wrong | undefined}
 */
function faultAt(path, faults) {
  const [wrong, isOnce] = /** @type {[Wrong | undefined, boolean]} */ ([faults.get(path)?.replace(/ once$/, ""), faults.get(path)?.endsWith(" once")]);
  if (isOnce) faults.delete(path);
  return wrong;
}

/**
 * The part of a file that was asked for; all of it where none was.
 * @param {Buffer | null} body
 * @param {string | undefined} range
 */
function partOf(body, range) {
  const first = Number(/^bytes=(\d+)-$/.exec(range ?? "")?.[1] ?? NaN);
  if (!body || !(first < body.length)) return { status: 200, body, headers: {} };
  return { status: 206, body: body.subarray(first), headers: { "Content-Range": `bytes ${first}-${body.length - 1}/${body.length}` } };
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
 * @param {{status: number, body: Buffer | null}} answer
 * @param {Record<string, string>} headers
 * @param {Wrong | undefined} fault
 * @param {(bytes: number) => void} count
 */
function send(response, { status, body }, headers, fault, count) {
  if (!body || fault === "missing") return response.writeHead(404, headers).end("There is no such file.\n");
  if (fault === "error") return response.writeHead(503, headers).end();
  if (fault === "html") return response.writeHead(200, { ...headers, "Content-Type": TYPES[".html"] }).end("<!doctype html><p>Home</p>");
  const half = body.subarray(0, body.length >> 1);
  if (fault === "cut" || fault === "stalled") {
    count(half.length);
    response.writeHead(status, { ...headers, "Content-Length": body.length });
    return response.write(half, () => fault === "cut" && setTimeout(() => response.destroy(), 100));
  }
  const sent = fault === "short" ? half : fault === "altered" ? altered(body) : body;
  count(sent.length);
  response.writeHead(status, { ...headers, "Content-Length": sent.length });
  return fault === "slow" ? sendSlowly(response, sent) : response.end(sent);
}

/**
 * @param {import("node:http").ServerResponse} response
 * @param {Buffer} body
 */
async function sendSlowly(response, body) {
  const length = Math.ceil(body.length / SLOW.parts);
  for (let at = 0; at < body.length && !response.destroyed; at += length) {
    await new Promise((done) => setTimeout(done, SLOW.pauseMs));
    const isLast = at + length >= body.length;
    response[isLast ? "end" : "write"](body.subarray(at, at + length));
  }
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
 * Serves the script of a wasm module with one of its classes changed. Within the script that class has another name, so what changes it
 * stands in a script of its own.
 * @param {{overlays: Map<string, string | Buffer>}} server
 * @param {string} file below `wasm/`
 * @param {string} name of the class
 * @param {string} change what is run before the module is used
 * @param {string} [at] the path under which it is asked for
 */
export async function changeModule(server, file, name, change, at = `/pkg/wasm/${file}`) {
  const own = `/unchanged/${file}`;
  server.overlays.set(own, await readFile(join(ROOT, "pkg/wasm", file), "utf8"));
  server.overlays.set(at, `import { ${name} } from "${own}";\nexport * from "${own}";\nexport { default } from "${own}";\n${change}`);
}

/**
 * The same address by a name that browsers do not trust without HTTPS: there they offer no WebGPU, no cache and no SHA-256.
 * @param {string} url
 */
export function insecure(url) {
  return url.replace("//localhost:", "//insecure.test:");
}

/**
 * Starts Chromium.
 * @param {{adapter?: boolean, flags?: string[]}} [options] `adapter`: whether WebGPU has one; default true, a software one if need
 *   be. `flags` are further ones
 */
export function launch({ adapter = true, flags = [] } = {}) {
  const args = [...(adapter ? FLAGS : [...FLAGS.filter((flag) => !flag.includes("webgpu")), "--disable-gpu"]), ...flags];
  return chromium.launch({ executablePath: process.env.CHROMIUM || "/usr/bin/chromium", args });
}

/**
 * Starts Chromium with a profile that is kept in a folder.
 * @param {string} profile
 */
export function launchKept(profile) {
  return chromium.launchPersistentContext(profile, { executablePath: process.env.CHROMIUM || "/usr/bin/chromium", args: FLAGS });
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
 * Opens such a page, runs the body on it, and checks that its console stayed clean but for what is expected there.
 * @param {import("playwright-core").Browser} browser
 * @param {string} address
 * @param {(page: import("playwright-core").Page, errors: string[]) => Promise<void>} body
 * @param {{expected?: RegExp | null}} [options]
 */
export async function withPage(browser, address, body, { expected = null } = {}) {
  const { page, context, errors } = await openPage(browser, address);
  try {
    await body(page, errors);
    assert.deepEqual(errors.filter((text) => !expected?.test(text)), []);
  } finally {
    await context.close();
  }
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
