/** What the benchmarks share to say what came of them: figures beside what they are to reach, and records. */
import { mkdir, writeFile } from "node:fs/promises";
import { arch, cpus, platform, totalmem } from "node:os";
import { fileURLToPath } from "node:url";
import { quantile } from "./timing.mjs";

const RECORDS = fileURLToPath(new URL("../records/", import.meta.url));
export const MIB = 1024 * 1024;

/**
 * A figure beside what it is to reach.
 * @typedef {object} Figure
 * @property {string} what
 * @property {string} burrow what was measured of Burrow
 * @property {string} against what was measured beside it
 * @property {number} figure
 * @property {string} unit
 * @property {{atLeast?: number, atMost?: number}} target neither where nothing is asked
 * @property {boolean} isReached
 */

/**
 * @template {{figure: number, target: Figure["target"]}} Given
 * @param {Given} given
 * @returns {Given & {isReached: boolean}} the figure rounded to three digits
 */
export function judged(given) {
  const { figure, target } = given;
  const isReached = figure >= (target.atLeast ?? -Infinity) && figure <= (target.atMost ?? Infinity);
  return { ...given, figure: Number(figure.toPrecision(3)), isReached };
}

/**
 * The cells of a table that say what was measured, and whether that is enough.
 * @param {Figure} row
 */
export function verdict({ burrow, against, figure, unit, target, isReached }) {
  const [{ atLeast, atMost }, cells] = [target, `${burrow} | ${against} | ${figure} ${unit}`];
  if (atLeast === undefined && atMost === undefined) return `${cells} | | `;
  return `${cells} | ${atLeast === undefined ? `≤ ${atMost}` : `≥ ${atLeast}`} | ${isReached ? "reached" : "MISSED"}`;
}

/** @param {number} value */
export const ms = (value) => `${value.toPrecision(3)} ms`;

/** Samples as the few numbers that say how they lie. */
function condensed(value) {
  if (!Array.isArray(value)) return value && typeof value === "object" ? Object.fromEntries(Object.entries(value).map(([key, one]) => [key, condensed(one)])) : value;
  if (!value.length || typeof value[0] !== "number") return value.map(condensed);
  const rounded = (share) => Number(quantile(value, share).toPrecision(4));
  return { samples: value.length, least: rounded(0), p50: rounded(0.5), p99: rounded(0.99) };
}

/**
 * Writes what came of a benchmark, with machine and date, into `tests/bench/records/`.
 * @param {string} name the benchmark's
 * @param {Record<string, unknown>} results lists of numbers are samples
 * @returns {Promise<string>} the file's name
 */
export async function write(name, results) {
  const date = new Date().toISOString().slice(0, 10);
  const cores = cpus().length;
  const machine = { kind: process.env.MACHINE || `${arch()}-${cores}-cores`, cpu: cpus()[0]?.model ?? "", cores, memoryMiB: Math.round(totalmem() / MIB), platform: platform() };
  const file = `${date}-${name}-${machine.kind}.json`;
  await mkdir(RECORDS, { recursive: true });
  await writeFile(`${RECORDS}${file}`, `${JSON.stringify({ date, machine, ...condensed(results) }, null, 1)}\n`);
  return file;
}
