/** The search module in Chromium, where scanning and rescoring are WebAssembly SIMD, against naive twins. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { launch, openPage, ROOT, startServer, withPage } from "./harness.mjs";

const [PAGES, QUERIES, LIMIT, OVERSAMPLING] = [250, 25, 10, 3];

let server, browser;
before(async () => {
  server = await startServer({ folders: { "/scan/": join(ROOT, "tests", "wasm") } });
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await server?.close();
});

/** In the page: indexes generated texts with a tiny model, asks, and gives for every query its hits and all vectors. */
async function askAll({ pages, queries, limit, oversampling }) {
  const [encoderModule, searchModule] = await Promise.all([import("/pkg/wasm/encoder/encoder.js"), import("/pkg/wasm/search/search.js")]);
  await Promise.all([encoderModule.default(), searchModule.default()]);
  const file = async (name) => new Uint8Array(await (await fetch(`/tests/data/tiny-bert/${name}`)).arrayBuffer());
  const [config, tokenizer, weights] = await Promise.all(["config.json", "tokenizer.json", "model.safetensors"].map(file));
  const loader = await encoderModule.ModelLoader.start("tiny-bert", undefined, config, tokenizer, "cpu");
  await loader.add("model.safetensors", weights, undefined);
  const encoder = await loader.finish();
  const index = await searchModule.Index.open("twin", {});
  await index.bind(encoder.fingerprint());
  // A seeded generator: a failure can be seen again.
  let seed = 1;
  const random = (below) => (seed = (seed * 48271) % 2147483647) % below;
  const words = "river light moon bread stone plant water engine cat winter music letter glass road salt".split(" ");
  const text = () => Array.from({ length: 3 + random(9) }, () => words[random(words.length)]).join(" ");
  const vectors = [];
  for (let number = 0; number < pages; number += 1) {
    const content = text();
    const page = encoder.prepare(`page:${number}`, null, "text", new TextEncoder().encode(content));
    await page.encodeNext();
    await index.commit(page.finish());
    vectors.push([...await encoder.embedQuery(content)]);
  }
  const asked = [];
  for (let number = 0; number < queries; number += 1) {
    const query = text();
    const vector = await encoder.embedQuery(query);
    asked.push({ vector: [...vector], hits: await index.search(query, vector, JSON.stringify({ limit, oversampling, mode: "semantic" }), null) });
  }
  return { vectors, asked };
}

const bits = (vector) => vector.map((x) => x >= 0);
const distance = (a, b) => a.filter((bit, at) => bit !== b[at]).length;

/** Half goes to the even neighbour. */
function rounded(x) {
  const floor = Math.floor(x);
  const half = x - floor === 0.5;
  return half ? floor + (Math.abs(floor) % 2) : Math.round(x);
}

/** Each component as a share of the greatest, in 127ths: what `Quantizer::MaxAbs` says. In f32, as there. */
function int8(vector) {
  const most = Math.max(...vector.map(Math.abs));
  return vector.map((x) => rounded(Math.fround(Math.fround(x * 127) / most)));
}

function cosine(a, b) {
  const dot = (a, b) => a.reduce((sum, x, at) => sum + x * b[at], 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

/** Sort everything, twice. */
function naive(vectors, query) {
  const near = vectors.map((vector, at) => ({ at, distance: distance(bits(vector), bits(query)) }));
  const candidates = near.sort((a, b) => a.distance - b.distance || a.at - b.at).slice(0, LIMIT * OVERSAMPLING);
  const scored = candidates.map(({ at }) => ({ at, score: cosine(query, int8(vectors[at])) }));
  return scored.sort((a, b) => b.score - a.score).slice(0, LIMIT);
}

test("hits are those of the naive twin, in its order", async () => {
  const { page, context, errors } = await openPage(browser, server.url);
  try {
    const { vectors, asked } = await page.evaluate(askAll, { pages: PAGES, queries: QUERIES, limit: LIMIT, oversampling: OVERSAMPLING });
    assert.deepEqual(errors, []);
    assert.equal(asked.length, QUERIES);
    for (const { vector, hits } of asked) {
      const expected = naive(vectors, vector);
      assert.equal(hits.length, LIMIT);
      hits.forEach(({ score }, rank) => assert.ok(Math.abs(score - expected[rank].score) < 1e-5, `${score} is not ${expected[rank].score}`));
      // Texts of the same words in another order may score alike to the last digit: then either may stand first.
      const ids = (list) => new Set(list.map(({ at, url }) => url ?? `page:${at}`));
      const clear = expected.filter(({ score }) => score - expected.at(-1).score > 1e-5);
      for (const id of ids(clear)) assert.ok(ids(hits).has(id), `${id} is missing`);
    }
  } finally {
    await context.close();
  }
});

test("every kernel counts, orders and scores as its twin in the same module does, at every width", async () => {
  await withPage(browser, server.url, async (page) => {
    const { kernels, outcomes } = await page.evaluate(async () => {
      const module = await import("/scan/scan.js");
      await module.default();
      const outcomes = ["distances", "nearest", "cosines"].map((what) => {
        const { times, wrong } = module[what]();
        return { what, times, wrong };
      });
      return { kernels: module.kernels(), outcomes };
    });
    // Which is the faster is found out by the module itself.
    const wasm = ["simd128-words", "simd128"];
    assert.deepEqual(kernels, [...(process.arch === "x64" ? wasm : wasm.reverse()), "portable"]);
    for (const { what, times, wrong } of outcomes) {
      assert.deepEqual(wrong, [], what);
      assert.ok(times > 20, `${what}: ${times} comparisons`);
    }
  });
});
