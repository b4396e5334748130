/** Wires the demo together: opens Burrow, indexes the example pages in the background, asks what is typed. */
import { Burrow } from "/pkg/dist/index.js";
import { byId, element, setText } from "./dom.js";
import { hideBar, showProgress, showStatus, showWork } from "./engine.js";
import { leftOut, listedPages, QUESTIONS, setLeftOut } from "./examples.js";
import { acceptFiles, heldFileUrl } from "./files.js";
import { showHits, webAddress } from "./hits.js";
import { showPages } from "./page-list.js";
import { Queue } from "./queue.js";
import { searchBox } from "./search-box.js";
import { readSettings, rememberQuery } from "./settings.js";
import { counted, milliseconds } from "./text.js";
import { clearTrouble, kindOf, showTrouble } from "./trouble.js";

/** @typedef {import("./queue.js").Progress} Work */
/** @typedef {import("../../pkg/src/types.js").SearchResult} SearchResult */
/** @typedef {import("../../pkg/src/types.js").PageInfo} PageInfo */

const HITS_MAX = 10;
/** Below this cosine, all-MiniLM-L6-v2 sees no more than chance between question and passage. */
const SCORE_NEAR = 0.2;
/** While pages come in, a question on the page is asked again at most this often. */
const ASK_AGAIN_MS = 2000;

const settings = readSettings(location.href);
const root = document.documentElement;
const results = byId("results");
/** @type {Burrow | null} */
let burrow = null;
let encoderReady = false;
let pagesListed = false;
/** @type {Work} */
let work = { total: 0, settled: 0, failed: 0, encoded: 0, working: [] };
let askedAt = 0;
let settledSeen = 0;
/** @type {Promise<void> | null} */
let looking = null;
/** @type {Promise<void> | null} */
let lookingAgain = null;

const queue = new Queue((page, options) => opened().add(page, options), onWork);
const box = searchBox(ask);

/** The open index. Nothing asks for it before `start` has opened it. */
function opened() {
  if (!burrow) throw new Error("The index is not open.");
  return burrow;
}

/** @param {"error" | "clear"} onOtherModel */
async function start(onOtherModel) {
  root.dataset.state = "loading";
  try {
    burrow = await Burrow.open({ name: settings.name, model: settings.model, device: settings.device, onProgress: onStep, onOtherModel });
  } catch (error) {
    fail("The index could not be opened", error);
    return;
  }
  await refresh();
  void indexListed();
  try {
    showStatus(await burrow.ready);
    encoderReady = true;
    showWork(work);
    box.again();
  } catch (error) {
    fail("The encoder could not be loaded", error);
  }
  await refresh();
}

/** Puts the pages of the list into the queue; those that are there already cost next to nothing. */
async function indexListed() {
  try {
    queue.push(await listedPages(settings));
  } catch (error) {
    showTrouble("The example pages could not be listed", error);
  }
  pagesListed = true;
  showState();
}

/** @param {import("../../pkg/src/types.js").Progress} progress */
function onStep(progress) {
  if (root.dataset.state !== "failed") showProgress(progress);
}

/** @param {Work} now */
function onWork(now) {
  work = now;
  // Until the encoder is there, the download has the bar: pages cannot get on without it.
  if (encoderReady) showWork(now);
  if (now.settled !== settledSeen) {
    settledSeen = now.settled;
    void refresh();
    askAgainSometimes();
  }
  showState();
}

/** A question that stands on the page is answered from the new pages too, unless the reader is among the hits. */
function askAgainSometimes() {
  const through = work.settled === work.total;
  if (work.encoded === 0 || !encoderReady || !box.query() || results.contains(document.activeElement)) return;
  if (through || performance.now() - askedAt > ASK_AGAIN_MS) box.again();
}

/** One word for all of it, on the root element, where styles and a driver can read it. */
function showState() {
  const data = root.dataset;
  data.pagesTotal = String(work.total);
  data.pagesSettled = String(work.settled);
  data.pagesFailed = String(work.failed);
  if (data.state === "failed") return;
  const idle = pagesListed && work.settled === work.total;
  data.state = !encoderReady ? "loading" : idle ? "ready" : "indexing";
  if (data.state === "ready") hideBar();
  showAtRest();
}

/**
 * @param {string} what
 * @param {unknown} error
 */
function fail(what, error) {
  root.dataset.state = "failed";
  queue.stop();
  hideBar();
  setText(byId("counts"), "Not available");
  const clearable = ["fingerprint", "corrupt"].includes(kindOf(error));
  showTrouble(what, error, clearable ? { label: "Clear the index and index again", act: () => void start("clear") } : undefined);
  showAtRest();
}

/**
 * Shows status and pages as they are now. A call that comes while one look is under way gets the next one.
 * @returns {Promise<void>}
 */
function refresh() {
  if (!looking) {
    looking = look().finally(() => { looking = null; });
    return looking;
  }
  lookingAgain ??= looking.then(() => {
    lookingAgain = null;
    return refresh();
  });
  return lookingAgain;
}

async function look() {
  try {
    const [status, pages] = await Promise.all([opened().status(), opened().pages()]);
    showStatus(status);
    showPages(pages, remove);
    root.dataset.pages = String(pages.length);
    byId("restore").hidden = leftOut(settings.name).size === 0;
    // With nothing left, the way back must be in sight.
    if (pages.length === 0 && leftOut(settings.name).size > 0) /** @type {HTMLDetailsElement} */ (byId("pages-card")).open = true;
    showState();
  } catch (error) {
    showTrouble("The state of the index could not be read", error);
  }
}

/**
 * Answers a query; an empty one shows the page at rest.
 * @param {string} query
 * @param {AbortSignal} signal
 */
async function ask(query, signal) {
  rememberQuery(query);
  if (!query || !burrow) {
    results.dataset.query = "";
    results.dataset.state = "idle";
    byId("busy").hidden = !query;
    showHits([], webAddress);
    setText(byId("said"), "");
    showAtRest();
    return;
  }
  results.dataset.state = "searching";
  byId("busy").hidden = false;
  if (!encoderReady) setText(byId("said"), "The encoder is still loading: your question is answered as soon as it is there.");
  try {
    const result = await burrow.search(query, { limit: HITS_MAX, signal });
    if (!signal.aborted) showResult(query, result);
  } catch (error) {
    if (signal.aborted || kindOf(error) === "aborted") return;
    results.dataset.state = "failed";
    results.dataset.query = query;
    byId("busy").hidden = true;
    setText(byId("said"), "");
    showTrouble("The question could not be answered", error);
  }
}

/**
 * @param {string} query
 * @param {SearchResult} result
 */
function showResult(query, { hits, status, timing }) {
  askedAt = performance.now();
  clearTrouble();
  showStatus(status);
  byId("busy").hidden = true;
  showHits(hits, (hit) => webAddress(hit) ?? heldFileUrl(hit.url));
  Object.assign(results.dataset, {
    query, state: "done", encodeMs: timing.encodeMs.toFixed(1), searchMs: timing.searchMs.toFixed(1),
  });
  const far = hits.length > 0 && hits[0].score < SCORE_NEAR ? "Nothing comes close; these are the nearest. " : "";
  const partly = work.settled < work.total ? ` Pages are still being indexed: ${work.total - work.settled} to come.` : "";
  setText(byId("said"), `${far}${counted(hits.length, "page")} in ${milliseconds(timing.encodeMs + timing.searchMs)}.${partly}`);
  showAtRest();
}

/** What stands in place of hits when there are none. */
function showAtRest() {
  const place = byId("empty");
  const [head, text] = restingWords();
  if (place.textContent === head + text) return;
  place.replaceChildren(...(head ? [element("strong", {}, head), text] : []));
}

/** @returns {[string, string]} */
function restingWords() {
  const asked = Boolean(box.query());
  const pages = Number(root.dataset.pages ?? 0);
  if (byId("hits").childElementCount > 0 || root.dataset.state === "failed") return ["", ""];
  if (asked && results.dataset.state === "searching") return ["", ""];
  if (pages === 0 && work.settled < work.total) return ["The first pages are being indexed", "Ask already: the answers come as the pages do."];
  if (pages === 0 && pagesListed) return ["No pages yet", "Drop some files on this page, choose a folder, or bring the example pages back."];
  if (asked && results.dataset.state === "done") return ["No hits", "Nothing in the index can answer this. Add pages, or ask in other words."];
  if (asked) return ["", ""];
  return ["Ask as you would ask a friend", "The words need not be on the page: Burrow looks for the passage that means the same and marks its best sentence."];
}

/** @param {PageInfo} page */
async function remove(page) {
  try {
    await opened().remove(page.url);
    setLeftOut(settings.name, leftOut(settings.name).add(page.url));
    setText(byId("said"), `Removed ${page.title || page.url}.`);
  } catch (error) {
    showTrouble("The page could not be removed", error);
  }
  await refresh();
  if (box.query()) box.again();
}

async function clearAll() {
  queue.stop();
  try {
    const all = await opened().pages();
    await opened().clear();
    setLeftOut(settings.name, [...leftOut(settings.name), ...all.map((page) => page.url)]);
    byId("outcomes").replaceChildren();
    setText(byId("said"), `Removed ${counted(all.length, "page")}.`);
  } catch (error) {
    showTrouble("The index could not be cleared", error);
  }
  await refresh();
  if (box.query()) box.again();
}

function listen() {
  acceptFiles((jobs) => {
    if (burrow) queue.push(jobs);
    else showTrouble("The files could not be added", new Error("The index is not open yet: try again in a moment."));
  });
  byId("clear").addEventListener("click", () => void clearAll());
  byId("restore").addEventListener("click", () => {
    setLeftOut(settings.name, []);
    byId("restore").hidden = true;
    void indexListed();
  });
  for (const question of settings.bundled ? QUESTIONS : []) {
    const chip = element("button", { type: "button" }, question);
    chip.addEventListener("click", () => box.ask(question));
    byId("chips").append(chip);
  }
}

listen();
if (settings.query) box.ask(settings.query);
void start("error");
