/** The demo's server: what it serves, as what, and what it refuses. */
import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { serve } from "../../www/serve.mjs";

let folder, server;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "burrow-serve-"));
  await mkdir(join(folder, "model-x"));
  await mkdir(join(folder, "pages", "one two"), { recursive: true });
  await writeFile(join(folder, "model-x", "config.json"), "{}");
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
      response.resume().on("end", () => done({ code: response.statusCode, headers: response.headers }));
    }).on("error", failed).end();
  });
}

test("the page, its modules and the model come with the right types and nothing may leave", async () => {
  for (const [path, type] of [["/", "text/html"], ["/src/main.js", "text/javascript; charset=utf-8"], ["/demo.css", "text/css; charset=utf-8"],
    ["/model/model-x/config.json", "application/json"], ["/model/config.json", "application/json"]]) {
    const { code, headers } = await raw(path);
    assert.equal(code, 200, path);
    assert.equal(headers["content-type"], type, path);
    assert.equal(headers["cross-origin-embedder-policy"], "require-corp");
    assert.match(headers["content-security-policy"], /default-src 'none'.*connect-src 'self'/);
  }
});

test("no path leads out of the folders", async () => {
  for (const path of ["/../Cargo.toml", "/..%2f..%2fCargo.toml", "/user-pages/../secret.txt", "/user-pages/..%2fsecret.txt", "/model/%2e%2e/secret.txt",
    "//etc/passwd", "/pkg/src/types.ts", "/pkg/package.json"]) {
    assert.equal((await raw(path)).code, 404, path);
  }
  assert.equal((await raw("/%E0%A4%A")).code, 400);
  assert.equal((await raw("/a%00b")).code, 400);
  assert.equal((await raw("/", { method: "POST" })).code, 405);
});

test("a folder's pages are listed, and served without a right to run anything", async () => {
  const list = await (await fetch(`${server.url}user-pages/list.json`)).json();
  assert.deepEqual(list, [{ url: "note.md", title: "note.md" }, { url: "one%20two/source.html", title: "one two" }]);
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

test("a folder that is not there is said so", async () => {
  await assert.rejects(serve({ model: join(folder, "nowhere") }), /nowhere is not a folder/);
});
