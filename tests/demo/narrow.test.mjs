/** The demo's filters, order and modes in Chromium: chosen by mouse and keys, kept in the address, with a way out of nothing. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";
import { serve } from "../../www/serve.mjs";

const model = process.env.BURROW_MODEL;
const skip = model ? false : "skipped: BURROW_MODEL names no model folder";
const PAGES = [
  { url: "sourdough.html", title: "Sourdough", topic: "Kitchen", time: "2024-03-01" },
  { url: "sauerkraut.html", title: "Cabbage", topic: "Kitchen", time: "2026-03-01" },
  { url: "photosynthesis.html", title: "Photosynthesis", topic: "Nature", time: "2025-03-01" },
  { url: "gletscher.html", title: "Gletscher", topic: "Nature", time: "2025-04-01" },
];

let server, browser, context, page;
const errors = [];

before(async () => {
  if (skip) return;
  server = await serve({ model });
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM || "/usr/bin/chromium", args: ["--no-sandbox", "--disable-background-networking"] });
  context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  page = await context.newPage();
  page.on("console", (message) => { if (message.type() === "error") errors.push(message.text()); });
  page.on("pageerror", (error) => errors.push(String(error)));
  await page.route((url) => url.pathname === "/pages/few.json", (route) => route.fulfill({ json: PAGES }));
  await open("");
});
after(async () => {
  await browser?.close();
  await server?.close();
});

/** Opens the demo with more in its address, and waits for the encoder. */
async function open(more) {
  await page.goto(`${server.url}?device=cpu&pages=/pages/few.json&${more}`);
  await page.waitForFunction(() => document.documentElement.dataset.state === "ready", null, { timeout: 300_000 });
}

/** Waits until the hits are these, in this order. */
async function hits(...names) {
  await page.waitForFunction((names) => {
    const shown = [...document.querySelectorAll("#hits > li")].map((item) => item.dataset.url.split("/").at(-1).replace(".html", ""));
    return document.getElementById("results").dataset.state === "done" && shown.join() === names.join();
  }, names, { timeout: 60_000 });
}

const choice = (row, name) => page.locator(`#choices-${row} label`).filter({ hasText: new RegExp(`^${name}\\s*\\d*$`) });
const row = (id) => page.locator(`#choices-${id} label:visible`).allInnerTexts();
const asked = (name) => new URL(page.url()).searchParams.get(name);

test("at rest there are no filters; with a question, each value comes with its count", { skip }, async () => {
  assert.equal(await page.locator("#narrow").isVisible(), false);
  await page.locator("#query").fill("what makes it sour?");
  await page.locator("#choices-topic").waitFor();
  assert.deepEqual(await row("topic"), ["Any", "Kitchen 2", "Nature 2"]);
  assert.deepEqual(await row("lang"), ["Any", "English 3", "German 1"]);
  assert.deepEqual(await row("year"), ["Any", "2026 1", "2025 2", "2024 1"]);
  // All are web pages in one folder: that tells nothing apart.
  assert.deepEqual([await row("kind"), await row("folder")], [[], []]);
  assert.equal(await page.getByRole("radiogroup", { name: "Topic" }).getByRole("radio", { name: "Any", exact: true }).isChecked(), true);
});

test("a click narrows, the other counts follow, and the address keeps it over a reload", { skip }, async () => {
  await choice("topic", "Kitchen").click();
  await page.waitForFunction(() => document.querySelectorAll("#hits > li").length === 2);
  await page.waitForFunction(() => document.querySelector("#choices-year").innerText.includes("2026 1") && !document.querySelector("#choices-year").innerText.includes("2025"));
  assert.deepEqual(await row("topic"), ["Any", "Kitchen 2", "Nature 2"], "the other topics stay in sight");
  assert.equal(asked("topic"), "Kitchen");
  await page.reload();
  await page.waitForFunction(() => document.querySelectorAll("#hits > li").length === 2, null, { timeout: 60_000 });
  assert.match(await page.locator("#narrow summary").innerText(), /Topic: Kitchen/);
  await page.locator("#unfilter").click();
  await page.waitForFunction(() => document.querySelectorAll("#hits > li").length === 4);
  assert.equal(asked("topic"), null);
  assert.equal(await page.evaluate(() => document.activeElement.id), "query");
});

test("the keys choose: one stop a row, arrows within it, and the focus stays", { skip }, async () => {
  await page.locator("#choices-lang input:checked").focus();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowRight");
  await hits("gletscher");
  assert.equal(await page.evaluate(() => document.activeElement.value), "de");
  assert.equal(asked("lang"), "de");
  await page.keyboard.press("Home");
  await page.keyboard.press("ArrowLeft");
  await page.keyboard.press("ArrowLeft");
  assert.equal(asked("lang"), null);
});

test("the newest or the oldest first", { skip }, async () => {
  await choice("sort", "Newest").click();
  await hits("sauerkraut", "gletscher", "photosynthesis", "sourdough");
  assert.equal(asked("sort"), "newest");
  await choice("sort", "Oldest").click();
  await hits("sourdough", "photosynthesis", "gletscher", "sauerkraut");
  await choice("sort", "Best first").click();
  assert.equal(asked("sort"), null);
});

test("by words alone: phrases stand so, the last word may be unfinished, a slip is forgiven", { skip }, async () => {
  await choice("mode", "Words").click();
  assert.equal(asked("mode"), "keyword");
  for (const [query, ...names] of [["chlorophy", "photosynthesis"], ["clorophyll", "photosynthesis"], ["\"water and air\""], ["\"lactic acid bacteria\"", "sauerkraut"]]) {
    await page.locator("#query").fill(query);
    await page.waitForFunction((asked) => document.getElementById("results").dataset.query === asked, query);
    const shown = await page.locator("#hits > li").evaluateAll((items) => items.map((item) => item.dataset.url.split("/").at(-1).replace(".html", "")));
    for (const name of names) assert.ok(shown.includes(name), `${query}: ${shown}`);
    if (names.length === 0) assert.deepEqual(shown, [], query);
  }
});

test("where filters hide all hits, they are named, and a button takes off the one that does", { skip }, async () => {
  await open("q=Gletscher&mode=keyword&topic=Nature&lang=en");
  await page.locator("#empty button").waitFor();
  assert.match(await page.locator("#empty").innerText(), /^No hits within Topic: Nature, Language: English/);
  assert.deepEqual(await page.locator("#empty button").allInnerTexts(), ["Take off Language: English (1 hit)"]);
  await page.locator("#empty button").click();
  await hits("gletscher");
  assert.deepEqual([asked("topic"), asked("lang")], ["Nature", null]);
  await open("q=zzyzx&mode=keyword&topic=Nature");
  await page.getByText("Nor are there any without the filters").waitFor();
});

test("early hits do not move under the pointer: better ones wait until it leaves", { skip }, async () => {
  let release;
  const held = new Promise((resolve) => { release = resolve; });
  // A model that is kept would be there at once.
  await page.evaluate(async () => (await import("/pkg/dist/index.js")).Burrow.clearModels());
  await context.route(/\.safetensors$/, async (route) => { await held; await route.continue(); });
  // Its words stand on another page than what it means.
  const query = "leaves of cabbage catching the light of the sun";
  await page.goto(`${server.url}?device=cpu&pages=/pages/few.json&q=${encodeURIComponent(query)}`);
  await page.locator("#hits > li").first().waitFor({ timeout: 60_000 });
  const places = () => page.locator("#hits > li").evaluateAll((items) => items.map((item) => [item.dataset.url, item.getBoundingClientRect().top]));
  await page.locator("#hits > li").first().hover();
  const early = await places();
  release();
  await page.waitForFunction(() => document.getElementById("results").dataset.state === "waiting", null, { timeout: 300_000 });
  assert.deepEqual(await places(), early);
  assert.match(await page.locator("#said").innerText(), /as soon as you leave/);
  await page.mouse.move(5, 5);
  await page.waitForFunction(() => document.getElementById("results").dataset.state === "done");
  assert.equal(await page.locator("#hits > li").count(), 4);
  await context.unroute(/\.safetensors$/);
});

test("in a narrow window the filters are folded away, open by a key, and nothing sticks out", { skip }, async () => {
  await page.setViewportSize({ width: 360, height: 740 });
  await open("q=salt&topic=Kitchen");
  await page.locator("#hits > li").first().waitFor();
  assert.equal(await page.locator("#narrow-rows").isVisible(), false);
  await page.locator("#narrow summary").focus();
  await page.keyboard.press("Enter");
  assert.equal(await page.locator("#narrow-rows").isVisible(), true);
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360);
  await page.setViewportSize({ width: 1280, height: 900 });
});

test("no error was written", { skip }, () => assert.deepEqual(errors, []));
