/** The demo's server: what it serves, as what, and what it refuses. */
import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { serve } from "../../www/serve.mjs";

/** 16 bytes. */
const CONFIG = '{"name": "tiny"}';

let folder, server;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "burrow-serve-"));
  await mkdir(join(folder, "model-x"));
  await mkdir(join(folder, "pages", "one two"), { recursive: true });
  await writeFile(join(folder, "model-x", "config.json"), CONFIG);
  await writeFile(join(folder, "pages", "one two", "source.html"), "<p>saved</p>");
  await writeFile(join(folder, "pages", "one two", "expected.html"), "<p>no page</p>");
  await writeFile(join(folder, "pages", "note.md"), "# note");
  await writeFile(join(folder, "pages", "photo.png"), "");
  await writeFile(join(folder, "secret.txt"), "secret");
  server = await serve({ model: join(folder, "model-x"), pages: join(folder, "pages") });
});
after(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

/** A request whose path is sent as it is: fetch would tidy it first. */
function raw(path, options = {}) {
  return new Promise((done, failed) => {
    request({ host: "127.0.0.1", port: server.port, path, ...options }, (response) => {
      const parts = [];
      response.on("data", (part) => parts.push(part));
      response.on("end", () => done({ code: response.statusCode, headers: response.headers, body: Buffer.concat(parts).toString() }));
    }).on("error", failed).end();
  });
}

test("the page, its modules and the model come with the right types and nothing may leave", async () => {
  for (const [path, type] of [["/", "text/html"], ["/src/main.js", "text/javascript; charset=utf-8"], ["/demo.css", "text/css; charset=utf-8"],
    ["/model/model-x/config.json", "application/json"]]) {
    const { code, headers } = await raw(path);
    assert.equal(code, 200, path);
    assert.equal(headers["content-type"], type, path);
    assert.equal(headers["cross-origin-embedder-policy"], "require-corp");
    assert.match(headers["content-security-policy"], /default-src 'none'.*connect-src 'self'/);
  }
});

test("no path leads out of the folders", async () => {
  for (const path of ["/../Cargo.toml", "/..%2f..%2fCargo.toml", "/user-pages/../secret.txt", "/user-pages/..%2fsecret.txt", "/model/%2e%2e/secret.txt",
    "/model/..%2fsecret.txt", "/model/model-x/..%2fsecret.txt", "/model/model-x/..%2f..%2fsecret.txt", "/model/model-x/%2e%2e/secret.txt",
    "/model/model-x/%2fetc/passwd", "/model/other/config.json", "/model/model-x/", "//etc/passwd", "/pkg/src/types.ts", "/pkg/package.json"]) {
    assert.equal((await raw(path)).code, 404, path);
  }
  assert.equal((await raw("/%E0%A4%A")).code, 400);
  assert.equal((await raw("/a%00b")).code, 400);
  assert.equal((await raw("/", { method: "POST" })).code, 405);
});

test("a folder's pages are listed, and served without a right to run anything", async () => {
  const list = await (await fetch(`${server.url}user-pages/list.json`)).json();
  assert.deepEqual(list.map(({ url, title }) => [url, title]), [["note.md", "note.md"], ["one%20two/source.html", "one two"]]);
  // When each was last changed, which is now.
  for (const { time } of list) assert.ok(Math.abs(Date.now() - Date.parse(time)) < 600_000, time);
  const { code, headers } = await raw("/user-pages/one%20two/source.html");
  assert.equal(code, 200);
  assert.match(headers["content-security-policy"], /^sandbox;/);
  assert.match(server.demo, /pages=%2Fuser-pages%2Flist\.json/);
  assert.match(server.demo, /model=%2Fmodel%2Fmodel-x%2F/);
});

test("what has not changed is not sent again", async () => {
  const first = await raw("/demo.css");
  assert.equal((await raw("/demo.css", { headers: { "if-none-match": first.headers.etag } })).code, 304);
});

test("a part of a file is sent where a part is asked for, and all of it where the parts would not fit together", async () => {
  const part = (range, more = {}) => raw("/model/model-x/config.json", { headers: { range, ...more } });
  const whole = await raw("/model/model-x/config.json");
  assert.deepEqual([whole.code, whole.body, whole.headers["accept-ranges"]], [200, CONFIG, "bytes"]);
  for (const [range, first, last] of [["bytes=3-", 3, 15], ["bytes=3-5", 3, 5], ["bytes=0-0", 0, 0], ["bytes=-4", 12, 15], ["bytes=10-99", 10, 15], ["bytes=-99", 0, 15]]) {
    const { code, headers, body } = await part(range, { "if-range": whole.headers.etag });
    assert.deepEqual([code, body, headers["content-range"]], [206, CONFIG.slice(first, last + 1), `bytes ${first}-${last}/16`], range);
    assert.deepEqual([headers["content-length"], headers.etag], [String(last - first + 1), whole.headers.etag], range);
  }
  for (const range of ["bytes=16-", "bytes=99-100", "bytes=-0"]) {
    const { code, headers } = await part(range);
    assert.deepEqual([code, headers["content-range"]], [416, "bytes */16"], range);
  }
  for (const range of ["bytes=5-3", "bytes=0-1,3-4", "bytes=a-b", "bytes=-", "lines=0-1"]) assert.equal((await part(range)).body, CONFIG, range);
  assert.deepEqual([(await part("bytes=3-", { "if-range": '"another"' })).body], [CONFIG]);
  const head = await raw("/model/model-x/config.json", { method: "HEAD", headers: { range: "bytes=3-" } });
  assert.deepEqual([head.code, head.headers["content-length"]], [200, "16"]);
});

test("models are listed with what there is to load of them, and served under their names", async () => {
  const models = join(folder, "models");
  const put = async (path, text) => {
    await mkdir(join(models, path, ".."), { recursive: true });
    await writeFile(join(models, path), text);
  };
  await put("no model/readme.md", "no config.json");
  await put("packed q8/config.json", CONFIG);
  await put("packed q8/burrow.json", JSON.stringify({ files: { a: { bytes: 700 }, b: { bytes: 77 } }, packed: { version: 1, weights: "q8" } }));
  await put("sharded/config.json", CONFIG);
  await put("sharded/model.safetensors.index.json", JSON.stringify({ weight_map: { x: "1.safetensors", y: "2.safetensors", z: "1.safetensors" } }));
  for (const name of ["1", "2", "other"]) await put(`sharded/${name}.safetensors`, "12345");
  const many = await serve({ model: join(folder, "model-x"), models });
  try {
    const list = async () => (await fetch(`${many.url}model/list.json`)).json();
    const plain = { name: "model-x", href: "/model/model-x/", bytes: 16, weights: null, packed: false };
    const packed = { name: "packed q8", href: "/model/packed%20q8/", bytes: 777, weights: "q8", packed: true };
    const sharded = { name: "sharded", href: "/model/sharded/", bytes: 26, weights: null, packed: false };
    assert.deepEqual(await list(), [plain, packed, sharded]);
    for (const { href } of [plain, packed, sharded]) assert.equal((await fetch(new URL(`${href}config.json`, many.url))).status, 200, href);
    assert.equal((await fetch(`${many.url}model/no%20model/readme.md`)).status, 404);
    assert.match(many.demo, /model=%2Fmodel%2Fmodel-x%2F/);
    // One that comes later is there without a new start; a broken burrow.json is no reason to leave a model out.
    await put("later/config.json", CONFIG);
    await put("later/burrow.json", "{");
    assert.deepEqual((await list())[1], { name: "later", href: "/model/later/", bytes: 16, weights: null, packed: false });
  } finally {
    await many.close();
  }
});

test("the model that the page asks for by itself comes first among many, and needs no mention in the address", async () => {
  const models = join(folder, "usual");
  for (const name of ["aaa", "all-MiniLM-L6-v2"]) {
    await mkdir(join(models, name), { recursive: true });
    await writeFile(join(models, name, "config.json"), CONFIG);
  }
  const usual = await serve({ models });
  assert.equal(usual.demo, usual.url);
  await usual.close();
});

test("folders that cannot be served are said at once, with what would be right", async () => {
  await assert.rejects(serve({ model: join(folder, "nowhere") }), /nowhere is not a folder/);
  await assert.rejects(serve({ model: join(folder, "pages") }), /pages is no model: it has no config\.json/);
  await assert.rejects(serve({ models: join(folder, "pages") }), /pages holds no models\. Give a folder whose sub-folders/);
  await assert.rejects(serve({ models: join(folder, "model-x") }), /model-x holds no models\. It is a model itself: give it with --model/);
  await mkdir(join(folder, "again", "model-x"), { recursive: true });
  await writeFile(join(folder, "again", "model-x", "config.json"), CONFIG);
  await assert.rejects(serve({ model: [join(folder, "model-x"), join(folder, "again", "model-x")] }), /Two models are called model-x/);
});
