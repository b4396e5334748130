/** The same texts through several encoders in turns, so that a busy machine is busy for all of them. */
import { processorClock } from "../shared/processor.mjs";
import { cosine, idsOf, operations } from "./cases.mjs";

/** A round lasts about so long for each side, so that the clock's steps and single hiccups do not count. */
const ROUND_MS = 50;
const ROUNDS = { least: 3, most: 15 };

/** So long the rounds of a length go on, but for the least of them. */
const ROUNDS_MS = 12_000;

/** Below this, two encoders do not compute the same: Burrow's must, and of a peer it is told. With q8 weights onnxruntime rounds activations to 8 bits where that is its fastest way. */
const COSINE_MIN = { f32: 0.9999, q8: 0.995 };

/**
 * @typedef {object} Side
 * @property {string} name
 * @property {string} device
 * @property {"f32" | "q8"} weights
 * @property {number} loadMs
 * @property {(ids: number[], calls: number) => Promise<{ms: number[], vector: number[]}>} run
 */

/**
 * @typedef {object} Result
 * @property {number} tokens
 * @property {number} operations of one pass
 * @property {string} [leftOut] why it was not measured
 * @property {Measured[]} [sides]
 */

/**
 * @typedef {object} Measured
 * @property {string} name
 * @property {string} weights
 * @property {number[]} ms by the clock, each pass
 * @property {number[]} processorMs of all threads, the mean of a round's passes; empty where the system does not tell
 * @property {number} cosine to the judge's vector
 * @property {boolean} isWrong whether it computes something else than the judge
 */

/**
 * Measures every length, shortest first.
 * @param {Side[]} sides Burrow before its peers
 * @param {{config: any, lengths: number[], judges: Side[], secondsMax: number}} options `judges` give the vectors that are right,
 *   one for each form of the weights; a length that would take longer than `secondsMax` is left out, and the report says so
 * @returns {Promise<Result[]>}
 */
export async function contest(sides, { config, lengths, judges, secondsMax }) {
  const results = [];
  // Milliseconds for an operation, of all sides together.
  let slowness = 0;
  for (const tokens of lengths) {
    const { linear, attention } = operations(config, tokens);
    const total = linear + attention;
    const seconds = (slowness * total) / 1000;
    if (2 * seconds > secondsMax) {
      results.push({ tokens, operations: total, leftOut: `a pass of each of the ${sides.length} sides would take about ${seconds.toFixed(0)} s together` });
      continue;
    }
    const measured = await measure(sides, judges, idsOf(tokens), secondsMax);
    slowness = measured.reduce((sum, { ms }) => sum + Math.min(...ms), 0) / total;
    console.error(`  ${tokens} tokens: ${measured.map(({ name, weights, ms }) => `${name} ${weights} ${Math.min(...ms).toPrecision(3)}`).join(", ")} ms`);
    results.push({ tokens, operations: total, sides: measured });
  }
  return results;
}

async function measure(sides, judges, ids, secondsMax) {
  const first = [];
  for (const side of sides) first.push(await side.run(ids, 1));
  const right = new Map();
  for (const judge of judges) right.set(judge.weights, sides.includes(judge) ? first[sides.indexOf(judge)] : await judge.run(ids, 1));
  const warm = [];
  // The first pass of a length may build what later ones use.
  for (const [at, side] of sides.entries()) warm.push(first[at].ms[0] > (secondsMax * 1000) / (4 * sides.length) ? first[at] : await side.run(ids, 1));
  const calls = warm.map(({ ms: [ms] }) => Math.max(1, Math.round(ROUND_MS / ms)));
  const roundMs = warm.reduce((sum, { ms: [ms] }, at) => sum + ms * calls[at], 0);
  const rounds = Math.min(ROUNDS.most, Math.max(1, roundMs > 10_000 ? 1 : ROUNDS.least, Math.floor(Math.min(ROUNDS_MS, secondsMax * 100) / roundMs)));
  const found = sides.map((side, at) => (
    { name: side.name, weights: side.weights, ms: /** @type {number[]} */ ([]), processorMs: /** @type {number[]} */ ([]), ...likeness(side, first[at], right) }));
  const clock = await processorClock();
  for (let round = 0; round < rounds; round += 1) {
    for (const [at, side] of sides.entries()) {
      const before = await clock?.();
      found[at].ms.push(...(await side.run(ids, calls[at])).ms);
      if (clock) found[at].processorMs.push(((await clock()) - before) / calls[at]);
    }
  }
  return found;
}

/** How near a side's vector comes to the right one. A bench of wrong answers is worthless, so Burrow's end it. */
function likeness({ name, weights }, { vector }, right) {
  const like = cosine(vector, right.get(weights).vector);
  const isWrong = !(like >= COSINE_MIN[weights]);
  const told = `${name}, ${weights}: cosine ${like} to the right vector; ${COSINE_MIN[weights]} is the least`;
  if (isWrong && name.startsWith("Burrow")) throw new Error(told);
  if (isWrong) console.error(`  WRONG: ${told}`);
  return { cosine: like, isWrong };
}
