/** The worker in which a suite runs: alone, with memory of its own, as the package's worker. */
import { add, build, open, query } from "./index.mjs";
import { peer } from "./peers.mjs";
import { scan } from "./scan.mjs";

const SUITES = { add, build, open, peer, query, scan };

self.onmessage = async ({ data: { suite, options } }) => {
  try {
    postMessage({ value: await SUITES[suite](options, (text) => postMessage({ text })) });
  } catch (error) {
    postMessage({ error: error?.stack ?? error?.message ?? String(error) });
  }
};
