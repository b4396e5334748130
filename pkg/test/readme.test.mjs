/** The examples of both READMEs compile against the shipped types. tests/browser runs those that say what to search for. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const PKG = fileURLToPath(new URL("..", import.meta.url));
/** What the examples speak of and do not make themselves: the caller's own. */
const CALLERS = `
declare const html: string, text: string;
declare function show(hits: Hit[]): void;
declare function onProgress(progress: Progress): void;
`;

/**
 * An example as a block of its own, its imports left out.
 * @param {string} code
 */
const block = (code) => `{\n${code.replaceAll(/^import .*$/gm, "")}\n}\n`;

for (const path of ["README.md", "../README.md"]) {
  test(`the examples of ${path} compile`, async () => {
    const readme = await readFile(join(PKG, path), "utf8");
    const examples = [...readme.matchAll(/```js\n([^]*?)```/g)].map(([, code]) => code);
    assert.ok(examples.length >= 2, "the examples are found");
    const folder = await mkdtemp(join(PKG, "test", "readme-"));
    try {
      const head = `import { Burrow, BurrowError, type Hit, type Progress } from "burrow-search";\ndeclare const burrow: Burrow;\n${CALLERS}`;
      await writeFile(join(folder, "examples.ts"), head + examples.map(block).join(""));
      await writeFile(join(folder, "tsconfig.json"), JSON.stringify({
        extends: "../tsconfig.json", compilerOptions: { noUnusedLocals: false, noUncheckedIndexedAccess: false, paths: { "burrow-search": ["../../dist/index.d.ts"] } }, include: ["*.ts"],
      }));
      const { stdout } = spawnSync(process.execPath, [join(PKG, "node_modules", "typescript", "bin", "tsc"), "-p", folder], { encoding: "utf8" });
      assert.equal(stdout, "");
    } finally {
      await rm(folder, { recursive: true });
    }
  });
}
