/** The choice of a model on the demo page, in Chromium, with two tiny models of random weights: hits mean nothing, all else does. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { serve } from "../../www/serve.mjs";

const DATA = fileURLToPath(new URL("../data/", import.meta.url));
const MODELS = [`${DATA}tiny-bert`, `${DATA}tiny-qwen3/gqa`];
const PAGES = ["sourdough.html", "longitude.html"];
const NOTE = { name: "tea.md", mimeType: "text/markdown", buffer: Buffer.from("# Green tea\n\nPour it at seventy degrees.") };

let server, browser, page;
/** Every request that left for another host, and every error on the console but for files that are asked for and not there. */
const strangers = [];
const errors = [];

before(async () => {
  server = await serve({ model: MODELS });
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"],
  });
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  context.on("request", (request) => {
    if (!request.url().startsWith(server.url) && !/^(blob|data):/.test(request.url())) strangers.push(request.url());
  });
  page = await context.newPage();
  page.on("console", (message) => {
    if (message.type() === "error" && !message.text().includes("404")) errors.push(message.text());
  });
  page.on("pageerror", (error) => errors.push(String(error)));
  await page.route((url) => url.pathname === "/pages/few.json", (route) => route.fulfill({ json: PAGES }));
  await page.goto(addressWith("/model/tiny-bert/"));
  await ready("tiny-bert");
});
after(async () => {
  await browser?.close();
  await server?.close();
});

function addressWith(model) {
  return `${server.url}?device=cpu&pages=/pages/few.json&model=${encodeURIComponent(model)}`;
}

async function ready(model) {
  await page.waitForFunction((name) => {
    const { state, model } = document.documentElement.dataset;
    return state === "ready" && model === name;
  }, model, { timeout: 60_000 });
}

/** Chooses an entry of the list with the keys alone: by its first letters, as people do, and then the button. */
async function choose(letters) {
  await page.locator("#model").focus();
  await page.keyboard.type(letters);
  await press("Tab", "Enter");
}

async function press(...keys) {
  for (const key of keys) await page.keyboard.press(key);
}

async function ask(question) {
  await page.locator("#query").fill(question);
  await page.waitForFunction((asked) => {
    const { query, state } = document.getElementById("results").dataset;
    return query === asked && state === "done";
  }, question, { timeout: 60_000 });
}

const data = (name) => page.evaluate((key) => document.documentElement.dataset[key], name);
const failed = () => page.waitForFunction(() => document.documentElement.dataset.state === "failed", null, { timeout: 60_000 });
const entries = () => page.locator("#model option").allInnerTexts();
const chosen = () => page.locator("#model option:checked").innerText();
const focused = () => page.evaluate(() => document.activeElement.id);

test("the list offers what the server has, with sizes, and the one in use is chosen", async () => {
  assert.deepEqual(await entries(), ["tiny-bert, 0.2 MB", "gqa, 0.5 MB", "Other folder …"]);
  assert.equal(await chosen(), "tiny-bert, 0.2 MB");
  assert.equal(await page.getByRole("combobox", { name: "Model" }).getAttribute("id"), "model");
  assert.equal(await page.locator("#model-change").isVisible(), false);
  assert.match(await page.locator("#engine").innerText(), /tiny-bert[\s\S]*Precision\s+f32\s+Weights\s+f32/);
});

test("the keys go through the list, and another model is loaded only when the button says so", async () => {
  await page.setInputFiles("#files", NOTE);
  await page.waitForFunction(() => document.documentElement.dataset.pages === "3");
  await page.locator("#model").focus();
  await page.keyboard.press("ArrowDown");
  assert.equal(await chosen(), "gqa, 0.5 MB");
  assert.equal(await page.locator("#model-change button").isVisible(), true);
  assert.deepEqual([await data("model"), await data("state")], ["tiny-bert", "ready"]);
  await press("Tab", "Enter");
  await ready("gqa");
  assert.equal(await focused(), "model");
  assert.equal(await page.locator("#model-change").isVisible(), false);
  assert.match(await page.locator("#engine").innerText(), /gqa[\s\S]*ready[\s\S]*Weights\s+f32/);
  assert.equal(new URL(page.url()).searchParams.get("model"), "/model/gqa/");
});

test("the pages and this visit's files are indexed for the other model, and searched", async () => {
  await page.waitForFunction(() => document.documentElement.dataset.pages === "3");
  assert.equal(await data("pagesEncoded"), "3");
  await ask("how hot should the water be?");
  assert.equal(await page.locator("#hits > li").count(), 3);
});

test("the index of the first model is still there, and nothing is indexed again", async () => {
  await page.locator("#query").fill("");
  // What is in this index alone: an index made anew would not have it.
  await page.locator("#pages-card summary").click();
  await page.locator('#pages [data-url="dropped:tea.md"] button').click();
  await page.waitForFunction(() => document.documentElement.dataset.pages === "2");
  await choose("tiny");
  await ready("tiny-bert");
  await page.waitForFunction(() => document.documentElement.dataset.pages === "3");
  assert.deepEqual([await data("pagesSettled"), await data("pagesEncoded")], ["2", "0"]);
  await ask("tea");
  assert.equal(await page.locator("#hits > li").count(), 3);
});

test("a reload keeps the model and its index", async () => {
  await choose("gqa");
  await ready("gqa");
  await page.reload();
  await ready("gqa");
  assert.deepEqual([await data("pages"), await data("pagesEncoded")], ["2", "0"]);
  assert.equal(await chosen(), "gqa, 0.5 MB");
});

test("an address that cannot be one of a model is refused beside its field, and what is open stays", async () => {
  await page.locator("#model").focus();
  await page.keyboard.type("Other");
  await page.getByLabel("Address of the model's folder").fill("https://models.example/mini/");
  await page.keyboard.press("Enter");
  assert.match(await page.locator("#model-problem").innerText(), /may load from its own server alone, http:\/\/localhost:\d+,/);
  assert.deepEqual([await focused(), await page.locator("#model-folder").getAttribute("aria-invalid")], ["model-folder", "true"]);
  assert.deepEqual([await data("model"), await data("state")], ["gqa", "ready"]);
  await page.locator("#model-folder").fill("/model/");
  assert.equal(await page.locator("#model-problem").isVisible(), false);
});

test("a folder without a model is told of, and another one can be chosen", async () => {
  await page.locator("#model-folder").fill("/model/nowhere");
  await page.locator("#model-change button").click();
  await failed();
  assert.match(await page.locator("#trouble").innerText(), /The encoder could not be loaded\.[\s\S]*There is no config\.json in[\s\S]*Choose another model/);
  assert.equal(await chosen(), "nowhere");
  await choose("tiny");
  await ready("tiny-bert");
  assert.equal(await page.locator("#trouble").innerText(), "");
  assert.equal(await data("pages"), "3");
});

test("an address bar with a model of another server says so, and the list helps on", async () => {
  await page.goto(addressWith("https://models.example/mini/"));
  await failed();
  assert.match(await page.locator("#trouble").innerText(), /The model in the address cannot be used\.[\s\S]*own server alone/);
  assert.equal(await page.locator("#model-folder").inputValue(), "https://models.example/mini/");
  await page.waitForFunction(() => document.querySelectorAll("#model option").length === 3);
  await choose("tiny");
  await ready("tiny-bert");
});

test("from a server that lists no models, the one in the address can be used", async () => {
  await page.route("**/model/list.json", (route) => route.fulfill({ status: 404, body: "" }));
  await page.goto(addressWith("/model/gqa/"));
  await ready("gqa");
  assert.deepEqual(await entries(), ["gqa", "Other folder …"]);
  await page.unroute("**/model/list.json");
});

test("one bar shows how far all files together are", async () => {
  const shown = (bytesLoaded, bytesAll) => page.evaluate(async (progress) => {
    const { showProgress } = await import("/src/engine.js");
    showProgress({ stage: "download", file: "shard-1.safetensors", bytes: 1, bytesTotal: 2, ...progress });
    return [document.getElementById("work-what").textContent, document.getElementById("bar").getAttribute("value")];
  }, { bytesLoaded, bytesAll });
  assert.deepEqual(await shown(160e6, 640e6), ["Loading the model: 160.0 MB of 640.0 MB", "0.25"]);
  assert.deepEqual(await shown(160e6, null), ["Loading the model: 160.0 MB", null]);
  assert.deepEqual(await shown(640e6, 640e6), ["Reading the weights …", null]);
});

test("at the width of a small phone the choice fits", async () => {
  await page.setViewportSize({ width: 360, height: 740 });
  await page.locator("#model").selectOption({ label: "Other folder …" });
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360);
});

test("nothing went to another host, and no error was written", () => {
  assert.deepEqual(strangers, []);
  assert.deepEqual(errors, []);
});
