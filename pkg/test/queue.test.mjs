/** The queue's own part, with an index and an encoder that are lists: order, interruptions, failures, time left. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { BurrowError } from "../build/error.js";
import { Queue, Rate } from "../build/queue.js";

const PRIORITIES = ["visible", "normal", "background"];

/** A queue over a list. `windows` says how many a page has; `onWindow` is called before each. */
function queueOf({ windows = () => 1, onWindow = async () => {}, prepare = () => {}, begun = () => 1 } = {}) {
  const host = {
    over: [], waiting: [], log: [], failed: [], told: [], freed: 0, settings: null,
    add(url, priority = "normal") {
      this.waiting.push({ key: this.waiting.length + this.log.length, url, title: null, format: "text", priority, content: new Uint8Array(100) });
    },
    peek: async (before) => {
      const limit = before === undefined ? PRIORITIES.length : PRIORITIES.indexOf(before);
      const rank = ({ priority }) => PRIORITIES.indexOf(priority);
      return host.waiting.filter((page) => rank(page) < limit).sort((a, b) => rank(a) - rank(b))[0] ?? null;
    },
    isWaiting: async (page) => host.waiting.includes(page),
    begun: async ({ url }) => begun(url),
    ended: ({ url }) => host.over.push(url),
    encoded: (work) => work(),
    prepare: async (page) => {
      prepare(page);
      return { windows: windows(page), url: page.url, at: 0, finish: () => new Uint8Array(1), free: () => (host.freed += 1) };
    },
    encodeNext: async (prepared) => {
      await onWindow(prepared.url, prepared.at++);
    },
    commit: async (page) => {
      if (!host.waiting.includes(page)) return null;
      host.waiting.splice(host.waiting.indexOf(page), 1);
      host.log.push(page.url);
      return { url: page.url, outcome: "added", passages: 1 };
    },
    settle: async (page, kind) => {
      host.waiting.splice(host.waiting.indexOf(page), 1);
      host.failed.push([page.url, kind]);
    },
    queued: async () => ({ waiting: host.waiting.length, bytes: host.waiting.length * 100, failed: host.failed.length }),
    tell: (step) => host.told.push(step),
    onSettings: (settings) => (host.settings = settings),
  };
  return { host, queue: new Queue(host) };
}

async function until(isSo) {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 1));
}

test("nothing is done before the start; then all of it, the urgent first", async () => {
  const { host, queue } = queueOf();
  ["background", "normal", "visible", "normal"].forEach((priority, at) => host.add(`${priority} ${at}`, priority));
  queue.kick();
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(host.log, []);
  queue.start();
  await until(() => host.waiting.length === 0);
  assert.deepEqual(host.log, ["visible 2", "normal 1", "normal 3", "background 0"]);
  await until(() => host.told.some((step) => step.stage === "queue" && step.done === 4));
});

test("between two windows the more urgent goes first, and only that", async () => {
  const { host, queue } = queueOf({
    windows: ({ url }) => (url === "long" ? 3 : 1),
    onWindow: async (url, at) => {
      if (url !== "long" || at !== 0) return;
      host.add("equal", "normal");
      host.add("urgent", "visible");
      queue.kick();
    },
  });
  host.add("long");
  queue.start();
  await until(() => host.waiting.length === 0);
  assert.deepEqual(host.log, ["urgent", "long", "equal"]);
});

test("a page that waits no longer is left, and what it held is freed", async () => {
  const { host, queue } = queueOf({
    windows: () => 5,
    onWindow: async (url, at) => {
      if (url === "gone" && at === 1) host.waiting.shift();
    },
  });
  host.add("gone");
  host.add("next");
  queue.start();
  await until(() => host.log.length === 1);
  assert.deepEqual([host.log, host.freed], [["next"], 1]);
});

test("a page that fails by itself leaves the queue; a device that fails stops it, until it is asked again", async () => {
  let isBroken = true;
  const { host, queue } = queueOf({
    prepare: ({ url }) => {
      if (url === "void") throw new BurrowError("empty", "nothing in it");
    },
    onWindow: async () => {
      if (isBroken) throw new BurrowError("device", "the device is lost");
    },
  });
  host.add("void");
  host.add("good");
  queue.start();
  await until(() => queue.reasons.length === 1);
  assert.deepEqual([host.failed, host.log, host.waiting.length], [[["void", "empty"]], [], 1]);
  assert.ok(queue.reasons[0].includes("the device is lost"));
  assert.equal(queue.status(await host.queued()).secondsLeft, null);
  isBroken = false;
  queue.set({ paused: false });
  await until(() => host.log.length === 1);
  assert.deepEqual([queue.reasons, host.freed], [[], 1]);
});

test("a page in the midst of which tabs have crashed is tried again, and after the third crash put aside", async () => {
  const { host, queue } = queueOf({ begun: (url) => ({ once: 2, thrice: 4 })[url] ?? 1 });
  for (const url of ["once", "thrice", "never"]) host.add(url);
  queue.start();
  await until(() => host.waiting.length === 0);
  assert.deepEqual([host.log, host.failed, host.over], [["once", "never"], [["thrice", "worker"]], ["once", "thrice", "never"]]);
});

test("a pause holds between windows, and stopping ends the work", async () => {
  const { host, queue } = queueOf({ windows: () => 4, onWindow: async (url, at) => { if (at === 1) queue.set({ paused: true }); } });
  host.add("a");
  queue.start();
  await until(() => host.settings?.paused);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual([host.log, host.told.filter(({ stage }) => stage === "index").at(-1).windows], [[], 2]);
  queue.stop();
  await until(() => host.freed === 1);
  assert.deepEqual(host.log, []);
});

test("the time left is that of the pace of late", () => {
  const rate = new Rate();
  assert.equal(rate.secondsFor(100), null);
  rate.add(1000, 500);
  rate.add(3000, 1500);
  assert.equal(rate.secondsFor(10_000), 5);
  for (let window = 0; window < 64; window++) rate.add(1000, 100);
  assert.equal(rate.secondsFor(10_000), 1);
});
