/**
 * Fifty real saved pages, indexed in Chromium while somebody types; then a reload, and questions whose answer page is known.
 * The questions and their pages are in tests/data/questions.json.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { DATA, goTo, launch, MODEL, openPage, ROOT, startServer } from "./harness.mjs";

const SAVED = join(DATA, "readability-pages");
const PAGES = 50;
/** A task of the main thread that takes longer is felt. */
const TASK_MS_MAX = 50;

/** Words that carry no meaning of their own. */
const STOP = new Set(("a an and are as at be before by can could do does for from had has have how i if in into is it its like more my no not of on "
  + "one or other she should so than that the their them there these they this to up was we were what when where which who whom why will with would "
  + "you your").split(" "));

let server, browser, questions;
before(async () => {
  questions = JSON.parse(await readFile(join(ROOT, "tests/data/questions.json"), "utf8"));
  server = await startServer();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await server?.close();
});

/** The pages that the questions are about, and as many others as make fifty: small ones, so that the test stays short. */
async function chosenPages() {
  const folders = (await readdir(SAVED, { withFileTypes: true })).filter((entry) => entry.isDirectory()).map(({ name }) => name);
  const sizes = await Promise.all(folders.filter((name) => !questions.pages.includes(name)).map(async (name) => {
    const text = (await readFile(join(SAVED, name, "expected.html"), "utf8")).replaceAll(/<[^>]*>/g, " ");
    return { name, words: text.split(/\s+/).length };
  }));
  const others = sizes.filter(({ words }) => words > 100).sort((a, b) => a.words - b.words).map(({ name }) => name);
  return [...questions.pages, ...others.slice(0, PAGES - questions.pages.length)];
}

/** In the page: opens the index and waits for the encoder. */
async function open() {
  globalThis.burrow = await Burrow.open({ name: "saved", model: "/model", device: "cpu" });
  return burrow.ready;
}

/** In the page: watches the main thread. Tasks are counted by a probe that comes back as soon as the thread is free. */
function watch() {
  const seen = { tasks: 0, long: [], keys: [] };
  new PerformanceObserver((list) => seen.long.push(...list.getEntries().map(({ duration }) => duration))).observe({ type: "longtask" });
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => {
    seen.tasks += 1;
    setTimeout(() => port2.postMessage(0), 4);
  };
  port2.postMessage(0);
  const box = document.body.appendChild(document.createElement("input"));
  box.addEventListener("input", () => {
    const start = performance.now();
    // The next frame shows the letter: two frames on, it has been painted.
    requestAnimationFrame(() => requestAnimationFrame(() => seen.keys.push(performance.now() - start)));
  });
  box.focus();
  globalThis.seen = seen;
}

/** In the page: fetches and adds saved pages, all at once, as an impatient caller does. */
async function addAll(names) {
  const add = async (name) => {
    const html = new Uint8Array(await (await fetch(`/data/readability-pages/${name}/source.html`)).arrayBuffer());
    return burrow.add({ url: `https://saved.example/${name}`, html });
  };
  return Promise.all(names.map((name) => add(name).catch((error) => ({ url: name, outcome: `${error.kind}: ${error.message}` }))));
}

const word = (text) => text.toLowerCase().match(/\p{L}{2,}/gu)?.filter((one) => !STOP.has(one)) ?? [];
/** Words are the same here when they begin alike: "tracking" and "track". */
const stem = (text) => text.slice(0, Math.max(4, text.length - 3));

/** Which content words of a question occur on a page, in any form. */
function shared(question, html) {
  const text = html.replaceAll(/<(script|style)[\s\S]*?<\/\1>/gi, " ").replaceAll(/<[^>]*>/g, " ");
  const there = new Set(word(text).map(stem));
  return word(question).filter((one) => there.has(stem(one)));
}

async function ask(page) {
  const rows = [];
  for (const { question, page: name } of questions.questions) {
    const { hits } = await page.evaluate((question) => burrow.search(question, { limit: 10 }), question);
    const rank = 1 + hits.findIndex(({ url }) => url === `https://saved.example/${name}`);
    const words = shared(question, await readFile(join(SAVED, name, "expected.html"), "utf8"));
    rows.push({ question, name, rank, words, first: hits[0]?.url });
  }
  return rows;
}

function report(rows) {
  for (const { question, name, rank, words } of rows) {
    console.log(`  ${rank || "–"}. ${question} → ${name} (${words.length ? `shares: ${words.join(", ")}` : "shares no content word"})`);
  }
}

const skip = !MODEL ? "skipped: BURROW_MODEL names no folder with a model"
  : !existsSync(SAVED) ? "skipped: BURROW_DATA has no readability-pages" : false;

test("real pages are indexed without a hitch, survive a reload, and answer questions", { skip }, async () => {
  const { page, context, errors } = await openPage(browser, server.url);
  try {
    await page.evaluate(open);
    const names = await chosenPages();
    await page.evaluate(watch);
    const indexing = page.evaluate(addAll, names);
    await typeUntil(page, indexing);
    checkAdded(await indexing);
    await checkResponsive(page);

    server.requests.length = 0;
    await goTo(page, server.url);
    const status = await page.evaluate(open);
    assert.equal(status.pages, PAGES);
    checkAnswers(await ask(page));
    assert.deepEqual(server.requests.filter((path) => path.startsWith("/data/")), [], "no page is fetched again");
    assert.deepEqual(errors, []);
  } finally {
    await context.close();
  }
});

/** Types a letter now and then until the work is done. */
async function typeUntil(page, work) {
  let done = false;
  const end = work.finally(() => { done = true; });
  while (!done) {
    await page.keyboard.press("a");
    await Promise.race([end, new Promise((resume) => setTimeout(resume, 250))]);
  }
}

function checkAdded(added) {
  assert.deepEqual(added.filter(({ outcome }) => outcome !== "added"), []);
  console.log(`  ${added.length} pages, ${added.reduce((sum, { passages }) => sum + passages, 0)} passages`);
}

async function checkResponsive(page) {
  const { tasks, long, keys } = await page.evaluate(() => seen);
  const worst = (values) => Math.round(Math.max(0, ...values));
  console.log(`  while indexing: ${tasks} tasks, ${long.length} over ${TASK_MS_MAX} ms, the worst ${worst(long)} ms; `
    + `${keys.length} keys answered, the slowest after ${worst(keys)} ms`);
  assert.ok(tasks > 1000 && keys.length > 20, "the probe must have run while pages were indexed");
  assert.ok(long.length <= tasks / 100, `${long.length} of ${tasks} tasks took longer than ${TASK_MS_MAX} ms`);
}

function checkAnswers(rows) {
  report(rows);
  const count = (test) => rows.filter(test).length;
  const [first, three] = [count(({ rank }) => rank === 1), count(({ rank }) => rank >= 1 && rank <= 3)];
  const wordless = rows.filter(({ words }) => words.length === 0);
  console.log(`  ${rows.length} questions: ${first} first, ${three} in the first three; `
    + `${wordless.length} share no content word with their page, ${wordless.filter(({ rank }) => rank === 1).length} of them first`);
  assert.ok(rows.length >= 15 && first >= rows.length * 0.8, `${first} of ${rows.length} right pages came first`);
  assert.ok(three >= rows.length * 14 / 15, `${three} of ${rows.length} right pages came among the first three`);
  assert.ok(wordless.some(({ rank }) => rank === 1), "a page must be found by meaning alone");
}
