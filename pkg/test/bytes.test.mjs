/** How many bytes a visitor fetches: each part of the package, compressed, held below a budget. */
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const RIVAL = "rival.js";
const PACKAGE = fileURLToPath(new URL("..", import.meta.url));

/**
 * Thousands of bytes after gzip −9. `most` is what was reached, with a little room for a change that is worth it: lower it when a
 * part has become smaller. `aim` is where it is to come to.
 * @type {{part: string, files: () => Promise<string[]>, most: number, aim: number}[]}
 */
const BUDGETS = [
  { part: "search module", files: async () => ["wasm/search/search_bg.wasm"], most: 314, aim: 150 },
  { part: "encoder module", files: async () => ["wasm/encoder/encoder_bg.wasm"], most: 2900, aim: 1500 },
  // In place of the encoder's where there is no GPU: never both, as a rule.
  { part: "CPU module", files: async () => ["wasm/cpu/cpu_bg.wasm"], most: 1560, aim: 1500 },
  // The same for pages that are cross-origin isolated.
  { part: "threads module", files: async () => ["wasm/threads/threads_bg.wasm"], most: 1560, aim: 1500 },
  { part: "TypeScript of every visit", files: () => scripts((name) => name !== RIVAL), most: 24.3, aim: 15 },
  { part: "TypeScript that measures devices, once", files: () => scripts((name) => name === RIVAL), most: 8.1, aim: 8 },
  { part: "glue of search and encoder module", files: async () => ["wasm/search/search.js", "wasm/encoder/encoder.js"], most: 14, aim: 14 },
  { part: "glue of the CPU module", files: async () => ["wasm/cpu/cpu.js"], most: 6, aim: 6 },
  { part: "glue of the threads module", files: async () => ["wasm/threads/threads.js"], most: 6, aim: 6 },
];

/** @param {(name: string) => boolean} isMeant */
async function scripts(isMeant) {
  return (await readdir(`${PACKAGE}dist`)).filter((name) => name.endsWith(".js") && isMeant(name)).map((name) => `dist/${name}`);
}

for (const { part, files, most, aim } of BUDGETS) {
  test(`the ${part} stays below ${most} kB, compressed`, async () => {
    const bytes = Buffer.concat(await Promise.all((await files()).map((file) => readFile(PACKAGE + file))));
    assert.ok(bytes.length > 1000, `${part}: nothing there; build it with make build`);
    const size = gzipSync(bytes, { level: 9 }).length / 1000;
    console.log(`${part}: ${size.toFixed(1)} kB of ${most}, to come to ${aim}`);
    assert.ok(size <= most, `${part}: ${size.toFixed(1)} kB after gzip −9; ${most} is the most. scripts/wasm_bytes.py shows what holds them`);
  });
}
