/** How one file comes over a connection that is slow, breaks or stands still: what is asked of a real server, and how much it sends. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, beforeEach, test } from "node:test";
import { fetchBytes } from "../build/fetch.js";
import { asked, cutOff, PATIENCE, rejected as rejectedBy, serve, startServer } from "./server.mjs";

const FILE = "shard-0001.safetensors";
const BYTES = randomBytes(400_000);
const HALF = BYTES.length / 2;
const rejected = (...wanted) => rejectedBy(assert, ...wanted);

let server;
before(async () => (server = await startServer()));
after(() => server.close());
beforeEach(() => server.reset({}));

/** Fetches the file that `answer` serves, as one that is checked afterwards unless the options say otherwise. */
async function get(answer, options = {}) {
  server.files[FILE] = answer;
  const steps = [];
  const signal = options.signal ?? new AbortController().signal;
  const fetched = await fetchBytes(new URL(FILE, server.folder), FILE, {
    signal, patience: PATIENCE, bytesExpected: BYTES.length, resume: "checked", onProgress: (step) => steps.push(step), ...options,
  });
  return { ...fetched, bytes: Buffer.from(fetched.bytes), steps };
}

/** The first answer breaks off half-way, what comes later is `then`. */
const cutOnce = (then, first = {}) => (request, response, nth) =>
  (nth === 1 ? serve(BYTES, { ...first, cutAfter: HALF }) : then)(request, response);
const ranges = () => asked(server, FILE).map(({ range }) => range);
const sent = () => asked(server, FILE).reduce((sum, one) => sum + one.sent, 0);

for (const [how, options] of [["with", { ranges: true }], ["without", { ranges: false }]]) {
  test(`a server ${how} Range support: one request, no range asked for`, async () => {
    const { bytes, isResumed, steps } = await get(serve(BYTES, options));
    assert.deepEqual([bytes.equals(BYTES), isResumed, ranges(), sent()], [true, false, [undefined], BYTES.length]);
    assert.deepEqual(steps.at(-1), { file: FILE, bytes: BYTES.length, bytesTotal: BYTES.length });
  });
}

test("cut half-way, with Range: the rest is asked for, and no byte comes twice", async () => {
  const { bytes, isResumed, steps } = await get(cutOnce(serve(BYTES)));
  assert.deepEqual([bytes.equals(BYTES), isResumed, ranges(), sent()], [true, true, [undefined, `bytes=${HALF}-`], BYTES.length]);
  assert.ok(steps.every((step, at) => at === 0 || step.bytes >= steps[at - 1].bytes));
});

test("cut half-way, without Range: all of it comes again", async () => {
  const { bytes, isResumed } = await get(cutOnce(serve(BYTES, { ranges: false }), { ranges: false }));
  assert.deepEqual([bytes.equals(BYTES), isResumed, ranges(), sent()], [true, false, [undefined, `bytes=${HALF}-`], HALF + BYTES.length]);
});

test("cut many times, but getting on each time: it arrives, however often", async () => {
  const { bytes } = await get(serve(BYTES, { cutAfter: 70_000 }));
  assert.deepEqual([bytes.equals(BYTES), sent(), server.log.length], [true, BYTES.length, 6]);
});

test("cut many times after little: it is given up, and the message says how far it came", async () => {
  await assert.rejects(get(serve(BYTES, { cutAfter: 1000 })), rejected("network", "cut off", `4000 of ${BYTES.length}`, "4 times"));
  assert.equal(server.log.length, PATIENCE.triesMax);
});

test("a strong ETag goes along, and of another version all is fetched", async () => {
  const kept = await get(cutOnce(serve(BYTES, { etag: '"a"' }), { etag: '"a"' }), { resume: "same", bytesExpected: null });
  assert.deepEqual([kept.bytes.equals(BYTES), kept.isResumed, server.log[1].ifRange], [true, true, '"a"']);
  server.reset({});
  const other = randomBytes(300_000);
  const changed = await get(cutOnce(serve(other, { etag: '"b"' }), { etag: '"a"' }), { resume: "same", bytesExpected: null });
  assert.deepEqual([changed.bytes.equals(other), changed.isResumed, server.log[1].ifRange], [true, false, '"a"']);
});

test("what is not checked and has no strong ETag is begun anew", async () => {
  for (const etag of [undefined, 'W/"a"']) {
    server.reset({});
    const { bytes } = await get(cutOnce(serve(BYTES, { etag }), { etag }), { resume: "same", bytesExpected: null });
    assert.deepEqual([bytes.equals(BYTES), ranges()], [true, [undefined, undefined]]);
  }
});

const part = (range, from, headers = {}) => (request, response) =>
  response.writeHead(206, { "Content-Range": range, ...headers }).end(BYTES.subarray(from));
for (const [what, strange] of [
  ["another part", part(`bytes 5-${BYTES.length - 1}/${BYTES.length}`, 5)],
  ["a part of another file", part(`bytes ${HALF}-${BYTES.length}/${BYTES.length + 1}`, HALF)],
  ["a part of nobody knows what", part("", HALF)],
  ["a part of a compressed body", part(`bytes ${HALF}-${BYTES.length - 1}/${BYTES.length}`, HALF, { "Content-Encoding": "gzip" })],
  ["that it has no such part", (request, response) => response.writeHead(416).end()],
]) {
  test(`asked for the rest, a server answers with ${what}: the file is begun anew`, async () => {
    const answers = [serve(BYTES, { cutAfter: HALF }), strange, serve(BYTES)];
    const { bytes, isResumed } = await get((request, response, nth) => answers[nth - 1](request, response));
    assert.deepEqual([bytes.equals(BYTES), isResumed, ranges()], [true, false, [undefined, `bytes=${HALF}-`, undefined]]);
  });
}

test("a part that nobody asked for is not taken for the file", async () => {
  await assert.rejects(get(part(`bytes 0-${BYTES.length - 1}/${BYTES.length}`, 0)), rejected("network", "another part", "4 times"));
});

test("a server that is busy is asked again, not before it wants to be, within reason", async () => {
  // Wide apart, so that a busy machine does not take the one for the other.
  const patience = { ...PATIENCE, retryAfterMsMax: 500 };
  for (const [status, after] of [[503, undefined], [429, "1"], [500, "soon"], [503, new Date(Date.now() + 5000).toUTCString()]]) {
    server.reset({});
    const begun = performance.now();
    const busy = (response) => response.writeHead(status, after && { "Retry-After": after }).end();
    const { bytes } = await get((request, response, nth) => (nth < 3 ? busy(response) : serve(BYTES)(request, response)), { patience });
    const waited = performance.now() - begun;
    assert.ok(bytes.equals(BYTES) && server.log.length === 3);
    const isAsked = after !== undefined && after !== "soon";
    assert.ok(isAsked ? waited >= 2 * patience.retryAfterMsMax : waited < 2 * patience.retryAfterMsMax, `${after}: ${waited} ms`);
  }
});

test("a slow link is no dead one: it takes longer than a dead one would get, and tells how far it is", async () => {
  const { bytes, steps } = await get(serve(BYTES, { pace: 150 }), { patience: { ...PATIENCE, stallMs: 1500 } });
  assert.ok(bytes.equals(BYTES) && server.log.length === 1);
  assert.ok(steps.length >= 10, `${steps.length} steps`);
});

test("a link that stands still is left, and the rest comes over another", async () => {
  const stalled = (request, response) => {
    response.writeHead(200, { "Content-Length": BYTES.length });
    response.write(BYTES.subarray(0, HALF));
  };
  const { bytes } = await get((request, response, nth) => (nth === 1 ? stalled : serve(BYTES))(request, response));
  assert.deepEqual([bytes.equals(BYTES), ranges(), sent()], [true, [undefined, `bytes=${HALF}-`], BYTES.length]);
});

test("a server that never answers, and one that always stops: given up, with what to do", async () => {
  await assert.rejects(get(() => {}), rejected("network", FILE, "0.8 seconds", "after 0 bytes", "Check the connection"));
  assert.equal(server.log.length, PATIENCE.triesMax);
  const always = (request, response) => response.writeHead(200, { "Content-Length": BYTES.length }).write(BYTES.subarray(0, 1000));
  await assert.rejects(get(always, { resume: "never" }), rejected("network", "stopped coming", "after 1000 bytes"));
});

test("a signal ends it at once: before the answer, half-way, and in the pause before the next try", async () => {
  const patience = { ...PATIENCE, pauseMs: 60_000, stallMs: 60_000 };
  const half = (request, response) => response.writeHead(200, { "Content-Length": BYTES.length }).write(BYTES.subarray(0, 1000));
  const broken = (request, response) => {
    response.writeHead(200, { "Content-Length": BYTES.length });
    cutOff(response, BYTES.subarray(0, 1000));
  };
  for (const answer of [() => {}, half, broken]) {
    const begun = performance.now();
    await assert.rejects(get(answer, { patience, signal: AbortSignal.timeout(150) }), rejected("aborted"));
    assert.ok(performance.now() - begun < 1000);
  }
  server.reset({});
  await assert.rejects(get(serve(BYTES), { signal: AbortSignal.abort() }), rejected("aborted"));
});
