/** What the download tests share: a model in ten shards, and a server of it that counts and can misbehave. */
import { createHash, randomBytes } from "node:crypto";
import { createServer } from "node:http";

/** As in use, but in a hurry. */
export const PATIENCE = { triesMax: 4, pauseMs: 5, retryAfterMsMax: 60, stallMs: 800 };

export const SMALL = { "config.json": Buffer.from("{}"), "tokenizer.json": Buffer.from('{"model": {}}') };

/** Name and bytes of each shard. Larger than what counts as getting on, and each of another size. */
export const SHARDS = Object.fromEntries(
  Array.from({ length: 10 }, (_, at) => [`shard-${String(at + 1).padStart(4, "0")}.safetensors`, randomBytes(300_000 - 1000 * at)]),
);

export const hash = (bytes) => createHash("sha256").update(bytes).digest("hex");

/** A `burrow.json` of these files. */
export function manifestOf(files, more = {}) {
  const facts = Object.entries(files).map(([name, bytes]) => [name, { bytes: bytes.length, sha256: hash(bytes) }]);
  return Buffer.from(JSON.stringify({ ...more, files: Object.fromEntries(facts) }));
}

/**
 * Serves files by name: a buffer as it is, without `Range`; a function does what it likes with request, response and the number
 * of the request for this name, counted from 1.
 *
 * `log` has what was asked for and how many bytes of a body went out, `open` the shards that are on their way with their sockets,
 * `together` how many those were at most.
 */
export async function startServer() {
  const state = { folder: "", files: {}, log: [], open: new Map(), together: 0 };
  const server = createServer((request, response) => {
    const name = request.url.split("/").at(-1);
    const entry = { name, range: request.headers.range, ifRange: request.headers["if-range"], sent: 0 };
    count(state, entry, response);
    const answer = state.files[name];
    if (typeof answer === "function") answer(request, response, asked(state, name).length);
    else if (answer) response.writeHead(200, { "Content-Length": answer.length }).end(answer);
    else response.writeHead(404).end("no");
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  state.folder = `http://127.0.0.1:${server.address().port}/mini/`;
  state.close = () => {
    server.close();
    server.closeAllConnections();
  };
  state.reset = (files) => Object.assign(state, { files, log: [], open: new Map(), together: 0 });
  return state;
}

/** The requests for a name. */
export const asked = ({ log }, name) => log.filter((entry) => entry.name === name);

function count(state, entry, response) {
  state.log.push(entry);
  for (const write of ["write", "end"]) {
    const original = response[write].bind(response);
    response[write] = (body, ...rest) => {
      if (Buffer.isBuffer(body)) entry.sent += body.length;
      return original(body, ...rest);
    };
  }
  if (!entry.name.endsWith(".safetensors")) return;
  const { open } = state;
  open.set(entry.name, response.socket);
  state.together = Math.max(state.together, open.size);
  response.on("close", () => open.delete(entry.name));
}

/**
 * Answers with the bytes, or the part of them that is asked for, and breaks the connection after `cutAfter` bytes of it.
 * `pace` milliseconds lie between the parts of 16 KiB.
 */
export function serve(bytes, { etag, ranges = true, cutAfter = Infinity, pace = 0 } = {}) {
  return async (request, response) => {
    const from = ranges ? Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0) : 0;
    const isPart = from > 0 && [undefined, etag].includes(request.headers["if-range"]);
    const body = isPart ? bytes.subarray(from) : bytes;
    const headers = { "Content-Length": body.length, ...(etag && { ETag: etag }), ...(ranges && { "Accept-Ranges": "bytes" }) };
    if (isPart) headers["Content-Range"] = `bytes ${from}-${bytes.length - 1}/${bytes.length}`;
    response.writeHead(isPart ? 206 : 200, headers);
    if (cutAfter < body.length) return cutOff(response, body.subarray(0, cutAfter));
    if (pace === 0) return response.end(body);
    for (let at = 0; at < body.length && !response.destroyed; at += 16384) {
      response.write(body.subarray(at, at + 16384));
      await new Promise((done) => setTimeout(done, pace));
    }
    response.end();
  };
}

/** The connection breaks, but what was sent before arrives. */
export function cutOff(response, body) {
  response.write(body, () => setTimeout(() => response.destroy(), 30));
}

/** An assertion on what was thrown. */
export const rejected = (assert, kind, ...words) => (error) => {
  assert.equal(error.kind, kind, error.message);
  for (const word of words) assert.ok(error.message.includes(word), `${word} is not in: ${error.message}`);
  return true;
};
