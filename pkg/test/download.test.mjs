/** What a model's folder can do wrong, over real HTTP. */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { after, before, beforeEach, test } from "node:test";
import { gzipSync } from "node:zlib";
import { downloadModel } from "../dist/download.js";

const WEIGHTS = randomBytes(300_000);
const FILES = {
  "config.json": Buffer.from("{}"), "tokenizer.json": Buffer.from('{"model": {}}'), "model.safetensors": WEIGHTS,
};
const facts = (bytes) => ({ bytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") });
const MANIFEST = { files: Object.fromEntries(Object.entries(FILES).map(([name, bytes]) => [name, facts(bytes)])) };

let server, folder, answers;

before(async () => {
  server = createServer((request, response) => {
    const answer = answers[request.url.split("/").at(-1)];
    if (typeof answer === "function") answer(response);
    else if (answer) response.writeHead(200, { "Content-Length": answer.length }).end(answer);
    else response.writeHead(404).end("no");
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  folder = `http://127.0.0.1:${server.address().port}/mini/`;
});
after(() => {
  server.close();
  server.closeAllConnections();
});
beforeEach(() => (answers = { ...FILES, "burrow.json": Buffer.from(JSON.stringify(MANIFEST)) }));

const load = (onProgress = () => {}, signal = new AbortController().signal) => downloadModel(folder, { signal, onProgress });
const rejected = (kind, ...words) => (error) => {
  assert.equal(error.kind, kind, error.message);
  for (const word of words) assert.ok(error.message.includes(word), `${word} is not in: ${error.message}`);
  return true;
};

test("the files arrive whole, and progress counts every byte", async () => {
  const steps = [];
  const model = await load((step) => steps.push(step));
  assert.deepEqual([Buffer.from(model.config), Buffer.from(model.tokenizer), Buffer.from(model.weights)], Object.values(FILES));
  const weights = steps.filter(({ file }) => file === "model.safetensors");
  assert.deepEqual(weights.at(-1), { file: "model.safetensors", bytes: WEIGHTS.length, bytesTotal: WEIGHTS.length });
  assert.ok(weights.every(({ bytes }, at) => at === 0 || bytes >= weights[at - 1].bytes));
});

test("a folder without burrow.json is fine, also where the server answers with its own page", async () => {
  for (const answer of [undefined, (response) => response.writeHead(200, { "Content-Type": "text/html; charset=utf-8" }).end("<p>")]) {
    answers["burrow.json"] = answer;
    assert.deepEqual(Buffer.from((await load()).weights), WEIGHTS);
  }
});

for (const name of Object.keys(FILES)) {
  test(`${name} missing: the message names file and folder`, async () => {
    delete answers[name];
    await assert.rejects(load(), rejected("model", name, folder, "404"));
  });

  test(`${name} altered: the message names the file and both hashes`, async () => {
    answers[name] = Buffer.from(FILES[name]);
    answers[name][1] ^= 1;
    await assert.rejects(load(), rejected("model", name, MANIFEST.files[name].sha256));
  });
}

test("a page in place of a file is no file", async () => {
  answers["model.safetensors"] = (response) => response.writeHead(200, { "Content-Type": "text/html" }).end("<!doctype html>");
  await assert.rejects(load(), rejected("model", "model.safetensors", "HTML"));
});

test("a connection that breaks off: how much came and what to do", async () => {
  const half = (response) => {
    response.writeHead(200, { "Content-Length": WEIGHTS.length });
    response.write(WEIGHTS.subarray(0, 100_000), () => setTimeout(() => response.destroy(), 50));
  };
  for (const manifest of [answers["burrow.json"], undefined]) {
    Object.assign(answers, { "burrow.json": manifest, "model.safetensors": half });
    await assert.rejects(load(), rejected("network", "model.safetensors", "cut off", `100000 of ${WEIGHTS.length}`, "load again"));
  }
});

test("a file that is cut off on the server, and one that goes on too long", async () => {
  answers["model.safetensors"] = WEIGHTS.subarray(0, 1000);
  await assert.rejects(load(), rejected("network", "1000 of 300000"));
  answers["model.safetensors"] = Buffer.concat([WEIGHTS, WEIGHTS]);
  await assert.rejects(load(), rejected("model", "600000"));
});

test("a compressed answer is not taken for a cut-off one", async () => {
  const body = gzipSync(Buffer.alloc(50_000));
  answers["burrow.json"] = undefined;
  answers["model.safetensors"] = (response) =>
    response.writeHead(200, { "Content-Encoding": "gzip", "Content-Length": body.length }).end(body);
  assert.equal((await load()).weights.length, 50_000);
});

test("a server in trouble, and none at all", async () => {
  answers["config.json"] = (response) => response.writeHead(503).end();
  await assert.rejects(load(), rejected("network", "config.json", "503"));
  answers["config.json"] = (response) => response.destroy();
  await assert.rejects(load(), rejected("network", "config.json", folder));
});

test("a burrow.json that cannot be read is named, with what is wrong with it", async () => {
  for (const [text, words] of [
    ["{", "burrow.json"], ["[]", "no `files`"], ["null", "no `files`"], ['{"files": 3}', "no `files`"],
    ['{"files": {"config.json": {"bytes": -1}}}', "config.json has no size"], ['{"files": {"a": null}}', "a has no size"],
    ['{"files": {"a": {"bytes": 1, "sha256": "xyz"}}}', "64 hexadecimal"],
  ]) {
    answers["burrow.json"] = Buffer.from(text);
    await assert.rejects(load(), rejected("model", words));
  }
});

test("a signal ends the download", async () => {
  const controller = new AbortController();
  answers["model.safetensors"] = (response) => {
    response.writeHead(200, { "Content-Length": WEIGHTS.length });
    response.write(WEIGHTS.subarray(0, 1000), () => setTimeout(() => controller.abort(), 20));
  };
  await assert.rejects(load(() => {}, controller.signal), rejected("aborted"));
});

test("a size that no memory holds is refused before a byte is read", async () => {
  answers["burrow.json"] = undefined;
  answers["model.safetensors"] = (response) => response.writeHead(200, { "Content-Length": 2 ** 42 }).write("x");
  await assert.rejects(load(), rejected("limit", String(2 ** 42)));
});
