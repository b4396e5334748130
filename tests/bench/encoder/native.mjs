/** Contestants that are processes of their own, driven over their standard input. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** @typedef {{kernel: string, operations: number, seconds: number}} Kernel of one pass; only Burrow tells them */

/**
 * Starts a process that prints a line of JSON when it is ready, and one for each line that it gets.
 * @param {"f32" | "q8"} weights
 * @param {string} command
 * @param {string[]} given
 * @param {Record<string, string>} [environment]
 * @returns {Promise<import("./contest.mjs").Side & {kernels: (ids: number[]) => Promise<Kernel[]>, close: () => void}>}
 */
export async function processSide(weights, command, given, environment = {}) {
  const child = spawn(command, given, { stdio: ["pipe", "pipe", "inherit"], env: { ...process.env, ...environment } });
  const failed = new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (code) => reject(new Error(`${command} ${given.join(" ")} ended with ${code}`)));
  });
  failed.catch(() => {});
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => JSON.parse((await Promise.race([lines.next(), failed])).value ?? "null");
  const { name, device, loadMs } = await next();
  const ask = (asked) => {
    child.stdin.write(`${JSON.stringify(asked)}\n`);
    return next();
  };
  const kernels = async (ids) => (await ask({ ids, kernels: true })).kernels;
  return { name, device, weights, loadMs, run: (ids, calls) => ask({ ids, calls }), kernels, close: () => child.stdin.end() };
}
