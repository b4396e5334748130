/** The pages that wait to be indexed, and what became of each. Knows no DOM and no Burrow: only a function that adds. */

/** @typedef {import("../../pkg/src/types.js").PageInput} PageInput */
/** @typedef {import("../../pkg/src/types.js").AddResult} AddResult */
/** @typedef {{url: string, name: string, load: (signal: AbortSignal) => Promise<PageInput>, settled?: (end: Ending) => void}} Job */
/** @typedef {{result: AddResult} | {error: unknown}} Ending */
/** @typedef {{total: number, settled: number, failed: number, encoded: number, working: string[]}} Progress */
/** @typedef {(page: PageInput, options: {signal: AbortSignal}) => Promise<AddResult>} Add */

/** One page is read while another is encoded; more would only hold more pages in memory. */
const AT_ONCE = 2;

/** Runs jobs in the order given, `AT_ONCE` at a time. The counts begin anew when a batch is through. */
export class Queue {
  /** @type {Job[]} */ #waiting = [];
  /** @type {Set<Job>} */ #working = new Set();
  #total = 0;
  #settled = 0;
  #failed = 0;
  #encoded = 0;
  #stop = new AbortController();
  /** @type {Add} */ #add;
  /** @type {(progress: Progress) => void} */ #changed;

  /**
   * @param {Add} add
   * @param {(progress: Progress) => void} changed told after every step; `settled === total` when a batch is through
   */
  constructor(add, changed) {
    this.#add = add;
    this.#changed = changed;
  }

  /** @param {Job[]} jobs */
  push(jobs) {
    if (this.#waiting.length === 0 && this.#working.size === 0) {
      this.#total = this.#settled = this.#failed = this.#encoded = 0;
    }
    this.#total += jobs.length;
    this.#waiting.push(...jobs);
    this.#report();
    while (this.#working.size < AT_ONCE && this.#startNext());
  }

  /** Drops what waits and ends what is being indexed. */
  stop() {
    this.#total -= this.#waiting.length;
    this.#waiting = [];
    this.#stop.abort();
    this.#stop = new AbortController();
    this.#report();
  }

  #startNext() {
    const job = this.#waiting.shift();
    if (!job) return false;
    this.#working.add(job);
    void this.#run(job, this.#stop.signal);
    return true;
  }

  /**
   * @param {Job} job
   * @param {AbortSignal} signal
   */
  async #run(job, signal) {
    this.#report();
    const end = await this.#end(job, signal);
    this.#working.delete(job);
    this.#settled += 1;
    if ("error" in end) this.#failed += signal.aborted ? 0 : 1;
    else if (end.result.outcome !== "unchanged") this.#encoded += 1;
    job.settled?.(end);
    this.#startNext();
    this.#report();
  }

  /**
   * @param {Job} job
   * @param {AbortSignal} signal
   * @returns {Promise<Ending>}
   */
  async #end(job, signal) {
    try {
      const page = await job.load(signal);
      return { result: await this.#add(page, { signal }) };
    } catch (error) {
      return { error };
    }
  }

  #report() {
    this.#changed({
      total: this.#total,
      settled: this.#settled,
      failed: this.#failed,
      encoded: this.#encoded,
      working: [...this.#working].map((job) => job.name),
    });
  }
}
