/** Burrow's encoder module as a contestant, in a browser's worker and in Node. */
import { timed } from "../shared/timing.mjs";

/**
 * @typedef {object} Contestant
 * @property {string} name
 * @property {string} device
 * @property {(ids: number[]) => Promise<Float32Array>} embed
 */

/**
 * @param {object} options
 * @param {string} options.module address of `encoder.js`
 * @param {unknown} options.wasm what its `init` takes: the bytes in Node, nothing in a browser
 * @param {(name: string) => Promise<Uint8Array>} options.read a file of the model's folder
 * @param {"cpu" | "webgpu"} options.device
 * @param {number} [options.threads] more than one: `module` is that for threads
 * @param {string} [options.name]
 * @returns {Promise<Contestant>}
 */
export async function burrow({ module, wasm, read, device, threads = 1, name = "Burrow" }) {
  const { default: init, ModelLoader } = await import(module);
  if (threads > 1) await withThreads(init, module, threads);
  else await init(wasm && { module_or_path: wasm });
  const manifest = await read("burrow.json");
  const [config, tokenizer] = [await read("config.json"), await read("tokenizer.json")];
  const files = Object.keys(JSON.parse(new TextDecoder().decode(manifest)).files).filter((name) => name.endsWith(".safetensors"));
  const loader = await ModelLoader.start("bench", manifest, config, tokenizer, device);
  for (const file of files.sort()) await loader.add(file, await read(file), undefined);
  const encoder = await loader.finish();
  const embed = async (ids) => encoder.embed(Uint32Array.from(ids), Uint32Array.of(ids.length));
  return { name, device: `${device}, threads ${threads}, weights ${encoder.weights()}, ${encoder.precision()}`, embed };
}

/** As the package does it: its own script for each further thread. */
async function withThreads(init, address, threads) {
  const js = new URL(address, location.href).href;
  const module = await WebAssembly.compileStreaming(fetch(js.replace(/\.js$/, "_bg.wasm")));
  const { memory } = await init({ module_or_path: module });
  await Promise.all(Array.from({ length: threads - 1 }, () => new Promise((resolve, reject) => {
    const worker = new Worker("/pkg/dist/thread.js", { type: "module" });
    worker.onmessage = resolve;
    worker.onerror = (event) => reject(new Error(event.message));
    worker.postMessage({ js, module, memory });
  })));
}

/**
 * Encodes the same text some times.
 * @param {Contestant} contestant
 * @param {number[]} ids
 * @param {number} calls
 */
export async function encodings({ embed }, ids, calls) {
  const ms = [];
  let vector = new Float32Array();
  for (let call = 0; call < calls; call += 1) {
    const [took, found] = await timed(() => embed(ids));
    ms.push(took);
    vector = found;
  }
  return { ms, vector: Array.from(vector) };
}
