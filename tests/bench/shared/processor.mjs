/** How much of the processor the processes under this one have used: what a busy machine does not blur as it does the clock. */
import { readdir, readFile } from "node:fs/promises";

const text = (path) => readFile(path, "utf8").catch(() => "");
const numbers = async (path) => (await readdir(path).catch(() => [])).filter((name) => /^\d+$/.test(name));

/** The processes that this one started, and those that they started. */
async function descendants() {
  const parents = new Map();
  for (const id of await numbers("/proc")) {
    // The name, in brackets, may hold anything; after it come the state and the parent.
    const parent = /.*\) \S+ (\d+)/s.exec(await text(`/proc/${id}/stat`))?.[1];
    if (parent) parents.set(id, parent);
  }
  const isUnder = (id) => parents.get(id) === String(process.pid) || (parents.has(id) && isUnder(parents.get(id)));
  return [...parents.keys()].filter(isUnder);
}

/**
 * A clock of the processor's time, over all threads of the processes that run under this one now.
 * @returns {Promise<(() => Promise<number>) | null>} milliseconds since they began; null where the system does not tell (only Linux does)
 */
export async function processorClock() {
  if (!(await text("/proc/self/schedstat"))) return null;
  const processes = await descendants();
  return async () => {
    const threads = (await Promise.all(processes.map(async (id) => (await numbers(`/proc/${id}/task`)).map((thread) => `/proc/${id}/task/${thread}/schedstat`)))).flat();
    const spent = await Promise.all(threads.map(async (path) => Number((await text(path)).split(" ")[0])));
    return spent.reduce((sum, nanoseconds) => sum + nanoseconds, 0) / 1e6;
  };
}
