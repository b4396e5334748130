/** The models of `make bench-encoder`: Burrow's folders, and ONNX graphs with the same weights, made once and kept. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = fileURLToPath(new URL(".", import.meta.url));

/** What scripts/env.sh says. */
function place(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run this by \`make bench-encoder\``);
  return value;
}

/**
 * @typedef {object} Model
 * @property {string} name
 * @property {string} shape the models of one shape are measured together
 * @property {"f32" | "q8"} weights
 * @property {string} folder
 * @property {string} graph the folder of its ONNX graph
 * @property {number} bytes of the graph's weights
 * @property {any} config
 */

/**
 * @param {string[]} names of those below
 * @returns {Promise<Model[]>}
 */
export async function models(names) {
  const known = {
    "minilm-f32": place("BURROW_MODEL"), "minilm-q8": place("BURROW_MODEL_Q8"), "0.6b-f32": place("BURROW_LARGE_F32"), "0.6b-q8": place("BURROW_LARGE"),
  };
  if (names.includes("0.6b-f32")) await made(join(known["0.6b-f32"], "burrow.json"), "floats.py", known["0.6b-q8"], known["0.6b-f32"]);
  const found = [];
  for (const name of names) {
    const folder = known[name];
    if (!folder || !existsSync(join(folder, "burrow.json"))) throw new Error(`there is no model ${name}: there are ${Object.keys(known)}, made by \`make bench-encoder\``);
    const [shape, weights] = /** @type {[string, "f32" | "q8"]} */ (name.split(/-(?=[^-]*$)/));
    const config = JSON.parse(await readFile(join(folder, "config.json"), "utf8"));
    const graph = join(place("BURROW_CACHE"), "onnx", name);
    await made(join(graph, "model.onnx"), "onnx_models.py", folder, graph);
    found.push({ name, shape, weights, folder, graph, bytes: (await stat(join(graph, "model.data"))).size, config });
  }
  return found;
}

/** Has a script make a folder of another, where what it writes last is older than the other or the script. */
async function made(last, name, folder, output) {
  const script = join(HERE, name);
  const written = await stat(last).then(({ mtimeMs }) => mtimeMs, () => 0);
  const sources = await Promise.all([script, join(folder, "burrow.json")].map(async (path) => (await stat(path)).mtimeMs));
  if (written < Math.max(...sources)) execFileSync(place("BENCH_PYTHON"), [script, folder, output], { stdio: ["ignore", "inherit", "inherit"] });
}
