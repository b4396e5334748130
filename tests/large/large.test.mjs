/**
 * The exact shape of pplx-embed-v1-0.6b in Chromium: 38 shards from a server to WebGPU, PyTorch's vector, a search, a reload from
 * the cache. The folder of the model is in `BURROW_LARGE`; `make test-large` makes it.
 */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { goTo, launch, openPage, ROOT, startServer } from "../browser/harness.mjs";

const FOLDER = process.env.BURROW_LARGE ?? "";
const MIB = 2 ** 20;

/** What is held while a model loads, over what is held once it is there: the package's own limit. */
const HEAP_OVER_STEADY_MAX = 96 * MIB;

/** What must stay once the model is there: the token table in q8, 165 MB, and Qwen's tokenizer with its 151,387 merges. */
const WASM_STEADY = 158 * MIB + 96 * MIB;

/** The most that the GPU may hold with 4,096 tokens in one window. */
const GPU_MAX = 1.2e9;

/** WebGPU's default limits, which no adapter lacks. */
const BINDING_MAX = 128 * MIB;
const BUFFER_MAX = 256 * MIB;

const TEXT = "Green leaves catch sunlight and turn water and air into sugar. The sugar travels down the stem at night, and the roots "
  + "store what the plant does not need at once. In spring the stores are emptied again, long before the first leaf opens.";

/**
 * Put before the worker's own code: counts what the GPU's buffers take, and the largest buffer and binding. A counting wrapper
 * around the real calls, since no browser tells.
 */
const COUNTER = `
const counts = { bytes: 0, peak: 0, buffer: 0, binding: 0, wasm: 0 };
globalThis.counts = counts;
const create = GPUDevice.prototype.createBuffer;
GPUDevice.prototype.createBuffer = function (descriptor) {
  counts.bytes += descriptor.size;
  counts.peak = Math.max(counts.peak, counts.bytes);
  counts.buffer = Math.max(counts.buffer, descriptor.size);
  return create.call(this, descriptor);
};
const destroy = GPUBuffer.prototype.destroy;
GPUBuffer.prototype.destroy = function () {
  counts.bytes -= this.size;
  return destroy.call(this);
};
const bind = GPUDevice.prototype.createBindGroup;
GPUDevice.prototype.createBindGroup = function (descriptor) {
  for (const { resource } of descriptor.entries) {
    const size = resource.size ?? (resource.buffer ? resource.buffer.size - (resource.offset ?? 0) : 0);
    counts.binding = Math.max(counts.binding, size);
  }
  return bind.call(this, descriptor);
};
const memories = [];
for (const name of ["instantiate", "instantiateStreaming"]) {
  const instantiate = WebAssembly[name];
  WebAssembly[name] = async (...given) => {
    const made = await instantiate.call(WebAssembly, ...given);
    memories.push((made.instance ?? made).exports.memory);
    return made;
  };
}
new BroadcastChannel("counts").onmessage = ({ target, data }) => {
  counts.wasm = memories.reduce((sum, { buffer }) => sum + buffer.byteLength, 0);
  if (data === "ask") target.postMessage(counts);
};
`;

const skip = FOLDER ? false : "skipped: BURROW_LARGE names no folder with the model";

let server, browser;
before(async () => {
  if (skip) return;
  server = await startServer({ isolated: true, folders: { "/large/": FOLDER } });
  server.overlays.set("/pkg/dist/worker.js", COUNTER + await readFile(join(ROOT, "pkg/dist/worker.js"), "utf8"));
  browser = await launch({ flags: ["--enable-blink-features=ForceEagerMeasureMemory"] });
});
after(async () => {
  await browser?.close();
  await server?.close();
});

/** In the page: opens the index, and tells how long the model took and how much memory. */
async function open() {
  const measured = async () => (await performance.measureUserAgentSpecificMemory()).bytes;
  const start = performance.now();
  globalThis.burrow = await Burrow.open({ name: "large", model: "/large", device: "webgpu" });
  let isThere = false;
  const ready = globalThis.burrow.ready.finally(() => { isThere = true; });
  let [peak, samples] = [0, 0];
  while (!isThere) {
    peak = Math.max(peak, await measured());
    samples += 1;
    await Promise.race([ready, new Promise((done) => setTimeout(done, 50))]);
  }
  const seconds = (performance.now() - start) / 1000;
  const channel = new BroadcastChannel("counts");
  const gpu = await new Promise((answered) => {
    channel.onmessage = ({ data }) => answered(data);
    channel.postMessage("ask");
  });
  return { status: await ready, seconds, heap: { peak, samples, steady: await measured() }, gpu };
}

/** In the page: indexes a text, and searches for it. */
async function use(text) {
  const start = performance.now();
  const added = await globalThis.burrow.add({ url: "/plants", title: "Plants", text });
  const addSeconds = (performance.now() - start) / 1000;
  const { hits, timing } = await globalThis.burrow.search("how do plants eat light?");
  return { added, addSeconds, hits, timing };
}

const shown = (bytes) => `${(bytes / MIB).toFixed(0)} MiB`;

function report(what, { seconds, heap, gpu }) {
  console.log(`  ${what}: ${seconds.toFixed(1)} s; JavaScript's heap: peak ${shown(heap.peak)} in ${heap.samples} samples, then `
    + `${shown(heap.steady)}; wasm's memory ${shown(gpu.wasm)}; GPU: ${shown(gpu.bytes)}, peak ${shown(gpu.peak)}, largest buffer ${shown(gpu.buffer)}, `
    + `largest binding ${shown(gpu.binding)}`);
}

function check({ status, heap, gpu }) {
  assert.deepEqual([status.device, status.weights], ["webgpu", "q8"], JSON.stringify(status));
  assert.ok(heap.peak - heap.steady <= HEAP_OVER_STEADY_MAX, `heap ${shown(heap.peak)} over ${shown(heap.steady)}`);
  assert.ok(gpu.wasm <= WASM_STEADY + HEAP_OVER_STEADY_MAX, `wasm's memory grew to ${shown(gpu.wasm)}`);
  assert.ok(gpu.buffer <= BUFFER_MAX && gpu.binding <= BINDING_MAX, JSON.stringify(gpu));
}

test("0.6B parameters load, encode, search, and load again from the cache", { skip, timeout: 900_000 }, async () => {
  const { page, context, errors } = await openPage(browser, server.url);
  try {
    const first = await page.evaluate(open);
    report("from the server", first);
    check(first);
    const { added, addSeconds, hits, timing } = await page.evaluate(use, TEXT);
    console.log(`  a page of ${TEXT.split(" ").length} words: ${addSeconds.toFixed(1)} s; a query: ${(timing.encodeMs / 1000).toFixed(1)} s`);
    assert.deepEqual([added.outcome, hits[0].url], ["added", "/plants"]);
    const shards = () => server.requests.filter((path) => path.endsWith(".safetensors")).length;
    const requested = shards();
    assert.ok(requested >= 30);
    await page.evaluate(() => globalThis.burrow.close());
    await goTo(page, server.url);
    const second = await page.evaluate(open);
    report("from the cache", second);
    check(second);
    assert.equal(shards(), requested, "a model that is kept is not fetched again");
    const found = await page.evaluate(async () => (await globalThis.burrow.search("sunlight and sugar")).hits);
    assert.equal(found[0].url, "/plants");
    assert.deepEqual(errors, []);
  } finally {
    await context.close();
  }
});

/**
 * In the page: loads the module and the model, or its first layers, and encodes sequences. Gives their vectors, the seconds they
 * took, and what the GPU held before and at most.
 */
async function encode({ layers, sequences }) {
  const { default: init, ModelLoader } = await import("/pkg/wasm/encoder/encoder.js");
  await init();
  const bytes = async (path) => new Uint8Array(await (await fetch(path)).arrayBuffer());
  const [manifest, config, tokenizer] = await Promise.all(["burrow.json", "config.json", "tokenizer.json"].map((file) => bytes(`/large/${file}`)));
  const { files } = JSON.parse(new TextDecoder().decode(manifest));
  const cut = layers ? { ...JSON.parse(new TextDecoder().decode(config)), num_hidden_layers: layers } : null;
  const given = cut ? [undefined, new TextEncoder().encode(JSON.stringify(cut))] : [manifest, config];
  const loader = await ModelLoader.start("random", ...given, tokenizer, "webgpu");
  for (const [file, { sha256 }] of Object.entries(files)) {
    if (file.endsWith(".safetensors")) await loader.add(file, await bytes(`/large/${file}`), sha256);
  }
  const encoder = await loader.finish();
  const before = { ...globalThis.counts };
  const encoded = [];
  for (const ids of sequences) {
    const start = performance.now();
    const vector = await encoder.embed(new Uint32Array(ids), new Uint32Array([ids.length]));
    encoded.push({ vector: [...vector], seconds: (performance.now() - start) / 1000 });
  }
  return { encoded, before, after: globalThis.counts };
}

/** A page in which the GPU's memory is counted. */
async function countedPage() {
  const opened = await openPage(browser, server.url);
  await opened.context.addInitScript(COUNTER);
  await goTo(opened.page, server.url);
  return opened;
}

test("64 tokens give PyTorch's vector", { skip, timeout: 900_000 }, async () => {
  const reference = JSON.parse(await readFile(join(ROOT, "tests/data/reference/large-qwen3.json"), "utf8"));
  const numbers = await readFile(join(ROOT, "tests/data/reference/large-qwen3.bin"));
  const { cases } = reference.variants.find(({ name }) => name === "outliers");
  const chosen = cases.filter(({ ids }) => [16, 64].includes(ids.length)).slice(-2);
  assert.equal(chosen[1].ids.length, 64);
  const { page, context, errors } = await countedPage();
  try {
    const { encoded } = await page.evaluate(encode, { sequences: chosen.map(({ ids }) => ids) });
    encoded.forEach(({ vector, seconds }, index) => {
      const { ids, vector: row } = chosen[index];
      const expected = vector.map((_, at) => numbers.readFloatLE((row * reference.dimension + at) * 4));
      const dot = (a, b) => a.reduce((sum, value, at) => sum + value * b[at], 0);
      const cosine = dot(vector, expected) / Math.sqrt(dot(vector, vector) * dot(expected, expected));
      console.log(`  ${ids.length} tokens: cosine ${cosine}, ${seconds.toFixed(1)} s`);
      assert.ok(cosine >= 0.999);
    });
    assert.deepEqual(errors, []);
  } finally {
    await context.close();
  }
});

/** What the GPU holds of the whole model before it encodes. */
async function loadedBytes() {
  const { page, context, errors } = await countedPage();
  try {
    const { before } = await page.evaluate(encode, { layers: 0, sequences: [] });
    assert.deepEqual(errors, []);
    return before.bytes;
  } finally {
    await context.close();
  }
}

test("4,096 tokens in one window stay below 1.2 GB on the GPU", { skip, timeout: 900_000 }, async () => {
  const { page, context, errors } = await countedPage();
  try {
    // One layer takes what each of the 28 takes in turn, beside the weights of all.
    const sequence = Array.from({ length: 4096 }, (_, at) => (at * 37) % 150_000);
    const { encoded: [{ seconds }], before, after: most } = await page.evaluate(encode, { layers: 1, sequences: [sequence] });
    const [loaded, taken] = [await loadedBytes(), most.peak - before.bytes];
    console.log(`  one layer: ${seconds.toFixed(1)} s; the model ${shown(loaded)}, beside it at most ${shown(taken)}, largest buffer `
      + `${shown(most.buffer)}, largest binding ${shown(most.binding)}; together at most ${shown(loaded + taken)}`);
    assert.ok(loaded > 400 * MIB, shown(loaded));
    assert.ok(loaded + taken < GPU_MAX);
    assert.ok(most.buffer <= BUFFER_MAX && most.binding <= BINDING_MAX, JSON.stringify(most));
    assert.deepEqual(errors, []);
  } finally {
    await context.close();
  }
});
