/** The queue in a real browser: durable, worked off in order, once, and no faster than is wanted. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { after, before, beforeEach, test } from "node:test";
import { join } from "node:path";
import { changeModule, goTo, launch, launchKept, startServer, withPage } from "./harness.mjs";

/** A small model with invented weights. */
const MODEL = "/tests/data/tiny-bert/";

let server, browser;
before(async () => {
  server = await startServer();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await server?.close();
});
beforeEach(() => {
  for (const kept of [server.faults, server.overlays]) kept.clear();
});

const onPage = (body, options) => withPage(browser, server.url, body, options);

/** Opens the index as `globalThis.burrow`. Its steps are kept; `drained` waits until nothing waits. */
function open(page, options = {}) {
  return page.evaluate(async (options) => {
    globalThis.steps = [];
    globalThis.drained = async () => {
      while ((await burrow.status()).queue.waiting > 0) await new Promise((resolve) => setTimeout(resolve, 20));
    };
    globalThis.burrow = await Burrow.open({ name: "test", device: "cpu", onProgress: (step) => steps.push(step), ...options });
  }, { model: MODEL, ...options });
}

/** Pages of some paragraphs each. */
function pagesOf(count, { paragraphs = 2, prefix = "u" } = {}) {
  const text = (number) => Array.from({ length: paragraphs }, (_, at) => `Page ${number} says ${at} things about rivers and stones.`);
  return Array.from({ length: count }, (_, number) => ({ url: `${prefix}${number}`, title: `Page ${number}`, text: text(number).join("\n\n") }));
}

/** The addresses in the order in which they were encoded to the end. */
const encoded = (page) => page.evaluate(() => (
  steps.filter((step) => step.stage === "index" && step.windows === step.windowsTotal).map(({ url }) => url)
));

test("pages wait from before the model is there, are indexed in the order of their priority, once, and told of", () => onPage(async (page) => {
  server.faults.set(`${MODEL}config.json`, "slow");
  await open(page);
  const first = await page.evaluate(async ([background, normal, visible]) => {
    const results = [
      await burrow.enqueue(background, { priority: "background" }),
      await burrow.enqueue(normal),
      await burrow.enqueue(visible, { priority: "visible" }),
      // A page that waits already is moved up.
      await burrow.enqueue(background.slice(0, 1), { priority: "visible" }),
    ];
    return { results, status: await burrow.status() };
  }, [pagesOf(3, { prefix: "b" }), pagesOf(3, { prefix: "n" }), pagesOf(2, { prefix: "v" })]);
  assert.deepEqual(first.results, [3, 3, 2, 1].map((waiting) => ({ waiting, unchanged: 0 })));
  assert.deepEqual([first.status.encoder, first.status.queue.waiting, first.status.pages], ["loading", 8, 0]);
  assert.ok(first.status.queue.bytes > 8 * 50);

  await page.evaluate(() => drained());
  // The one that was moved up came before the other urgent ones.
  assert.deepEqual(await encoded(page), ["b0", "v0", "v1", "n0", "n1", "n2", "b1", "b2"]);
  const { status, hits, again, told } = await page.evaluate(async (pages) => ({
    status: await burrow.status(),
    hits: (await burrow.search("rivers", { limit: 8 })).hits.map(({ url }) => url).sort(),
    again: await burrow.enqueue(pages),
    told: steps.filter(({ stage }) => stage === "queue"),
  }), pagesOf(3, { prefix: "n" }));
  assert.deepEqual(hits, ["b0", "b1", "b2", "n0", "n1", "n2", "v0", "v1"]);
  const { secondsLeft, ...queue } = status.queue;
  assert.deepEqual([queue, secondsLeft], [{ waiting: 0, bytes: 0, failed: 0, paused: false, mode: "eager" }, 0]);
  assert.deepEqual(again, { waiting: 0, unchanged: 3 });
  const last = told.findLast(({ done }) => done === 8);
  assert.deepEqual([last.waiting, last.failed, last.secondsLeft], [0, 0, 0]);
  assert.ok(told.some(({ done, secondsLeft }) => done > 0 && secondsLeft > 0), "the time left is told");
  await page.evaluate(() => burrow.close());
}));

test("what waits survives the tab: another visit goes on, and no page is lost or committed twice", async () => {
  const profile = await mkdtemp(join(tmpdir(), "burrow-queue-"));
  try {
    const pages = pagesOf(12);
    let context = await launchKept(profile);
    let page = context.pages()[0] ?? await context.newPage();
    await goTo(page, server.url);
    await open(page);
    await page.evaluate(async (pages) => {
      await burrow.enqueue(pages);
      while ((await burrow.status()).pages < 3) await new Promise((resolve) => setTimeout(resolve, 5));
    }, pages);
    const done = await encoded(page);
    await context.close();

    context = await launchKept(profile);
    page = context.pages()[0] ?? await context.newPage();
    await goTo(page, server.url);
    await open(page);
    const found = await page.evaluate(async () => {
      const { pages, queue } = await burrow.status();
      await drained();
      return { before: pages + queue.waiting, urls: (await burrow.pages()).map(({ url }) => url) };
    });
    assert.equal(found.before, 12);
    assert.deepEqual(found.urls, pages.map(({ url }) => url), "each once, in the order in which they came");
    const later = await encoded(page);
    // The page that was under way when the tab went may have been encoded in vain.
    assert.ok(done.length + later.length <= 13, `${done} and ${later}`);
    await context.close();
  } finally {
    await rm(profile, { recursive: true, force: true });
  }
});

test("a pause lasts until it ends, for the queue alone", () => onPage(async (page) => {
  await open(page);
  const during = await page.evaluate(async (pages) => {
    await burrow.ready;
    await burrow.queue.pause();
    await burrow.enqueue(pages);
    await burrow.add({ url: "added", text: "Added while the queue rests." });
    const { hits } = await burrow.search("rest");
    await new Promise((resolve) => setTimeout(resolve, 300));
    const { queue, pages: count } = await burrow.status();
    return { queue, count, hits: hits.map(({ url }) => url) };
  }, pagesOf(4));
  assert.deepEqual([during.count, during.queue.waiting, during.queue.paused, during.queue.secondsLeft], [1, 4, true, null]);
  assert.deepEqual(during.hits, ["added"]);
  const after = await page.evaluate(async () => {
    await burrow.queue.resume();
    await drained();
    return burrow.status();
  });
  assert.deepEqual([after.pages, after.queue.paused], [5, false]);
  await page.evaluate(() => burrow.close());
}));

test("in idle mode the queue works only while the page is idle, and not right after a query", () => onPage(async (page) => {
  await open(page);
  const { busy, early } = await page.evaluate(async (pages) => {
    await burrow.ready;
    // Whether the page is idle is the browser's to say; here it says so when the test does.
    const callbacks = [];
    globalThis.requestIdleCallback = (callback) => callbacks.push(callback);
    globalThis.idle = () => callbacks.splice(0).forEach((callback) => callback());
    await burrow.queue.setMode("idle");
    await burrow.enqueue(pages);
    await new Promise((resolve) => setTimeout(resolve, 300));
    const busy = (await burrow.status()).queue;
    const began = performance.now();
    await burrow.search("anything");
    const timer = setInterval(idle, 50);
    while ((await burrow.status()).pages === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    const early = performance.now() - began;
    await drained();
    clearInterval(timer);
    return { busy, early };
  }, pagesOf(3));
  assert.deepEqual([busy.waiting, busy.mode], [3, "idle"]);
  assert.ok(early >= 3000, `${early} ms after a query it worked again`);
  const outcome = await page.evaluate(() => outcome(burrow.queue.setMode("never")));
  assert.equal(outcome.kind, "input");
  await page.evaluate(() => burrow.close());
}));

test("a page that is added goes before those that wait, an urgent one before the rest of a long one", () => onPage(async (page) => {
  await open(page);
  await page.evaluate(async ([long, others, urgent]) => {
    await burrow.ready;
    await burrow.enqueue([long, ...others]);
    while (!steps.some((step) => step.stage === "index" && step.windows === 1)) await new Promise((resolve) => setTimeout(resolve, 1));
    await Promise.all([burrow.add({ url: "added", text: "This one is added." }), burrow.enqueue(urgent, { priority: "visible" })]);
    await drained();
  }, [{ ...pagesOf(1, { paragraphs: 1500, prefix: "long" })[0] }, pagesOf(2), pagesOf(1, { prefix: "urgent" })]);
  const order = await encoded(page);
  assert.deepEqual(order.slice(0, 2).sort(), ["added", "urgent0"]);
  assert.deepEqual(order.slice(2), ["long0", "u0", "u1"]);
  const windows = await page.evaluate(() => steps.filter(({ url }) => url === "long0").map(({ windows }) => windows));
  assert.deepEqual(windows, windows.map((_, at) => at), "no window was encoded twice");
  await page.evaluate(() => burrow.close());
}));

test("pages that cannot be indexed leave the queue and are listed, until they are added again", () => onPage(async (page) => {
  await open(page);
  const { failures, status } = await page.evaluate(async (pages) => {
    await burrow.enqueue([{ url: "empty", html: "<p> </p>" }, ...pages, { url: "void", text: "" }]);
    await drained();
    return { failures: await burrow.queue.failures(), status: await burrow.status() };
  }, pagesOf(2));
  assert.deepEqual(failures.map(({ url, kind }) => [url, kind]), [["empty", "empty"], ["void", "empty"]]);
  assert.ok(failures.every(({ message }) => message.length > 10));
  assert.deepEqual([status.pages, status.queue.failed, status.queue.waiting], [2, 2, 0]);
  const left = await page.evaluate(async () => {
    await burrow.close();
    globalThis.burrow = await Burrow.open({ name: "test", model: "/tests/data/tiny-bert/", device: "cpu" });
    await burrow.add({ url: "empty", text: "No longer." });
    return burrow.queue.failures();
  });
  assert.deepEqual(left.map(({ url }) => url), ["void"]);
  await page.evaluate(() => burrow.close());
}));

test("a page on which the encoder traps ends the worker once, and not again at the next visit", () => onPage(async (page) => {
  // The bytes are a module that only traps.
  await changeModule(server, "cpu/cpu.js", "Encoder", `
    const trap = new WebAssembly.Module(new Uint8Array([0,97,115,109,1,0,0,0,1,4,1,96,0,0,3,2,1,0,7,5,1,1,97,0,0,10,5,1,3,0,0,11]));
    const { prepare } = Encoder.prototype;
    Encoder.prototype.prepare = function (url, ...rest) {
      if (url === "trap") new WebAssembly.Instance(trap).exports.a();
      return prepare.call(this, url, ...rest);
    };`);
  await open(page);
  const died = await page.evaluate(async ([first, last]) => {
    await burrow.enqueue([first, { url: "trap", text: "A trap." }, last]);
    for (;;) {
      const { kind } = await outcome(burrow.status());
      if (kind) return kind;
    }
  }, pagesOf(2));
  assert.equal(died, "worker");
  await open(page);
  const { urls, failures } = await page.evaluate(async () => {
    await drained();
    return { urls: (await burrow.pages()).map(({ url }) => url), failures: await burrow.queue.failures() };
  });
  assert.deepEqual([urls, failures.map(({ url, kind }) => [url, kind])], [["u0", "u1"], [["trap", "worker"]]]);
  await page.evaluate(() => burrow.close());
}, { expected: /unreachable/ }));

test("removing and clearing end what waits; what is newer takes the place of what is older", () => onPage(async (page) => {
  await open(page);
  const found = await page.evaluate(async (pages) => {
    await burrow.queue.pause();
    await burrow.enqueue(pages);
    const removed = await burrow.remove("u1");
    await burrow.enqueue([{ url: "u0", text: "A newer one." }]);
    // What is added later than what waits is what counts.
    await burrow.add({ url: "u2", text: "Added later." });
    const waiting = (await burrow.status()).queue.waiting;
    await burrow.queue.resume();
    await drained();
    const titles = (await burrow.pages()).map(({ url, title }) => [url, title]);
    await burrow.queue.pause();
    await burrow.enqueue([{ url: "late", text: "Never indexed." }]);
    await burrow.clear();
    const { pages: count, queue } = await burrow.status();
    return { removed, waiting, titles, cleared: [count, queue.waiting] };
  }, pagesOf(4));
  assert.deepEqual([found.removed, found.waiting, found.cleared], [false, 2, [0, 0]]);
  assert.deepEqual(found.titles, [["u2", ""], ["u3", "Page 3"], ["u0", ""]]);
  await page.evaluate(() => burrow.close());
}));

test("another model, where that is allowed, encodes what waited for the first", () => onPage(async (page) => {
  await open(page);
  await page.evaluate(async (pages) => {
    await burrow.add({ url: "old", text: "Of the first model." });
    await burrow.queue.pause();
    await burrow.enqueue(pages);
    await burrow.close();
  }, pagesOf(2));
  await open(page, { model: "/tests/data/tiny-qwen3/gqa/", onOtherModel: "clear" });
  const urls = await page.evaluate(async () => {
    await burrow.ready;
    await drained();
    return (await burrow.pages()).map(({ url }) => url);
  });
  assert.deepEqual(urls, ["u0", "u1"]);
  await page.evaluate(() => burrow.close());
}));

test("what is wrong is refused before anything waits", () => onPage(async (page) => {
  await open(page);
  const outcomes = await page.evaluate(() => Promise.all([
    outcome(burrow.enqueue([{ url: "a", text: "a" }, { url: "b" }])),
    outcome(burrow.enqueue([{ url: "a", text: "a" }], { priority: "now" })),
    outcome(burrow.enqueue({ url: "a", text: "a" })),
    outcome(burrow.enqueue(Array.from({ length: 16385 }, (_, number) => ({ url: `u${number}`, text: "a" })))),
  ]));
  assert.deepEqual(outcomes.map(({ kind }) => kind), ["input", "input", "input", "limit"]);
  assert.equal(await page.evaluate(async () => (await burrow.status()).queue.waiting), 0);
  await page.evaluate(() => burrow.close());
}));
