/** Driver of `make bench-search`: runs every suite in Chromium, prints what came of it beside what is to be reached, and records it. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { startServer } from "../../browser/harness.mjs";
import { record, report } from "./report.mjs";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const PARTS = ["scan", "query", "open", "add", "peers"];

/** What is asked for: sizes in passages, parts by name. */
const list = (value, fallback) => (value ? value.split(",") : fallback);
const sizes = list(process.env.SIZES, ["10000", "100000"]).map(Number);
const parts = list(process.env.PARTS, PARTS);
const peerPassages = Number(process.env.PEERS || 2000);

/** A profile on the disk: in a private window IndexedDB is in memory, where nothing is durable. */
async function inBrowser(work) {
  const server = await startServer({ isolated: true, model: "", data: "", folders: { "/bench/": HERE, "/shared/": join(HERE, "../shared"), "/peers/": join(HERE, "node_modules") } });
  const profile = await mkdtemp(join(tmpdir(), "burrow-bench-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--no-first-run"],
  });
  try {
    const page = await context.newPage();
    page.on("console", (message) => console.error(`  ${message.text()}`));
    await page.goto(server.url);
    return await work((suite, options) => page.evaluate(inWorker, { suite, options }), context.browser()?.version() ?? "");
  } finally {
    await context.close();
    await server.close();
    await rm(profile, { recursive: true, force: true });
  }
}

/** In the page: runs a suite in a worker of its own. */
function inWorker(data) {
  const worker = new Worker("/bench/worker.mjs", { type: "module" });
  return new Promise((resolve, reject) => {
    worker.onerror = (event) => reject(new Error(`${event.message} (${event.filename}:${event.lineno})`));
    worker.onmessage = ({ data: { value, error, text } }) => {
      if (text) return console.log(text);
      worker.terminate();
      return error ? reject(new Error(error)) : resolve(value);
    };
    worker.postMessage(data);
  });
}

async function measure(run, browser) {
  const results = { browser, scan: {}, build: {}, query: {}, open: {}, add: undefined, peers: [] };
  const say = (text) => console.error(`bench: ${text}`);
  const wants = (part) => parts.includes(part);
  for (const passages of wants("scan") ? [100_000, 1_000_000] : []) {
    say(`scan of ${passages}`);
    results.scan[passages] = await run("scan", { passages, rounds: passages > 100_000 ? 15 : 25 });
  }
  for (const passages of wants("query") || wants("open") ? sizes : []) {
    say(`index of ${passages}`);
    results.build[passages] = await run("build", { passages });
    if (wants("query")) results.query[passages] = await run("query", { passages, queries: 200, warmQueries: 50, rounds: 4 });
    if (wants("open")) results.open[passages] = await run("open", { passages, rounds: passages > 100_000 ? 3 : 7 });
  }
  if (wants("add")) {
    say("adding");
    results.add = await run("add", { batches: 40 });
  }
  for (const name of wants("peers") ? await peerNames() : []) {
    say(name);
    results.peers.push(await run("peer", { name, passages: peerPassages, queries: 50 }).catch((error) => ({ name, error: error.message })));
  }
  return results;
}

async function peerNames() {
  const { PEER_NAMES } = await import("./peers.mjs");
  return list(process.env.ONLY, PEER_NAMES);
}

const results = await inBrowser(measure);
const table = report(results);
console.log(table.text);
if (process.env.RECORD !== "0") console.error(`bench: recorded in ${await record(results, table.rows)}`);
