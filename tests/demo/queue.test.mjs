/** The demo's queue of pages: order, how many at once, failures, stopping. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Queue } from "../../www/src/queue.js";

const pause = (ms) => new Promise((done) => { setTimeout(done, ms); });

/** A queue whose pages take a moment; pages named `bad` fail. */
function makeQueue() {
  const seen = { started: [], progress: [], most: 0 };
  let now = 0;
  const queue = new Queue(async (page, { signal }) => {
    now += 1;
    seen.most = Math.max(seen.most, now);
    await pause(2);
    now -= 1;
    signal.throwIfAborted();
    if (page.url.startsWith("bad")) throw new Error(`${page.url} cannot be read`);
    return { url: page.url, outcome: page.url.startsWith("same") ? "unchanged" : "added", passages: 1 };
  }, (progress) => seen.progress.push(progress));
  const job = (url) => ({ url, name: url, load: async () => { seen.started.push(url); return { url, text: "x" }; } });
  return { queue, seen, job };
}

/** Waits until the queue says that nothing is left. */
async function through(seen) {
  for (let round = 0; round < 500; round += 1) {
    const last = seen.progress.at(-1);
    if (last.settled === last.total && last.working.length === 0) return last;
    await pause(2);
  }
  throw new Error("the queue never came to its end");
}

test("pages go in the order given, two at once, and a failure stops nobody", async () => {
  const { queue, seen, job } = makeQueue();
  const names = ["a", "b", "bad", "same", "e", "f"];
  queue.push(names.map(job));
  const last = await through(seen);
  assert.deepEqual(seen.started, names);
  assert.equal(seen.most, 2);
  assert.deepEqual({ total: last.total, settled: last.settled, failed: last.failed, encoded: last.encoded }, { total: 6, settled: 6, failed: 1, encoded: 4 });
});

test("every job is told how it ended", async () => {
  const { queue, seen, job } = makeQueue();
  const ends = {};
  queue.push(["a", "bad"].map((url) => ({ ...job(url), settled: (end) => { ends[url] = end; } })));
  await through(seen);
  assert.equal(ends.a.result.outcome, "added");
  assert.equal(ends.bad.error.message, "bad cannot be read");
});

test("stopping drops what waits and ends what runs", async () => {
  const { queue, seen, job } = makeQueue();
  queue.push(["a", "b", "c", "d"].map(job));
  await pause(0);
  queue.stop();
  const last = await through(seen);
  assert.deepEqual(seen.started, ["a", "b"]);
  assert.deepEqual([last.total, last.encoded, last.failed], [2, 0, 0]);
  queue.push([job("later")]);
  assert.equal((await through(seen)).encoded, 1);
});
