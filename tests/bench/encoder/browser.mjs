/** Contestants in Chromium: each in a worker of its own, on one page. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { launch, startServer } from "../../browser/harness.mjs";

const HERE = fileURLToPath(new URL(".", import.meta.url));

/**
 * @param {{isolated: boolean, folders: Record<string, string>}} options `folders` are the models', by prefix
 * @param {(open: (weights: "f32" | "q8", options: Record<string, unknown>) => Promise<import("./contest.mjs").Side>, browser: string) => Promise<T>} work
 * @returns {Promise<T>}
 * @template T
 */
export async function inBrowser({ isolated, folders }, work) {
  const served = { ...folders, "/bench/": HERE, "/shared/": join(HERE, "../shared"), "/peers/": join(HERE, "node_modules") };
  const server = await startServer({ isolated, model: "", data: "", folders: served });
  const browser = await launch();
  try {
    const page = await browser.newPage();
    page.on("console", (message) => message.type() === "error" && console.error(`  ${message.text()}`));
    await page.goto(server.url);
    await page.evaluate(() => { globalThis.workers = []; });
    return await work((weights, options) => openSide(page, weights, options), browser.version());
  } finally {
    await browser.close();
    await server.close();
  }
}

async function openSide(page, weights, options) {
  const at = await page.evaluate(() => globalThis.workers.push(new Worker("/bench/worker.mjs", { type: "module" })) - 1);
  const call = (ask, given) => page.evaluate(inWorker, { at, ask, options: given });
  const { name, device, loadMs } = await call("open", options);
  return { name, device, weights, loadMs, run: (ids, calls) => call("run", { ids, calls }) };
}

/** In the page: asks a worker, which answers once. */
function inWorker({ at, ask, options }) {
  const worker = globalThis.workers[at];
  return new Promise((resolve, reject) => {
    worker.onerror = (event) => reject(new Error(`${event.message} (${event.filename}:${event.lineno})`));
    worker.onmessage = ({ data: { value, error } }) => (error ? reject(new Error(error)) : resolve(value));
    worker.postMessage({ ask, options });
  });
}
