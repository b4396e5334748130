/** The encoder module in Chromium, on the CPU and on WebGPU, against the numbers that PyTorch gave. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, MODEL, openPage, startServer } from "./harness.mjs";

/** Below this, a device is not the model: see tests/reference. */
const COSINE_MIN = { cpu: 0.99999, webgpu: 0.9999 };

/** WebGPU here is a software adapter: so many short texts, one that fills the model's positions, and few each on its own. */
const [WEBGPU_TEXTS, WEBGPU_SINGLE] = [10, 2];

let server, browser;
before(async () => {
  server = await startServer();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await server?.close();
});

/** Runs a function of this file's page half, given the encoder and the reference, in a fresh page. */
async function inPage(model, reference, device, body, argument) {
  const { page, context, errors } = await openPage(browser, server.url);
  try {
    await page.evaluate(prepare, { model, reference, device });
    const result = await page.evaluate(body, argument);
    assert.deepEqual(errors, []);
    return result;
  } finally {
    await context.close();
  }
}

/** In the page: loads module, model and reference; what the other bodies need is put on `globalThis`. */
async function prepare({ model, reference, device }) {
  const { default: init, ModelLoader } = await import("/pkg/wasm/encoder/encoder.js");
  await init();
  const bytes = async (path) => new Uint8Array(await (await fetch(path)).arrayBuffer());
  const small = await Promise.all(["config.json", "tokenizer.json"].map((file) => bytes(model + file)));
  const loader = await ModelLoader.start("reference", undefined, ...small, device);
  await loader.add("model.safetensors", await bytes(`${model}model.safetensors`), undefined);
  const encoder = await loader.finish();
  const { dimension, cases } = await (await fetch(`${reference}.json`)).json();
  const numbers = new Float32Array((await bytes(`${reference}.bin`)).buffer);
  const row = (rows, index) => rows.subarray(index * dimension, (index + 1) * dimension);
  const cosine = (a, b) => {
    let [ab, aa, bb] = [0, 0, 0];
    for (let i = 0; i < a.length; i += 1) [ab, aa, bb] = [ab + a[i] * b[i], aa + a[i] * a[i], bb + b[i] * b[i]];
    return ab / Math.sqrt(aa * bb);
  };
  Object.assign(globalThis, { encoder, cases, numbers, row, cosine });
}

/**
 * In the page: the least cosine of hidden rows and of pooled vectors, all texts in one batch, and `single` of them each alone.
 * `chosen` takes some of the texts.
 */
async function compare({ chosen, single = Infinity } = {}) {
  const some = chosen ? cases.filter((one, index) => chosen.includes(index)) : cases;
  const worst = { texts: some.length, tokens: Math.max(...some.map((one) => one.ids.length)), hidden: 1, pooled: 1, alone: 1 };
  const least = (what, a, b) => {
    worst[what] = Math.min(worst[what], cosine(a, b));
  };
  const input = (texts) => [new Uint32Array(texts.flatMap((one) => one.ids)), new Uint32Array(texts.map((one) => one.ids.length))];
  const states = await encoder.hiddenStates(...input(some));
  const vectors = await encoder.embed(...input(some));
  let first = 0;
  some.forEach((one, index) => {
    for (const [position, at] of one.states) least("hidden", row(states, first + position), row(numbers, at));
    least("pooled", row(vectors, index), row(numbers, one.vector));
    first += one.ids.length;
  });
  for (const one of some.slice(0, single)) least("alone", await encoder.embed(...input([one])), row(numbers, one.vector));
  return worst;
}

function check(worst, device) {
  console.log(`  ${device}: ${JSON.stringify(worst)}`);
  for (const what of ["hidden", "pooled", "alone"]) assert.ok(worst[what] >= COSINE_MIN[device], `${what}: cosine ${worst[what]}`);
}

for (const device of ["cpu", "webgpu"]) {
  test(`a tiny model on ${device} equals PyTorch`, async () => {
    const single = device === "cpu" ? undefined : WEBGPU_SINGLE;
    check(await inPage("/tests/data/tiny-bert/", "/tests/data/reference/tiny-bert", device, compare, { single }), device);
  });
}

for (const shape of ["gqa", "mha", "odd", "context", "causal"]) {
  for (const device of ["cpu", "webgpu"]) {
    test(`Qwen3 in the shape "${shape}" on ${device} equals PyTorch`, async () => {
      const single = device === "cpu" ? undefined : WEBGPU_SINGLE;
      check(await inPage(`/tests/data/tiny-qwen3/${shape}/`, `/tests/data/reference/tiny-qwen3-${shape}`, device, compare, { single }), device);
    });
  }
}

const withModel = { skip: MODEL ? false : "skipped: BURROW_MODEL names no folder with a model" };
const REAL = ["/model/", "/tests/data/reference/all-MiniLM-L6-v2"];

test("all-MiniLM-L6-v2 on the CPU equals PyTorch, for every text of the reference", withModel, async () => {
  const worst = await inPage(...REAL, "cpu", compare);
  assert.ok(worst.texts >= 20 && worst.tokens === 512, "the reference must hold 20 texts, one of them as long as the model allows");
  check(worst, "cpu");
});

/** In the page: what comes of a page with and without pauses, in one of which a query is encoded. */
async function interrupted() {
  const [words, query] = ["The otter swims in the cold river and dives for fish that hide below the stones. ".repeat(16), "what do otters eat?"];
  const encoded = async (pause) => {
    const page = encoder.prepare("page:1", null, "text", new TextEncoder().encode(words));
    await page.encodeNext(pause);
    return { windows: page.windows, bytes: String(page.finish()) };
  };
  const [alone, vectorAlone] = [await encoded(), String(await encoder.embedQuery(query))];
  let [pauses, vector] = [0, null];
  const paused = await encoded(() => {
    pauses += 1;
    if (pauses !== 2) return pauses === 1 ? undefined : Promise.reject(new Error("of no matter"));
    return encoder.embedQuery(query).then((found) => { vector = String(found); });
  });
  return { windows: alone.windows, pauses, isSamePage: paused.bytes === alone.bytes, isSameVector: vector === vectorAlone };
}

for (const device of ["cpu", "webgpu"]) {
  test(`a query is encoded between the layers of a window on ${device}, and neither changes the other`, withModel, async () => {
    const { windows, pauses, isSamePage, isSameVector } = await inPage(...REAL, device, interrupted);
    assert.equal(windows, 1);
    assert.ok(pauses >= 3, `${pauses} pauses`);
    assert.ok(isSamePage, "the page came out different");
    assert.ok(isSameVector, "the query came out different");
  });
}

test("all-MiniLM-L6-v2 on WebGPU equals PyTorch, for short texts and a whole window", withModel, async () => {
  const lengths = await inPage(...REAL, "cpu", () => cases.map((one) => one.ids.length));
  const order = lengths.map((length, index) => index).filter((index) => lengths[index] > 2).sort((a, b) => lengths[a] - lengths[b]);
  const chosen = [...order.slice(0, WEBGPU_TEXTS), order.at(-1)];
  const worst = await inPage(...REAL, "webgpu", compare, { chosen, single: WEBGPU_SINGLE });
  assert.ok(worst.texts >= 9 && worst.tokens === 512);
  check(worst, "webgpu");
});
