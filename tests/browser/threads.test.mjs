/** The encoder with threads, on a page that is cross-origin isolated: the same vectors, and what becomes of it when a thread dies. */
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { changeModule, launch, MODEL, ROOT, startServer, withPage } from "./harness.mjs";
import { writeShards } from "./shards.mjs";

const PAGES = ["Green leaves catch sunlight and turn water and air into sugar.", "Wild yeast makes the dough rise overnight."]
  .map((text, at) => ({ url: `https://example.org/${at}`, text }));
const QUESTION = "how do plants eat light?";
const WORKER = "/pkg/dist/worker.js";
const THREAD = "/pkg/dist/thread.js";
const TINY = "/tests/data/tiny-bert/";

let server, browser, worker, folder;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "burrow-threads-"));
  await writeShards(folder, 24_000);
  server = await startServer({ isolated: true, folders: { "/sharded/": folder } });
  browser = await launch();
  worker = await readFile(join(ROOT, "pkg/dist/worker.js"), "utf8");
});
after(async () => {
  await browser?.close();
  await server?.close();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(() => {
  server.faults.clear();
  server.overlays.clear();
  server.requests.length = 0;
});

const onPage = (body, { on = server, ...options } = {}) => withPage(browser, on.url, body, options);

/** As if the machine had so many cores. */
const withCores = (cores) => {
  server.overlays.set(WORKER, `Object.defineProperty(navigator, "hardwareConcurrency", { value: ${cores} });\n${worker}`);
};

function open(page, options = {}) {
  return page.evaluate(async (options) => {
    globalThis.burrow = await Burrow.open({ name: "threads", model: "/tests/data/tiny-bert", device: "cpu", ...options });
    return burrow.ready;
  }, options);
}

/** Adds the pages and asks. */
async function works(page) {
  const found = await page.evaluate(async ([pages, question]) => {
    for (const one of pages) await burrow.add(one);
    return burrow.search(question, { mode: "semantic" });
  }, [PAGES, QUESTION]);
  assert.equal(found.hits.length, PAGES.length);
  return found;
}

const modules = (of = server) => of.requests.filter((path) => path.endsWith(".wasm")).map((path) => path.split("/").at(-1)).sort();

/** In a worker of the page's: encodes the same with one thread and with several, by the modules themselves. */
const COMPARISON = `
  const bytes = async (path) => new Uint8Array(await (await fetch(path)).arrayBuffer());
  async function encoder({ ModelLoader }, model) {
    const small = await Promise.all(["config.json", "tokenizer.json"].map((file) => bytes(model + file)));
    const loader = await ModelLoader.start("compared", undefined, ...small, "cpu");
    await loader.add("model.safetensors", await bytes(model + "model.safetensors"), undefined);
    return loader.finish();
  }
  async function several(count) {
    const threads = await import("/pkg/wasm/threads/threads.js");
    const module = await WebAssembly.compileStreaming(fetch("/pkg/wasm/threads/threads_bg.wasm"));
    const { memory } = await threads.default({ module_or_path: module });
    for (let at = 1; at < count; at += 1) {
      const worker = new Worker("/pkg/dist/thread.js", { type: "module" });
      const ready = new Promise((resolve, reject) => { worker.onmessage = resolve; worker.onerror = reject; });
      worker.postMessage({ js: new URL("/pkg/wasm/threads/threads.js", location.href).href, module, memory });
      await ready;
    }
    return threads;
  }
  onmessage = async ({ data: { model, lengths, count } }) => {
    try {
      const single = await import("/pkg/wasm/cpu/cpu.js");
      await single.default();
      const shared = await several(count);
      const [one, all] = [await encoder(single, model), await encoder(shared, model)];
      const differ = [];
      for (const tokens of lengths) {
        const ids = Uint32Array.from({ length: tokens }, (_, at) => (at * 13 + 5) % 800);
        // Several together, of unequal lengths, and their rows.
        const batch = [Uint32Array.of(...ids, ...ids.slice(0, 3)), Uint32Array.of(tokens, 3)];
        for (const what of ["embed", "hiddenStates"]) {
          const [a, b] = [await one[what](...batch), await all[what](...batch)].map((values) => new Uint32Array(values.buffer));
          differ.push(a.length === b.length ? a.filter((value, at) => value !== b[at]).length : -1);
        }
      }
      postMessage({ threads: shared.threads(), differ });
    } catch (error) { postMessage({ error: String(error.stack ?? error) }); }
  };`;

for (const [name, model, lengths] of [["a tiny model", TINY, [3, 40, 256]], ["all-MiniLM-L6-v2", "/model/", [5, 16, 100, 512]]]) {
  const skip = model === "/model/" && !MODEL ? "skipped: BURROW_MODEL names no folder with a model" : false;
  test(`${name} has the same vectors with one, two and four threads, to the last bit`, { skip }, () => onPage(async (page) => {
    server.overlays.set("/comparison.js", COMPARISON);
    for (const count of [2, 4]) {
      const found = await page.evaluate(({ model, lengths, count }) => new Promise((resolve, reject) => {
        const worker = new Worker("/comparison.js", { type: "module" });
        worker.onmessage = ({ data }) => resolve(data);
        worker.onerror = (event) => reject(new Error(event.message));
        worker.postMessage({ model, lengths, count });
      }), { model, lengths, count });
      assert.equal(found.error, undefined);
      assert.equal(found.threads, count);
      assert.deepEqual(found.differ, lengths.flatMap(() => [0, 0]));
    }
  }));
}

test("an isolated page encodes with all cores, and fetches the module for that alone", () => onPage(async (page) => {
  withCores(3);
  const status = await open(page);
  assert.deepEqual([status.device, status.threads, status.reasons], ["cpu", 3, []]);
  await works(page);
  assert.deepEqual(modules(), ["search_bg.wasm", "threads_bg.wasm"]);
  await page.evaluate(() => burrow.close());
}));

test("a page that is not isolated encodes with one thread, and fetches nothing of the others", async () => {
  const plain = await startServer();
  try {
    await onPage(async (page) => {
      const status = await open(page);
      assert.deepEqual([status.device, status.threads, status.reasons], ["cpu", 1, []]);
      assert.deepEqual(plain.requests.filter((path) => path.includes("thread")), []);
      assert.deepEqual(modules(plain), ["cpu_bg.wasm", "search_bg.wasm"]);
      await page.evaluate(() => burrow.close());
    }, { on: plain });
  } finally {
    await plain.close();
  }
});

test("where the small module for the CPU is not there, the large one encodes on it", async () => {
  const plain = await startServer();
  plain.faults.set("/pkg/wasm/cpu/cpu_bg.wasm", "missing");
  try {
    await onPage(async (page) => {
      const status = await open(page);
      assert.deepEqual([status.device, status.threads, status.reasons], ["cpu", 1, []]);
      await works(page);
      assert.ok(modules(plain).includes("encoder_bg.wasm"));
      await page.evaluate(() => burrow.close());
    }, { on: plain, expected: /404/ });
  } finally {
    await plain.close();
  }
});

test("where both devices are measured, the CPU is measured with its threads, and goes on with them", () => onPage(async (page) => {
  const status = await page.evaluate(async () => {
    let settle;
    const settled = new Promise((resolve) => (settle = resolve));
    const onProgress = (step) => { if (step.stage === "device") settle(step.status); };
    globalThis.burrow = await Burrow.open({ name: "threads", model: "/sharded", measureSoftware: true, onProgress });
    const { threads } = await burrow.ready;
    return { before: threads, ...await settled };
  });
  const cores = await page.evaluate(() => navigator.hardwareConcurrency);
  console.log(`  ${status.deviceReason}`);
  assert.deepEqual([status.before, status.device, status.threads, status.reasons], [0, "cpu", Math.min(8, cores), []]);
  // Once by what measures, once by what goes on.
  assert.deepEqual(modules(), ["encoder_bg.wasm", "search_bg.wasm", "threads_bg.wasm", "threads_bg.wasm"]);
  await works(page);
  await page.evaluate(() => burrow.close());
}));

test("on WebGPU no thread is started", () => onPage(async (page) => {
  const status = await open(page, { device: "webgpu" });
  assert.deepEqual([status.device, status.threads], ["webgpu", 0]);
  assert.deepEqual(server.requests.filter((path) => path.includes("thread")), []);
  await page.evaluate(() => burrow.close());
}));

for (const [what, path] of [["module", "/pkg/wasm/threads/threads_bg.wasm"], ["worker", THREAD]]) {
  test(`where the threads' ${what} is not there, one thread encodes, and the status says why`, () => onPage(async (page) => {
    withCores(2);
    server.faults.set(path, "missing");
    const status = await open(page);
    assert.deepEqual([status.device, status.threads], ["cpu", 1]);
    assert.match(status.reasons[0], /^Encoding with one thread instead of 2: the others could not be started \(/);
    await works(page);
    await page.evaluate(() => burrow.close());
  }, { expected: /404/ }));
}

test("a thread that traps: what was being encoded is encoded with one thread, and the status says so", () => onPage(async (page) => {
  withCores(2);
  // Only a thread calls this.
  await changeModule(server, "threads/threads.js", "threadDied", `
    const trap = new WebAssembly.Module(new Uint8Array([0,97,115,109,1,0,0,0,1,4,1,96,0,0,3,2,1,0,7,5,1,1,97,0,0,10,5,1,3,0,0,11]));
    export function threadRun() { new WebAssembly.Instance(trap).exports.a(); }
    export { threadDied };`);
  const status = await open(page);
  assert.deepEqual([status.device, status.threads], ["cpu", 1]);
  assert.match(status.reasons[0], /^Encoding with one thread instead of 2: a thread of the encoder has died/);
  await works(page);
  await page.evaluate(() => burrow.close());
}, { expected: /unreachable/ }));

test("a thread that dies in the midst of the work: pages and query go on with one, none is lost", () => onPage(async (page) => {
  withCores(3);
  const thread = await readFile(join(ROOT, "pkg/dist/thread.js"), "utf8");
  // One of the two threads never works, and dies when it is told to.
  server.overlays.set("/pkg/dist/thread-itself.js", thread);
  server.overlays.set(THREAD, `
    const channel = new BroadcastChannel("thread");
    addEventListener("message", async (event) => {
      event.stopImmediatePropagation();
      const { js, module, memory } = event.data;
      const isMortal = await new Promise((resolve) => {
        navigator.locks.request("mortal", { ifAvailable: true }, (lock) => { resolve(lock !== null); return lock && new Promise(() => {}); });
      });
      if (!isMortal) {
        await import("./thread-itself.js");
        return dispatchEvent(new MessageEvent("message", { data: event.data }));
      }
      const threads = await import(js);
      await threads.default({ module_or_path: module, memory });
      channel.onmessage = () => threads.threadDied();
      postMessage(null);
    }, { once: true });`);
  const status = await open(page);
  assert.deepEqual([status.threads, status.reasons], [3, []]);
  const found = await page.evaluate(async ([pages, question]) => {
    await burrow.add(pages[0]);
    const text = "Leaves, light, water, sugar and air. ".repeat(3000);
    const adding = burrow.add({ url: "https://example.org/long", text });
    const queued = await burrow.enqueue([{ url: "https://example.org/queued", text }]);
    await new Promise((resolve) => setTimeout(resolve, 50));
    new BroadcastChannel("thread").postMessage(null);
    const result = await burrow.search(question, { mode: "semantic" });
    const added = await adding;
    await burrow.add(pages[1]);
    while ((await burrow.status()).queue.waiting > 0) await new Promise((resolve) => setTimeout(resolve, 20));
    return { result, added, queued, status: await burrow.status(), failures: await burrow.queue.failures() };
  }, [PAGES, QUESTION]);
  assert.equal(found.added.outcome, "added");
  assert.deepEqual([found.status.threads, found.status.pages, found.failures], [1, 4, []]);
  assert.match(found.status.reasons.join(" "), /Encoding with one thread instead of 3: a thread of the encoder has died/);
  assert.ok(found.result.hits.length > 0);
  await page.evaluate(() => burrow.close());
}));

test("threads that are ended from outside between two texts: the rest goes on without them", () => onPage(async (page) => {
  server.overlays.set(WORKER, `
    Object.defineProperty(navigator, "hardwareConcurrency", { value: 3 });
    const made = [];
    const Plain = Worker;
    globalThis.Worker = class extends Plain { constructor(...given) { super(...given); made.push(this); } };
    new BroadcastChannel("end").onmessage = () => made.forEach((one) => one.terminate());
    ${worker}`);
  assert.equal((await open(page)).threads, 3);
  await page.evaluate((one) => burrow.add(one), PAGES[0]);
  await page.evaluate(() => new Promise((resolve) => {
    new BroadcastChannel("end").postMessage(null);
    setTimeout(resolve, 100);
  }));
  await works(page);
  await page.evaluate(() => burrow.close());
}));
