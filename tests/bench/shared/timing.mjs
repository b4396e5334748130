/** How everything here is timed: one after the other in turns, so that a busy machine is busy for all of them. */

/** A sample of something quick is the mean of as many calls as take this long: the clock's steps are too coarse for one. */
const SAMPLE_MS = 4;

/**
 * Times pieces of work in turns.
 * @param {number} rounds samples of each
 * @param {Record<string, () => unknown>} works by name; what a promise stands for is waited for
 * @param {{once?: boolean}} [options] `once`: a sample is one call, even a quick one
 * @returns {Promise<Record<string, number[]>>} milliseconds of a call, by name; the calls before the first round do not count
 */
export async function inTurns(rounds, works, { once = false } = {}) {
  /** @type {Record<string, number[]>} */
  const samples = {};
  /** @type {Record<string, number>} */
  const calls = {};
  for (const [name, work] of Object.entries(works)) {
    await work();
    const [ms] = await timed(work);
    calls[name] = once ? 1 : Math.max(1, Math.ceil(SAMPLE_MS / Math.max(ms, 0.001)));
    samples[name] = [];
  }
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, work] of Object.entries(works)) {
      const start = performance.now();
      for (let call = 0; call < calls[name]; call += 1) {
        const value = work();
        if (value instanceof Promise) await value;
      }
      samples[name].push((performance.now() - start) / calls[name]);
    }
  }
  return samples;
}

/**
 * @template T
 * @param {() => T | Promise<T>} work
 * @returns {Promise<[ms: number, value: T]>}
 */
export async function timed(work) {
  const start = performance.now();
  const value = await work();
  return [performance.now() - start, value];
}

/**
 * The sample that stands at this share of the way from the least to the greatest.
 * @param {number[]} samples
 * @param {number} share 0.5 for the median
 */
export function quantile(samples, share) {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}

/** @param {number[]} samples */
export const median = (samples) => quantile(samples, 0.5);
