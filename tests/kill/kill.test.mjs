/**
 * Chromium is killed again and again while it indexes, replaces and tidies: what was committed is whole and searchable, nothing is
 * half, nothing is encoded twice, and the queue goes on. `KILLS` says how often, `SEED` repeats the moments.
 *
 * Chromium itself may lose all databases of an origin this way (see `pkg/src/log.ts`). Such a loss is counted, and is no failure, only
 * if Chromium's own log says that it found the database damaged, and if Burrow says that pages are lost.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { chromium } from "playwright-core";
import { goTo, startServer } from "../browser/harness.mjs";
import { hasTornEnd } from "./leveldb.mjs";

const KILLS = Number(process.env.KILLS ?? 100);
const SEED = Number(process.env.SEED ?? Date.now() % 1e6);
const PAGES = 120;
/** The browser is killed so many milliseconds after it went on, at most. */
const LIFE_MS_MAX = 1500;
/** In the profile, what the browser says of itself. */
const LOG = "browser.log";
/** What it says there when it deletes a database. */
const DELETED = /IndexedDB recovering from a corrupted \(and deleted\) database/;
/** Under it lie the databases. */
const DATABASES = "Default/IndexedDB";
/** As long as a start of the browser may take. */
const START_MS_MAX = 30_000;

/** Numbers from 0 to 1 that depend on the seed alone (mulberry32). */
function randomOf(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** All pages of a version. Each has a word of its own in every passage, which names the version, too. */
function pagesOf(version) {
  return Array.from({ length: PAGES }, (_, number) => ({
    url: `u${number}`, title: `Page ${number} v${version}`,
    text: Array.from({ length: 3 + (number + version) % 20 }, (_, at) => (
      `Page ${number} says ${at} things about rivers and stones: ${wordOf(number, version)}.`
    )).join("\n\n"),
  }));
}

const wordOf = (number, version) => `word${number}x${version}y`;

/** Chromium in a group of its own, so that all its processes can be killed at once. */
async function start(profile) {
  const portFile = join(profile, "DevToolsActivePort");
  for (const old of [portFile, join(profile, LOG)]) await rm(old, { force: true });
  const child = spawn(process.env.CHROMIUM || "/usr/bin/chromium", [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--enable-logging", `--log-file=${join(profile, LOG)}`, "--remote-debugging-port=0", `--user-data-dir=${profile}`, "about:blank",
  ], { detached: true, stdio: "ignore" });
  const exited = once(child, "exit");
  try {
    const end = Date.now() + START_MS_MAX;
    let port = "";
    while (!port) {
      if (child.exitCode !== null || Date.now() > end) throw new Error(`Chromium did not start (exit code ${child.exitCode}).`);
      await new Promise((resolve) => setTimeout(resolve, 30));
      [port] = (await readFile(portFile, "utf8").catch(() => "")).split("\n");
    }
    const remote = await chromium.connectOverCDP(`http://127.0.0.1:${port}`);
    return { kill: () => killed(child, exited, remote, profile), remote };
  } catch (thrown) {
    await killed(child, exited, null, profile);
    throw thrown;
  }
}

/** Ends all processes of the browser at once, as a loss of power does, and waits until none of them uses the profile any more. */
async function killed(child, exited, remote, profile) {
  if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid, "SIGKILL");
  await remote?.close().catch(() => {});
  await exited;
  while (await isInUse(profile)) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** Whether a process of the browser that has the profile still lives. One that is dead, but not yet buried, has no command line. */
async function isInUse(profile) {
  const processes = (await readdir("/proc")).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  const lines = await Promise.all(processes.map((number) => readFile(`/proc/${number}/cmdline`, "utf8").catch(() => "")));
  return lines.some((line) => line.includes(`--user-data-dir=${profile}`));
}

/** What the kill has left: whether the database's log ends in the midst of a record. */
async function isTorn(profile) {
  const folder = join(profile, DATABASES);
  for (const name of await readdir(folder, { recursive: true }).catch(() => [])) {
    if (name.endsWith(".log") && hasTornEnd(await readFile(join(folder, name)))) return true;
  }
  return false;
}

/** Whether the browser, since it was started, has said that it deleted the database. */
async function isDeleted(profile) {
  return DELETED.test(await readFile(join(profile, LOG), "utf8").catch(() => ""));
}

/**
 * Opens the index in a new tab, with the queue at rest. `told` hears of every page whose encoding begins, and of what is listed
 * after every page that was worked off: what it has heard of before the browser was killed is committed.
 */
async function openTab(remote, url, told) {
  const tab = await remote.contexts()[0].newPage();
  await tab.exposeFunction("begun", (page) => told.begun(page));
  await tab.exposeFunction("committed", (titles) => told.committed(titles));
  await goTo(tab, url);
  await tab.evaluate(async () => {
    const onProgress = async (progress) => {
      if (progress.stage === "index" && progress.windows === 0) begun(progress.url);
      if (progress.stage === "queue" && globalThis.burrow) committed((await burrow.pages()).map(({ title }) => title));
    };
    globalThis.burrow = await Burrow.open({ name: "kill", model: "/tests/data/tiny-bert/", device: "cpu", onProgress });
    await burrow.queue.pause();
  });
  return tab;
}

/** All that can be seen of the index: what is listed, what waits, what is damaged, and which listed page is not found as it is. */
function look(tab) {
  return tab.evaluate(async () => {
    const listed = await burrow.pages();
    const { queue, reasons, lost } = await burrow.status();
    const problems = await burrow.verify();
    const { hits } = await burrow.search("rivers and stones", { mode: "semantic", limit: 200 });
    const wrong = [];
    for (const { url, title } of listed) {
      const [, number, version] = title.match(/^Page (\d+) v(\d+)$/);
      const word = `word${number}x${version}y`;
      const byWord = (await burrow.search(word, { mode: "keyword", limit: 3 })).hits;
      const isWhole = (hit) => hit.url === url && hit.title === title && hit.excerpt.includes(word) && url === `u${number}`;
      if (!byWord[0] || !isWhole(byWord[0]) || !hits.some(isWhole)) wrong.push([title, byWord, hits.filter((hit) => hit.url === url)]);
    }
    return { titles: listed.map(({ title }) => title), waiting: queue.waiting, failed: queue.failed, reasons, lost, problems, wrong };
  });
}

/** What must be true, whenever the browser was killed. */
function check({ titles, waiting, failed, reasons, problems, wrong }, { version, isEnqueued, acknowledged }) {
  assert.deepEqual([failed, reasons, problems, wrong], [0, [], [], []]);
  const numbers = titles.map((title) => Number(title.split(" ")[1]));
  assert.equal(new Set(numbers).size, titles.length, "no page is there twice");
  const done = titles.filter((title) => title.endsWith(` v${version}`));
  const old = titles.filter((title) => title.endsWith(` v${version - 1}`));
  assert.equal(done.length + old.length, titles.length, "no page is of an older version");
  if (version > 1) assert.equal(titles.length, PAGES, "no page is lost while another takes its place");
  const isThere = (title) => titles.includes(title) || done.includes(title.replace(/ v\d+$/, ` v${version}`));
  assert.deepEqual(acknowledged.filter((title) => !isThere(title)), [], "what was committed is there, or what took its place");
  // The pages were enqueued all at once, or not at all.
  if (isEnqueued || waiting > 0 || done.length > 0) assert.equal(done.length + waiting, PAGES, "every page is there or waits");
}

/** The browser has deleted the database: Burrow must say so, and nothing of it may be there. What comes now is the first version again. */
function checkLost({ titles, waiting, lost, reasons, problems }, state) {
  assert.deepEqual([titles, waiting, problems], [[], 0, []]);
  assert.equal(reasons.length, 1);
  assert.match(reasons[0], /The browser has lost pages of this index/);
  assert.ok(lost > 0, `${lost} pages are said to be lost`);
  Object.assign(state, { version: 1, isEnqueued: false, acknowledged: [] });
}

test(`${KILLS} kills: no page is lost, none is half, none is encoded twice, and the queue goes on`, async () => {
  console.log(`SEED=${SEED}`);
  const random = randomOf(SEED);
  const server = await startServer();
  const profile = await mkdtemp(join(tmpdir(), "burrow-kill-"));
  const state = { version: 1, isEnqueued: false, acknowledged: [] };
  const told = {
    again: [], started: new Set(),
    begun: (url) => {
      const title = `Page ${url.slice(1)} v${state.version}`;
      if (told.started.has(title) || state.acknowledged.includes(title)) told.again.push(title);
      told.started.add(title);
    },
    committed: (titles) => { if (titles.length > 0) state.acknowledged = titles; },
  };
  let [kills, isKept] = [0, false];
  const tally = { "while it worked": 0, "while it was given pages": 0, "while it tidied": 0, "with a torn log": 0, "database deleted": 0 };
  try {
    for (; kills <= KILLS; kills++) {
      told.started.clear();
      const { kill: killNow, remote } = await start(profile);
      try {
        const tab = await openTab(remote, server.url, told);
        const seen = await look(tab);
        if (await isDeleted(profile)) {
          tally["database deleted"] += 1;
          checkLost(seen, state);
          // Said once, and settled.
          await tab.evaluate(() => burrow.clear());
          seen.reasons = (await look(tab)).reasons;
        }
        check(seen, state);
        assert.deepEqual(told.again, [], "nothing is encoded again that was committed");
        state.acknowledged = seen.titles;
        const isDone = seen.waiting === 0 && seen.titles.filter((title) => title.endsWith(` v${state.version}`)).length === PAGES;
        if (isDone) Object.assign(state, { version: state.version + 1, isEnqueued: false });
        if (isDone || seen.waiting === 0) {
          tally["while it was given pages"] += 1;
          // It may be killed before that is on the disk.
          void tab.evaluate((pages) => burrow.enqueue(pages), pagesOf(state.version)).then(() => { state.isEnqueued = true; }, () => {});
        } else if (random() < 0.25) {
          tally["while it tidied"] += 1;
          void tab.evaluate(() => burrow.compact()).catch(() => {});
        } else {
          tally["while it worked"] += 1;
        }
        void tab.evaluate(() => burrow.queue.resume()).catch(() => {});
        await new Promise((resolve) => setTimeout(resolve, random() * LIFE_MS_MAX));
      } finally {
        await killNow();
      }
      if (await isTorn(profile)) tally["with a torn log"] += 1;
    }
    console.log(`${KILLS} kills, ${JSON.stringify(tally)}: the pages were worked off ${state.version - 1} times`);
  } catch (thrown) {
    isKept = true;
    thrown.message = `SEED=${SEED}, after ${kills} kills, ${JSON.stringify(state)}, profile kept in ${profile}: ${thrown.message}`;
    throw thrown;
  } finally {
    await server.close();
    if (!isKept) await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  }
});
