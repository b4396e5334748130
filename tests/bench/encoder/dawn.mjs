/** The wasm module in Node on Dawn beside onnxruntime-web in the same process, where there is a real GPU. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { ROOT } from "../../browser/harness.mjs";
import { timed } from "../shared/timing.mjs";
import { burrow, encodings } from "./burrow.mjs";
import { ort } from "./ort.mjs";

const HERE = fileURLToPath(new URL(".", import.meta.url));
/** Node does not wait for Dawn: something must keep it running while only the GPU works. */
let awake;
const SOFTWARE = /swiftshader|llvmpipe|lavapipe|\bcpu\b/i;

/**
 * Makes `navigator.gpu` what it is in a browser, and says what it found; null where there is no GPU but a software one.
 * `DAWN=software` takes that too, to try the way, not to measure.
 */
export async function openDawn() {
  const { create, globals } = await import("webgpu").catch(() => ({}));
  if (!create) return null;
  // The web side of wgpu looks for `navigator` on a window, and asks whether there is one by its class.
  Object.assign(globalThis, globals, { Window: Object });
  Object.defineProperty(globalThis, "navigator", { value: { gpu: create([]), userAgent: "node", hardwareConcurrency: 1 }, configurable: true });
  awake ??= setInterval(() => {}, 100);
  takeSharedMemory();
  const adapter = await navigator.gpu.requestAdapter({ powerPreference: "high-performance" });
  const { vendor, architecture, device, description } = adapter?.info ?? {};
  const name = [vendor, architecture, device, description].filter(Boolean).join(" ");
  if (!adapter || ((adapter.info.isFallbackAdapter || SOFTWARE.test(name)) && process.env.DAWN !== "software")) return null;
  return name;
}

/** Lets go of the GPU, without which Node would not end. */
export function closeDawn() {
  clearInterval(awake);
  Object.defineProperty(globalThis, "navigator", { value: {}, configurable: true });
}

/** Dawn for Node refuses memory that threads could share, which onnxruntime-web's is: what it writes is copied first. */
function takeSharedMemory() {
  const write = GPUQueue.prototype.writeBuffer;
  GPUQueue.prototype.writeBuffer = function (buffer, offset, data, first = 0, size = data.length - first) {
    return data.buffer instanceof SharedArrayBuffer ? write.call(this, buffer, offset, data.slice(first, first + size)) : write.call(this, buffer, offset, data, first, size);
  };
}

/**
 * @param {import("./models.mjs").Model} model
 * @param {"burrow" | "ort"} kind
 * @returns {Promise<import("./contest.mjs").Side>}
 */
export async function dawnSide(model, kind) {
  const from = (folder) => async (name) => new Uint8Array(await readFile(join(folder, name)));
  const module = join(ROOT, "pkg/wasm/encoder/encoder");
  const [loadMs, opened] = await timed(async () => kind === "burrow"
    ? burrow({ module: pathToFileURL(`${module}.js`).href, wasm: await readFile(`${module}_bg.wasm`), read: from(model.folder), device: "webgpu" })
    : ort({ dist: pathToFileURL(join(HERE, "node_modules/onnxruntime-web/dist/")).href, read: from(model.graph), device: "webgpu", threads: 1 }));
  return { name: opened.name, device: opened.device, weights: model.weights, loadMs, run: (ids, calls) => encodings(opened, ids, calls) };
}

/** GFLOP/s of a plain product of two large matrices through the same API: what everything else is a share of. */
export async function largeProduct() {
  const { product } = await import("./product.mjs");
  return product(await (await navigator.gpu.requestAdapter({ powerPreference: "high-performance" })).requestDevice());
}
