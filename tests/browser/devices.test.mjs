/** Which device encodes: both are measured once with the real model, the faster is kept and remembered, and the status says why. */
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { goTo, launch, ROOT, startServer, withPage } from "./harness.mjs";
import { writeShards } from "./shards.mjs";

const PAGE = { url: "https://example.org/light", text: "Green leaves catch sunlight and turn water and air into sugar." };
const QUESTION = "how do plants eat light?";
const WORKER = "/pkg/dist/worker.js";
/** What loads a model on the other device. */
const RIVAL = "/pkg/dist/rival.js";

let server, browser, folder, worker;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "burrow-devices-"));
  await writeShards(folder, 24_000);
  server = await startServer({ folders: { "/sharded/": folder } });
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

const onPage = (body, options) => withPage(browser, server.url, body, options);

/** Opens with the tiny model; the software adapter is measured like a real one unless told otherwise. Gives the status when ready. */
function open(page, options = {}) {
  return page.evaluate(async (options) => {
    globalThis.settled = new Promise((resolve) => (globalThis.onSettled = resolve));
    globalThis.stages = [];
    globalThis.burrow = await Burrow.open({
      name: "devices", model: "/sharded", measureSoftware: true,
      onProgress: (step) => {
        stages.push(step.stage);
        if (step.stage === "device") onSettled(step.status);
      },
      ...options,
    });
    return burrow.ready;
  }, options);
}

const settled = (page) => page.evaluate(() => settled);
const close = (page) => page.evaluate(() => burrow.close());
/** A short while with everything at rest: what would be measured has begun by then. */
const rested = (page) => page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 500)));
const rivals = () => server.requests.filter((path) => path === RIVAL).length;

test("both are measured, the faster goes on in place, and is the first one on the next visit", () => onPage(async (page) => {
  const first = await open(page);
  assert.deepEqual([first.device, first.measured], ["webgpu", null]);
  assert.match(first.deviceReason, /WebGPU comes first/);
  await page.evaluate((one) => burrow.add(one), PAGE);

  const status = await settled(page);
  console.log(`  ${status.deviceReason}`);
  assert.deepEqual([status.device, status.adapter, status.reasons], ["cpu", "", []]);
  assert.ok(status.measured.webgpu > 0 && status.measured.cpu > status.measured.webgpu, JSON.stringify(status.measured));
  assert.match(status.deviceReason, /the CPU is the faster with this model: \d+ tokens a second on WebGPU, \d+ on the CPU\./);
  assert.equal(rivals(), 1);
  // That the model was loaded once more is nobody's business.
  assert.ok(await page.evaluate(() => stages.lastIndexOf("download") < stages.indexOf("ready") && stages.lastIndexOf("load") < stages.indexOf("ready")));
  assert.equal((await page.evaluate((one) => burrow.add(one), PAGE)).outcome, "unchanged");
  const { hits } = await page.evaluate((question) => burrow.search(question, { mode: "semantic" }), QUESTION);
  assert.equal(hits[0].url, PAGE.url);
  await close(page);

  await goTo(page, server.url);
  const second = await open(page);
  assert.deepEqual([second.device, second.measured], ["cpu", status.measured]);
  assert.match(second.deviceReason, /measured on an earlier visit/);
  await rested(page);
  await close(page);
  const other = await open(page, { name: "another index, the same model" });
  assert.deepEqual([other.device, other.measured], ["cpu", status.measured]);
  await rested(page);
  assert.equal(rivals(), 1);
  await close(page);
}));

test("what was measured counts for that model alone, and goes with its files", () => onPage(async (page) => {
  await open(page);
  await settled(page);
  await close(page);
  const models = await page.evaluate(() => Burrow.models());
  assert.deepEqual(models.map((model) => model.files), [server.requests.filter((path) => /^\/sharded\/.*safetensors$/.test(path)).length + 3]);
  // As if another model had been at this address: that shows when the present one is loaded.
  await page.evaluate(async () => {
    const cache = await caches.open("burrow-models");
    const address = new URL("/sharded/burrow.device.json", location.href);
    const noted = await (await cache.match(address)).json();
    await cache.put(address, new Response(JSON.stringify({ ...noted, fingerprint: "00" })));
  });
  const status = await open(page);
  assert.deepEqual([status.device, status.measured], ["cpu", null]);
  assert.match(status.deviceReason, /another one than was measured/);
  assert.equal((await settled(page)).device, "cpu");
  assert.equal(rivals(), 2);
  await close(page);
  await page.evaluate(() => Burrow.clearModels("/sharded"));
  assert.deepEqual(await page.evaluate(async () => (await (await caches.open("burrow-models")).keys()).length), 0);
}));

for (const [what, options, device, why] of [
  ["the CPU that was asked for", { device: "cpu" }, "cpu", /^It was asked for\.$/],
  ["WebGPU that was asked for", { device: "webgpu" }, "webgpu", /^It was asked for\.$/],
  ["an adapter that is software", { measureSoftware: false }, "cpu", /is software, which is slower than the CPU itself/],
]) {
  test(`${what} is not measured`, () => onPage(async (page) => {
    const status = await open(page, options);
    assert.deepEqual([status.device, status.measured], [device, null]);
    assert.match(status.deviceReason, why);
    await rested(page);
    assert.equal(rivals(), 0);
    await close(page);
  }));
}

test("a model that cannot be kept is not fetched a second time to be measured", () => onPage(async (page) => {
  const status = await open(page, { model: "/tests/data/tiny-bert" });
  assert.deepEqual([status.device, status.measured], ["webgpu", null]);
  assert.match(status.deviceReason, /without being measured: the model cannot be kept/);
  await rested(page);
  assert.equal(rivals(), 0);
  await close(page);
}));

test("a GPU with wrong vectors is out, also on the next visit, and the status says so", () => onPage(async (page) => {
  server.overlays.set(WORKER, `
    const create = GPUDevice.prototype.createShaderModule;
    GPUDevice.prototype.createShaderModule = function (descriptor) {
      return create.call(this, { ...descriptor, code: descriptor.code.replaceAll("* scale * gain[i] +", "* scale * gain[i].wzyx +") });
    };
    ${worker}`);
  assert.equal((await open(page)).device, "webgpu");
  const status = await settled(page);
  console.log(`  ${status.reasons.join(" ")}`);
  assert.deepEqual([status.device, status.measured.webgpu], ["cpu", 0]);
  assert.match(status.reasons.join(" "), /Encoding on the CPU: WebGPU gives other vectors with this model \(cosine -?\d/);
  await close(page);
  const again = await open(page);
  assert.deepEqual([again.device, again.measured], ["cpu", status.measured]);
  assert.match(again.reasons.join(" "), /WebGPU gives other vectors .*, measured on an earlier visit/);
  assert.equal(rivals(), 1);
  await close(page);
}));

test("where the other device cannot be tried, the one that works stays, and it is tried on the next visit", () => onPage(async (page) => {
  server.faults.set(RIVAL, "missing");
  await open(page);
  const status = await settled(page);
  assert.deepEqual([status.device, status.measured, status.reasons], ["webgpu", null, []]);
  assert.match(status.deviceReason, /could not be measured \(.*worker.*\); it is tried on the next visit/);
  await close(page);
  server.faults.clear();
  await open(page);
  assert.equal((await settled(page)).device, "cpu");
  await close(page);
}, { expected: /404/ }));

test("a GPU that fails in the midst of its work: page and query go on on the CPU", () => onPage(async (page) => {
  // Results are read by mapping a buffer: what a lost device does not do any more.
  server.overlays.set(WORKER, `
    let isLost = false;
    new BroadcastChannel("lost").onmessage = () => (isLost = true);
    const map = GPUBuffer.prototype.mapAsync;
    GPUBuffer.prototype.mapAsync = function (...given) {
      return isLost ? Promise.reject(new DOMException("the device was lost", "OperationError")) : map.apply(this, given);
    };
    ${worker}`);
  const status = await open(page, { device: "webgpu" });
  assert.equal(status.device, "webgpu");
  await page.evaluate((one) => burrow.add(one), PAGE);
  await page.evaluate(() => new BroadcastChannel("lost").postMessage(null));
  const { hits } = await page.evaluate((question) => burrow.search(question, { mode: "semantic" }), QUESTION);
  assert.equal(hits[0].url, PAGE.url);
  const later = await page.evaluate(async (one) => { await burrow.add(one); return burrow.status(); }, { ...PAGE, url: "https://example.org/2" });
  assert.deepEqual([later.device, later.pages], ["cpu", 2]);
  assert.match(later.reasons.join(" "), /Encoding on the CPU: the WebGPU adapter .* failed/);
  await close(page);
}));

test("of a large model the first layers are measured: the worker loads just those, whatever burrow.json says of the configuration", () =>
  onPage(async (page) => {
    const vectors = await page.evaluate(async () => {
      const few = async (layers) => {
        const worker = new Worker("/pkg/dist/rival.js", { type: "module" });
        const ask = (message) => new Promise((resolve) => {
          worker.onmessage = ({ data }) => resolve(data);
          worker.postMessage(message);
        });
        const model = new URL("/sharded/", location.href).href;
        const opened = await ask({ open: { model, name: "sharded", wasm: null, device: "cpu", layers } });
        const { pass } = await ask({ tokens: 16 });
        worker.terminate();
        return { opened, ms: pass.ms, vector: [...pass.vector] };
      };
      return [await few(1), await few(2), await few(null)];
    });
    assert.ok(vectors.every(({ opened, ms, vector }) => opened.loaded && ms > 0 && vector.length === 32), JSON.stringify(vectors.map(({ opened }) => opened)));
    const [one, two, all] = vectors.map(({ vector }) => vector);
    assert.deepEqual(two, all);
    assert.notDeepEqual(one, all);
  }));
