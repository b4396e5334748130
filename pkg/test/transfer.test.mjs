/** A file goes out and comes in part by part, at the pace of whoever takes it, and whatever goes wrong ends both sides. */
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { BurrowError } from "../build/error.js";
import { exportStream, importFrom } from "../build/transfer.js";
import { Wire } from "../build/wire.js";

let here, there, wire;
/** What the other end was asked so far, and what it answers by type; an error's kind for a failure. */
let asked, answers;

beforeEach(() => {
  ({ port1: here, port2: there } = new MessageChannel());
  [asked, answers] = [[], {}];
  wire = new Wire(here, () => {}, () => {});
  here.start();
  const [mine, answering] = [asked, answers];
  there.on("message", ({ id, type, ask }) => {
    mine.push([type, ask]);
    if (type === "abort" || !(type in answering)) return;
    const answer = answering[type](ask);
    const kind = typeof answer === "object" && answer?.failure;
    there.postMessage(kind ? { id, type: "failure", error: { kind, message: "m", stack: "" } } : { id, type, answer });
  });
});
afterEach(() => {
  here.close();
  there.close();
});

const types = () => asked.map(([type]) => type);
const until = async (isSo) => {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 1));
};
const failsAs = (kind) => (error) => error instanceof BurrowError && error.kind === kind;

/** An index that has these parts to give. */
function exports(parts) {
  const rest = [...parts];
  Object.assign(answers, { exportBegin: () => 7, exportNext: () => rest.shift() ?? null, transferEnd: () => null });
}

/** An index that takes everything in, and counts pieces as pages. */
function imports() {
  const taken = [];
  const told = () => ({ pages: taken.length, pagesTotal: 9, added: taken.length, replaced: 0, unchanged: 0 });
  Object.assign(answers, {
    importBegin: () => 3, importPush: ({ bytes }) => (taken.push(bytes), told()), importEnd: () => told(), transferEnd: () => null,
  });
  return taken;
}

test("an export gives its parts in order, each asked for when the one before was taken", async () => {
  exports([Uint8Array.of(1), Uint8Array.of(2, 3)]);
  const reader = (await exportStream(wire)).getReader();
  await new Promise((resolve) => setTimeout(resolve, 10));
  assert.deepEqual(types(), ["exportBegin"], "nothing is read ahead");
  assert.deepEqual((await reader.read()).value, Uint8Array.of(1));
  assert.deepEqual(types(), ["exportBegin", "exportNext"]);
  assert.deepEqual((await reader.read()).value, Uint8Array.of(2, 3));
  assert.equal((await reader.read()).done, true);
  assert.ok(asked.slice(1).every(([, { number }]) => number === 7));
});

test("an export gathers into a blob", async () => {
  exports([Uint8Array.of(1), Uint8Array.of(2, 3)]);
  const blob = await new Response(await exportStream(wire)).blob();
  assert.deepEqual(new Uint8Array(await blob.arrayBuffer()), Uint8Array.of(1, 2, 3));
});

test("an export that nobody goes on with, or that fails, is ended in the worker", async () => {
  exports([Uint8Array.of(1)]);
  await (await exportStream(wire)).cancel();
  await until(() => types().includes("transferEnd"));
  answers.exportNext = () => ({ failure: "corrupt" });
  await assert.rejects(new Response(await exportStream(wire)).blob(), failsAs("corrupt"));
  await until(() => types().filter((type) => type === "transferEnd").length === 2);
  answers.exportBegin = () => ({ failure: "input" });
  await assert.rejects(exportStream(wire), failsAs("input"));
});

test("a signal ends an export", async () => {
  exports([Uint8Array.of(1)]);
  delete answers.exportNext;
  const controller = new AbortController();
  const reading = (await exportStream(wire, controller.signal)).getReader().read();
  await until(() => types().includes("exportNext"));
  controller.abort();
  await assert.rejects(reading, failsAs("aborted"));
});

test("an import gives a file in pieces of bounded size, and leaves the caller's bytes alone", async () => {
  const taken = imports();
  const file = new Uint8Array(2.5 * 2 ** 20).map((_, at) => at % 251);
  const source = new ReadableStream({ start: (controller) => (controller.enqueue(file), controller.enqueue(new Uint8Array(0)), controller.close()) });
  const steps = [];
  const result = await importFrom(wire, source, { onProgress: ({ pages }) => steps.push(pages) });
  assert.equal(result.pages, 3);
  assert.deepEqual(steps, [1, 2, 3]);
  assert.ok(taken.every(({ length }) => length <= 2 ** 20));
  assert.deepEqual(Buffer.concat(taken), Buffer.from(file));
  assert.equal(file.length, 2.5 * 2 ** 20);
  assert.deepEqual(types(), ["importBegin", "importPush", "importPush", "importPush", "importEnd"]);
});

test("an import takes a blob", async () => {
  const taken = imports();
  await importFrom(wire, new Blob(["abc", "def"]), {});
  assert.equal(Buffer.concat(taken).toString(), "abcdef");
});

test("a failure ends the import and the stream, and is the one that is told", async () => {
  imports();
  answers.importPush = () => ({ failure: "fingerprint" });
  let cancelled = null;
  const source = new ReadableStream({ pull: (controller) => controller.enqueue(Uint8Array.of(1)), cancel: (why) => (cancelled = why) });
  await assert.rejects(importFrom(wire, source, {}), failsAs("fingerprint"));
  await until(() => types().includes("transferEnd") && cancelled);
  assert.ok(failsAs("fingerprint")(cancelled));
  assert.ok(!types().includes("importEnd"));
  const broken = new ReadableStream({ pull: (controller) => controller.error(new TypeError("disk")) });
  await assert.rejects(importFrom(wire, broken, {}), TypeError);
});

test("a signal ends an import, also one whose stream brings nothing", async () => {
  imports();
  const controller = new AbortController();
  let cancelled = false;
  const importing = importFrom(wire, new ReadableStream({ cancel: () => void (cancelled = true) }), { signal: controller.signal });
  await until(() => types().includes("importBegin"));
  controller.abort();
  await assert.rejects(importing, failsAs("aborted"));
  assert.ok(cancelled);
  assert.ok(!types().includes("importEnd"), "what was cut off is not taken for whole");
  await assert.rejects(importFrom(wire, new Blob(["a"]), { signal: controller.signal }), failsAs("aborted"));
});

test("what is no file is refused", async () => {
  imports();
  const locked = new ReadableStream();
  locked.getReader();
  for (const source of ["text", null, new Uint8Array(3), locked]) await assert.rejects(importFrom(wire, source, {}), failsAs("input"));
  const words = new ReadableStream({ start: (controller) => controller.enqueue("words") });
  await assert.rejects(importFrom(wire, words, {}), failsAs("input"));
});
