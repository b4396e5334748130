/** Cold start, warm start, first query and steady queries of the whole package in Chromium, and where their time goes. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { goTo, launchKept, ROOT, startServer } from "../../browser/harness.mjs";
import { median } from "../shared/timing.mjs";

/** 14 words of BERT's vocabulary, so that 16 tokens are encoded; the tokens of others may be some more. */
const QUERY = "how do green plants turn light and water into sugar in the summer";
const STEADY = 7;
/** Second visits: one alone says little where the machine has to find memory for it. */
const VISITS = 5;
/** The first visit lasts as long as Chromium takes to keep the code that it has compiled: 2 s after the last function. */
const STAY_MS = 4000;

/**
 * Put before the worker's own code: adds up what module, cache and GPU take. Calls that return at once are timed as they return;
 * `gpu` is the time from the first submission to the end of all work, `readback` from there to the mapped bytes.
 */
const SPY = `
const spent = { compile: 0, cache: 0, shaders: 0, upload: 0, submit: 0, gpu: 0, readback: 0 };
const add = (name, start) => { spent[name] += performance.now() - start; };
function watch(prototype, method, name) {
  const original = prototype?.[method];
  if (!original) return;
  prototype[method] = function (...given) {
    const start = performance.now();
    const value = original.apply(this, given);
    if (value instanceof Promise) value.then(() => add(name, start), () => {});
    else add(name, start);
    return value;
  };
}
for (const method of ["instantiate", "instantiateStreaming", "compile", "compileStreaming"]) watch(WebAssembly, method, "compile");
watch(globalThis.Cache?.prototype, "match", "cache");
watch(Response.prototype, "arrayBuffer", "cache");
for (const method of ["createShaderModule", "createComputePipeline", "createComputePipelineAsync"]) watch(globalThis.GPUDevice?.prototype, method, "shaders");
watch(globalThis.GPUQueue?.prototype, "writeBuffer", "upload");
let [submitted, ended] = [null, 0];
if (globalThis.GPUQueue) {
  const submit = GPUQueue.prototype.submit;
  GPUQueue.prototype.submit = function (...given) {
    const start = performance.now();
    submitted ??= start;
    submit.apply(this, given);
    add("submit", start);
    const first = submitted;
    this.onSubmittedWorkDone().then(() => { ended = performance.now(); spent.gpu += ended - Math.max(first, spent.until ?? 0); spent.until = ended; submitted = null; });
  };
  const map = GPUBuffer.prototype.mapAsync;
  GPUBuffer.prototype.mapAsync = async function (...given) {
    await map.apply(this, given);
    spent.readback += Math.max(0, performance.now() - Math.max(ended, spent.mapped ?? 0));
    spent.mapped = performance.now();
  };
}
new BroadcastChannel("spent").onmessage = ({ target }) => {
  const { until, mapped, ...told } = spent;
  target.postMessage(told);
  for (const name of Object.keys(told)) spent[name] = 0;
};
`;

/** In the page: opens an index, and encodes a query as soon as the model is there. It is left so many milliseconds later. */
async function openAndAsk({ model, device, query, steady, stayMs = 0 }) {
  const channel = new BroadcastChannel("spent");
  const spent = () => new Promise((resolve) => {
    channel.onmessage = ({ data }) => resolve(data);
    channel.postMessage("");
  });
  const start = performance.now();
  const burrow = await Burrow.open({ name: "bench", model, device });
  const status = await burrow.ready;
  const openMs = performance.now() - start;
  const opening = await spent();
  const ask = async (text) => (await burrow.search(text, { mode: "semantic" })).timing.encodeMs;
  const firstMs = await ask(query);
  const vectorMs = performance.now() - start;
  const first = await spent();
  const steadyMs = [];
  // Other words each time: the same question may be remembered.
  for (let at = 0; at < steady; at += 1) steadyMs.push(await ask(query.replace("summer", ["winter", "spring", "autumn", "morning", "evening", "night", "sun"][at % 7])));
  const each = await spent();
  for (const name of Object.keys(each)) each[name] /= steady;
  await new Promise((resolve) => setTimeout(resolve, stayMs));
  await burrow.close();
  return { device: status.device, reasons: status.reasons, openMs, firstMs, vectorMs, steadyMs, spent: { opening, first, steady: each } };
}

/** In the page: reads all that is kept of the model, and no more. */
async function bareRead() {
  const ms = [];
  let bytes = 0;
  for (let round = 0; round < 3; round += 1) {
    const start = performance.now();
    bytes = 0;
    const cache = await caches.open("burrow-models");
    for (const request of await cache.keys()) bytes += (await (await cache.match(request)).arrayBuffer()).byteLength;
    ms.push(performance.now() - start);
  }
  return { ms, bytes };
}

/**
 * @param {{folder: string, device: "cpu" | "webgpu"}} options
 * @returns {Promise<any>} `cold` from the server, `warm` the second visit of middle length, `warmMs` how long each took, and what only
 *   reading the kept files takes
 */
export async function start({ folder, device }) {
  const server = await startServer({ isolated: true, cached: true, model: folder, data: "" });
  server.overlays.set("/pkg/dist/worker.js", SPY + await readFile(join(ROOT, "pkg/dist/worker.js"), "utf8"));
  const profile = await mkdtemp(join(tmpdir(), "burrow-bench-"));
  const context = await launchKept(profile);
  const ask = { model: "/model", device, query: QUERY, steady: STEADY };
  try {
    const page = await context.newPage();
    const visit = async (work, argument) => {
      await goTo(page, server.url);
      return page.evaluate(work, argument);
    };
    const cold = await visit(openAndAsk, { ...ask, stayMs: STAY_MS });
    const [visits, reads] = [[], []];
    for (let at = 0; at < VISITS; at += 1) {
      reads.push(await visit(bareRead));
      visits.push(await visit(openAndAsk, ask));
    }
    visits.sort((one, other) => one.vectorMs - other.vectorMs);
    if (cold.device !== device) throw new Error(`${device} was asked for, ${cold.device} it is: ${cold.reasons.join(" ")}`);
    const warmMs = visits.map(({ vectorMs }) => vectorMs);
    return { cold, warm: visits[VISITS >> 1], warmMs, readMs: median(reads.flatMap(({ ms }) => ms)), bytes: reads[0].bytes };
  } finally {
    await context.close();
    await server.close();
    await rm(profile, { recursive: true, force: true });
  }
}
