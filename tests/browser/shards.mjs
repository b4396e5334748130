/** Models in shards for the browser tests: the tiny one cut up, a large one that means nothing, and an encoder that takes it. */
import { createHash, randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { changeModule, ROOT } from "./harness.mjs";

const TINY = join(ROOT, "tests/data/tiny-bert");

/**
 * Writes the tiny model into a folder, in shards of about a size, and a `burrow.json` of them. Gives the names of the shards and
 * the size of all files together.
 */
export async function writeShards(folder, bytesMax, prefix = "shard") {
  const whole = await readFile(join(TINY, "model.safetensors"));
  const files = {};
  for (const name of ["config.json", "tokenizer.json"]) files[name] = await readFile(join(TINY, name));
  const all = split(whole, bytesMax);
  all.forEach((shard, at) => (files[`${prefix}-${String(at + 1).padStart(4, "0")}.safetensors`] = shard));
  for (const [name, bytes] of Object.entries(files)) await writeFile(join(folder, name), bytes);
  await writeFile(join(folder, "burrow.json"), manifestOf(files));
  const bytesAll = Object.values(files).reduce((sum, bytes) => sum + bytes.length, 0);
  return { shards: Object.keys(files).filter((name) => name.endsWith(".safetensors")), bytesAll };
}

/** A `burrow.json` of files. */
function manifestOf(files) {
  const facts = ([name, bytes]) => [name, { bytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") }];
  return JSON.stringify({ files: Object.fromEntries(Object.entries(files).map(facts)) });
}

/** Cuts a safetensors file into several: no tensor is cut, so one that is larger has a shard of its own. */
function split(whole, bytesMax) {
  const start = 8 + Number(whole.readBigUInt64LE(0));
  const { __metadata__, ...tensors } = JSON.parse(whole.toString("utf8", 8, start));
  const shards = [[]];
  let room = bytesMax;
  for (const [name, { dtype, shape, data_offsets: [from, to] }] of Object.entries(tensors)) {
    if (to - from > room && shards.at(-1).length > 0) {
      shards.push([]);
      room = bytesMax;
    }
    shards.at(-1).push({ name, dtype, shape, data: whole.subarray(start + from, start + to) });
    room -= to - from;
  }
  return shards.map(safetensors);
}

function safetensors(tensors) {
  const header = {};
  let at = 0;
  for (const { name, dtype, shape, data } of tensors) header[name] = { dtype, shape, data_offsets: [at, (at += data.length)] };
  const text = JSON.stringify(header);
  const json = Buffer.from(text.padEnd(Math.ceil(text.length / 8) * 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, ...tensors.map(({ data }) => data)]);
}

/** Serves `count` shards of noise under `/large`. Every one has the same bytes: it is their number and size that matters. */
export function serveLarge(server, count, bytes) {
  const files = { "config.json": Buffer.from("{}"), "tokenizer.json": Buffer.from("{}") };
  const noise = randomBytes(bytes);
  for (let at = 0; at < count; at++) files[`shard-${String(at).padStart(4, "0")}.safetensors`] = noise;
  for (const [name, bytes] of Object.entries(files)) server.overlays.set(`/large/${name}`, bytes);
  server.overlays.set("/large/burrow.json", manifestOf(files));
}

/** A wasm module without anything in it. */
const EMPTY_MODULE = Buffer.from([0, 97, 115, 109, 1, 0, 0, 0]);

/** An encoder that takes weights and computes nothing: WebGPU fails at its end. */
const FAKE_ENCODER = `
  let heap = new Uint8Array(0);
  export default async function init() { return { memory: new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }) }; }
  export function threadRun() {}
  export class ModelLoader {
    static async start(name, manifest, config, tokenizer, device) { return Object.assign(new ModelLoader(), { device }); }
    /** Copies the bytes as wasm does, and takes a while. */
    async add(file, bytes) {
      heap = heap.length < bytes.length ? new Uint8Array(bytes) : (heap.set(bytes), heap);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    async finish() {
      if (this.device === "webgpu") throw Object.assign(new Error("its vectors are wrong"), { kind: "device" });
      return { fingerprint() {}, precision: () => "f32", weights: () => "q8", reasons: () => ["It is not a real one."] };
    }
    free() {}
  }`;

/** Serves the fake encoder under `/fake`, beside the real index. That index takes whatever fingerprint it gives. */
export async function fakeEncoder(server) {
  await changeModule(server, "search/search.js", "Index", "Index.prototype.bind = async () => {};", "/fake/search/search.js");
  server.overlays.set("/fake/search/search_bg.wasm", await readFile(join(ROOT, "pkg/wasm/search/search_bg.wasm")));
  server.overlays.set("/fake/encoder/encoder.js", FAKE_ENCODER);
  server.overlays.set("/fake/cpu/cpu.js", FAKE_ENCODER);
  // On an isolated page it is asked for with threads.
  server.overlays.set("/fake/threads/threads.js", FAKE_ENCODER);
  server.overlays.set("/fake/threads/threads_bg.wasm", EMPTY_MODULE);
}
