/** Which device is chosen for which adapter. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { readFile } from "node:fs/promises";
import { chooseDevice as choose, onCpu } from "../build/device.js";
import { cosine, paceOf, shapeOf } from "../build/pace.js";
import { faster, layersOf } from "../build/trial.js";
import { recalled, remember } from "../build/verdict.js";
import { VERSION } from "../build/version.js";

const chooseDevice = (device, gpu, measureSoftware = false) => choose({ device, measureSoftware }, gpu);
const gpu = (adapter) => ({ requestAdapter: async () => adapter });
const REAL = { vendor: "nvidia", architecture: "hopper", device: "", description: "" };
const SOFTWARE = [
  { info: { vendor: "google", architecture: "swiftshader", device: "", description: "" } },
  { info: { vendor: "mesa", architecture: "", device: "", description: "llvmpipe (LLVM 19.1.7, 256 bits)" } },
  { info: { vendor: "microsoft", architecture: "", device: "", description: "Microsoft Basic Render Driver" } },
  { info: { ...REAL, isFallbackAdapter: true } },
  { info: REAL, isFallbackAdapter: true },
];

test("a real adapter is used, and named; it is measured where it was not asked for", async () => {
  const { why, ...choice } = await chooseDevice("auto", gpu({ info: REAL }));
  assert.deepEqual(choice, { device: "webgpu", adapter: "nvidia hopper", reason: null, measured: null, rival: "nvidia hopper" });
  assert.match(why, /the CPU is measured beside it/);
  const asked = await chooseDevice("webgpu", gpu({ info: REAL }));
  assert.deepEqual(asked, { ...choice, rival: null, why: "It was asked for." });
  assert.equal((await chooseDevice("auto", gpu({ info: { ...REAL, description: "H200" } }))).adapter, "H200");
  assert.equal((await chooseDevice("auto", gpu({ info: {} }))).device, "webgpu");
});

test("a vendor whose name merely resembles a software adapter's is a real one", async () => {
  const info = { vendor: "warped silicon", architecture: "", device: "", description: "" };
  assert.equal((await chooseDevice("auto", gpu({ info }))).device, "webgpu");
});

for (const adapter of SOFTWARE) {
  test(`software is used only where it is asked for: ${JSON.stringify(adapter)}`, async () => {
    const choice = await chooseDevice("auto", gpu(adapter));
    assert.equal(choice.device, "cpu");
    assert.match(choice.reason, /software/);
    const forced = await chooseDevice("webgpu", gpu(adapter));
    assert.deepEqual([forced.device, forced.reason, forced.rival], ["webgpu", null, null]);
    assert.notEqual((await chooseDevice("auto", gpu(adapter), true)).rival, null);
  });
}

test("without WebGPU or an adapter the CPU stands in, and says why", async () => {
  const broken = { requestAdapter: async () => { throw new Error("context lost"); } };
  for (const asked of ["auto", "webgpu"]) {
    for (const [none, why] of [[undefined, /no WebGPU/], [gpu(null), /no adapter/], [broken, /context lost/]]) {
      const choice = await chooseDevice(asked, none);
      assert.deepEqual([choice.device, choice.adapter], ["cpu", ""]);
      assert.match(choice.reason, why);
    }
  }
});

test("the CPU that was asked for needs no reason, and no adapter is looked for", async () => {
  const untouched = { requestAdapter: () => assert.fail("asked for an adapter") };
  const choice = { device: "cpu", adapter: "", reason: null, why: "It was asked for.", measured: null, rival: null };
  assert.deepEqual(await chooseDevice("cpu", untouched), choice);
});

test("the version is the package's", async () => {
  assert.equal(VERSION, JSON.parse(await readFile(new URL("../package.json", import.meta.url), "utf8")).version);
});

test("the faster device is kept; the one in use where they are equal", () => {
  assert.deepEqual(faster("webgpu", 900, 200, null), { device: "webgpu", measured: { webgpu: 900, cpu: 200 }, fault: null });
  assert.deepEqual(faster("webgpu", 200, 900, null), { device: "cpu", measured: { webgpu: 200, cpu: 900 }, fault: null });
  assert.deepEqual(faster("cpu", 200, 900, null).device, "webgpu");
  assert.deepEqual(faster("webgpu", 5, 5, null).device, "webgpu");
});

test("of a large model a part is measured, of a small one all", () => {
  assert.equal(layersOf({ layers: 6, dimension: 384 }), null);
  assert.equal(layersOf({ layers: 28, dimension: 1024 }), 4);
});

/** A device on which a token takes so long, in milliseconds, and the first passes so much longer. */
function deviceOf(msPerToken, readyMs = 0) {
  const asked = [];
  const encode = async (tokens) => {
    asked.push(tokens);
    return { ms: tokens * msPerToken + (asked.length <= 2 ? readyMs : 0), vector: new Float32Array([1]) };
  };
  return { asked, encode };
}
const SHAPE = { layers: 6, dimension: 384, positions: 512, vocabulary: 30_000 };

test("getting ready does not count, and a slow device is not asked twice", async () => {
  const quick = deviceOf(0.01, 250);
  assert.equal(Math.round((await paceOf(quick.encode, SHAPE)).tokensPerSecond), 100_000);
  assert.ok(quick.asked.length >= 4 && quick.asked.length <= 12, `${quick.asked.length} passes`);
  const slow = deviceOf(10);
  assert.equal(Math.round((await paceOf(slow.encode, SHAPE)).tokensPerSecond), 100);
  assert.deepEqual(slow.asked, [16, 192]);
  const narrow = deviceOf(1);
  await paceOf(narrow.encode, { ...SHAPE, positions: 128 });
  assert.deepEqual([...new Set(narrow.asked)], [16, 128]);
});

test("the shape is read from the configuration", () => {
  const config = { num_hidden_layers: 2, hidden_size: 32, max_position_embeddings: 256, vocab_size: 900 };
  assert.deepEqual(shapeOf(new TextEncoder().encode(JSON.stringify(config))), { layers: 2, dimension: 32, positions: 256, vocabulary: 900 });
});

test("the cosine tells one direction from another, and a vector that is too short from both", () => {
  assert.equal(cosine(new Float32Array([3, 4]), new Float32Array([6, 8])), 1);
  assert.equal(cosine(new Float32Array([1, 0]), new Float32Array([0, 1])), 0);
  assert.ok(Number.isNaN(cosine(new Float32Array([1, 1]), new Float32Array([1]))));
});

test("a verdict is recalled for the same adapter, threads and version alone", async () => {
  const kept = new Map();
  globalThis.caches = { open: async () => ({
    match: async (url) => kept.get(String(url))?.clone(),
    put: async (url, response) => void kept.set(String(url), response),
  }) };
  try {
    const folder = "https://example.org/model/";
    const choice = await chooseDevice("auto", gpu({ info: REAL }));
    assert.equal(await recalled(choice, folder, 4), choice);
    const verdict = faster("webgpu", 200, 900, null);
    await remember(folder, verdict, { adapter: "nvidia hopper", threads: 4, fingerprint: "ab" });
    const found = await recalled(choice, folder, 4);
    assert.deepEqual([found.device, found.adapter, found.measured, found.rival, found.reason], ["cpu", "", verdict.measured, null, null]);
    assert.match(found.why, /the CPU is the faster.* 200 tokens a second on WebGPU, 900 on the CPU, measured on an earlier visit/);
    const another = { ...choice, rival: "another" };
    assert.equal(await recalled(another, folder, 4), another);
    assert.equal(await recalled(choice, folder, 1), choice);
    const [[address, response]] = kept;
    const noted = await response.clone().json();
    for (const change of [{ version: "0.0.1" }, { device: "abacus" }, { measured: null }, { measured: { webgpu: -1, cpu: 2 } }]) {
      kept.set(address, new Response(JSON.stringify({ ...noted, ...change })));
      assert.equal(await recalled(choice, folder, 4), choice, JSON.stringify(change));
    }
    kept.set(address, new Response("{"));
    assert.equal(await recalled(choice, folder, 4), choice);
    // What was asked for is not overruled.
    kept.set(address, new Response(JSON.stringify(noted)));
    const asked = onCpu("so it is");
    assert.equal(await recalled(asked, folder, 4), asked);
  } finally {
    delete globalThis.caches;
  }
});
