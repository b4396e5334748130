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
 * @property {any} config
 */

/**
 * @param {string[]} names of those below
 * @returns {Promise<Model[]>}
 */
export async function models(names) {
  const known = { "minilm-f32": place("BURROW_MODEL"), "minilm-q8": place("BURROW_MODEL_Q8"), "0.6b-q8": place("BURROW_LARGE") };
  const found = [];
  for (const name of names) {
    const folder = known[name];
    if (!folder || !existsSync(join(folder, "burrow.json"))) throw new Error(`there is no model ${name}: there are ${Object.keys(known)}, made by \`make bench-encoder\``);
    const [shape, weights] = /** @type {[string, "f32" | "q8"]} */ (name.split(/-(?=[^-]*$)/));
    const config = JSON.parse(await readFile(join(folder, "config.json"), "utf8"));
    found.push({ name, shape, weights, folder, graph: await graphOf(name, folder), config });
  }
  return found;
}

/** Where the graph is older than the model or the script, it is made. */
async function graphOf(name, folder) {
  const graph = join(place("BURROW_CACHE"), "onnx", name);
  const script = join(HERE, "onnx_models.py");
  const made = await stat(join(graph, "model.onnx")).then(({ mtimeMs }) => mtimeMs, () => 0);
  const sources = await Promise.all([script, join(folder, "burrow.json")].map(async (path) => (await stat(path)).mtimeMs));
  if (made < Math.max(...sources)) execFileSync(place("BENCH_PYTHON"), [script, folder, graph], { stdio: ["ignore", "inherit", "inherit"] });
  return graph;
}
