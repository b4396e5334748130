/** What a model's folder can do wrong, over real HTTP. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, beforeEach, test } from "node:test";
import { gzipSync } from "node:zlib";
import { openModel } from "../build/download.js";
import { asked, cutOff, hash, manifestOf, PATIENCE, rejected as rejectedBy, SHARDS, SMALL, startServer } from "./server.mjs";

const WEIGHTS = randomBytes(300_000);
const FILES = { ...SMALL, "model.safetensors": WEIGHTS };
const MANIFEST = manifestOf(FILES);
const UNCHECKED = new AbortController().signal;
const rejected = (...wanted) => rejectedBy(assert, ...wanted);

let server;
before(async () => (server = await startServer()));
after(() => server.close());
beforeEach(() => server.reset({ ...FILES, "burrow.json": MANIFEST }));

/** The whole model, and what was told of its way. */
async function load({ signal = UNCHECKED, onProgress = () => {} } = {}) {
  const model = await openModel(server.folder, { signal, onProgress, patience: PATIENCE });
  const weights = {};
  const hashes = {};
  await model.streamWeights(async (file, bytes, sha256) => {
    weights[file] = Buffer.from(bytes);
    hashes[file] = sha256;
  });
  return { model, weights, hashes };
}

/** Serves the ten shards, with or without what lists them. */
function serveShards({ manifest, index }) {
  const map = Object.fromEntries(Object.keys(SHARDS).flatMap((name, at) => [[`${at}.weight`, name], [`${at}.bias`, name]]));
  server.files = {
    ...SMALL, ...SHARDS,
    ...(manifest && { "burrow.json": manifestOf({ ...SMALL, ...SHARDS }, { packed: 1, goldens: [] }) }),
    ...(index && { "model.safetensors.index.json": Buffer.from(JSON.stringify({ metadata: {}, weight_map: map })) }),
  };
}

test("the files arrive whole and with their hashes, and progress counts every byte", async () => {
  const steps = [];
  const { model, weights, hashes } = await load({ onProgress: (step) => steps.push(step) });
  assert.deepEqual([Buffer.from(model.small.config), Buffer.from(model.small.tokenizer)], Object.values(SMALL));
  assert.deepEqual([weights, hashes], [{ "model.safetensors": WEIGHTS }, { "model.safetensors": hash(WEIGHTS) }]);
  assert.deepEqual([Buffer.from(model.small.manifest), model.small.hashes], [MANIFEST, Object.values(SMALL).map(hash)]);
  const all = WEIGHTS.length + 2 + 13;
  assert.deepEqual(steps.at(-1), { file: "model.safetensors", bytes: 300_000, bytesTotal: 300_000, bytesLoaded: all, bytesAll: all });
  assert.ok(steps.every(({ bytesAll }) => bytesAll === all));
  assert.ok(steps.every(({ bytesLoaded }, at) => at === 0 || bytesLoaded >= steps[at - 1].bytesLoaded));
});

test("without burrow.json: one file of weights, whose hash is told all the same", async () => {
  for (const answer of [undefined, (_, response) => response.writeHead(200, { "Content-Type": "text/html; charset=utf-8" }).end("<p>")]) {
    server.files["burrow.json"] = answer;
    const steps = [];
    const { model, weights, hashes } = await load({ onProgress: (step) => steps.push(step) });
    assert.deepEqual([model.small.manifest, model.reasons], [undefined, []]);
    assert.deepEqual([weights["model.safetensors"], hashes["model.safetensors"]], [WEIGHTS, hash(WEIGHTS)]);
    assert.deepEqual([steps[0].bytesAll, steps.at(-1).bytesAll], [null, WEIGHTS.length + 15]);
  }
});

test("shards that burrow.json lists, and its own bytes go along", async () => {
  serveShards({ manifest: true });
  const { model, weights, hashes } = await load();
  assert.deepEqual(Object.fromEntries(Object.entries(weights).sort()), SHARDS);
  assert.ok(Object.entries(hashes).every(([name, digest]) => digest === hash(SHARDS[name])));
  assert.equal(JSON.parse(Buffer.from(model.small.manifest)).packed, 1);
});

test("shards that only the index of weights lists, also a second time", async () => {
  serveShards({ index: true });
  const { model, weights } = await load();
  assert.deepEqual(Object.fromEntries(Object.entries(weights).sort()), SHARDS);
  let files = 0;
  await model.streamWeights(async () => void (files += 1));
  assert.equal(files, 10);
  assert.equal(asked(server, "model.safetensors").length, 1);
});

test("a list of weights that leads out of the folder is refused, before anything is asked for", async () => {
  for (const name of ["../x.safetensors", "/x.safetensors", "a/x.safetensors", "http:x.safetensors", ".safetensors", "x%2f.safetensors",
    "x?.safetensors", "x#.safetensors", "a\\x.safetensors"]) {
    server.reset({ ...SMALL, "burrow.json": manifestOf({ ...SMALL, [name]: WEIGHTS }) });
    await assert.rejects(load(), rejected("model", JSON.stringify(name), "burrow.json"));
    server.reset({ ...SMALL, "model.safetensors.index.json": Buffer.from(JSON.stringify({ weight_map: { a: name } })) });
    await assert.rejects(load(), rejected("model", JSON.stringify(name), "index.json"));
    assert.ok(server.log.every(({ name }) => !name.includes("x") || name.startsWith("model.safetensors")));
  }
});

for (const text of ["{", "null", "{}", '{"weight_map": 3}', '{"weight_map": {}}', '{"weight_map": {"a": 1}}', '{"weight_map": {"a": "b.bin"}}']) {
  test(`an index of weights that cannot be read is named: ${text}`, async () => {
    server.reset({ ...SMALL, "model.safetensors.index.json": Buffer.from(text) });
    await assert.rejects(load(), rejected("model", "model.safetensors.index.json"));
  });
}

for (const name of Object.keys(FILES)) {
  test(`${name} missing: the message names file and folder, and it is asked for once`, async () => {
    for (const manifest of [MANIFEST, undefined]) {
      server.reset({ ...FILES, "burrow.json": manifest, [name]: undefined });
      await assert.rejects(load(), rejected("model", name, server.folder, "404"));
      assert.equal(asked(server, name).length, 1);
    }
  });

  test(`${name} altered: the message names the file and both hashes, and it is asked for once`, async () => {
    const altered = Buffer.from(FILES[name]);
    altered[1] ^= 1;
    server.files[name] = altered;
    await assert.rejects(load(), rejected("model", name, hash(altered), hash(FILES[name])));
    assert.equal(asked(server, name).length, 1);
  });
}

test("a page in place of a file is no file", async () => {
  server.files["model.safetensors"] = (_, response) => response.writeHead(200, { "Content-Type": "text/html" }).end("<!doctype html>");
  await assert.rejects(load(), rejected("model", "model.safetensors", "HTML"));
  assert.equal(asked(server, "model.safetensors").length, 1);
});

test("a connection that always breaks off at the same place: how much came and what to do", async () => {
  for (const manifest of [MANIFEST, undefined]) {
    server.reset({ ...FILES, "burrow.json": manifest });
    server.files["model.safetensors"] = (_, response) => {
      response.writeHead(200, { "Content-Length": WEIGHTS.length });
      cutOff(response, WEIGHTS.subarray(0, 100_000));
    };
    await assert.rejects(load(), rejected("network", "model.safetensors", "cut off", `100000 of ${WEIGHTS.length}`, "load again", "4 times"));
    assert.equal(asked(server, "model.safetensors").length, PATIENCE.triesMax);
  }
});

test("a file that is cut off on the server, and one that is too long, by what the server says and by what it sends", async () => {
  const chunked = (bytes) => (_, response) => response.writeHead(200, { "Transfer-Encoding": "chunked" }).end(bytes);
  server.files["model.safetensors"] = WEIGHTS.subarray(0, 1000);
  await assert.rejects(load(), rejected("network", "cut off", "1000 of 300000"));
  server.files["model.safetensors"] = Buffer.concat([WEIGHTS, WEIGHTS]);
  await assert.rejects(load(), rejected("model", "600000"));
  assert.equal(asked(server, "model.safetensors").length, 2);
  server.files["model.safetensors"] = chunked(WEIGHTS.subarray(0, 1000));
  await assert.rejects(load(), rejected("network", "cut off", "1000 of 300000"));
  server.reset({ ...FILES, "burrow.json": MANIFEST, "model.safetensors": chunked(Buffer.concat([WEIGHTS, WEIGHTS])) });
  await assert.rejects(load(), rejected("model", "in place of 300000"));
  assert.equal(asked(server, "model.safetensors").length, 1);
});

test("a compressed answer is not taken for a cut-off one", async () => {
  const plain = Buffer.alloc(50_000);
  const body = gzipSync(plain);
  for (const manifest of [undefined, manifestOf({ ...SMALL, "model.safetensors": plain })]) {
    server.files["burrow.json"] = manifest;
    server.files["model.safetensors"] = (_, response) =>
      response.writeHead(200, { "Content-Encoding": "gzip", "Content-Length": body.length }).end(body);
    assert.deepEqual((await load()).weights["model.safetensors"], plain);
  }
});

test("a server in trouble, one that refuses, and none at all", async () => {
  server.files["config.json"] = (_, response) => response.writeHead(503).end();
  await assert.rejects(load(), rejected("network", "config.json", "503", "4 times"));
  assert.equal(asked(server, "config.json").length, 4);
  server.files["config.json"] = (_, response) => response.writeHead(403).end();
  await assert.rejects(load(), rejected("network", "config.json", "403"));
  assert.equal(asked(server, "config.json").length, 5);
  server.files["config.json"] = (_, response) => response.destroy();
  await assert.rejects(load(), rejected("network", "config.json", server.folder, "CORS"));
});

test("a burrow.json that cannot be read is named, with what is wrong with it", async () => {
  for (const [text, words] of [
    ["{", "burrow.json"], ["[]", "no `files`"], ["null", "no `files`"], ['{"files": 3}', "no `files`"],
    ['{"files": {"config.json": {"bytes": -1}}}', "config.json has no size"], ['{"files": {"a": null}}', "a has no size"],
    ['{"files": {"a": {"bytes": 1, "sha256": "xyz"}}}', "64 hexadecimal"],
  ]) {
    server.files["burrow.json"] = Buffer.from(text);
    await assert.rejects(load(), rejected("model", words));
  }
});

test("a size that no memory holds is refused before a byte is read", async () => {
  server.files["burrow.json"] = undefined;
  server.files["model.safetensors"] = (_, response) => response.writeHead(200, { "Content-Length": 2 ** 42 }).write("x");
  await assert.rejects(load(), rejected("limit", String(2 ** 42)));
  const facts = { ...JSON.parse(MANIFEST).files, "model.safetensors": { bytes: 2 ** 42, sha256: hash(WEIGHTS) } };
  server.reset({ ...FILES, "burrow.json": Buffer.from(JSON.stringify({ files: facts })) });
  await assert.rejects(load(), rejected("limit", String(2 ** 42)));
  assert.equal(asked(server, "model.safetensors").length, 0);
});

test("where nothing can be kept, the model says so, and only of one that would be", async () => {
  const { model } = await load();
  assert.deepEqual([model.reasons.length, model.bytesKept], [1, 0]);
  assert.match(model.reasons[0], /could not be kept for the next visit \(this browser gives no cache\)/);
});
