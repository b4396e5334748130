/** Many tabs of one index: one encoder, one writer, and another that takes over when its tab goes. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { goTo, launch, ROOT, startServer } from "./harness.mjs";

/** Small models with invented weights. */
const MODEL = "/tests/data/tiny-bert/";
const OTHER_MODEL = "/tests/data/tiny-qwen3/gqa/";

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
  server.requests.length = 0;
});

/** Opens so many tabs that share their storage, runs the body on them, and checks that their consoles stayed clean. */
async function withTabs(count, body, { expected = null } = {}) {
  const context = await browser.newContext();
  const errors = [];
  try {
    const tabs = [];
    for (let number = 0; number < count; number++) {
      const tab = await context.newPage();
      tab.on("console", (message) => message.type() === "error" && errors.push(message.text()));
      tab.on("pageerror", (error) => errors.push(error.stack ?? String(error)));
      await goTo(tab, server.url);
      tabs.push(tab);
    }
    await body(...tabs);
    assert.deepEqual(errors.filter((text) => !expected?.test(text)), []);
  } finally {
    await context.close();
  }
}

/** Opens the index in a tab, as `globalThis.burrow`; gives its first status. */
function open(tab, options = {}) {
  return tab.evaluate(async (options) => {
    globalThis.steps = [];
    globalThis.until = async (isSo) => {
      while (!isSo(await burrow.status())) await new Promise((resolve) => setTimeout(resolve, 20));
    };
    globalThis.burrow = await Burrow.open({ name: "test", device: "cpu", onProgress: (step) => steps.push(step), ...options });
    return burrow.status();
  }, { model: MODEL, ...options });
}

const ready = (tab) => tab.evaluate(() => outcome(burrow.ready));
const status = (tab) => tab.evaluate(() => burrow.status());
const add = (tab, url, text) => tab.evaluate((page) => outcome(burrow.add(page)), { url, text });
const search = (tab, query) => tab.evaluate(async (query) => (await burrow.search(query)).hits.map(({ url }) => url).sort(), query);
const urls = (tab) => tab.evaluate(async () => (await burrow.pages()).map(({ url }) => url));
const encoderRequests = () => server.requests.filter((path) => /(encoder|cpu)_bg\.wasm|safetensors/.test(path));

function pagesOf(count) {
  return Array.from({ length: count }, (_, number) => ({ url: `u${number}`, text: `Page ${number} speaks of rivers.\n\nAnd of stones.` }));
}

test("three tabs, one encoder: what any of them adds, all of them find", () => withTabs(3, async (one, two, three) => {
  const roles = [await open(one), await open(two), await open(three)].map(({ role }) => role);
  assert.deepEqual(roles, ["writer", "follower", "follower"]);
  for (const tab of [one, two, three]) {
    const { value } = await ready(tab);
    assert.deepEqual([value.encoder, value.device, value.precision], ["ready", "cpu", "f32"]);
  }
  assert.deepEqual(encoderRequests().map((path) => path.split("/").at(-1)).sort(), ["cpu_bg.wasm", "model.safetensors"]);
  const shared = (await status(two)).reasons;
  assert.deepEqual([shared.length, /[Aa]nother tab/.test(shared[0])], [1, true]);

  const added = [await add(one, "a", "Of rivers."), await add(two, "b", "Of stones."), await add(three, "c", "Of clouds.")];
  assert.deepEqual(added.map(({ value }) => value.outcome), ["added", "added", "added"]);
  for (const tab of [one, two, three]) {
    assert.deepEqual(await search(tab, "weather"), ["a", "b", "c"]);
    assert.deepEqual(await urls(tab), ["a", "b", "c"]);
  }
  // The same question gives the same answer in every tab.
  const scores = await Promise.all([one, two, three].map((tab) => tab.evaluate(async () => (
    (await burrow.search("rivers and stones")).hits.map(({ url, score }) => [url, score])
  ))));
  assert.deepEqual(scores[1], scores[0]);
  assert.deepEqual(scores[2], scores[0]);

  assert.equal(await two.evaluate(() => burrow.remove("a")), true);
  assert.equal(await three.evaluate(() => burrow.remove("a")), false);
  assert.deepEqual([await search(one, "rivers"), await search(three, "rivers")], [["b", "c"], ["b", "c"]]);
  await three.evaluate(() => burrow.clear());
  assert.deepEqual([await search(one, "rivers"), await search(two, "rivers"), await urls(two)], [[], [], []]);
  assert.equal((await add(two, "d", "After it was cleared.")).value.outcome, "added");
  assert.deepEqual([await search(one, "rivers"), await search(three, "rivers")], [["d"], ["d"]]);
}));

test("a mistake in a follower's call is told in that tab, as it is told in the writer's", () => withTabs(2, async (one, two) => {
  await open(one);
  await open(two);
  const outcomes = await Promise.all([one, two].map((tab) => tab.evaluate(() => Promise.all([
    outcome(burrow.add({ url: "empty", html: "" })), outcome(burrow.search("")), outcome(burrow.search("a", { limit: 100000 })),
  ]))));
  assert.deepEqual(outcomes[0].map(({ kind }) => kind), ["empty", "input", "input"]);
  assert.deepEqual(outcomes[1], outcomes[0]);
  const aborted = await two.evaluate(async () => {
    const controller = new AbortController();
    const adding = outcome(burrow.add({ url: "late", text: "Too late." }, { signal: controller.signal }));
    controller.abort();
    return adding;
  });
  assert.equal(aborted.kind, "aborted");
}));

test("the writer's tab goes in the middle of a queue: another goes on, and every page is there once", () => withTabs(3, async (one, two, three) => {
  // So many that on a busy machine, too, they are not all done before the tab is closed.
  const pages = pagesOf(160);
  for (const tab of [one, two, three]) await open(tab);
  // From a follower, so that the way there is tested, too.
  const enqueued = await two.evaluate((pages) => burrow.enqueue(pages), pages);
  assert.deepEqual(enqueued, { waiting: pages.length, unchanged: 0 });
  await two.evaluate(() => until(({ pages }) => pages >= 5));
  const done = await one.evaluate(() => steps.filter(({ stage, windows, windowsTotal }) => stage === "index" && windows === windowsTotal).map(({ url }) => url));
  await one.close({ runBeforeUnload: false });

  await three.evaluate(() => until(({ queue }) => queue.waiting === 0));
  assert.deepEqual(await urls(three), pages.map(({ url }) => url));
  const roles = [(await status(two)).role, (await status(three)).role].sort();
  assert.deepEqual(roles, ["follower", "writer"]);
  const later = (await Promise.all([two, three].map((tab) => tab.evaluate(() => (
    steps.filter(({ stage, windows, windowsTotal }) => stage === "index" && windows === windowsTotal).map(({ url }) => url)
  ))))).flat();
  assert.equal(new Set(later).size, later.length, "no page was encoded twice after it");
  const missed = pages.map(({ url }) => url).filter((url) => !done.includes(url) && !later.includes(url));
  // The last ones of the first tab may have been committed without having been heard of here.
  assert.ok(done.length > 0 && later.length > 0 && missed.length + done.length + later.length >= pages.length);
  const repeated = done.filter((url) => later.includes(url));
  assert.ok(repeated.length <= 1, `only the page under way may be encoded again: ${repeated}`);
  // The followers were told of the queue.
  const told = await three.evaluate(() => steps.filter(({ stage }) => stage === "queue"));
  assert.ok(told.some(({ waiting, secondsLeft }) => waiting > 0 && secondsLeft > 0));
  assert.equal(encoderRequests().filter((path) => path.endsWith(".wasm")).length, 2);
}));

test("what a follower had asked for is answered after the writer's tab has gone, in its order", () => withTabs(2, async (one, two) => {
  // The first tab's model never comes: all that is asked of it stays unanswered.
  server.faults.set(`${MODEL}model.safetensors`, "stalled");
  await open(one);
  const opened = await open(two);
  assert.deepEqual([opened.role, opened.encoder], ["follower", "loading"]);
  await two.evaluate(async () => {
    globalThis.asked = Promise.all([
      burrow.add({ url: "a", text: "The first." }), burrow.add({ url: "b", text: "The second." }), burrow.search("which?"),
      burrow.remove("b"), burrow.enqueue([{ url: "c", text: "The third." }]),
    ].map(outcome));
    globalThis.isReady = outcome(burrow.ready);
  });
  await two.evaluate(() => until(({ queue }) => queue.waiting === 1));
  server.faults.clear();
  await one.close({ runBeforeUnload: false });
  const [answers, settled, after] = await two.evaluate(async () => [await asked, await isReady, await burrow.status()]);
  assert.equal(settled.value.encoder, "ready");
  const [first, removed, found, wasThere, enqueued] = answers;
  assert.deepEqual([first.value.outcome, removed.kind, wasThere.value, enqueued.value], ["added", "aborted", false, { waiting: 1, unchanged: 0 }]);
  assert.ok(found.value.hits.every(({ url }) => url !== "b"));
  assert.equal(after.role, "writer");
  await two.evaluate(() => until(({ queue }) => queue.waiting === 0));
  assert.deepEqual((await urls(two)).sort(), ["a", "c"]);
}));

test("closing hands over as well: what others had asked for is not lost", () => withTabs(2, async (one, two) => {
  await open(one);
  await open(two);
  await ready(two);
  const outcomes = two.evaluate((pages) => Promise.all(pages.map((page) => outcome(burrow.add(page)))), pagesOf(20));
  await two.evaluate(() => until(({ pages }) => pages >= 2));
  await one.evaluate(() => burrow.close());
  assert.deepEqual((await outcomes).filter(({ kind }) => kind), []);
  assert.deepEqual(await urls(two), pagesOf(20).map(({ url }) => url));
  // The closed tab can open again, and follows now.
  assert.equal((await open(one)).role, "follower");
  assert.equal((await search(one, "rivers")).length, 10);
}));

test("a pause holds for all tabs, and for the next writer", () => withTabs(2, async (one, two) => {
  await open(one);
  await open(two);
  await ready(two);
  await two.evaluate(async (pages) => {
    await burrow.queue.pause();
    await burrow.enqueue(pages);
  }, pagesOf(3));
  const paused = await Promise.all([one, two].map(status));
  assert.deepEqual(paused.map(({ queue }) => [queue.paused, queue.waiting]), [[true, 3], [true, 3]]);
  await one.close({ runBeforeUnload: false });
  await two.evaluate(() => until(({ role, encoder }) => role === "writer" && encoder === "ready"));
  const after = await status(two);
  assert.deepEqual([after.queue.paused, after.queue.waiting, after.pages], [true, 3, 0]);
  await two.evaluate(async () => {
    await burrow.queue.resume();
    await until(({ queue }) => queue.waiting === 0);
  });
  assert.equal((await status(two)).pages, 3);
}));

test("a tab with another model is refused and told both models, and may write when it is alone", () => withTabs(2, async (one, two) => {
  await open(one);
  await add(one, "a", "Of rivers.");
  const opened = await open(two, { model: OTHER_MODEL, onOtherModel: "clear" });
  assert.equal(opened.role, "follower");
  const refused = await ready(two);
  assert.equal(refused.kind, "fingerprint");
  assert.ok(refused.message.includes("tiny-bert") && refused.message.includes("tiny-qwen3/gqa"), refused.message);
  const outcomes = await two.evaluate(() => Promise.all([
    outcome(burrow.add({ url: "b", text: "Of stones." })), outcome(burrow.search("stones")), outcome(burrow.enqueue([{ url: "c", text: "c" }])),
  ]));
  assert.deepEqual(outcomes.map(({ kind }) => kind), ["fingerprint", "fingerprint", "fingerprint"]);
  const { encoder, reasons } = await status(two);
  assert.equal(encoder, "failed");
  assert.ok(reasons.some((reason) => reason.includes("gqa")));
  assert.deepEqual(await urls(two), ["a"]);

  await one.close({ runBeforeUnload: false });
  await two.evaluate(() => until(({ role, encoder }) => role === "writer" && encoder === "ready"));
  assert.equal((await add(two, "b", "Of stones.")).value.outcome, "added");
  assert.deepEqual(await search(two, "stones"), ["b"]);
}));

test("an encoder that fails in the writer's tab is told in all, and the next writer tries for itself", () => withTabs(2, async (one, two) => {
  server.faults.set(`${MODEL}config.json`, "missing");
  await open(one);
  await open(two);
  assert.deepEqual([(await ready(one)).kind, (await ready(two)).kind], ["model", "model"]);
  assert.equal((await add(two, "a", "Of rivers.")).kind, "model");
  assert.equal((await status(two)).encoder, "failed");
  assert.deepEqual(await two.evaluate(() => burrow.enqueue([{ url: "b", text: "Of stones." }])), { waiting: 1, unchanged: 0 });
  server.faults.clear();
  await one.evaluate(() => burrow.close());
  await two.evaluate(() => until(({ pages }) => pages === 1));
  assert.deepEqual(await search(two, "stones"), ["b"]);
}, { expected: /404|Failed to load/ }));

test("indexes of two names have a writer each; without locks every tab writes for itself", () => withTabs(2, async (one, two) => {
  assert.deepEqual([(await open(one)).role, (await open(two, { name: "other" })).role], ["writer", "writer"]);
  await Promise.all([one, two].map((tab) => tab.evaluate(() => burrow.close())));
  const script = await readFile(join(ROOT, "pkg", "dist", "worker.js"), "utf8");
  server.overlays.set("/pkg/dist/worker.js", `${script}\ndelete WorkerNavigator.prototype.locks;`);
  assert.deepEqual([(await open(one)).role, (await open(two)).role], ["writer", "writer"]);
  assert.deepEqual([(await add(one, "a", "Of rivers.")).value.outcome, (await add(two, "b", "Of stones.")).value.outcome], ["added", "added"]);
  assert.deepEqual(await search(two, "rivers"), ["a", "b"]);
  // The other tab has not heard of it.
  assert.equal(await two.evaluate(() => burrow.remove("a")), true);
  assert.equal((await add(one, "a", "Of rivers.")).value.outcome, "added");
}));
