/** Finds the models in the folders that the demo's server was given, and tells what they are. */
import { readdir, readFile, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";

/** @typedef {{name: string, folder: string}} Found */
/** @typedef {{name: string, href: string, bytes: number, weights: string | null, packed: boolean}} Listed */
/** @typedef {{files?: Record<string, {bytes?: unknown}>, packed?: {weights?: unknown}}} Manifest */

const CONFIG = "config.json";
const MANIFEST = "burrow.json";
const WEIGHTS = "model.safetensors";
const WEIGHTS_INDEX = "model.safetensors.index.json";

/**
 * The models given by themselves, and those in the folders of models. The folders are looked through each time, so that a
 * model that has just been packed is there.
 * @param {string[]} folders
 * @param {string[]} parents
 * @returns {Promise<Found[]>} those given by themselves first, the others in the order of their names
 */
export async function findModels(folders, parents) {
  const below = await Promise.all(parents.map(modelsIn));
  const all = new Set([...folders.map((folder) => resolve(folder)), ...below.flat()]);
  return [...all].map((folder) => ({ name: basename(folder), folder }));
}

/**
 * @param {string} parent
 * @returns {Promise<string[]>}
 */
async function modelsIn(parent) {
  const names = (await readdir(parent)).sort();
  const folders = names.map((name) => resolve(parent, name));
  // `stat` follows links, which folders of fetched models are full of.
  const are = await Promise.all(folders.map((folder) => isFile(join(folder, CONFIG))));
  return folders.filter((_, at) => are[at]);
}

/**
 * Refuses what could not be served, while there is still somebody to tell.
 * @param {string[]} folders
 * @param {string[]} parents
 */
export async function checkModels(folders, parents) {
  for (const folder of folders) {
    if (!(await isFile(join(folder, CONFIG)))) throw new Error(`${folder} is no model: it has no ${CONFIG}.`);
  }
  for (const parent of parents) {
    if ((await modelsIn(parent)).length > 0) continue;
    const hint = (await isFile(join(parent, CONFIG))) ? "It is a model itself: give it with --model."
      : `Give a folder whose sub-folders are models, each with its ${CONFIG}.`;
    throw new Error(`${parent} holds no models. ${hint}`);
  }
  const names = new Map();
  for (const { name, folder } of await findModels(folders, parents)) {
    if (names.has(name)) throw new Error(`Two models are called ${name}, ${names.get(name)} and ${folder}: rename one.`);
    names.set(name, folder);
  }
}

/**
 * @param {string} name
 */
export function modelPath(name) {
  return `/model/${encodeURIComponent(name)}/`;
}

/**
 * What a reader can choose from.
 * @param {Found[]} models
 * @returns {Promise<Listed[]>}
 */
export function listModels(models) {
  return Promise.all(models.map(async ({ name, folder }) => {
    const manifest = /** @type {Manifest | null} */ (await readJson(join(folder, MANIFEST)));
    const weights = manifest?.packed?.weights;
    return {
      name,
      href: modelPath(name),
      bytes: await bytesOf(folder, manifest),
      weights: typeof weights === "string" ? weights : null,
      packed: manifest?.packed != null,
    };
  }));
}

/**
 * How much there is to load: not all that lies in the folder, where publishers keep the same weights in several forms.
 * @param {string} folder
 * @param {Manifest | null} manifest
 */
async function bytesOf(folder, manifest) {
  const listed = Object.values(manifest?.files ?? {}).map(({ bytes }) => Number(bytes));
  if (listed.length > 0) return sum(listed);
  const names = [CONFIG, "tokenizer.json", ...(await weightsIn(folder))];
  return sum(await Promise.all(names.map(async (name) => (await stat(join(folder, name)).catch(() => null))?.size ?? 0)));
}

/**
 * One file with weights or, where that is not there, those that the index of weights lists: as the package does it.
 * @param {string} folder
 * @returns {Promise<string[]>}
 */
async function weightsIn(folder) {
  if (await isFile(join(folder, WEIGHTS))) return [WEIGHTS];
  const index = /** @type {{weight_map?: Record<string, string>} | null} */ (await readJson(join(folder, WEIGHTS_INDEX)));
  return [...new Set(Object.values(index?.weight_map ?? {}).map((name) => basename(String(name))))];
}

/** @param {number[]} numbers */
function sum(numbers) {
  return numbers.reduce((all, one) => all + one, 0);
}

/** @param {string} path */
async function isFile(path) {
  return (await stat(path).catch(() => null))?.isFile() ?? false;
}

/**
 * @param {string} path
 * @returns {Promise<object | null>} null where there is none: what is wrong with it, the package says when it loads the model
 */
async function readJson(path) {
  try {
    const value = JSON.parse(await readFile(path, "utf8"));
    return typeof value === "object" ? value : null;
  } catch {
    return null;
  }
}
