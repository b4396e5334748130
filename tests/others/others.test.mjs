/** The package in browsers with other engines: what they find is what Chromium finds, to the last bit, and is there at the next visit. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch as launchChromium, MODEL, startServer } from "../browser/harness.mjs";
import { ENGINES, missing } from "./engines.mjs";

const pageOf = (/** @type {string} */ name) => `/www/pages/${name}.html`;
const PAGES = ["photosynthesis", "sourdough", "tides", "compost", "sauerkraut", "hibernation"].map(pageOf);
const QUESTIONS = ["how do plants eat light?", "why does the sea come and go?", "dough without bought yeast", "\"lactic acid\""];

let server, chromium, expected;
before(async () => {
  if (!MODEL) return;
  server = await startServer({ isolated: true });
  chromium = await launchChromium();
  const page = await chromium.newPage();
  await page.goto(server.url);
  await page.evaluate(add, PAGES);
  expected = await page.evaluate(ask, QUESTIONS);
  // Else nothing could be as it is in Chromium, too.
  const firsts = expected.answers.map(([first]) => first?.url);
  assert.deepEqual([firsts, expected.damage], [["photosynthesis", "tides", "sourdough", "sauerkraut"].map(pageOf), []]);
});
after(async () => {
  await chromium?.close();
  await server?.close();
});

/** In the page: indexes pages. */
async function add(urls) {
  const { Burrow } = await import("/pkg/dist/index.js");
  const burrow = await Burrow.open({ name: "others", model: "/model", device: "cpu" });
  for (const url of urls) await burrow.add({ url, html: await (await fetch(url)).text() });
  const status = await burrow.status();
  await burrow.close();
  return status;
}

/** In the page: opens the index and asks, by meaning and words. */
async function ask(questions) {
  const { Burrow } = await import("/pkg/dist/index.js");
  const burrow = await Burrow.open({ name: "others", model: "/model", device: "cpu" });
  const before = await burrow.status();
  await burrow.ready;
  const answers = [];
  for (const question of questions) {
    const { hits } = await burrow.search(question, { limit: 3 });
    answers.push(hits.map(({ url, score, excerpt, marks }) => ({ url, score, excerpt, marks })));
  }
  const status = await burrow.status();
  const damage = await burrow.verify();
  await burrow.close();
  return { answers, pages: before.pages, encoder: status.encoder, storage: status.storage, damage };
}

for (const [name, { needs, launch }] of Object.entries(ENGINES)) {
  const lacking = await missing(needs);
  const skip = lacking ? `skipped: ${lacking} is not there (scripts/setup.sh others)` : MODEL ? false : "skipped: BURROW_MODEL names no model folder";
  test(`${name} finds what Chromium finds, also at the next visit`, { skip, timeout: 300_000 }, async (context) => {
    const engine = await launch();
    try {
      context.diagnostic(engine.name);
      await engine.goTo(server.url);
      const status = await engine.evaluate(add, PAGES);
      assert.deepEqual([status.pages, status.storage, status.reasons], [PAGES.length, "indexeddb", []]);
      await engine.goTo(`${server.url}?again`);
      assert.deepEqual(await engine.evaluate(ask, QUESTIONS), expected);
      context.diagnostic(`device: ${status.device}, ${status.threads} ${status.threads === 1 ? "thread" : "threads"}`);
    } finally {
      await engine.close();
    }
  });
}
