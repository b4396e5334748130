/** How the demo's server answers: files, whole or in part, with the headers that keep the page to itself. */
import { createReadStream } from "node:fs";
import { extname } from "node:path";
import { pipeline } from "node:stream";

/** @typedef {import("node:http").IncomingMessage} Request */
/** @typedef {import("node:http").ServerResponse} Response */
/** @typedef {import("node:fs").Stats} Stats */

/** @type {Record<string, string>} */
const TYPES = {
  ".html": "text/html", ".htm": "text/html", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8", ".json": "application/json", ".wasm": "application/wasm", ".svg": "image/svg+xml",
  ".png": "image/png", ".md": "text/markdown; charset=utf-8", ".txt": "text/plain; charset=utf-8", ".map": "application/json",
};

/**
 * The page's own policy, as a header too: a worker takes its policy from the answer its script came with.
 */
export const POLICY = [
  "default-src 'none'", "script-src 'self' 'wasm-unsafe-eval'", "worker-src 'self'", "connect-src 'self'", "style-src 'self'",
  "img-src 'self' data:", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
].join("; ");

/** Pages of others may show their text and nothing more: no script, no origin of their own, nothing loaded. */
export const POLICY_GUEST = "sandbox; default-src 'none'; style-src 'unsafe-inline'";

const ISOLATION = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Resource-Policy": "same-origin",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
};

/**
 * @param {Request} request
 * @param {Response} response
 * @param {string} file
 * @param {Stats} there
 * @param {string} policy
 */
export function sendFile(request, response, file, there, policy) {
  const tag = `"${there.size.toString(36)}-${Math.trunc(there.mtimeMs).toString(36)}"`;
  const headers = {
    "Content-Type": TYPES[extname(file).toLowerCase()] ?? "application/octet-stream",
    // Asked for again each time, sent again only when it has changed.
    "Cache-Control": "no-cache",
    "Accept-Ranges": "bytes",
    ETag: tag,
    "Content-Security-Policy": policy,
    ...ISOLATION,
  };
  if (request.headers["if-none-match"] === tag) {
    response.writeHead(304, headers).end();
    return;
  }
  const part = askedPart(request, tag, there.size);
  if (part === "outside") {
    response.writeHead(416, { ...headers, "Content-Range": `bytes */${there.size}` }).end();
    return;
  }
  response.writeHead(part ? 206 : 200, { ...headers, ...lengthOf(part, there.size) });
  if (request.method === "HEAD") {
    response.end();
    return;
  }
  // The pipeline closes the file also where the reader goes away.
  pipeline(createReadStream(file, part ?? {}), response, () => {});
}

/** @typedef {{start: number, end: number}} Part both bytes belong to it */

/**
 * @param {Part | null} part
 * @param {number} size
 * @returns {Record<string, string | number>}
 */
function lengthOf(part, size) {
  if (!part) return { "Content-Length": size };
  return { "Content-Length": part.end - part.start + 1, "Content-Range": `bytes ${part.start}-${part.end}/${size}` };
}

/**
 * The part of a file that is asked for, so that a download that broke can go on.
 * @param {Request} request
 * @param {string} tag
 * @param {number} size
 * @returns {Part | "outside" | null} null for all of it: also where several parts are asked for, or one of another version
 */
function askedPart({ method, headers }, tag, size) {
  const asked = /^bytes=(?:(\d{1,15})-(\d{0,15})|-(\d{1,15}))$/.exec(headers.range ?? "");
  if (!asked || method !== "GET" || (headers["if-range"] ?? tag) !== tag) return null;
  const [, first, last, tail] = asked;
  const start = first === undefined ? Math.max(0, size - Number(tail)) : Number(first);
  const end = last ? Math.min(Number(last), size - 1) : size - 1;
  // A part that ends before it begins is no part: such a header is to be passed over.
  if (last && Number(last) < start) return null;
  return start < size ? { start, end } : "outside";
}

/**
 * @param {Response} response
 * @param {number} code
 * @param {string} why
 */
export function refuse(response, code, why) {
  response.writeHead(code, { "Content-Type": "text/plain; charset=utf-8", ...ISOLATION }).end(`${why}\n`);
}

/**
 * @param {Response} response
 * @param {unknown} value
 */
export function sendJson(response, value) {
  response.writeHead(200, { "Content-Type": "application/json", "Cache-Control": "no-store", ...ISOLATION });
  response.end(JSON.stringify(value));
}
