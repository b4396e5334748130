/** Driver of `make bench-encoder`: the encoder against its peers, in Chromium, natively, and on a GPU where there is one. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { inBrowser } from "./browser.mjs";
import { idsOf } from "./cases.mjs";
import { contest } from "./contest.mjs";
import { closeDawn, dawnSide, largeProduct, openDawn } from "./dawn.mjs";
import { models } from "./models.mjs";
import { processSide } from "./native.mjs";
import { record, report } from "./report.mjs";
import { start } from "./start.mjs";

/** @typedef {import("./models.mjs").Model} Model */

const list = (value, fallback) => (value ? value.split(",") : fallback);
const parts = list(process.env.PARTS, ["wasm", "threads", "webgpu", "native", "gpu", "start"]);
const names = list(process.env.MODELS, ["minilm-f32", "minilm-q8", "0.6b-f32", "0.6b-q8"]);
const lengths = list(process.env.LENGTHS, ["16", "64", "256", "512", "1024", "4096"]).map(Number);

/** The browser is asked for no more than a window of many pages is; natively all that a window can hold. */
const LENGTH_MAX = { browser: 512, native: 4096 };

/** How long a length may take in all; natively 4096 tokens of the 0.6B shape do not take longer. */
const SECONDS_MAX = { browser: Number(process.env.SECONDS_MAX || 120), native: Number(process.env.SECONDS_MAX || 600) };

/** From so many tokens on it is told how the time grows, and what share of it attention has. */
const GROWN = 256;

/** More weights than these are not tried in a module of 32 bits: it makes copies of them in another order. */
const WEIGHTS_MAX = 2 ** 31;

const NATIVE_THREADS = 2;

const say = (text) => console.error(`bench: ${text}`);

/** The models of each shape, which are measured together. */
function shapes(found) {
  const names = [...new Set(found.map(({ shape }) => shape))];
  return names.map((name) => /** @type {const} */ ([name, found.filter(({ shape }) => shape === name)]));
}

/** Those that a 32-bit module is given, and why the others are not measured there. */
function loadable(members) {
  const large = members.filter(({ bytes }) => bytes > WEIGHTS_MAX);
  const absent = large.map(({ name, bytes }) => `${name}: its ${(bytes / 2 ** 30).toFixed(1)} GiB are not tried in a module of 32 bits, which has 4 GiB for them and for copies`);
  return { members: members.filter((model) => !large.includes(model)), absent };
}

function lengthsOf({ config }, most) {
  const positions = config.model_type === "bert" ? config.max_position_embeddings : Infinity;
  return lengths.filter((tokens) => tokens <= Math.min(most, positions));
}

/** Every shape in Chromium: on the CPU with one thread or all, or on WebGPU. */
async function inChromium(found, { device, threads, isolated }) {
  const folders = Object.fromEntries(found.flatMap(({ name, folder, graph }) => [[`/models/${name}/`, folder], [`/graphs/${name}/`, graph]]));
  const results = {};
  for (const [shape, all] of shapes(found)) {
    const { members, absent } = loadable(all);
    results[shape] = { absent, lengths: [] };
    if (!members.length) continue;
    say(`${shape} in Chromium, ${device}${device === "cpu" ? `, threads ${threads}` : ""}`);
    results[shape] = await inBrowser({ isolated, folders }, async (open, browser) => {
      const sides = [];
      for (const { name, weights } of members) {
        const [own, module] = [{ side: "burrow", folder: `/models/${name}/`, device }, (part) => `/pkg/wasm/${part}/${part}.js`];
        sides.push(await open(weights, { ...own, module: module(device === "webgpu" ? "encoder" : threads > 1 ? "threads" : "cpu"), threads }));
        // What threads gain, in the same run.
        if (threads > 1) sides.push(await open(weights, { ...own, module: module("cpu"), name: "Burrow, one thread" }));
        sides.push(await open(weights, { side: "ort", dist: "/peers/onnxruntime-web/dist/", folder: `/graphs/${name}/`, device, threads }));
      }
      return { browser, absent, ...await measured(sides, members[0], "browser", device === "webgpu" ? await onCpu(open, members) : undefined) };
    });
  }
  return results;
}

/** The models on the CPU, which the tests hold to PyTorch: they tell what is right on WebGPU. */
async function onCpu(open, members) {
  const judges = [];
  for (const { name, weights } of members) {
    judges.push(await open(weights, { side: "burrow", folder: `/models/${name}/`, device: "cpu", module: "/pkg/wasm/cpu/cpu.js", threads: 1 }));
  }
  return judges;
}

/** @param {"browser" | "native"} where which limits hold */
async function measured(sides, model, where, judges = firstOfEach(sides)) {
  const loaded = sides.map(({ name, device, weights, loadMs }) => ({ name, device, weights, loadMs }));
  const lengths = lengthsOf(model, LENGTH_MAX[where]);
  return { config: model.config, loaded, lengths: await contest(sides, { config: model.config, lengths, judges, secondsMax: SECONDS_MAX[where] }) };
}

/** The first side with each form of the weights, which is Burrow's. */
function firstOfEach(sides) {
  return sides.filter(({ weights }, at) => sides.findIndex((side) => side.weights === weights) === at);
}

/** Every shape in processes of their own: on the CPU, or Burrow's WebGPU beside PyTorch's CUDA. */
async function natively(found, device) {
  const results = {};
  for (const [shape, members] of shapes(found)) {
    say(`${shape} natively, ${device}`);
    /** @type {Awaited<ReturnType<typeof processSide>>[]} */
    const sides = [];
    try {
      for (const model of members) for (const side of nativeSides(model, device)) sides.push(await processSide(model.weights, ...side));
      results[shape] = await measured(sides, members[0], "native");
      if (device === "cpu") results[shape].kernels = await kernels(sides, results[shape].lengths);
    } finally {
      for (const side of sides) side.close();
    }
  }
  return results;
}

/** What Burrow's kernels take at the shortest and at the longest of the long texts. */
async function kernels(sides, lengths) {
  const long = lengths.filter(({ tokens, sides }) => tokens >= GROWN && sides).map(({ tokens }) => tokens);
  const told = [];
  for (const side of sides.filter(({ name }) => name === "Burrow")) {
    for (const tokens of new Set([long.at(0), long.at(-1)])) {
      if (tokens !== undefined) told.push({ weights: side.weights, tokens, kernels: await side.kernels(idsOf(tokens)) });
    }
  }
  return told;
}

/** @returns {[string, string[], Record<string, string>?][]} */
function nativeSides({ folder, graph }, device) {
  const [python, script] = [process.env.BENCH_PYTHON ?? "python3", join(import.meta.dirname, "native_peers.py")];
  const threads = String(NATIVE_THREADS);
  const burrow = [process.env.BENCH_ENCODER ?? "", [folder, device], { RAYON_NUM_THREADS: threads }];
  const torch = [python, [script, "torch", folder, threads, device === "webgpu" ? "cuda" : "cpu"]];
  return device === "webgpu" ? [burrow, torch] : [burrow, [python, [script, "onnxruntime", graph, threads]], torch];
}

/** The wasm on Dawn beside onnxruntime-web in this process. */
async function onDawn(found) {
  const adapter = await openDawn();
  if (adapter === null) return null;
  const results = { adapter, product: await largeProduct() };
  for (const [shape, all] of shapes(found)) {
    const { members, absent } = loadable(all);
    results[shape] = { absent, lengths: [] };
    if (!members.length) continue;
    say(`${shape} in Node on ${adapter}`);
    const sides = [];
    for (const model of members) sides.push(await dawnSide(model, "burrow"), await dawnSide(model, "ort"));
    results[shape] = { absent, ...await measured(sides, members[0], "native") };
  }
  return results;
}

/** What needs a GPU; without one it says so. */
async function onGpu(found) {
  const dawn = await onDawn(found).finally(closeDawn);
  if (dawn === null) {
    console.log("no GPU: Node on Dawn and native WebGPU are left out");
    return { dawn: null, native: null };
  }
  if (!existsSync("/dev/nvidia0")) return { dawn, native: null };
  say("building natively with WebGPU");
  execFileSync("cargo", ["build", "--quiet", "--release", "--locked", "--features", "cli,gpu", "--example", "bench_encoder"], { stdio: "inherit" });
  return { dawn, native: await natively(found, "webgpu") };
}

async function starts(found) {
  const results = {};
  for (const model of loadable(found).members) {
    for (const device of /** @type {const} */ (["cpu", "webgpu"])) {
      say(`start of ${model.name}, ${device}`);
      results[`${model.name} ${device}`] = await start({ folder: model.folder, device });
    }
  }
  return results;
}

const RUNS = {
  wasm: (found) => inChromium(found, { device: "cpu", threads: 1, isolated: false }),
  threads: (found) => inChromium(found, { device: "cpu", threads: cpus().length, isolated: true }),
  webgpu: (found) => inChromium(found, { device: "webgpu", threads: 1, isolated: false }),
  native: (found) => natively(found, "cpu"),
  gpu: onGpu,
  start: starts,
};

// How busy the machine was with other things: figures of a busy one are worth less.
const load = loadavg()[0];
const found = await models(names);
const results = {};
for (const part of parts) results[part] = await RUNS[part](found);
const table = report(results);
console.log(table.text);
if (process.env.RECORD !== "0") say(`recorded in ${await record({ load, ...results }, table.rows)}`);
process.exit(0);
