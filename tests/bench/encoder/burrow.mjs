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
 * @returns {Promise<Contestant>}
 */
export async function burrow({ module, wasm, read, device }) {
  const { default: init, ModelLoader } = await import(module);
  await init(wasm && { module_or_path: wasm });
  const manifest = await read("burrow.json");
  const [config, tokenizer] = [await read("config.json"), await read("tokenizer.json")];
  const files = Object.keys(JSON.parse(new TextDecoder().decode(manifest)).files).filter((name) => name.endsWith(".safetensors"));
  const loader = await ModelLoader.start("bench", manifest, config, tokenizer, device);
  for (const file of files.sort()) await loader.add(file, await read(file), undefined);
  const encoder = await loader.finish();
  const embed = async (ids) => encoder.embed(Uint32Array.from(ids), Uint32Array.of(ids.length));
  return { name: "Burrow", device: `${device}, weights ${encoder.weights()}, ${encoder.precision()}`, embed };
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
