/** A browser that loses databases, and tabs that crash: what was lost is told, and one page does not stop all others. */
import assert from "node:assert/strict";
import { appendFile, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { hasTornEnd } from "../kill/leveldb.mjs";
import { changeModule, goTo, launchKept, startServer } from "./harness.mjs";

const MODEL = "/tests/data/tiny-bert/";
/** Where Chromium keeps the databases in a profile. */
const DATABASES = "Default/IndexedDB";

let server;
before(async () => { server = await startServer(); });
after(() => server?.close());
beforeEach(() => server.overlays.clear());

/** Runs a body with a profile. `visit` opens the index in a browser of its own, runs its body, and closes the browser. */
async function withProfile(body) {
  const profile = await mkdtemp(join(tmpdir(), "burrow-lost-"));
  const visit = async (body) => {
    const context = await launchKept(profile);
    try {
      return await body(await tabIn(context), context);
    } finally {
      await context.close();
    }
  };
  try {
    await body(visit, profile);
  } finally {
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** A tab with the index open as `burrow`. */
async function tabIn(context) {
  const page = await context.newPage();
  await goTo(page, server.url);
  await page.evaluate(async (model) => {
    globalThis.open = () => Burrow.open({ name: "test", model, device: "cpu" });
    globalThis.add = (from, to) => Promise.all(Array.from({ length: to - from }, (_, at) => (
      burrow.add({ url: `u${from + at}`, text: `Page ${from + at} is about rivers.` }))));
    /** What is noted outside of the database. */
    globalThis.noted = async () => (await (await caches.open("burrow-indexes")).match("https://burrow.invalid/test"))?.json();
    globalThis.until = async (holds) => { while (!await holds()) await new Promise((resolve) => setTimeout(resolve, 20)); };
    globalThis.atRest = () => until(async () => (await noted())?.isWriting === false);
    globalThis.burrow = await open();
  }, MODEL);
  return page;
}

const statusOf = (page) => page.evaluate(async () => {
  const { pages, lost, reasons } = await burrow.status();
  return { pages, lost, told: reasons.filter((reason) => reason.includes("has lost pages of this index")).length };
});
const NOTHING_LOST = { lost: 0, told: 0 };

/** Ends the log of the databases with a record of which only the beginning came, as a kill in the midst of a write does. */
async function tear(profile, bytes) {
  const folder = join(profile, DATABASES);
  const logs = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith(".log")).sort();
  assert.equal(logs.length, 1);
  const log = join(folder, logs[0]);
  assert.equal(hasTornEnd(await readFile(log)), false);
  const record = Buffer.alloc(100, 7);
  record.writeUInt16LE(bytes, 4);
  record[6] = 1;
  await appendFile(log, record);
  assert.equal(hasTornEnd(await readFile(log)), true);
}

test("Chromium deletes a database that it finds damaged: the status tells how much is lost, until it is there again", () => withProfile(async (visit, profile) => {
  await visit((page) => page.evaluate(async () => {
    await add(0, 5);
    await atRest();
  }));
  await tear(profile, 200);
  // It reads up to the torn record, and writes on behind it.
  assert.deepEqual(await visit(async (page) => {
    await page.evaluate(() => add(5, 6));
    return statusOf(page);
  }), { pages: 6, ...NOTHING_LOST });
  await visit(async (page, context) => {
    assert.deepEqual(await statusOf(page), { pages: 0, lost: 5, told: 1 });
    assert.deepEqual(await statusOf(await tabIn(context)), { pages: 0, lost: 5, told: 1 }, "another tab says so, too");
    await page.evaluate(() => add(0, 3));
  });
  await visit(async (page) => {
    assert.deepEqual(await statusOf(page), { pages: 3, lost: 5, told: 1 }, "as long as it is not all there");
    await page.evaluate(() => add(3, 5));
    assert.deepEqual(await statusOf(page), { pages: 5, ...NOTHING_LOST });
    await page.evaluate(() => until(async () => (await noted()).lost === 0));
    await page.evaluate(() => burrow.remove("u0"));
    assert.deepEqual(await statusOf(page), { pages: 4, ...NOTHING_LOST });
  });
}));

test("Chromium loses the last pages without a word: the status tells of them", () => withProfile(async (visit, profile) => {
  await visit((page) => page.evaluate(async () => {
    await add(0, 5);
    await atRest();
  }));
  // What is written behind such a record is taken for its end, and passed over.
  await tear(profile, 30_000);
  await visit((page) => page.evaluate(async () => {
    await add(5, 6);
    await until(async () => (await noted()).pages === 6);
    await atRest();
  }));
  assert.deepEqual(await visit(statusOf), { pages: 5, lost: 6, told: 1 });
}));

test("after a writer that was interrupted the database begins a new log, and Chromium finds nothing damaged", () => withProfile(async (visit, profile) => {
  await visit((page) => page.evaluate(async () => {
    await add(0, 5);
    await until(async () => (await noted())?.isWriting);
  }));
  await tear(profile, 200);
  await visit((page) => page.evaluate(async () => {
    await atRest();
    await add(5, 6);
  }));
  assert.deepEqual(await visit(statusOf), { pages: 6, ...NOTHING_LOST });
  const names = await visit((page) => page.evaluate(async () => {
    await atRest();
    return (await indexedDB.databases()).map(({ name }) => name);
  }));
  assert.deepEqual(names, ["burrow-test"]);
}));

for (const [what, storageTypes] of [
  ["the databases alone", "indexeddb"], ["all that it clears when room gets scarce", "indexeddb,cache_storage,file_systems,service_workers"],
]) {
  test(`the browser clears away ${what}: that is told, and ends with clear and repair`, () => withProfile(async (visit) => {
    for (const end of ["clear", "repair"]) {
      await visit(async (page, context) => {
        await page.evaluate(async () => {
          await add(0, 4);
          await atRest();
          await burrow.close();
        });
        const devtools = await context.newCDPSession(page);
        await devtools.send("Storage.clearDataForOrigin", { origin: new URL(server.url).origin, storageTypes });
        await page.evaluate(async () => { globalThis.burrow = await open(); });
        assert.deepEqual(await statusOf(page), { pages: 0, lost: 4, told: 1 });
        const other = await tabIn(context);
        await page.evaluate((end) => burrow[end](), end);
        for (const tab of [page, other]) assert.deepEqual(await statusOf(tab), { pages: 0, ...NOTHING_LOST });
        await page.evaluate(() => burrow.close());
        await other.evaluate(() => burrow.close());
        await page.evaluate(async () => { globalThis.burrow = await open(); });
        assert.deepEqual(await statusOf(page), { pages: 0, ...NOTHING_LOST });
      });
    }
  }));
}

test("what the reader has removed or deleted is not lost", () => withProfile((visit) => visit(async (page) => {
  await page.evaluate(async () => {
    await add(0, 4);
    await atRest();
    for (const { url } of await burrow.pages()) await burrow.remove(url);
    await burrow.close();
    globalThis.burrow = await open();
  });
  assert.deepEqual(await statusOf(page), { pages: 0, ...NOTHING_LOST });
  await page.evaluate(async () => {
    await add(0, 4);
    await atRest();
    await burrow.close();
    await Burrow.delete("test");
    globalThis.burrow = await open();
  });
  assert.deepEqual(await statusOf(page), { pages: 0, ...NOTHING_LOST });
})));

/** Put behind the encoder's script: the page `endless` is encoded for ever. */
const ENDLESS = `
const { prepare } = Encoder.prototype;
Encoder.prototype.prepare = function (url, ...rest) {
  if (url === "endless") return { windows: 1, encodeNext: () => new Promise(() => {}), finish() {}, free() {} };
  return prepare.call(this, url, ...rest);
};`;

test("a page in the midst of which tabs crash is put aside after the third; a tab that is only left does not count", () => withProfile(async (visit) => {
  await changeModule(server, "cpu/cpu.js", "Encoder", ENDLESS);
  const begun = (page, times) => page.evaluate((times) => (
    until(() => localStorage.getItem("burrow-tries:test") === JSON.stringify([["endless", times]]))), times);
  await visit(async (page, context) => {
    await page.evaluate(() => burrow.enqueue([{ url: "endless", text: "For ever." }, { url: "next", text: "About rivers." }]));
    for (let left = 0; left < 4; left += 1) {
      await begun(page, 1);
      await page.goto("about:blank");
      await page.close();
      page = await tabIn(context);
    }
    for (let crashes = 0; crashes < 3; crashes += 1) {
      await begun(page, crashes + 1);
      assert.deepEqual(await page.evaluate(() => burrow.queue.failures()), []);
      const devtools = await context.newCDPSession(page);
      const crashed = page.waitForEvent("crash");
      devtools.send("Page.crash").catch(() => {});
      await crashed;
      page = await tabIn(context);
    }
    const { failures, urls } = await page.evaluate(async () => {
      await until(async () => (await burrow.status()).queue.waiting === 0);
      return { failures: await burrow.queue.failures(), urls: (await burrow.pages()).map(({ url }) => url) };
    });
    assert.deepEqual([urls, failures.map(({ url, kind }) => [url, kind])], [["next"], [["endless", "worker"]]]);
    assert.match(failures[0].message, /^3 times .* crashed while endless was encoded/);
  });
}));
