/** The demo page itself in Chromium, with the real package and model, over three of its pages: what a person does with it. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";
import { serve } from "../../www/serve.mjs";

const model = process.env.BURROW_MODEL;
const skip = model ? false : "skipped: BURROW_MODEL names no model folder";
const PAGES = ["sourdough.html", "longitude.html", "photosynthesis.html"];
const QUESTION = "how did sailors know where they were?";

let server, browser, context, page;
/** Every request that left for another host, and every error on the console. */
const strangers = [];
const errors = [];

before(async () => {
  if (skip) return;
  server = await serve({ model });
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"],
  });
  context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  context.on("request", (request) => {
    if (!request.url().startsWith(server.url) && !/^(blob|data):/.test(request.url())) strangers.push(request.url());
  });
  page = await context.newPage();
  page.on("console", (message) => { if (message.type() === "error") errors.push(message.text()); });
  page.on("pageerror", (error) => errors.push(String(error)));
  await page.route((url) => url.pathname === "/pages/few.json", (route) => route.fulfill({ json: PAGES.map((url) => ({ url, title: url })) }));
  await open();
});
after(async () => {
  await browser?.close();
  await server?.close();
});

async function open() {
  await page.goto(`${server.url}?device=cpu&pages=/pages/few.json`);
  await page.waitForFunction(() => document.documentElement.dataset.state === "ready", null, { timeout: 300_000 });
}

/** Types a question and waits for its answer. */
async function ask(question) {
  await page.locator("#query").fill(question);
  await answered(question);
}

async function answered(question) {
  await page.waitForFunction((asked) => {
    const { query, state } = document.getElementById("results").dataset;
    return query === asked && state === "done";
  }, question, { timeout: 60_000 });
}

const pages = () => page.evaluate(() => Number(document.documentElement.dataset.pages));
const focused = () => page.evaluate(() => document.activeElement.closest("li")?.dataset.url?.split("/").at(-1) ?? document.activeElement.id);

test("a question in other words finds its page, with a marked sentence and the state in sight", { skip }, async () => {
  assert.equal(await focused(), "query");
  await ask(QUESTION);
  const first = page.locator("#hits > li").first();
  assert.match(await first.getAttribute("data-url"), /longitude\.html$/);
  assert.ok((await first.locator("mark").first().innerText()).length > 10);
  assert.match(await page.locator("#said").innerText(), /^3 pages in [\d.]+ ms\.$/);
  assert.match(await page.locator("#engine").innerText(), /all-MiniLM-L6-v2[\s\S]*CPU[\s\S]*f32[\s\S]*IndexedDB/);
  // The demo's server isolates the page.
  const cores = Math.min(8, await page.evaluate(() => navigator.hardwareConcurrency));
  assert.ok((await page.locator("#engine").innerText()).includes(`CPU (WebAssembly SIMD, ${cores} thread`));
  assert.equal(await page.locator("#reasons li").count(), 0);
});

test("the keys do what the line below the box says", { skip }, async () => {
  await ask(QUESTION);
  await page.keyboard.press("ArrowDown");
  assert.equal(await focused(), "longitude.html");
  await page.keyboard.press("ArrowDown");
  assert.notEqual(await focused(), "longitude.html");
  await page.keyboard.press("/");
  assert.equal(await focused(), "query");
  await page.keyboard.press("Escape");
  assert.equal(await page.locator("#query").inputValue(), "");
  assert.equal(await page.locator("#hits > li").count(), 0);
  assert.doesNotMatch(page.url(), /q=/);
});

test("a hit opens its page at the passage", { skip }, async () => {
  await ask(QUESTION);
  await page.keyboard.press("ArrowDown");
  const [opened] = await Promise.all([context.waitForEvent("page"), page.keyboard.press("Enter")]);
  await opened.waitForLoadState();
  assert.match(opened.url(), /longitude\.html#.*:~:text=/);
  assert.equal(await opened.locator("h1").innerText(), "Finding east and west at sea");
  await opened.close();
});

test("files are indexed, refused with a reason, found and opened", { skip }, async () => {
  await page.setInputFiles("#files", [
    { name: "tea.md", mimeType: "text/markdown", buffer: Buffer.from("# Green tea\n\nPour it at seventy degrees, or the leaves turn bitter.") },
    { name: "empty.txt", mimeType: "text/plain", buffer: Buffer.from("  \n") },
    { name: "photo.jpg", mimeType: "image/jpeg", buffer: Buffer.from([255, 216]) },
  ]);
  await page.waitForFunction(() => document.querySelectorAll("#outcomes .done, #outcomes .failed").length === 3);
  assert.match(await page.locator('#outcomes [data-path="tea.md"]').innerText(), /Added, 1 passage$/);
  assert.match(await page.locator('#outcomes [data-path="empty.txt"]').innerText(), /Not indexed: .+/);
  assert.match(await page.locator('#outcomes [data-path="photo.jpg"]').innerText(), /only HTML, Markdown and text/);
  await ask("how hot should the water be for a cup?");
  // A page with some of the words may go before it, which has none of them.
  const urls = await page.locator("#hits > li").evaluateAll((items) => items.map((item) => item.dataset.url));
  assert.ok(urls.slice(0, 3).includes("dropped:tea.md"), urls.join(", "));
  assert.match(await page.locator('#hits > li[data-url="dropped:tea.md"] a').getAttribute("href"), /^blob:/);
});

test("after a reload the index is there, the question in the address is asked, and nothing is encoded again", { skip }, async () => {
  await ask(QUESTION);
  await page.reload();
  await answered(QUESTION);
  await page.waitForFunction(() => document.documentElement.dataset.state === "ready", null, { timeout: 60_000 });
  assert.equal(await pages(), 4);
  assert.match(await page.locator("#hits > li").first().getAttribute("data-url"), /longitude\.html$/);
});

test("pages that are removed stay away until they are asked back", { skip }, async () => {
  await page.locator("#query").fill("");
  await page.locator("#pages-card summary").click();
  await page.locator('#pages [data-url$="sourdough.html"] button').click();
  await page.waitForFunction(() => document.documentElement.dataset.pages === "3");
  await open();
  assert.equal(await pages(), 3);
  await page.locator("#pages-card").evaluate((card) => { card.open = true; });
  await page.locator("#clear").click();
  await page.waitForFunction(() => document.documentElement.dataset.pages === "0");
  assert.match(await page.locator("#empty").innerText(), /No pages yet/);
  await page.locator("#restore").click();
  await page.waitForFunction(() => document.documentElement.dataset.pages === "3" && document.documentElement.dataset.state === "ready", null, { timeout: 300_000 });
});

test("at the width of a small phone nothing sticks out", { skip }, async () => {
  await page.setViewportSize({ width: 360, height: 740 });
  await ask(QUESTION);
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360);
  await page.setViewportSize({ width: 1280, height: 800 });
});

test("nothing went to another host, and no error was written", { skip }, () => {
  assert.deepEqual(strangers, []);
  assert.deepEqual(errors, []);
});
