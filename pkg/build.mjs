/**
 * Makes the package: `dist/` is what is shipped, a script each for the page, its worker, the worker that measures and the encoder's
 * threads, without the names and comments of their sources, which their maps give back, and the types. `build/` has each file by itself, for the unit tests.
 */
import { spawnSync } from "node:child_process";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";

const HERE = import.meta.dirname;
const DIST = join(HERE, "dist");
/** Addresses that are known at run time alone are none that a bundler could look for, and so they say; minifying drops comments. */
const IMPORT = /\bimport\((?=\w+\.href\))/g;
const UNBUNDLED = "import(/*webpackIgnore:true*//*@vite-ignore*/";

await Promise.all([DIST, join(HERE, "build")].map((folder) => rm(folder, { recursive: true, force: true })));
const { status } = spawnSync(process.execPath, [join(HERE, "node_modules/typescript/bin/tsc"), "-p", HERE], { stdio: "inherit" });
if (status !== 0) process.exit(1);
await build({
  entryPoints: ["index", "worker", "rival", "thread"].map((name) => join(HERE, "src", `${name}.ts`)),
  outdir: DIST, bundle: true, format: "esm", target: "es2022", minify: true, sourcemap: true, logLevel: "warning",
  // Behind an import that is marked, the places that the map gives are wrong up to the line's end.
  lineLimit: 4000,
});
for (const script of ["worker", "rival", "thread"].map((name) => join(DIST, `${name}.js`))) {
  const code = await readFile(script, "utf8");
  const marked = code.replaceAll(IMPORT, UNBUNDLED);
  if (marked === code) throw new Error(`${script} imports no module: see modules.ts, and the pattern here.`);
  await writeFile(script, marked);
}
