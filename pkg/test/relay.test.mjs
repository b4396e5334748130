/** Every call from tab to tab settles once, whichever tab answers it: over a real channel. */
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { BurrowError } from "../build/error.js";
import { Relay, Service } from "../build/relay.js";

let name = 0;
let channels;
/** What was asked of each writer, in order. */
let asked;

beforeEach(() => {
  name += 1;
  [channels, asked] = [[], []];
});
afterEach(() => channels.forEach((channel) => channel.close()));

function channel() {
  const channel = new BroadcastChannel(`relay ${name}`);
  channels.push(channel);
  return channel;
}

/** A follower. */
function follower(tab) {
  const mine = channel();
  const relay = new Relay(tab, (message) => mine.postMessage(message));
  mine.onmessage = ({ data }) => (data.type === "answer" || data.type === "failure") && relay.settle(data);
  return relay;
}

/** A writer that does a thing by `handle`, which is given who does it, what, and the signal. */
function writer(tab, handle) {
  const mine = channel();
  const calls = ["add", "enqueue", "queue", "remove", "clear", "vector"];
  const handlers = Object.fromEntries(calls.map((call) => [call, async (ask, signal) => {
    asked.push([tab, call, ask.url ?? null]);
    return handle(call, ask, signal);
  }]));
  const service = new Service(tab, handlers, (message) => mine.postMessage(message));
  mine.onmessage = ({ data }) => (data.type === "ask" || data.type === "abort") && void service.take(data);
  return { service, handlers, close: () => { service.end(); mine.onmessage = null; } };
}

const open = () => new AbortController().signal;
const never = () => new Promise(() => {});
async function until(isSo) {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 1));
}

test("a call waits for a writer, is asked of it alone, and answered to its tab alone", async () => {
  const [one, two] = [follower("one"), follower("two")];
  writer("w", async (call, { url }) => url === "a");
  writer("other", never);
  const calls = [one.call("remove", { url: "a" }, open()), two.call("remove", { url: "b" }, open())];
  assert.deepEqual([one.count("remove"), asked.length], [1, 0]);
  one.follow("w");
  two.follow("w");
  assert.deepEqual(await Promise.all(calls), [true, false]);
  assert.deepEqual(asked.map(([tab, , url]) => [tab, url]).sort(), [["w", "a"], ["w", "b"]]);
  assert.equal(one.count("remove"), 0);
});

test("what one writer has not answered is asked of the next, in order, and answered once", async () => {
  const relay = follower("one");
  const first = writer("first", (call, { url }) => (url === "a" ? true : never()));
  relay.follow("first");
  const calls = ["a", "b", "c"].map((url) => relay.call("remove", { url }, open()));
  assert.equal(await calls[0], true);
  await until(() => asked.length === 3);
  first.close();
  writer("second", async () => true);
  relay.follow("second");
  // Hearing of the same writer again asks nothing again.
  relay.follow("second");
  assert.deepEqual(await Promise.all(calls), [true, true, true]);
  assert.deepEqual(asked.slice(3), [["second", "remove", "b"], ["second", "remove", "c"]]);
});

test("a tab that takes over does itself what was not answered, in order; failures stay failures", async () => {
  const relay = follower("one");
  writer("gone", never);
  relay.follow("gone");
  const calls = [
    relay.call("add", { url: "a" }, open()), relay.call("clear", {}, open()), relay.call("vector", { query: "q" }, open()),
  ];
  const { handlers } = writer("self", async (call) => {
    if (call === "vector") throw new BurrowError("device", "no device");
    return call;
  });
  await until(() => asked.length === 3);
  relay.takeOver(handlers);
  assert.deepEqual(await Promise.all(calls.slice(0, 2)), ["add", "clear"]);
  await assert.rejects(calls[2], { kind: "device" });
  assert.deepEqual(asked.slice(3).map(([, call]) => call), ["add", "clear", "vector"]);
});

test("a call that no writer survives is not asked for ever", async () => {
  const relay = follower("one");
  const call = relay.call("add", { url: "a" }, open());
  for (const tab of ["first", "second", "third"]) {
    writer(tab, never);
    relay.follow(tab);
  }
  await until(() => asked.length === 3);
  relay.takeOver(writer("self", async () => true).handlers);
  await assert.rejects(call, { kind: "worker" });
  assert.equal(asked.length, 3);
});

test("a failure crosses with its kind; a signal ends a call here and there", async () => {
  const relay = follower("one");
  const signals = [];
  writer("w", (call, { url }, signal) => {
    if (url === "bad") throw new BurrowError("empty", "nothing in it");
    signals.push(signal);
    return never();
  });
  relay.follow("w");
  await assert.rejects(relay.call("add", { url: "bad" }, open()), { name: "BurrowError", kind: "empty", message: "nothing in it" });
  const controller = new AbortController();
  const call = relay.call("add", { url: "long" }, controller.signal);
  await until(() => signals.length === 1);
  controller.abort();
  await assert.rejects(call, { kind: "aborted" });
  await until(() => signals[0].aborted);
  await assert.rejects(relay.call("add", { url: "late" }, controller.signal), { kind: "aborted" });
});

test("a writer that closes answers nothing any more", async () => {
  const relay = follower("one");
  let fail;
  const first = writer("first", () => new Promise((_, reject) => (fail = reject)));
  relay.follow("first");
  const call = relay.call("remove", { url: "a" }, open());
  await until(() => fail);
  first.service.end();
  fail(new BurrowError("closed", "closing"));
  writer("second", async () => true);
  relay.follow("second");
  assert.equal(await call, true);
});

test("calls can be ended by their type, and what cannot be cloned fails by itself", async () => {
  const relay = follower("one");
  const [adding, removing] = [relay.call("add", { url: "a" }, open()), relay.call("remove", { url: "a" }, open())];
  relay.end(new BurrowError("fingerprint", "another model"), (call) => call === "add");
  await assert.rejects(adding, { kind: "fingerprint" });
  writer("w", async () => true);
  relay.follow("w");
  assert.equal(await removing, true);
  await assert.rejects(relay.call("remove", { url: () => {} }, open()), { kind: "input" });
});
