/** Every request settles exactly once: over a real port, whatever the other end does. */
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { BurrowError } from "../build/error.js";
import { Wire } from "../build/wire.js";

let here, there, wire, progress, deaths;
/** What the other end was asked so far. */
let asked;

beforeEach(() => {
  ({ port1: here, port2: there } = new MessageChannel());
  [progress, deaths, asked] = [[], [], []];
  wire = new Wire(here, (step) => progress.push(step), (error) => { deaths.push(error); wire.end(error); });
  here.start();
  // A message of the test before may still come to that test's port.
  const mine = asked;
  there.on("message", (message) => mine.push(message));
});
afterEach(() => {
  here.close();
  there.close();
});

/** Resolves when the other end has been asked so often. */
async function askedTimes(count) {
  while (asked.length < count) await new Promise((resolve) => setTimeout(resolve, 1));
}
const failsAs = (kind) => (error) => error instanceof BurrowError && error.kind === kind;
const failure = (id, kind, message = "m") => ({ id, type: "failure", error: { kind, message, stack: "worker stack" } });

test("answers find their requests, in whatever order they come", async () => {
  const [first, second] = [wire.call("remove", { url: "a" }), wire.call("remove", { url: "b" })];
  await askedTimes(2);
  assert.deepEqual(asked.map(({ type, ask }) => [type, ask.url]), [["remove", "a"], ["remove", "b"]]);
  there.postMessage({ id: asked[1].id, type: "remove", answer: true });
  there.postMessage({ id: asked[0].id, type: "remove", answer: false });
  assert.deepEqual([await first, await second], [false, true]);
});

test("a failure crosses with kind, message and the worker's stack", async () => {
  const call = wire.call("pages", {});
  await askedTimes(1);
  there.postMessage(failure(asked[0].id, "storage-full", "no room"));
  await assert.rejects(call, { name: "BurrowError", kind: "storage-full", message: "no room", stack: "worker stack" });
});

test("only the first of several answers counts, and an unknown id is nobody's", async () => {
  const call = wire.call("remove", { url: "a" });
  await askedTimes(1);
  there.postMessage({ id: 999, type: "remove", answer: false });
  there.postMessage({ id: asked[0].id, type: "remove", answer: true });
  there.postMessage(failure(asked[0].id, "storage"));
  assert.equal(await call, true);
});

test("an answer of another type is refused", async () => {
  const call = wire.call("remove", { url: "a" });
  await askedTimes(1);
  there.postMessage({ id: asked[0].id, type: "pages", answer: [] });
  await assert.rejects(call, failsAs("worker"));
});

test("a signal ends a request at once, and the worker is told; one aborted before asks nothing", async () => {
  const controller = new AbortController();
  const call = wire.call("remove", { url: "a" }, { signal: controller.signal });
  await askedTimes(1);
  controller.abort();
  await assert.rejects(call, failsAs("aborted"));
  await assert.rejects(wire.call("pages", {}, { signal: controller.signal }), failsAs("aborted"));
  await askedTimes(2);
  assert.deepEqual(asked[1], { type: "abort", id: asked[0].id });
  assert.equal(asked.length, 2);
});

test("a signal that aborts after the answer tells nobody", async () => {
  const controller = new AbortController();
  const call = wire.call("remove", { url: "a" }, { signal: controller.signal });
  await askedTimes(1);
  there.postMessage({ id: asked[0].id, type: "remove", answer: true });
  await call;
  controller.abort();
  const next = wire.call("pages", {});
  await askedTimes(2);
  there.postMessage({ id: asked[1].id, type: "pages", answer: [] });
  await next;
  assert.deepEqual(asked.map(({ type }) => type), ["remove", "pages"]);
});

test("the worker's death rejects all that waits and all that comes", async () => {
  const calls = [wire.call("pages", {}), wire.call("status", {})];
  there.postMessage({ type: "died", error: { kind: "worker", message: "trap", stack: "" } });
  for (const call of calls) await assert.rejects(call, failsAs("worker"));
  await assert.rejects(wire.call("pages", {}), failsAs("worker"));
  assert.equal(deaths.length, 1);
});

test("closing rejects what waits, asks the worker to close, and waits for it", async () => {
  const pending = wire.call("pages", {});
  let isClosed = false;
  const closed = wire.close(new BurrowError("closed", "c")).then(() => (isClosed = true));
  await assert.rejects(pending, failsAs("closed"));
  await assert.rejects(wire.call("pages", {}), failsAs("closed"));
  await askedTimes(2);
  assert.equal(asked[1].type, "close");
  assert.equal(isClosed, false);
  there.postMessage({ id: asked[1].id, type: "close", answer: null });
  await closed;
});

test("a death while closing ends the closing", async () => {
  const closed = wire.close(new BurrowError("closed", "c"));
  there.postMessage({ type: "died", error: { kind: "worker", message: "trap", stack: "" } });
  await closed;
});

test("what cannot be cloned fails by itself", async () => {
  await assert.rejects(wire.call("remove", { url: () => {} }), failsAs("input"));
  const next = wire.call("pages", {});
  await askedTimes(1);
  there.postMessage({ id: asked[0].id, type: "pages", answer: [] });
  assert.deepEqual(await next, []);
});

test("progress is told as it comes", async () => {
  const call = wire.call("pages", {});
  await askedTimes(1);
  there.postMessage({ type: "progress", progress: { stage: "load", what: "device" } });
  there.postMessage({ id: asked[0].id, type: "pages", answer: [] });
  await call;
  assert.deepEqual(progress, [{ stage: "load", what: "device" }]);
});
