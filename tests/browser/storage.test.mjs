/** What a real browser does to what is stored: encryption, durability, a full disk, eviction, other tabs, older and newer databases. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { goTo, insecure, launch, openPage, startServer } from "./harness.mjs";

/** Words of the pages, in their address, title and text. */
const WORDS = ["marmot.example", "marmots sleep", "A title of marmots"];
const TEXTS = ["In winter the marmots sleep below the ground.", "Bread rises overnight.", "The moon has no light of its own.", "Cats dream."];

let server, browser;
/** The pages as the encoder gives them, what they were made with, and a question's vector: plain numbers. */
let encoded;
before(async () => {
  server = await startServer();
  browser = await launch();
  const { page, context } = await openPage(browser, server.url);
  encoded = await page.evaluate(encodeAll, TEXTS);
  await context.close();
});
after(async () => {
  await browser?.close();
  await server?.close();
});

/** In the page: encodes texts with a tiny model. */
async function encodeAll(texts) {
  const { default: init, ModelLoader } = await import("/pkg/wasm/encoder/encoder.js");
  await init();
  const file = async (name) => new Uint8Array(await (await fetch(`/tests/data/tiny-bert/${name}`)).arrayBuffer());
  const loader = await ModelLoader.start("tiny-bert", undefined, await file("config.json"), await file("tokenizer.json"), "cpu");
  await loader.add("model.safetensors", await file("model.safetensors"), undefined);
  const encoder = await loader.finish();
  const pages = [];
  const encode = async (url, title, text) => {
    const page = encoder.prepare(url, title, "text", new TextEncoder().encode(text));
    for (let window = 0; window < page.windows; window += 1) await page.encodeNext();
    return [...page.finish()];
  };
  for (const [at, text] of texts.entries()) pages.push(await encode(`https://marmot.example/${at}`, "A title of marmots", text));
  const large = await encode("https://marmot.example/large", "A title of marmots", "The marmots sleep and sleep. ".repeat(6000));
  return { pages, large, fingerprint: [...encoder.fingerprint()], vector: [...await encoder.embedQuery(texts[0])] };
}

/** In the page: what the bodies below call. */
async function prepare(encoded) {
  const { default: init, Index } = await import("/pkg/wasm/search/search.js");
  await init();
  const bytes = (numbers) => new Uint8Array(numbers);
  const settled = (promise) => promise.then((value) => ({ value }), (error) => ({ kind: error.kind, message: error.message ?? String(error) }));
  const open = async (name, options = {}) => {
    const index = await Index.open(name, options);
    await index.bind(bytes(encoded.fingerprint));
    return index;
  };
  const add = (index, at) => index.commit(bytes(encoded.pages[at]));
  const search = async (index) => (await index.search("marmots", new Float32Array(encoded.vector), JSON.stringify({ limit: 3, mode: "semantic" }), null)).map(({ url, excerpt }) => [url, excerpt.split("\n").at(-1)]);
  const urls = (index) => index.pages().map(({ url }) => url);
  const asked = (request) => new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
    request.onblocked = () => reject(new Error("blocked"));
  });
  /** The database's stores, and all that is in them, as the browser has it. */
  const raw = async (name) => {
    const database = await asked(indexedDB.open(`burrow-${name}`));
    const stores = {};
    for (const store of database.objectStoreNames) {
      const inside = database.transaction(store).objectStore(store);
      const keys = await asked(inside.getAllKeys());
      const values = await asked(database.transaction(store).objectStore(store).getAll());
      stores[store] = keys.map((key, at) => [key, values[at]]);
    }
    const { version } = database;
    database.close();
    return { version, stores };
  };
  /** Which of these words can be read in the raw records. */
  const readable = async (name, words) => {
    const { stores } = await raw(name);
    const text = Object.values(stores).flat().map(([, value]) => (value instanceof Uint8Array ? new TextDecoder("latin1").decode(value) : "")).join("\n");
    return words.filter((word) => text.includes(word));
  };
  const exported = async (index) => {
    const number = index.exportBegin();
    const parts = [];
    for (let part = await index.exportNext(number); part; part = await index.exportNext(number)) parts.push(part);
    return new Uint8Array(await new Blob(parts).arrayBuffer());
  };
  Object.assign(globalThis, { Index, bytes, settled, open, add, search, urls, asked, raw, readable, exported, encoded });
}

/** Runs a body with a page of its own, whose console must stay clean. */
async function onPage(body, { address = server.url } = {}) {
  const { page, context, errors } = await openPage(browser, address);
  try {
    await page.evaluate(prepare, encoded);
    await body(page, context);
    assert.deepEqual(errors, []);
  } finally {
    await context.close();
  }
}

/** Goes to the address again: all that was in memory is gone. */
async function reload(page) {
  await goTo(page, server.url);
  await page.evaluate(prepare, encoded);
}

/** Another tab that shares the storage. */
async function otherTab(context) {
  const page = await context.newPage();
  await reload(page);
  return page;
}

test("durability is what was asked for, in every transaction that writes", () => onPage(async (page) => {
  const seen = await page.evaluate(async () => {
    const { transaction } = IDBDatabase.prototype;
    const durabilities = {};
    for (const durability of [undefined, "relaxed", "strict"]) {
      const used = (durabilities[durability] = []);
      IDBDatabase.prototype.transaction = function (...given) {
        const made = transaction.apply(this, given);
        if (made.mode === "readwrite") used.push(made.durability);
        return made;
      };
      const index = await open(`durable-${durability}`, { durability });
      await add(index, 0);
      await index.remove(urls(index)[0]);
      index.close();
    }
    IDBDatabase.prototype.transaction = transaction;
    return { durabilities, other: await settled(Index.open("durable", { durability: "eager" })) };
  });
  assert.deepEqual(seen.durabilities, {
    undefined: ["relaxed", "relaxed", "relaxed"], relaxed: ["relaxed", "relaxed", "relaxed"], strict: ["strict", "strict", "strict"],
  });
  assert.equal(seen.other.kind, "input");
}));

test("a transaction that writes is ended as soon as its head is seen, and by the browser where it cannot be", () => onPage(async (page) => {
  const seen = await page.evaluate(async () => {
    const { commit } = IDBTransaction.prototype;
    const index = await open("ended");
    let ended = 0;
    IDBTransaction.prototype.commit = function () {
      ended += 1;
      return commit.call(this);
    };
    await add(index, 0);
    delete IDBTransaction.prototype.commit;
    await add(index, 1);
    IDBTransaction.prototype.commit = () => { throw new DOMException("not now", "InvalidStateError"); };
    await add(index, 2);
    IDBTransaction.prototype.commit = commit;
    index.close();
    const again = await open("ended");
    return { ended, urls: urls(again), reasons: again.status().reasons };
  });
  assert.deepEqual(seen, { ended: 1, urls: [0, 1, 2].map((at) => `https://marmot.example/${at}`), reasons: [] });
}));

test("of two writers at once the later begins anew: what it has asked for by then is taken back", () => onPage(async (page) => {
  const seen = await page.evaluate(async () => {
    const [one, other] = [await open("race"), await open("race")];
    const commit = (index, ...pages) => index.commitAll(pages.map((at) => bytes(encoded.pages[at])));
    // Neither knows of the other: both give their first page the same number.
    await Promise.all([commit(one, 0), commit(other, 1, 2, 3)]);
    await other.follow();
    await one.follow();
    const { stores } = await raw("race");
    const third = await open("race");
    return {
      urls: [one, other, third].map((index) => urls(index).sort()), reasons: third.status().reasons,
      records: ["pages", "codes", "sentences", "terms", "bits", "directory"].map((store) => stores[store].length),
    };
  });
  const all = encoded.pages.map((_, at) => `https://marmot.example/${at}`);
  assert.deepEqual(seen, { urls: [all, all, all], reasons: [], records: [4, 4, 4, 4, 2, 2] });
}));

test("an index is written in plain text, unless it is encrypted: then nothing of it can be read in the raw records", () => onPage(async (page) => {
  const seen = await page.evaluate(async (words) => {
    const found = {};
    const key = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
    for (const [name, encryption] of [["plain", undefined], ["bytes", new Uint8Array(32).fill(5)], ["cryptokey", key], ["device", "device"]]) {
      const index = await open(name, { encryption });
      for (const at of [0, 1, 2]) await add(index, at);
      found[name] = { readable: await readable(name, words), encrypted: index.status().encrypted, hit: (await search(index))[0] };
      index.close();
    }
    return found;
  }, WORDS);
  const hit = ["https://marmot.example/0", TEXTS[0]];
  assert.deepEqual(seen.plain, { readable: WORDS, encrypted: false, hit });
  for (const name of ["bytes", "cryptokey", "device"]) assert.deepEqual(seen[name], { readable: [], encrypted: true, hit });
}));

test("only the right key opens an encrypted index, and nothing is lost by trying others", () => onPage(async (page) => {
  const seen = await page.evaluate(async () => {
    const key = new Uint8Array(32).fill(5);
    const index = await open("secret", { encryption: key });
    await add(index, 0);
    index.close();
    const before = JSON.stringify((await raw("secret")).stores.directory.map(([, value]) => [...value]));
    const aes128 = await crypto.subtle.generateKey({ name: "AES-GCM", length: 128 }, false, ["encrypt", "decrypt"]);
    const tries = {};
    for (const [what, options] of Object.entries({
      none: {}, noneCleared: { clear: true }, other: { encryption: new Uint8Array(32) }, otherCleared: { encryption: new Uint8Array(32), clear: true },
      device: { encryption: "device" }, short: { encryption: new Uint8Array(16) }, aes128: { encryption: aes128 }, word: { encryption: "secret" },
    })) tries[what] = await settled(Index.open("secret", options).then(() => "open"));
    const isSame = before === JSON.stringify((await raw("secret")).stores.directory.map(([, value]) => [...value]));
    const again = await open("secret", { encryption: key });
    const plain = await open("plain");
    await add(plain, 0);
    plain.close();
    return { tries, isSame, pages: urls(again), hit: (await search(again))[0], plain: await settled(Index.open("plain", { encryption: key })) };
  });
  const kinds = Object.fromEntries(Object.entries(seen.tries).map(([what, { kind }]) => [what, kind]));
  assert.deepEqual(kinds, {
    none: "locked", noneCleared: "locked", other: "locked", otherCleared: "locked", device: "locked", short: "input", aes128: "input", word: "input",
  });
  assert.match(seen.tries.none.message, /is encrypted: open it with the key/);
  assert.match(seen.tries.other.message, /encrypted with another key/);
  assert.ok(seen.isSame);
  assert.deepEqual([seen.pages, seen.hit], [["https://marmot.example/0"], ["https://marmot.example/0", TEXTS[0]]]);
  assert.equal(seen.plain.kind, "input");
  assert.match(seen.plain.message, /is not encrypted and a key was given/);
}));

test("this device's key survives a reload, cannot be read, and goes with the index", () => onPage(async (page) => {
  await page.evaluate(async () => {
    const index = await open("device", { encryption: "device" });
    await add(index, 0);
  });
  await reload(page);
  const seen = await page.evaluate(async () => {
    const index = await open("device", { encryption: "device" });
    await add(index, 1);
    const [[, key]] = (await raw("device")).stores.keys;
    const read = await settled(crypto.subtle.exportKey("raw", key));
    const found = { pages: urls(index), hit: (await search(index))[0], extractable: key.extractable, isRead: "value" in read };
    index.close();
    await Index.delete("device");
    const anew = await open("device", { encryption: "device" });
    const [[, other]] = (await raw("device")).stores.keys;
    const box = await crypto.subtle.encrypt({ name: "AES-GCM", iv: new Uint8Array(12) }, key, new Uint8Array(3));
    const isOther = "kind" in await settled(crypto.subtle.decrypt({ name: "AES-GCM", iv: new Uint8Array(12) }, other, box));
    return { ...found, after: urls(anew), isOther };
  });
  assert.deepEqual(seen, {
    pages: ["https://marmot.example/0", "https://marmot.example/1"], hit: ["https://marmot.example/0", TEXTS[0]],
    extractable: false, isRead: false, after: [], isOther: true,
  });
}));

test("two tabs that begin with this device's key at once share it", () => onPage(async (page, context) => {
  const other = await otherTab(context);
  const begin = (at) => async (tab) => tab.evaluate(async (at) => {
    globalThis.index = await open("shared", { encryption: "device" });
    return (await add(index, at)).outcome;
  }, at);
  assert.deepEqual(await Promise.all([begin(0)(page), begin(1)(other)]), ["added", "added"]);
  const pages = await page.evaluate(async () => urls(await open("shared", { encryption: "device" })));
  assert.equal(pages.length, 2);
}));

test("without HTTPS there is no encryption, and the error says so", async () => {
  const { page, context } = await openPage(browser, insecure(server.url));
  try {
    await page.evaluate(prepare, encoded);
    const seen = await page.evaluate(() => settled(Index.open("insecure", { encryption: "device" })));
    assert.equal(seen.kind, "locked");
    assert.match(seen.message, /HTTPS/);
  } finally {
    await context.close();
  }
});

for (const encryption of [undefined, "device"]) {
  test(`a full disk${encryption ? ", encrypted" : ""}: the page is refused, the others stay, and there is room again later`, () => onPage(async (page, context) => {
    const devtools = await context.newCDPSession(page);
    const { origin } = new URL(server.url);
    // Before anything is written: the browser remembers for a while how much room there was.
    await devtools.send("Storage.overrideQuotaForOrigin", { origin, quotaSize: 100_000 });
    await page.evaluate(async (encryption) => {
      globalThis.index = await open("full", { encryption });
      await add(index, 0);
    }, encryption);
    const full = await page.evaluate(async () => {
      const large = await settled(index.commit(bytes(encoded.large)));
      return { large, pages: urls(index), hit: (await search(index))[0], problems: index.status().reasons };
    });
    assert.equal(full.large.kind, "storage-full", full.large.message);
    assert.deepEqual([full.pages, full.hit, full.problems], [["https://marmot.example/0"], ["https://marmot.example/0", TEXTS[0]], []]);
    await devtools.send("Storage.overrideQuotaForOrigin", { origin });
    const later = await page.evaluate(async (encryption) => {
      const { outcome } = await index.commit(bytes(encoded.large));
      index.close();
      return { outcome, pages: urls(await open("full", { encryption })) };
    }, encryption);
    assert.deepEqual(later, { outcome: "added", pages: ["https://marmot.example/0", "https://marmot.example/large"] });
  }));
}

test("the browser clears the storage away while the index is open: the error says so, and opening again works", () => onPage(async (page, context) => {
  const devtools = await context.newCDPSession(page);
  await page.evaluate(async () => {
    globalThis.index = await open("evicted");
    await add(index, 0);
  });
  await devtools.send("Storage.clearDataForOrigin", { origin: new URL(server.url).origin, storageTypes: "indexeddb" });
  const seen = await page.evaluate(async () => {
    const failed = [await settled(add(index, 1)), await settled(search(index))];
    const again = await open("evicted");
    const pages = urls(again);
    return { failed, pages, outcome: (await add(again, 1)).outcome, after: urls(again) };
  });
  for (const { kind, message } of seen.failed) {
    assert.equal(kind, "storage", message);
    assert.match(message, /open it again|reload this page/);
  }
  assert.deepEqual([seen.pages, seen.outcome, seen.after], [[], "added", ["https://marmot.example/1"]]);
}));

test("another tab deletes or upgrades the database: this one lets go and says so", () => onPage(async (page, context) => {
  const other = await otherTab(context);
  for (const change of ["delete", "upgrade"]) {
    await page.evaluate(async () => {
      globalThis.index = await open("changed");
      await add(index, 0);
    });
    const done = await other.evaluate((change) => settled(change === "delete"
      ? Index.delete("changed")
      : asked(indexedDB.open("burrow-changed", 1000)).then((database) => database.close())), change);
    assert.ok(!("kind" in done), done.message);
    const [added, searched] = await page.evaluate(async () => [await settled(add(index, 1)), await settled(search(index))]);
    for (const { kind, message } of [added, searched]) {
      assert.equal(kind, "storage", message);
      assert.match(message, /another tab has upgraded or deleted the database: reload this page/);
    }
  }
  const newer = await page.evaluate(() => settled(Index.open("changed", {})));
  assert.equal(newer.kind, "fingerprint");
  assert.match(newer.message, /a newer version of this site made the database/);
}));

/** In the page: makes the database of version 1, with its six stores and the records that an index has in them. */
async function makeVersion1(name) {
  const index = await open("source");
  for (const at of [0, 1, 2]) await add(index, at);
  index.close();
  const { stores } = await raw("source");
  const six = ["meta", "directory", "bits", "codes", "sentences", "pages"];
  const request = indexedDB.open(`burrow-${name}`, 1);
  request.onupgradeneeded = () => six.forEach((store) => request.result.createObjectStore(store));
  const database = await asked(request);
  const transaction = database.transaction(six, "readwrite");
  for (const store of six) for (const [key, value] of stores[store]) transaction.objectStore(store).put(value, key);
  await new Promise((resolve, reject) => Object.assign(transaction, { oncomplete: resolve, onabort: reject }));
  return database;
}

test("a database of version 1 is taken along with all its pages", () => onPage(async (page) => {
  const seen = await page.evaluate(async (make) => {
    const database = await (0, eval)(`(${make})`)("old");
    const { version } = database;
    database.close();
    const index = await open("old");
    const found = { version, pages: urls(index), hit: (await search(index))[0], reasons: index.status().reasons };
    found.outcome = (await add(index, 3)).outcome;
    index.close();
    const { version: now, stores } = await raw("old");
    return { ...found, now, stores: Object.keys(stores).sort() };
  }, makeVersion1.toString());
  assert.deepEqual([seen.version, seen.now], [1, 2]);
  assert.deepEqual(seen.pages, [0, 1, 2].map((at) => `https://marmot.example/${at}`));
  assert.deepEqual([seen.hit, seen.reasons, seen.outcome], [["https://marmot.example/0", TEXTS[0]], [], "added"]);
  assert.deepEqual(seen.stores, ["bits", "codes", "directory", "gone", "keys", "meta", "pages", "queue", "sentences", "terms"]);
}));

test("another tab keeps the older version open: the index is in memory, says why, and opens as soon as the tab lets go", () => onPage(async (page, context) => {
  const other = await otherTab(context);
  await other.evaluate(async (make) => {
    globalThis.database = await (0, eval)(`(${make})`)("blocked");
  }, makeVersion1.toString());
  const blocked = await page.evaluate(async () => {
    const index = await open("blocked");
    const { storage, reasons } = index.status();
    index.close();
    return { storage, reasons };
  });
  assert.equal(blocked.storage, "memory");
  assert.match(blocked.reasons.join(), /another tab holds an older version of it open: close that tab and reload this page/);
  await other.close();
  const seen = await page.evaluate(async () => {
    const index = await open("blocked");
    return { storage: index.status().storage, pages: urls(index).length };
  });
  assert.deepEqual(seen, { storage: "indexeddb", pages: 3 });
}));

test("an exported index, imported under another name and key, gives the same bytes and the same hits", () => onPage(async (page) => {
  const seen = await page.evaluate(async () => {
    const from = await open("from");
    for (const at of [2, 0, 3, 1]) await add(from, at);
    await from.commit(bytes(encoded.large));
    await from.remove(urls(from)[2]);
    const file = await exported(from);
    const into = await open("into", { encryption: "device" });
    const number = into.importBegin();
    const steps = [];
    for (let at = 0; at < file.length; at += 999) steps.push((await into.importPush(number, file.subarray(at, at + 999))).pages);
    const result = into.importEnd(number);
    const again = await exported(into);
    const cut = into.importBegin();
    await into.importPush(cut, file.subarray(0, -1));
    const ended = await settled((async () => into.importEnd(cut))());
    const gone = await settled(into.importPush(cut, file));
    const same = file.length === again.length && file.every((byte, at) => byte === again[at]);
    return { same, size: file.length, result, last: steps.at(-1), hits: [await search(from), await search(into)], ended, gone };
  });
  assert.ok(seen.same && seen.size > 10_000, `${seen.size} bytes`);
  assert.deepEqual(seen.result, { pages: 4, pagesTotal: 4, added: 4, replaced: 0, unchanged: 0 });
  assert.equal(seen.last, 4);
  assert.deepEqual(seen.hits[0], seen.hits[1]);
  assert.equal(seen.ended.kind, "corrupt");
  assert.match(seen.ended.message, /cut off; 4 of 4 pages were taken in and stay/);
  assert.equal(seen.gone.kind, "input");
}));

test("through the package: an encrypted index is exported as a stream and imported from it, with progress; a cut file is an error", () => onPage(async (page) => {
  const seen = await page.evaluate(async (texts) => {
    const model = "/tests/data/tiny-bert";
    const key = new Uint8Array(32).fill(9);
    const from = await Burrow.open({ name: "a", model, device: "cpu", durability: "strict", encryption: { key } });
    for (const [at, text] of texts.entries()) await from.add({ url: `https://marmot.example/${at}`, text });
    const file = await new Response(await from.export()).blob();
    await from.close();
    const locked = [await outcome(Burrow.open({ name: "a", model })), await outcome(Burrow.open({ name: "a", model, encryption: "device" }))];
    const into = await Burrow.open({ name: "b", model, device: "cpu" });
    const steps = [];
    const cut = await outcome(into.import(file.slice(0, file.size - 50)));
    const result = await into.import(file.stream(), { onProgress: ({ pages, pagesTotal }) => steps.push([pages, pagesTotal]) });
    const again = await new Response(await into.export()).arrayBuffer();
    const same = isSame(await file.arrayBuffer(), again);
    const hit = (await into.search(texts[1])).hits[0].url;
    const aborted = await outcome(into.import(file, { signal: AbortSignal.abort() }));
    const words = await outcome(into.import(new Blob(["These are only words, and no index."])));
    const cancelled = await into.export();
    await cancelled.cancel();
    const { encrypted } = await into.status();
    await into.close();
    return { locked, cut, result, steps, same, hit, aborted, words, encrypted };

    function isSame(a, b) {
      const [x, y] = [new Uint8Array(a), new Uint8Array(b)];
      return x.length === y.length && x.every((byte, at) => byte === y[at]);
    }
  }, TEXTS);
  assert.deepEqual(seen.locked.map(({ kind, isBurrowError }) => [kind, isBurrowError]), [["locked", true], ["locked", true]]);
  assert.equal(seen.cut.kind, "corrupt");
  assert.match(seen.cut.message, /4 of 4 pages were taken in and stay/);
  assert.deepEqual(seen.result, { pages: 4, pagesTotal: 4, added: 0, replaced: 0, unchanged: 4 });
  assert.deepEqual(seen.steps.at(-1), [4, 4]);
  assert.ok(seen.same);
  assert.deepEqual([seen.hit, seen.aborted.kind, seen.words.kind, seen.encrypted], ["https://marmot.example/1", "aborted", "input", false]);
}));
