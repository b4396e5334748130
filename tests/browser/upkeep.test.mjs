/** Verifying, mending and tidying through the package: what is damaged in the database is named, left out, and mended. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, openPage, startServer } from "./harness.mjs";

let server, browser;
before(async () => {
  server = await startServer();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await server?.close();
});

/** In the page: an index of so many pages, and what the bodies below call. */
async function prepare([name, count]) {
  globalThis.open = () => Burrow.open({ name, model: "/tests/data/tiny-bert/", device: "cpu" });
  globalThis.burrow = await open();
  await burrow.enqueue(Array.from({ length: count }, (_, at) => ({ url: `u${at}`, text: `Page ${at} is about rivers and stones.` })));
  while ((await burrow.status()).queue.waiting > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  const asked = (request) => new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  /** Calls back with an object store of the index's database, as something from outside would write to it. */
  globalThis.inStore = async (space, work) => {
    const names = (await indexedDB.databases()).map((database) => database.name);
    const database = await asked(indexedDB.open(names.find((found) => found.endsWith(name))));
    try {
      return await work(database.transaction(space, "readwrite").objectStore(space), asked);
    } finally {
      database.close();
    }
  };
}

test("damage in the database is named, mended, and what is lost can be added again", async () => {
  const { page, context, errors } = await openPage(browser, server.url);
  await page.evaluate(prepare, ["upkeep", 12]);
  const result = await page.evaluate(async () => {
    const before = await burrow.verify();
    await burrow.close();
    // The text of one page is gone, and the INT8 codes of another.
    await inStore("pages", async (store, asked) => asked(store.delete((await asked(store.getAllKeys()))[3])));
    await inStore("codes", async (store, asked) => asked(store.delete((await asked(store.getAllKeys()))[7])));
    globalThis.burrow = await open();
    const named = await burrow.verify();
    const repaired = await burrow.repair();
    const after = await burrow.verify();
    const { hits } = await burrow.search("rivers", { limit: 20, mode: "semantic" });
    for (const url of repaired.lost) await burrow.add({ url, text: `Page ${url.slice(1)} is about rivers and stones.` });
    const pages = (await burrow.pages()).length;
    const last = await burrow.verify();
    await burrow.close();
    return { before, named: named.map(({ url }) => url), repaired, after, hits: hits.length, pages, last };
  });
  assert.deepEqual([result.before, result.after, result.last], [[], [], []]);
  assert.deepEqual(result.named, ["u3", "u7"]);
  assert.deepEqual(result.repaired.lost.sort(), ["u3", "u7"]);
  assert.deepEqual([result.hits, result.pages, errors], [10, 12, []]);
  await context.close();
});

test("queries are answered while the index is verified, and a verification can be ended", async () => {
  const { page, context, errors } = await openPage(browser, server.url);
  await page.evaluate(prepare, ["verified", 100]);
  const result = await page.evaluate(async () => {
    const order = [];
    const verified = burrow.verify().then((problems) => { order.push("verified"); return problems; });
    await burrow.search("rivers", { limit: 3, mode: "keyword" }).then(() => order.push("found"));
    const problems = await verified;
    const ending = new AbortController();
    const ended = burrow.verify({ signal: ending.signal }).catch(({ kind }) => kind);
    ending.abort();
    const kind = await ended;
    await burrow.close();
    return { order, problems, kind };
  });
  assert.deepEqual(result, { order: ["found", "verified"], problems: [], kind: "aborted" });
  assert.deepEqual(errors, []);
  await context.close();
});

test("an index that is used comes to have few records", async () => {
  const { page, context, errors } = await openPage(browser, server.url);
  await page.evaluate(prepare, ["tidied", 130]);
  const result = await page.evaluate(async () => {
    const count = () => inStore("bits", (store, asked) => asked(store.count()));
    // By itself, from a second after the last change on.
    const end = performance.now() + 20_000;
    while (await count() > 70 && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 100));
    const byItself = await count();
    await burrow.removeWhere({ url: { prefix: "u1" } });
    await burrow.compact();
    const { hits } = await burrow.search("rivers", { limit: 200, mode: "semantic" });
    const problems = await burrow.verify();
    const pages = (await burrow.pages()).length;
    await burrow.close();
    return { byItself, hits: hits.length, pages, problems };
  });
  assert.ok(result.byItself <= 70, `${result.byItself} records for 130 pages`);
  const left = Array.from({ length: 130 }, (_, at) => String(at)).filter((at) => !at.startsWith("1")).length;
  assert.deepEqual([result.hits, result.pages, result.problems, errors], [left, left, [], []]);
  await context.close();
});
