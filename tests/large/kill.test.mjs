/** Chromium is killed again and again while it indexes: what is in the index is whole, and the queue goes on. `KILLS` says how often. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { chromium } from "playwright-core";
import { goTo, startServer } from "../browser/harness.mjs";

const KILLS = Number(process.env.KILLS ?? 100);
const PAGES = Array.from({ length: 120 }, (_, number) => ({
  url: `u${number}`, title: `Page ${number}`,
  text: Array.from({ length: 3 + number % 20 }, (_, at) => `Page ${number} says ${at} things about rivers and stones.`).join("\n\n"),
}));
/** The browser is killed so many milliseconds after it went on, at most. */
const LIFE_MS_MAX = 900;

/** Chromium in a group of its own, so that all its processes can be killed at once. */
async function start(profile) {
  const portFile = join(profile, "DevToolsActivePort");
  await rm(portFile, { force: true });
  const child = spawn(process.env.CHROMIUM || "/usr/bin/chromium", [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--remote-debugging-port=0", `--user-data-dir=${profile}`, "about:blank",
  ], { detached: true, stdio: "ignore" });
  let port = "";
  while (!port) {
    await new Promise((resolve) => setTimeout(resolve, 30));
    [port] = (await readFile(portFile, "utf8").catch(() => "")).split("\n");
  }
  return { child, remote: await chromium.connectOverCDP(`http://127.0.0.1:${port}`) };
}

/** Opens the index in a new tab; gives the tab and what it says first. */
async function openTab(remote, url) {
  const tab = await remote.contexts()[0].newPage();
  await goTo(tab, url);
  const status = await tab.evaluate(async () => {
    globalThis.burrow = await Burrow.open({ name: "kill", model: "/tests/data/tiny-bert/", device: "cpu" });
    return burrow.status();
  });
  return { tab, status };
}

/** Every page that is listed is found, with its own title and text, and listed once. */
async function checkWhole(tab) {
  const { listed, wrong, reasons } = await tab.evaluate(async () => {
    await burrow.queue.pause();
    const listed = (await burrow.pages()).map(({ url }) => url);
    const { hits, status } = await burrow.search("rivers and stones", { limit: 200 });
    await burrow.queue.resume();
    const isWhole = (url) => hits.some((hit) => hit.url === url && hit.title === `Page ${url.slice(1)}` && hit.excerpt.includes(`Page ${url.slice(1)} says`));
    return { listed, wrong: listed.filter((url) => !isWhole(url)), reasons: status.reasons };
  });
  assert.deepEqual([wrong, listed.length, reasons], [[], new Set(listed).size, []]);
}

test(`${KILLS} kills: no page is lost, none is half, and the queue goes on`, async () => {
  const server = await startServer();
  const profile = await mkdtemp(join(tmpdir(), "burrow-kill-"));
  let [filled, finished] = [0, 0];
  try {
    for (let kill = 0; kill <= KILLS; kill++) {
      const { child, remote } = await start(profile);
      const exited = once(child, "exit");
      try {
        const { tab, status } = await openTab(remote, server.url);
        if (filled > 0) {
          assert.deepEqual([status.pages + status.queue.waiting, status.queue.failed, status.reasons], [PAGES.length, 0, []]);
          await checkWhole(tab);
        }
        if (status.queue.waiting === 0) {
          finished += filled > 0 ? 1 : 0;
          filled += 1;
          await tab.evaluate(async (pages) => {
            await burrow.clear();
            await burrow.enqueue(pages);
          }, PAGES);
        }
        await new Promise((resolve) => setTimeout(resolve, Math.random() * LIFE_MS_MAX));
      } finally {
        process.kill(-child.pid, "SIGKILL");
        await remote.close().catch(() => {});
        await exited;
      }
    }
    console.log(`${KILLS} kills: the queue was worked off ${finished} times`);
    assert.ok(filled > 0);
  } finally {
    await server.close();
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  }
});
