/** The npm package in a real browser: what it promises its caller, with the real model and without. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, beforeEach, test } from "node:test";
import { join } from "node:path";
import { changeModule, goTo, insecure, launch, MODEL, ROOT, startServer, withPage } from "./harness.mjs";

const PAGES = [
  { url: "https://example.org/light", title: "Plants", html: "<html><head><meta charset='iso-8859-1'></head><body><main><h1>Photosynthesis</h1>"
    + "<p>Green leaves catch sunlight with chlorophyll and turn water and carbon dioxide into sugar – and oxygen.</p></main></body></html>" },
  { url: "https://example.org/bread", markdown: "# Sourdough\n\nWild yeast and lactic bacteria make the dough rise overnight, and give the loaf its tang." },
  { url: "https://example.org/tides", title: "Tides", text: "The moon pulls the oceans towards itself. Twice a day the water comes up the beach and goes down again." },
];
const QUESTION = "how do trees eat light?";

let server, browser;
before(async () => {
  server = await startServer();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await server?.close();
});
beforeEach(() => {
  for (const kept of [server.faults, server.overlays]) kept.clear();
  server.requests.length = 0;
});

/** A test that needs the real model; without it, it says so. */
function withModel(name, body) {
  test(name, { skip: MODEL ? false : "skipped: BURROW_MODEL names no folder with a model" }, body);
}

const onPage = (body, { on = browser, ...options } = {}) => withPage(on, server.url, body, options);

/** Opens the index on the page as `globalThis.burrow`, and waits for the encoder or its failure. */
function open(page, options = {}) {
  return page.evaluate(async (options) => {
    globalThis.steps = [];
    globalThis.burrow = await Burrow.open({
      name: "test", model: "/model", device: "cpu", onProgress: (step) => steps.push(step), ...options,
    });
    const opened = await burrow.status();
    return { opened, ready: await outcome(burrow.ready) };
  }, options);
}

withModel("pages in, an answer out; after a reload the index answers without download or encoding", () => onPage(async (page) => {
  const { opened, ready } = await open(page);
  assert.deepEqual([opened.encoder, opened.device, opened.pages, opened.storage], ["loading", "none", 0, "indexeddb"]);
  assert.deepEqual([ready.value.encoder, ready.value.device, ready.value.precision, ready.value.reasons], ["ready", "cpu", "f32", []]);
  const added = await page.evaluate((pages) => Promise.all(pages.map((one) => burrow.add(one))), PAGES);
  assert.deepEqual(added.map(({ url, outcome, passages }) => [url, outcome, passages > 0]), PAGES.map(({ url }) => [url, "added", true]));

  const { hits, status, timing } = await page.evaluate((question) => burrow.search(question), QUESTION);
  assert.deepEqual([hits.length, hits[0].url, hits[0].title], [3, PAGES[0].url, "Plants"]);
  const [mark] = hits[0].marks;
  assert.equal(hits[0].excerpt.slice(mark.start, mark.end),
    "Green leaves catch sunlight with chlorophyll and turn water and carbon dioxide into sugar – and oxygen.");
  assert.deepEqual([status.pages, status.waiting], [3, 0]);
  assert.ok(timing.encodeMs > 0 && timing.searchMs > 0);
  await checkSteps(page);

  server.requests.length = 0;
  await goTo(page, server.url);
  const again = await open(page);
  assert.equal(again.opened.pages, 3);
  assert.deepEqual(server.requests.filter((path) => path.startsWith("/model/")), ["/model/burrow.json"]);
  assert.deepEqual((await page.evaluate((question) => burrow.search(question), QUESTION)).hits, hits);
  assert.equal(await page.evaluate(() => steps.some(({ stage }) => stage === "index")), false);
  await page.evaluate(() => burrow.close());
  assert.deepEqual(await page.evaluate(() => Burrow.delete("test").then(() => indexedDB.databases())), []);
}));

/** Every stage was told of, the bytes of the weights and the windows of every page. */
async function checkSteps(page) {
  const steps = await page.evaluate(() => steps);
  const loaded = steps.filter(({ stage }) => stage === "load").map(({ what }) => what);
  assert.deepEqual(loaded, ["storage", "device", "weights"]);
  const weights = steps.filter(({ file }) => file === "model.safetensors");
  assert.ok(weights.length > 1 && weights.at(-1).bytes === weights.at(-1).bytesTotal);
  assert.equal(steps.filter(({ stage }) => stage === "ready").length, 1);
  for (const { url } of PAGES) {
    const windows = steps.filter((step) => step.stage === "index" && step.url === url);
    assert.deepEqual([windows[0].windows, windows.at(-1).windows], [0, windows.at(-1).windowsTotal]);
  }
}

withModel("unchanged pages cost nothing, not even the encoder; changed ones replace", () => onPage(async (page) => {
  await open(page);
  await page.evaluate((pages) => Promise.all(pages.map((one) => burrow.add(one))), PAGES);
  await page.evaluate(() => burrow.close());
  // The weights never come: whatever needs the encoder waits for ever.
  server.faults.set("/model/burrow.json", "stalled");
  const outcomes = await page.evaluate(async (pages) => {
    globalThis.burrow = await Burrow.open({ name: "test", model: "/model", device: "cpu" });
    const unchanged = await Promise.all(pages.map((one) => burrow.add(one)));
    const signal = AbortSignal.timeout(200);
    return { unchanged, changed: await outcome(burrow.add({ ...pages[0], title: "Trees" }, { signal })), status: await burrow.status() };
  }, PAGES);
  assert.deepEqual(outcomes.unchanged.map(({ outcome }) => outcome), ["unchanged", "unchanged", "unchanged"]);
  assert.equal(outcomes.changed.kind, "aborted");
  assert.equal(outcomes.status.encoder, "loading");
  await page.evaluate(() => burrow.close());

  server.faults.clear();
  await open(page);
  const replaced = await page.evaluate((one) => burrow.add({ ...one, title: "Trees" }), PAGES[0]);
  assert.equal(replaced.outcome, "replaced");
  const pages = await page.evaluate(() => burrow.pages());
  assert.deepEqual(pages.map(({ title }) => title).sort(), ["Sourdough", "Tides", "Trees"]);
  await page.evaluate(() => burrow.close());
}));

withModel("calls of all kinds at once each settle, and pages of one address keep their order", () => onPage(async (page) => {
  await open(page);
  const settled = await page.evaluate(async ([pages, question]) => {
    const calls = [];
    for (let round = 0; round < 4; round++) {
      for (const one of pages) calls.push(burrow.add({ ...one, title: `Round ${round}` }));
      calls.push(burrow.search(question), burrow.pages(), burrow.status(), burrow.search(question, { limit: 1 }), burrow.remove("nowhere"));
    }
    const outcomes = await Promise.all(calls.map(outcome));
    return { failed: outcomes.filter(({ kind }) => kind), count: outcomes.length, pages: await burrow.pages() };
  }, [PAGES, QUESTION]);
  assert.deepEqual([settled.count, settled.failed], [32, []]);
  assert.deepEqual(settled.pages.map(({ title }) => title), ["Round 3", "Round 3", "Round 3"]);
  await page.evaluate(() => burrow.close());
}));

withModel("a query goes before the pages that wait; removing and clearing end them", () => onPage(async (page) => {
  await open(page);
  const seen = await page.evaluate(async ([pages, question]) => {
    const order = [];
    const long = Array.from({ length: 12 }, (_, at) => `Paragraph ${at}. ${pages[2].text.repeat(12)}`).join("\n\n");
    const adds = [1, 2, 3, 4].map((at) => outcome(burrow.add({ url: `u${at}`, text: `${at} ${long}` })).then((it) => { order.push(`u${at}`); return it; }));
    await burrow.search(question).then(() => order.push("query"));
    const waiting = (await burrow.status()).waiting;
    await burrow.remove("u3");
    await adds[2];
    await burrow.clear();
    const kinds = (await Promise.all(adds)).map(({ kind }) => kind ?? "done");
    const after = await outcome(burrow.add(pages[0]));
    return { order, waiting, kinds, after, pages: (await burrow.pages()).map(({ url }) => url) };
  }, [PAGES, QUESTION]);
  assert.equal(seen.order[0], "query");
  assert.ok(seen.waiting >= 3, `${seen.waiting} pages waited`);
  assert.equal(seen.kinds[2], "aborted");
  assert.equal(seen.kinds[3], "aborted");
  assert.equal(seen.after.value.outcome, "added");
  assert.deepEqual(seen.pages, [PAGES[0].url]);
  await page.evaluate(() => burrow.close());
}));

withModel("signals end an opening, an add and a search; close ends the rest", () => onPage(async (page) => {
  await open(page);
  const seen = await page.evaluate(async ([pages, question]) => {
    const aborted = AbortSignal.abort();
    const opening = new AbortController();
    const opened = outcome(Burrow.open({ name: "other", model: "/model", signal: opening.signal }));
    opening.abort();
    const results = {
      before: [await outcome(burrow.search(question, { signal: aborted })), await outcome(burrow.add(pages[0], { signal: aborted })), await opened],
    };
    const during = new AbortController();
    const search = outcome(burrow.search(question, { signal: during.signal }));
    const add = outcome(burrow.add({ ...pages[0], text: undefined }, { signal: during.signal }));
    during.abort();
    results.during = [await search, await add];
    const pending = [burrow.search(question), burrow.add(pages[1]), burrow.pages()].map(outcome);
    const [closed, again] = [burrow.close(), burrow.close()];
    results.pending = await Promise.all(pending);
    await Promise.all([closed, again]);
    results.after = await Promise.all([burrow.search(question), burrow.pages(), burrow.status(), burrow.clear()].map(outcome));
    const lifetime = new AbortController();
    const short = await Burrow.open({ name: "short", model: "/model", signal: lifetime.signal });
    lifetime.abort();
    results.lifetime = [await outcome(short.pages()), await outcome(short.ready)];
    return results;
  }, [PAGES, QUESTION]);
  const kinds = Object.fromEntries(Object.entries(seen).map(([name, all]) => [name, all.map(({ kind }) => kind)]));
  assert.deepEqual(kinds, {
    before: ["aborted", "aborted", "aborted"], during: ["aborted", "aborted"], pending: ["closed", "closed", "closed"],
    after: ["closed", "closed", "closed", "closed"], lifetime: ["closed", "closed"],
  });
  assert.ok(Object.values(seen).flat().every(({ isBurrowError }) => isBurrowError));
}));

for (const [fault, kind, words] of [
  ["missing", "model", /There is no model\.safetensors in the model's folder/], ["cut", "network", /model\.safetensors was cut off/],
  ["short", "network", /model\.safetensors was cut off/], ["altered", "model", /model\.safetensors is not the file that burrow\.json describes/],
  ["html", "model", /HTML page where model\.safetensors should be/],
]) {
  withModel(`a model whose weights are ${fault}: the index opens, and everything that needs the encoder says what to do`, () =>
    onPage(async (page) => {
      server.faults.set("/model/model.safetensors", fault);
      const { opened, ready } = await open(page);
      assert.equal(opened.storage, "indexeddb");
      assert.equal(ready.kind, kind);
      assert.match(ready.message, words);
      const [search, byWords, add, pages, status] = await page.evaluate(([question, one]) => Promise.all([
        burrow.search(question, { mode: "semantic" }), burrow.search(question), burrow.add(one), burrow.pages(), burrow.status(),
      ].map(outcome)), [QUESTION, PAGES[0]]);
      assert.deepEqual([search.kind, add.kind, pages.value, status.value.encoder], [kind, kind, [], "failed"]);
      // Words need no encoder.
      assert.deepEqual([byWords.value.mode, byWords.value.hits], ["keyword", []]);
      assert.match(status.value.reasons[0], words);
      await page.evaluate(() => burrow.close());
      // The browser itself reports a broken answer on the console.
    }, { expected: /Failed to load resource/ }));
}

withModel("a browser that refuses IndexedDB: the index is in memory, and status says so", () => onPage(async (page) => {
  const worker = await (await fetch(`${server.url}pkg/dist/worker.js`)).text();
  const refusal = 'Object.defineProperty(self, "indexedDB", { get() { throw new DOMException("denied", "SecurityError"); } });\n';
  server.overlays.set("/pkg/dist/worker.js", refusal + worker);
  const { opened } = await open(page);
  assert.equal(opened.storage, "memory");
  assert.match(opened.reasons[0], /in memory until this page is closed/);
  await page.evaluate((one) => burrow.add(one), PAGES[0]);
  assert.equal((await page.evaluate((question) => burrow.search(question), QUESTION)).hits.length, 1);
  await page.evaluate(() => burrow.close());
}));

test("storage that is full: the error says so, and what was committed is still there", () => onPage(async (page) => {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Storage.overrideQuotaForOrigin", { origin: new URL(server.url).origin, quotaSize: 300_000 });
  await open(page, { model: "/tests/data/tiny-bert" });
  const seen = await page.evaluate(async ([small, other]) => {
    const first = await burrow.add(small);
    const large = await outcome(burrow.add({ url: "large", text: "word ".repeat(50_000) }));
    return { first, large, pages: await burrow.pages(), search: await burrow.search("light"), later: await outcome(burrow.add(other)) };
  }, PAGES);
  assert.equal(seen.first.outcome, "added");
  assert.equal(seen.large.kind, "storage-full", JSON.stringify(seen.large));
  assert.deepEqual([seen.pages.length, seen.search.hits.length, seen.later.value.outcome], [1, 1, "added"]);
  await page.evaluate(() => burrow.close());
}, { expected: /404/ }));

withModel("an index of another model is refused and left as it is, or cleared where that was asked for", () => onPage(async (page) => {
  await open(page);
  await page.evaluate((one) => burrow.add(one), PAGES[0]);
  await page.evaluate(() => burrow.close());

  const other = await open(page, { model: "/tests/data/tiny-bert" });
  assert.equal(other.ready.kind, "fingerprint");
  assert.match(other.ready.message, /tiny-bert/);
  const kinds = await page.evaluate(([question, one]) =>
    Promise.all([burrow.search(question, { mode: "semantic" }), burrow.add(one)].map(outcome)).then((all) => all.map(({ kind }) => kind)),
    [QUESTION, PAGES[1]]);
  assert.deepEqual(kinds, ["fingerprint", "fingerprint"]);
  // Its words are found all the same.
  const byWords = await page.evaluate((text) => burrow.search(text), "green leaves");
  assert.deepEqual([byWords.mode, byWords.hits.map(({ url }) => url)], ["keyword", [PAGES[0].url]]);
  assert.equal((await page.evaluate(() => burrow.pages())).length, 1);
  await page.evaluate(() => burrow.close());

  const cleared = await page.evaluate(async (one) => {
    globalThis.burrow = await Burrow.open({ name: "test", model: "/tests/data/tiny-bert", device: "cpu", onOtherModel: "clear" });
    // The same content, but with another model's vectors: it must be encoded anew.
    const added = await burrow.add(one);
    return { added, pages: await burrow.pages(), status: await burrow.ready };
  }, PAGES[0]);
  assert.deepEqual([cleared.added.outcome, cleared.pages.length, cleared.status.model], ["added", 1, "tiny-bert"]);
  await page.evaluate(() => burrow.close());
}, { expected: /404/ }));

withModel("the README's example runs as it stands", () => onPage(async (page) => {
  const readme = await readFile(join(ROOT, "pkg/README.md"), "utf8");
  const code = /```js\n([^]*?)```/.exec(readme)[1]
    .replace('"burrow-search"', '"/pkg/dist/index.js"').replace("/models/all-MiniLM-L6-v2/", "/model/");
  const said = page.waitForEvent("console", { predicate: (message) => message.text().startsWith("/light"), timeout: 60_000 });
  await page.addScriptTag({ type: "module", content: code });
  assert.match((await said).text(), /sunlight/);
}));

/** The names that an example gives to what it finds. */
function namesIn(code) {
  const patterns = [...code.matchAll(/^const (\{.*?\}|\w+) = /gm)].map(([, pattern]) => pattern);
  return patterns.flatMap((pattern) => [...pattern.matchAll(/(\w+)(?!\w|:)/g)].map(([name]) => name));
}

withModel("the README's examples of searching find what they say", () => onPage(async (page) => {
  await open(page);
  const section = /\n## Searching\n([^]*?)\n## /.exec(await readFile(join(ROOT, "pkg/README.md"), "utf8"))[1];
  const found = {};
  for (const [, code] of section.matchAll(/```js\n([^]*?)```/g)) {
    // Each example has its own names: what they stand for is handed out.
    Object.assign(found, await page.evaluate(`(async () => { const show = () => {}; ${code}; return { ${namesIn(code)} }; })()`));
  }
  const titles = (name) => found[name].map(({ title }) => title);
  assert.equal(found.mode, "hybrid");
  assert.deepEqual([titles("near").length, titles("near")[0]], [3, "Type errors"]);
  for (const name of ["typed", "whole", "slip", "begun", "recent"]) assert.deepEqual(titles(name), ["Type errors"], name);
  assert.deepEqual([titles("phrase"), titles("guides"), titles("others").sort()], [["Tea"], ["Loops"], ["Loops", "Tea", "Type errors"]]);
  assert.deepEqual(found.kinds.counts, [{ value: "guide", count: 2 }, { value: "post", count: 1 }]);
  assert.deepEqual([titles("newest"), titles("guidesByTime")], [["Type errors", "Tea", "Loops"], ["Loops", "Type errors"]]);
  await page.evaluate(() => burrow.close());
}));

for (const device of ["auto", "webgpu"]) {
  withModel(`WebGPU without an adapter: device "${device}" falls back to the CPU, and status says why`, async () => {
    const other = await launch({ adapter: false });
    try {
      await onPage(async (page) => {
        const { ready } = await open(page, { device });
        assert.deepEqual([ready.value.device, ready.value.reasons], ["cpu", ["Encoding on the CPU: WebGPU found no adapter."]]);
        await page.evaluate(() => burrow.close());
      }, { on: other });
    } finally {
      await other.close();
    }
  });

  withModel(`a page without HTTPS: device "${device}" falls back to the CPU, the model is neither checked nor kept, it works`, () =>
    onPage(async (page) => {
      await goTo(page, insecure(server.url));
      const { ready } = await open(page, { device });
      assert.equal(ready.value.device, "cpu");
      assert.deepEqual(ready.value.reasons.map((reason) => /no WebGPU|could not be checked/.exec(reason)?.[0]), ["no WebGPU", "could not be checked"]);
      await page.evaluate((one) => burrow.add(one), PAGES[0]);
      assert.equal((await page.evaluate((question) => burrow.search(question), QUESTION)).hits.length, 1);
      await page.evaluate(() => burrow.close());
    }));
}

withModel("the software adapter is left aside by auto, and used when forced", () => onPage(async (page) => {
  const auto = await open(page, { device: "auto" });
  assert.equal(auto.ready.value.device, "cpu");
  assert.match(auto.ready.value.reasons[0], /software/);
  const cpu = await page.evaluate(async ([one, question]) => { await burrow.add(one); return burrow.search(question); }, [PAGES[0], QUESTION]);
  await page.evaluate(() => burrow.close());
  const forced = await open(page, { name: "on WebGPU", device: "webgpu" });
  assert.deepEqual([forced.ready.value.device, forced.ready.value.reasons], ["webgpu", []]);
  assert.match(forced.ready.value.adapter, /swiftshader/i);
  const gpu = await page.evaluate(async ([one, question]) => { await burrow.add(one); return burrow.search(question); }, [PAGES[0], QUESTION]);
  assert.equal(gpu.hits[0].excerpt, cpu.hits[0].excerpt);
  assert.ok(Math.abs(gpu.hits[0].score - cpu.hits[0].score) < 1e-4, `${gpu.hits[0].score} and ${cpu.hits[0].score}`);
  await page.evaluate(() => burrow.close());
}));

/** An encoder module whose encoder dies as a panic makes it die: a trap that no promise catches. */
const DYING_ENCODER = `
  const trap = new WebAssembly.Module(new Uint8Array([0,97,115,109,1,0,0,0,1,4,1,96,0,0,3,2,1,0,7,5,1,1,97,0,0,10,5,1,3,0,0,11]));
  export default async function init() {}
  export class ModelLoader {
    static async start() { return new ModelLoader(); }
    async add() {}
    async finish() { return new Encoder(); }
    free() {}
  }
  export class Encoder {
    precision() { return "f32"; }
    weights() { return "f32"; }
    reasons() { return []; }
    fingerprint() {}
    embedQuery() { return new Promise(() => queueMicrotask(() => new WebAssembly.Instance(trap).exports.a())); }
    prepare() { new WebAssembly.Instance(trap).exports.a(); }
  }`;

for (const [how, call] of [["within a task of its own", "burrow.search('a')"], ["within a call", "burrow.add({ url: 'u', text: 'a' })"]]) {
  test(`a trap in wasm ${how} ends the worker: all that waits and all that comes is rejected`, () => onPage(async (page) => {
    for (const file of ["config.json", "tokenizer.json", "model.safetensors"]) server.overlays.set(`/fake-model/${file}`, "{}");
    // The encoder is not a real one and so has no real fingerprint: the index takes whatever it gives.
    await changeModule(server, "search/search.js", "Index", "Index.prototype.bind = async () => {};", "/fake/search/search.js");
    server.overlays.set("/fake/search/search_bg.wasm", await readFile(join(ROOT, "pkg/wasm/search/search_bg.wasm")));
    server.overlays.set("/fake/cpu/cpu.js", DYING_ENCODER);
    const kinds = await page.evaluate(async (call) => {
      globalThis.burrow = await Burrow.open({ name: "trap", model: "/fake-model", wasm: "/fake", device: "cpu" });
      await burrow.ready;
      const all = await Promise.all([globalThis.eval(call), burrow.search("b"), burrow.pages().then(() => burrow.search("c"))].map(outcome));
      all.push(await outcome(burrow.pages()), await outcome(burrow.close()));
      return all.map(({ kind }) => kind ?? "done");
    }, call);
    assert.deepEqual(kinds, ["worker", "worker", "worker", "worker", "done"]);
  }, { expected: /unreachable|404/ }));
}

test("wasm files that are not there: the error says where they were looked for", () => onPage(async (page) => {
  const opened = await page.evaluate(() => outcome(Burrow.open({ name: "x", model: "/model", wasm: "/nowhere" })));
  assert.equal(opened.kind, "worker");
  assert.ok(opened.message.includes(`${server.url}nowhere/search/`), opened.message);
}, { expected: /404/ }));
