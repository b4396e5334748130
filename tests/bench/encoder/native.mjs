/** Contestants that are processes of their own, driven over their standard input. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/**
 * Starts a process that prints a line of JSON when it is ready, and one for each line that it gets.
 * @param {"f32" | "q8"} weights
 * @param {string} command
 * @param {string[]} given
 * @param {Record<string, string>} [environment]
 * @returns {Promise<import("./contest.mjs").Side & {close: () => void}>}
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
  const run = async (ids, calls) => {
    child.stdin.write(`${JSON.stringify({ ids, calls })}\n`);
    return next();
  };
  return { name, device, weights, loadMs, run, close: () => child.stdin.end() };
}
