/** How a model in shards comes into a real browser: over a good server and over bad ones, from the cache, and without one. */
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { after, before, beforeEach, test } from "node:test";
import { join } from "node:path";
import { changeModule, goTo, insecure, launch, openPage, ROOT, startServer, withPage } from "./harness.mjs";
import { fakeEncoder, serveLarge, writeShards } from "./shards.mjs";

const PAGE = { url: "https://example.org/light", text: "Green leaves catch sunlight and turn water and air into sugar." };
const SHARD_BYTES = 24_000;

/** What loading may take on top of what stays, in bytes. */
const LOADING_BYTES_MAX = 96 * 2 ** 20;
/** As many and as large as those of a model of 0.6 billion parameters, a byte each. */
const LARGE = { shards: 40, bytes: 16 * 2 ** 20 };

/** Names of the shards, and the bytes of all files together. */
let shards, bytesAll;
let server, browser, folder;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "burrow-shards-"));
  ({ shards, bytesAll } = await writeShards(folder, SHARD_BYTES));
  assert.ok(shards.length >= 6, `${shards.length} shards are too few to have several at once`);
  server = await startServer({ folders: { "/sharded/": folder } });
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await server?.close();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(() => {
  for (const kept of [server.faults, server.overlays, server.sent]) kept.clear();
  server.requests.length = 0;
  server.ranges = true;
});

const onPage = (body, options) => withPage(browser, server.url, body, options);

/** Opens the index on the page as `globalThis.burrow`, and waits for the encoder or its failure. */
function open(page, options = {}) {
  return page.evaluate(async (options) => {
    globalThis.steps = [];
    globalThis.burrow = await Burrow.open({
      name: "test", model: "/sharded", device: "cpu", onProgress: (step) => steps.push(step), ...options,
    });
    return outcome(burrow.ready);
  }, options);
}

/** Opens, sees that it works, and closes. Gives the status. */
async function works(page, options) {
  const ready = await open(page, options);
  assert.equal(ready.value?.encoder, "ready", ready.message);
  await page.evaluate((one) => burrow.add(one), PAGE);
  const { hits, status } = await page.evaluate(() => burrow.search("how do plants eat light?"));
  assert.equal(hits[0].url, PAGE.url);
  await page.evaluate(() => burrow.close());
  return status;
}

const at = (name) => `/sharded/${name}`;
/** The shards that were asked for, each once for every time. */
const asked = () => server.requests.filter((path) => path.startsWith("/sharded/") && path.endsWith(".safetensors")).map((path) => path.slice(9)).sort();
const kept = (page) => page.evaluate(async () => (await (await caches.open("burrow-models")).keys()).map(({ url }) => url.split("/").at(-1)).sort());

for (const ranges of [true, false]) {
  test(`shards from a server ${ranges ? "with" : "without"} Range: they come once, are kept, and come from the cache then`, () => onPage(async (page) => {
    server.ranges = ranges;
    const first = await works(page);
    assert.deepEqual([asked(), first.reasons, first.device, first.weights, first.precision], [shards, [], "cpu", "f32", "f32"]);
    assert.equal(first.modelBytesKept, bytesAll);
    const told = (await page.evaluate(() => steps)).filter(({ stage }) => stage === "download");
    assert.ok(told.every((step) => step.bytesAll === bytesAll));
    assert.equal(told.at(-1).bytesLoaded, bytesAll);

    server.requests.length = 0;
    await goTo(page, server.url);
    const second = await works(page);
    assert.deepEqual(server.requests.filter((path) => path.startsWith("/sharded/")), [at("burrow.json")]);
    assert.equal(second.modelBytesKept, bytesAll);
    assert.equal((await page.evaluate(() => steps.filter(({ stage }) => stage === "download").at(-1))).bytesLoaded, bytesAll);
  }));
}

test("what is kept is listed and can be cleared, for one model or for all", () => onPage(async (page) => {
  await works(page);
  const [model, ...more] = await page.evaluate(() => Burrow.models());
  const manifest = await readFile(join(folder, "burrow.json"));
  assert.deepEqual([model, more], [{ folder: `${server.url}sharded/`, files: shards.length + 3, bytes: bytesAll + manifest.length }, []]);
  await page.evaluate(() => Burrow.clearModels("/another"));
  // Beside the model's files, what the CPU has proven of them.
  assert.equal((await kept(page)).length, shards.length + 4);
  await page.evaluate(() => Burrow.clearModels("/sharded"));
  assert.deepEqual([await kept(page), await page.evaluate(() => Burrow.models())], [[], []]);
  await works(page);
  await page.evaluate(() => Burrow.clearModels());
  assert.equal(await page.evaluate(() => caches.has("burrow-models")), false);
  server.requests.length = 0;
  await works(page);
  assert.deepEqual(asked(), shards);
}));

test("a kept shard that is damaged, and one that is gone, are fetched again, and no other", () => onPage(async (page) => {
  await works(page);
  const [damaged, shortened, gone, unsealed, swapped, other] = shards;
  await page.evaluate(async ([damaged, shortened, gone, unsealed, swapped, other]) => {
    const cache = await caches.open("burrow-models");
    const { headers, bytes } = await cache.match(damaged).then(async (kept) => ({ headers: kept.headers, bytes: new Uint8Array(await kept.arrayBuffer()) }));
    bytes[bytes.length >> 1] ^= 1;
    // Its seal is still there, and so is that of another shard with its bytes.
    await cache.put(damaged, new Response(bytes, { headers }));
    await cache.put(swapped, await cache.match(other));
    // As earlier versions have kept it.
    await cache.put(unsealed, new Response(await (await cache.match(unsealed)).blob()));
    await cache.put(shortened, new Response("short"));
    await cache.delete(gone);
  }, [damaged, shortened, gone, unsealed, swapped, other].map(at));
  server.requests.length = 0;
  await works(page);
  assert.deepEqual(asked(), [damaged, shortened, gone, swapped]);
  server.requests.length = 0;
  await works(page);
  assert.deepEqual(asked(), []);
}));

test("what the CPU has proven of a model is not asked of it again, and counts for those files in that module alone", () => onPage(async (page) => {
  const tell = "const { finish } = ModelLoader.prototype; ModelLoader.prototype.finish = function (isProven) { "
    + "new BroadcastChannel('proven').postMessage(isProven); return finish.call(this, isProven); };";
  await changeModule(server, "cpu/cpu.js", "ModelLoader", tell);
  await page.evaluate(() => {
    globalThis.told = [];
    globalThis.channel = new BroadcastChannel("proven");
    channel.onmessage = ({ data }) => told.push(data);
  });
  const visit = async (options) => {
    await works(page, options);
    return page.evaluate(() => told.splice(0));
  };
  assert.deepEqual([await visit(), await visit(), asked()], [[false], [true], shards]);
  const manifest = JSON.parse(await readFile(join(folder, "burrow.json"), "utf8"));
  // The same files, of which something else is said.
  server.overlays.set(at("burrow.json"), JSON.stringify({ ...manifest, goldens: [] }));
  assert.deepEqual([await visit(), await visit(), asked()], [[false], [true], shards]);
  await page.evaluate(async () => {
    const cache = await caches.open("burrow-models");
    const address = new URL("/sharded/burrow.proof.device.json", location.href);
    const proof = await (await cache.match(address)).text();
    await cache.put(address, new Response(proof.replace(",cpu,", ",threads,")));
  });
  assert.deepEqual([await visit(), await visit()], [[false], [true]]);
  // Weights that nothing is known of may be others each time. They make another fingerprint.
  const { "config.json": config, "tokenizer.json": tokenizer } = manifest.files;
  server.overlays.set(at("burrow.json"), JSON.stringify({ files: { "config.json": config, "tokenizer.json": tokenizer } }));
  server.overlays.set(at("model.safetensors"), await readFile(join(ROOT, "tests/data/tiny-bert/model.safetensors")));
  assert.deepEqual([await visit({ name: "unlisted" }), await visit({ name: "unlisted" })], [[false], [false]]);
}));

test("a kept burrow.json that cannot be read counts for nothing", () => onPage(async (page) => {
  await works(page);
  await page.evaluate(async (address) => (await caches.open("burrow-models")).put(address, new Response("{")), at("burrow.json"));
  await works(page);
  assert.deepEqual(asked(), shards);
}));

test("after a failed opening, the shards that had come are not fetched again", () => onPage(async (page) => {
  server.faults.set(at(shards.at(-1)), "missing");
  const failed = await open(page);
  assert.deepEqual([failed.kind, failed.message.includes(shards.at(-1))], ["model", true]);
  await page.evaluate(() => burrow.close());
  const finished = (await kept(page)).filter((name) => shards.includes(name));
  assert.ok(finished.length >= 2, `${finished.length} shards were kept`);
  server.faults.clear();
  server.requests.length = 0;
  await works(page);
  assert.deepEqual(asked(), shards.filter((name) => !finished.includes(name)));
}, { expected: /404/ }));

test("a new version of the model: its shards are fetched, those of the old one do not stay behind", () => onPage(async (page) => {
  await works(page);
  try {
    const { shards: others } = await writeShards(folder, 60_000, "new");
    server.requests.length = 0;
    // In an index of its own: pages of the old version would not be mixed with those of the new one.
    await works(page, { name: "new" });
    assert.deepEqual(asked(), others);
    assert.deepEqual((await kept(page)).filter((name) => name.endsWith(".safetensors")), others);
  } finally {
    await writeShards(folder, SHARD_BYTES);
  }
}));

test("without network, what an earlier visit kept is enough", () => onPage(async (page) => {
  await works(page);
  server.faults.set(at("burrow.json"), "error");
  for (const name of shards) server.faults.set(at(name), "error");
  await works(page);
}, { expected: /503/ }));

for (const [fault, ranges, bytesSent] of [["cut once", true, 1], ["cut once", false, 1.5], ["error once", true, 1], ["slow", true, 1], ["stalled once", true, 1]]) {
  test(`a shard that is ${fault}, ${ranges ? "with" : "without"} Range: the model loads, and no more is sent than must be`, () => onPage(async (page) => {
    server.ranges = ranges;
    await impatient();
    const name = shards[1];
    const { length } = await readFile(join(folder, name));
    server.faults.set(at(name), fault);
    await works(page);
    assert.equal(server.sent.get(at(name)), Math.ceil(length * bytesSent));
    const parts = (await page.evaluate(() => steps)).filter(({ file }) => file === name);
    assert.ok(fault !== "slow" || parts.length > 3, `${parts.length} steps`);
  }, { expected: /Failed to load resource/ }));
}

for (const [fault, kind, words] of [
  ["missing", "model", /There is no shard-0002\.safetensors/], ["html", "model", /HTML page where shard-0002\.safetensors should be/],
  ["altered", "model", /shard-0002\.safetensors is not the file that burrow\.json describes/], ["short", "network", /shard-0002\.safetensors was cut off/],
  ["cut", "network", /shard-0002\.safetensors was cut off.*tried 5 times/], ["error", "network", /HTTP 503/], ["stalled", "network", /stopped coming/],
]) {
  test(`a shard that is always ${fault}: the opening fails as ${kind}, and no shard is left under way`, () => onPage(async (page) => {
    server.ranges = false;
    await impatient();
    server.faults.set(at(shards[1]), fault);
    const failed = await open(page);
    assert.deepEqual([failed.kind, failed.isBurrowError], [kind, true], failed.message);
    assert.match(failed.message, words);
    await idle();
    const status = await page.evaluate(() => burrow.status());
    assert.deepEqual([status.encoder, status.weights, status.precision, status.modelBytesKept], ["failed", "none", "none", 0]);
    await page.evaluate(() => burrow.close());
  }, { expected: /Failed to load resource/ }));
}

test("at least three shards are under way at once, and never more than four", () => onPage(async (page) => {
  for (const name of shards) server.faults.set(at(name), "slow");
  let most = 0;
  const looking = setInterval(() => (most = Math.max(most, [...server.open].filter(({ path }) => path.endsWith(".safetensors")).length)), 10);
  await works(page);
  clearInterval(looking);
  assert.ok(most >= 3 && most <= 4, `${most} at once`);
}));

test("closing while shards are under way ends them", () => onPage(async (page) => {
  for (const name of shards) server.faults.set(at(name), "slow");
  const settled = await page.evaluate(async () => {
    const under = new Promise((resolve) => { globalThis.onStep = (step) => step.file?.endsWith(".safetensors") && resolve(); });
    globalThis.burrow = await Burrow.open({ name: "test", model: "/sharded", device: "cpu", onProgress: (step) => onStep(step) });
    const ready = outcome(burrow.ready);
    await under;
    await burrow.close();
    return ready;
  });
  assert.equal(settled.kind, "closed");
  await idle();
  assert.ok(asked().length <= 4);
}));

test("where there is no room to keep the model, it works, says so, and takes none", () => onPage(async (page) => {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Storage.overrideQuotaForOrigin", { origin: new URL(server.url).origin, quotaSize: 150_000 });
  const status = await works(page);
  assert.equal(status.modelBytesKept, 0);
  assert.equal(status.reasons.length, 1);
  assert.match(status.reasons[0], /could not be kept for the next visit \(.*uota.*\)/);
  assert.deepEqual([await kept(page), status.storage, status.pages], [[], "indexeddb", 1]);
}));

test("a page without HTTPS has no cache: the model is fetched each time, and status says what is missing", () => onPage(async (page) => {
  await goTo(page, insecure(server.url));
  for (let visit = 0; visit < 2; visit++) {
    server.requests.length = 0;
    const status = await works(page);
    assert.deepEqual(asked(), shards);
    assert.deepEqual([status.modelBytesKept, status.reasons.length], [0, 1]);
    assert.match(status.reasons[0], /could not be checked/);
  }
  assert.deepEqual(await page.evaluate(() => Burrow.clearModels().then(() => Burrow.models())), []);
}));

for (const [where, quotaSize, times] of [["from the cache", undefined, 1], ["from the network where there is no cache", 10_000, 2]]) {
  test(`a device that fails with the model: the shards come to the CPU ${where}`, () => onPage(async (page) => {
    await fakeEncoder(server);
    const devtools = await page.context().newCDPSession(page);
    await devtools.send("Storage.overrideQuotaForOrigin", { origin: new URL(server.url).origin, quotaSize });
    const { value } = await open(page, { device: "webgpu", wasm: "/fake" });
    assert.deepEqual([value.device, value.weights, value.encoder], ["cpu", "q8", "ready"]);
    assert.match(value.reasons[0], /Encoding on the CPU: the WebGPU adapter .* failed \(its vectors are wrong\)/);
    assert.ok(value.reasons.includes("It is not a real one."));
    assert.deepEqual(asked(), shards.flatMap((name) => Array.from({ length: times }, () => name)));
    await page.evaluate(() => burrow.close());
  }));
}

/** In the page: opens the large model, and looks at the page's and its worker's memory meanwhile. */
async function watchMemory() {
  const measured = async () => (await performance.measureUserAgentSpecificMemory()).bytes;
  let [asked, most, isThere] = [0, 0, false];
  navigator.storage.persisted = async () => false;
  navigator.storage.persist = async () => (asked += 1) > 0;
  const burrow = await Burrow.open({ name: "test", model: "/large", device: "cpu", wasm: "/fake" });
  burrow.ready.catch(() => {}).finally(() => (isThere = true));
  while (!isThere) most = Math.max(most, await measured());
  const { modelBytesKept } = await burrow.ready;
  const steady = await measured();
  await burrow.close();
  return { most, steady, asked, modelBytesKept };
}

test("640 MiB of shards go through in less than 96 MiB, from the network and from the cache, and are asked to be kept", async () => {
  const isolated = await startServer({ isolated: true });
  const eager = await launch({ flags: ["--enable-blink-features=ForceEagerMeasureMemory"] });
  try {
    await fakeEncoder(isolated);
    serveLarge(isolated, LARGE.shards, LARGE.bytes);
    const { page, errors } = await openPage(eager, isolated.url);
    for (const from of ["network", "cache"]) {
      await goTo(page, isolated.url);
      const { most, steady, asked, modelBytesKept } = await page.evaluate(watchMemory);
      const loading = most - steady;
      console.log(`  from the ${from}: ${Math.round(loading / 2 ** 20)} MiB on top of ${Math.round(steady / 2 ** 20)} MiB`);
      assert.ok(loading > LARGE.bytes && loading < LOADING_BYTES_MAX, `${loading} bytes`);
      assert.ok(asked === 1 && modelBytesKept > LARGE.shards * LARGE.bytes);
    }
    assert.equal(isolated.requests.filter((path) => path.startsWith("/large/shard")).length, LARGE.shards);
    assert.deepEqual(errors, []);
  } finally {
    await eager.close();
    await isolated.close();
  }
});

/** Has the package take a link for dead after half a second, and wait less before it tries again. */
async function impatient() {
  const built = await readFile(join(ROOT, "pkg/dist/worker.js"), "utf8");
  const times = /pauseMs:[\de]+(.*?)stallMs:[\de]+/;
  assert.match(built, times);
  server.overlays.set("/pkg/dist/worker.js", built.replace(times, "pauseMs:20$1stallMs:500"));
}

/** Waits until the server has nothing under way. An answer that begins on a socket that is gone already never ends. */
async function idle() {
  const open = () => [...server.open].filter(({ socket }) => !socket.destroyed).map(({ path }) => path);
  for (const end = Date.now() + 5000; open().length > 0; await new Promise((done) => setTimeout(done, 20))) {
    assert.ok(Date.now() < end, `${open()} are still under way`);
  }
}
