/** How the shards of a model come: several at once, no more than there is room for, and none after a failure or a signal. */
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { openModel } from "../build/download.js";
import { throughLanes } from "../build/lanes.js";
import { asked, hash, manifestOf, PATIENCE, rejected as rejectedBy, serve, SHARDS, SMALL, startServer } from "./server.mjs";

const FILES = { ...SMALL, ...SHARDS };
const NAMES = Object.keys(SHARDS);
const MIB = 2 ** 20;
const rejected = (...wanted) => rejectedBy(assert, ...wanted);

let server;
before(async () => (server = await startServer()));
after(() => server.close());
beforeEach(() => server.reset({ ...FILES, "burrow.json": manifestOf(FILES) }));

const open = (options = {}) =>
  openModel(server.folder, { signal: new AbortController().signal, onProgress: () => {}, patience: PATIENCE, ...options });
const shardsAsked = () => new Set(server.log.map(({ name }) => name).filter((name) => name in SHARDS)).size;

/** Serves every shard so slowly that those that are fetched at once are seen to be. */
function slow() {
  for (const name of NAMES) server.files[name] = serve(SHARDS[name], { pace: 5 });
}

/**
 * Waits until the server has no shard under way. An answer that begins on a socket that is gone already,
 * or has none any more, never ends.
 */
async function idle() {
  const open = () => [...server.open].filter(([, socket]) => socket && !socket.destroyed).map(([name]) => name);
  for (const end = Date.now() + 2000; open().length > 0; await sleep(10)) assert.ok(Date.now() < end, `${open()} are still under way`);
}

test("at least three shards are on their way at once, never more than four, and one is taken at a time", async () => {
  slow();
  let taking = 0;
  const taken = [];
  await (await open()).streamWeights(async (file, bytes, sha256) => {
    assert.equal(++taking, 1);
    await sleep(10);
    // What was given is still there when it has been worked on, whatever else has come meanwhile.
    assert.equal(hash(bytes), sha256);
    taken.push(file);
    taking -= 1;
  });
  assert.deepEqual(taken.sort(), NAMES);
  assert.ok(server.together >= 3 && server.together <= 4, `${server.together} at once`);
  assert.equal(server.log.length, NAMES.length + 3);
});

test("where taking is slow, no more than four are fetched ahead of it", async () => {
  let taken = 0;
  await (await open()).streamWeights(async () => {
    await sleep(60);
    assert.ok(shardsAsked() <= taken + 4, `${shardsAsked()} were asked for when ${taken} had been taken`);
    taken += 1;
  });
  assert.equal(taken, NAMES.length);
});

test("how many are held depends on their size: 72 MiB, or one; where the size is not known, one", async () => {
  for (const [bytes, wanted] of [[1000, 4], [16 * MIB, 4], [18 * MIB, 4], [20 * MIB, 3], [32 * MIB, 2], [100 * MIB, 1], [null, 1]]) {
    let [held, most] = [0, 0];
    const files = Array.from({ length: 8 }, (_, at) => ({ name: String(at), bytes }));
    const get = async () => {
      most = Math.max(most, ++held);
      await sleep(1);
    };
    await throughLanes(files, get, async () => void (held -= 1), new AbortController().signal);
    assert.equal(most, wanted, `${bytes}`);
  }
});

test("a lane's memory is used again", async () => {
  const files = Array.from({ length: 20 }, (_, at) => ({ name: String(at), bytes: 1000 - at }));
  const buffers = new Set();
  const get = async ({ bytes }, memory) => memory.room(bytes);
  await throughLanes(files, get, async ({ bytes }, got) => {
    assert.equal(got.length, bytes);
    buffers.add(got.buffer);
    await sleep(1);
  }, new AbortController().signal);
  assert.equal(buffers.size, 4);
});

test("progress of all together: it grows to the sum of the manifest", async () => {
  slow();
  const steps = [];
  await (await open({ onProgress: (step) => steps.push(step) })).streamWeights(async () => {});
  const all = Object.values(FILES).reduce((sum, bytes) => sum + bytes.length, 0);
  assert.ok(steps.every(({ bytesAll }) => bytesAll === all));
  assert.ok(steps.every(({ bytesLoaded }, at) => at === 0 || bytesLoaded >= steps[at - 1].bytesLoaded));
  assert.equal(steps.at(-1).bytesLoaded, all);
  assert.ok(steps.length < 60, `${steps.length} steps: progress is not throttled`);
  for (const name of NAMES) assert.equal(steps.filter(({ file }) => file === name).at(-1).bytes, SHARDS[name].length);
});

test("one shard that fails ends the others, and nothing is taken any more", async () => {
  slow();
  server.files[NAMES[2]] = undefined;
  let taken = 0;
  await assert.rejects((await open()).streamWeights(async () => void (taken += 1)), rejected("model", NAMES[2], "404"));
  const [seen, before] = [taken, shardsAsked()];
  await idle();
  await sleep(100);
  assert.deepEqual([taken, shardsAsked()], [seen, before]);
});

test("what fails to take a shard is what is told, and the others end", async () => {
  slow();
  const failure = Object.assign(new Error("no room on the device"), { kind: "device" });
  let taken = 0;
  await assert.rejects((await open()).streamWeights(async () => {
    if (++taken === 2) throw failure;
  }), failure);
  await idle();
  assert.equal(taken, 2);
});

test("a signal ends all, after what is being taken has been", async () => {
  slow();
  const controller = new AbortController();
  let [begun, ended] = [0, 0];
  const streaming = (await open({ signal: controller.signal })).streamWeights(async () => {
    begun += 1;
    if (begun === 2) controller.abort();
    await sleep(30);
    ended += 1;
  });
  await assert.rejects(streaming, rejected("aborted"));
  assert.deepEqual([begun, ended], [2, 2]);
  await idle();
});

test("errors half-way, in every shard: all arrive, and no byte is sent twice", async () => {
  for (const name of NAMES) {
    server.files[name] = (request, response, nth) => serve(SHARDS[name], { cutAfter: nth === 1 ? 150_000 : Infinity })(request, response);
  }
  const seen = {};
  await (await open()).streamWeights(async (file, bytes) => void (seen[file] = hash(bytes)));
  assert.deepEqual(Object.keys(seen).sort(), NAMES);
  for (const name of NAMES) {
    assert.equal(seen[name], hash(SHARDS[name]));
    assert.equal(asked(server, name).reduce((sum, { sent }) => sum + sent, 0), SHARDS[name].length);
  }
});

test("a resumed shard with a wrong hash is fetched once more as a whole; a wrong one stays wrong", async () => {
  const name = NAMES[0];
  const bytes = SHARDS[name];
  const other = Buffer.from(bytes);
  other[other.length - 1] ^= 1;
  // The two halves are of two versions: the server was updated in between.
  const answers = [serve(bytes, { cutAfter: 150_000 }), serve(other), serve(bytes)];
  server.files[name] = (request, response, nth) => answers[nth - 1](request, response);
  const seen = {};
  await (await open()).streamWeights(async (file, got) => void (seen[file] = hash(got)));
  assert.equal(seen[name], hash(bytes));
  assert.deepEqual(asked(server, name).map(({ range }) => range), [undefined, "bytes=150000-", undefined]);

  server.reset({ ...server.files, [name]: (request, response, nth) => serve(other, { cutAfter: nth === 1 ? 150_000 : Infinity })(request, response) });
  await assert.rejects((await open()).streamWeights(async () => {}), rejected("model", name, hash(other), hash(bytes)));
  assert.equal(asked(server, name).length, 3);
});
