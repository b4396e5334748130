/**
 * Drives the demo in headless Chromium: indexes, asks, prints the hits, saves a screenshot; fails on any console error.
 *
 *   node www/headless.mjs --query "…" [--pages folder] [--device auto|cpu|webgpu] [--model folder] [--screenshot file]
 *
 * Each option may be given as an environment variable too: QUERY, PAGES, DEVICE, BURROW_MODEL, SCREENSHOT. CHROMIUM is the browser.
 */
import { createRequire } from "node:module";
import { mkdir } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { serve } from "./serve.mjs";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
// The driver of the browser is the tests' dependency; the demo itself has none.
const { chromium } = createRequire(new URL("../tests/package.json", import.meta.url))("playwright-core");

/** Without a GPU, WebGPU is to be had from a software adapter; the other flags keep the browser from calling home. */
const FLAGS = [
  "--no-sandbox", "--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--disable-gpu-sandbox",
  "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run",
];

/** Indexing a folder of hundreds of pages on a slow machine takes this long at the very most. */
const INDEXING_MS_MAX = 60 * 60 * 1000;
const ANSWER_MS_MAX = 60 * 1000;
const LOOK_MS = 500;

/** @typedef {{query: string, pages: string, device: string, model: string, screenshot: string}} Asked */

/** @returns {Asked} */
function readOptions() {
  const { values } = parseArgs({
    options: {
      query: { type: "string" }, pages: { type: "string" }, device: { type: "string" }, model: { type: "string" }, screenshot: { type: "string" },
    },
  });
  const env = process.env;
  return {
    query: (values.query ?? env.QUERY ?? "").trim(),
    pages: values.pages ?? env.PAGES ?? "",
    device: values.device ?? env.DEVICE ?? "auto",
    model: values.model ?? env.BURROW_MODEL ?? "",
    screenshot: resolve(values.screenshot ?? env.SCREENSHOT ?? `${ROOT}target/demo.png`),
  };
}

async function main() {
  const asked = readOptions();
  if (!asked.query) throw new Error('There is no question: give one with QUERY="…".');
  if (!asked.model) throw new Error("There is no model: give its folder in BURROW_MODEL or with --model (make demo does).");
  const server = await serve({ model: asked.model, pages: asked.pages || undefined });
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM || "/usr/bin/chromium", args: FLAGS });
  try {
    await drive(browser, server.demo, asked);
  } finally {
    await browser.close();
    await server.close();
  }
}

/**
 * @param {import("../tests/node_modules/playwright-core").Browser} browser
 * @param {string} address
 * @param {Asked} asked
 */
async function drive(browser, address, asked) {
  // A context of its own: nothing is left of it when it closes.
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 } });
  const page = await context.newPage();
  const errors = listenForErrors(page);
  const demo = new URL(address);
  if (asked.device !== "auto") demo.searchParams.set("device", asked.device);
  console.log(`Demo at ${demo.href}, model ${basename(asked.model)}`);
  await page.goto(demo.href);
  const startedAt = performance.now();
  const pages = await untilIndexed(page);
  console.log(`Indexed ${pages} pages in ${((performance.now() - startedAt) / 1000).toFixed(1)} s, the model's loading included`);
  await ask(page, asked.query);
  const hits = await readHits(page);
  printHits(asked.query, hits, await readState(page));
  await mkdir(dirname(asked.screenshot), { recursive: true });
  await page.screenshot({ path: asked.screenshot });
  console.log(`Screenshot: ${asked.screenshot}`);
  for (const error of errors) console.error(`console: ${error}`);
  if (errors.length > 0) throw new Error(`The page wrote ${errors.length} errors to the console.`);
  if (hits.length === 0) throw new Error("There are no hits.");
}

/**
 * @param {import("../tests/node_modules/playwright-core").Page} page
 * @returns {string[]} filled as errors happen
 */
function listenForErrors(page) {
  /** @type {string[]} */
  const errors = [];
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(`${message.text()} (${message.location().url})`);
  });
  page.on("pageerror", (error) => errors.push(String(error.stack ?? error)));
  page.on("crash", () => errors.push("The page crashed."));
  return errors;
}

/**
 * Waits until nothing is left to index, saying how far it is.
 * @param {import("../tests/node_modules/playwright-core").Page} page
 * @returns {Promise<number>} how many pages the index has
 */
async function untilIndexed(page) {
  const deadline = performance.now() + INDEXING_MS_MAX;
  for (let said = ""; performance.now() < deadline;) {
    const { state, line, trouble, pages } = await page.evaluate(() => ({
      state: document.documentElement.dataset.state,
      line: ["work-what", "work-page"].map((id) => document.getElementById(id)?.textContent ?? "").filter(Boolean).join("  "),
      trouble: document.getElementById("trouble")?.textContent ?? "",
      pages: Number(document.documentElement.dataset.pages ?? 0),
    }));
    if (state === "failed") throw new Error(`The demo failed: ${trouble}`);
    if (state === "ready") return sayRefused(page, pages);
    if (line !== said) console.log(`  ${line}`);
    said = line;
    await page.waitForTimeout(LOOK_MS);
  }
  throw new Error(`The pages were not indexed after ${INDEXING_MS_MAX / 60_000} minutes.`);
}

/**
 * Pages that could not be indexed are told of, and are no failure of the demo.
 * @param {import("../tests/node_modules/playwright-core").Page} page
 * @param {number} pages
 */
async function sayRefused(page, pages) {
  const refused = await page.locator("#outcomes .failed").allInnerTexts();
  for (const line of refused) console.log(`  not indexed: ${line.replaceAll("\n", ": ")}`);
  return pages;
}

/**
 * Types the question as a person would, and waits for its hits.
 * @param {import("../tests/node_modules/playwright-core").Page} page
 * @param {string} query
 */
async function ask(page, query) {
  await page.locator("#query").pressSequentially(query, { delay: 15 });
  await page.waitForFunction(
    (asked) => {
      const { state, query: answered } = /** @type {HTMLElement} */ (document.getElementById("results")).dataset;
      return answered === asked && (state === "done" || state === "failed");
    }, query, { timeout: ANSWER_MS_MAX });
  const { state, trouble } = await page.evaluate(() => ({
    state: document.getElementById("results")?.dataset.state,
    trouble: document.getElementById("trouble")?.textContent ?? "",
  }));
  if (state === "failed") throw new Error(`The question was not answered: ${trouble}`);
}

/** @typedef {{score: number, title: string, url: string, path: string, passage: string}} PrintedHit */

/**
 * @param {import("../tests/node_modules/playwright-core").Page} page
 * @returns {Promise<PrintedHit[]>} passages with `[[…]]` around the sentence and `*…*` around words
 */
function readHits(page) {
  return page.locator("#hits > li").evaluateAll((items) => items.map((item) => {
    const excerpt = item.querySelector(".excerpt")?.cloneNode(true);
    if (excerpt instanceof Element) {
      for (const word of excerpt.querySelectorAll(".word")) word.replaceWith(`*${word.textContent}*`);
      for (const mark of excerpt.querySelectorAll("mark")) mark.replaceWith(`[[${mark.textContent}]]`);
    }
    return {
      score: Number(/** @type {HTMLElement} */ (item).dataset.score),
      title: item.querySelector("a, .title")?.firstChild?.textContent ?? "",
      url: /** @type {HTMLElement} */ (item).dataset.url ?? "",
      path: item.querySelector(".path")?.textContent ?? "",
      passage: (excerpt?.textContent ?? "").replace(/\s+/g, " ").trim(),
    };
  }));
}

/** @param {import("../tests/node_modules/playwright-core").Page} page */
function readState(page) {
  return page.evaluate(() => {
    const { encodeMs, searchMs } = /** @type {HTMLElement} */ (document.getElementById("results")).dataset;
    const rows = [...document.querySelectorAll("#engine dt")].map((name) => `${name.textContent}: ${name.nextElementSibling?.textContent}`);
    return {
      encodeMs, searchMs,
      counts: document.getElementById("counts")?.textContent ?? "",
      engine: rows.join(" · "),
      reasons: [...document.querySelectorAll("#reasons li")].map((reason) => reason.textContent ?? ""),
    };
  });
}

/**
 * @param {string} query
 * @param {PrintedHit[]} hits
 * @param {Awaited<ReturnType<typeof readState>>} state
 */
function printHits(query, hits, state) {
  const color = process.stdout.isTTY;
  const paint = (/** @type {string} */ text) => !color ? text : text
    .replace(/\*([^*]+)\*/g, "\x1b[1m$1\x1b[22m").replaceAll("[[", "\x1b[33m").replaceAll("]]", "\x1b[39m");
  console.log(`\n? ${query}\n`);
  hits.forEach((hit, rank) => {
    console.log(`${String(rank + 1).padStart(2)}. ${hit.score.toFixed(3)}  ${hit.title}${hit.path ? `  (${hit.path})` : ""}`);
    console.log(`      ${paint(hit.passage)}\n`);
  });
  console.log(`Query encoded in ${state.encodeMs} ms, searched in ${state.searchMs} ms`);
  console.log(`${state.counts} · ${state.engine}`);
  for (const reason of state.reasons) console.log(`Note: ${reason}`);
}

main().catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
