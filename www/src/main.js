/** Wires the demo together: opens an index for the model chosen, indexes the example pages in the background, asks what is typed. */
import { Answers } from "./answers.js";
import { byId, element, setText } from "./dom.js";
import { hideBar, showOpening, showProgress, showStatus, showWork } from "./engine.js";
import { QUESTIONS } from "./examples.js";
import { acceptFiles, forgetFile, givenAgain } from "./files.js";
import { modelPicker } from "./model-picker.js";
import { showPages } from "./page-list.js";
import { Session } from "./session.js";
import { readSettings, withModel } from "./settings.js";
import { counted } from "./text.js";
import { clearTrouble, kindOf, showTrouble } from "./trouble.js";

/** @typedef {import("./session.js").View} View */
/** @typedef {import("./settings.js").Settings} Settings */
/** @typedef {import("../../pkg/src/types.js").PageInfo} PageInfo */

const root = document.documentElement;
/** @type {Session | null} */
let session = null;
let settledSeen = 0;

const answers = new Answers(() => session);
const picker = modelPicker(choose);

/** @type {View} */
const view = {
  step: (progress) => { if (root.dataset.state !== "failed") showProgress(progress); },
  work: (work) => {
    // Until the encoder is there, the download has the bar: pages cannot get on without it.
    if (session?.encoderReady) showWork(work);
    if (work.settled !== settledSeen) {
      settledSeen = work.settled;
      void session?.refresh();
      answers.refreshSometimes();
    }
    showState();
  },
  listed: showState,
  state: (status, pages) => {
    showStatus(status);
    showIndexed(pages);
    showState();
    answers.count();
    answers.opened();
  },
  ready: (status) => {
    showStatus(status);
    if (session) showWork(session.work);
    answers.again();
  },
  trouble: showTrouble,
  failed: fail,
};

/**
 * Opens the index for a model, in place of the one that is open.
 * @param {Settings} settings
 * @param {"error" | "clear"} [onOtherModel]
 */
function open(settings, onOtherModel = "error") {
  const before = session;
  session = new Session(settings, view);
  settledSeen = 0;
  root.dataset.state = "loading";
  delete root.dataset.pages;
  clearTrouble();
  byId("outcomes").replaceChildren();
  showOpening();
  showPages([], remove);
  picker.show(settings.model);
  session.push(givenAgain());
  void session.start({ before, onOtherModel });
  showState();
}

/**
 * Goes on with another model, and keeps it in the address, so that a reload or a shared link has it too.
 * @param {string} href
 */
function choose(href) {
  history.replaceState(null, "", withModel(location.href, href));
  open(readSettings(location.href));
  // The hits of the other model go; its question is asked again.
  answers.again();
  setText(byId("said"), "The index of this model is being opened.");
}

/** One word for all of it, on the root element, where styles and a driver can read it. */
function showState() {
  if (!session) return;
  const { work, encoderReady, pagesListed } = session;
  const data = root.dataset;
  data.pagesTotal = String(work.total);
  data.pagesSettled = String(work.settled);
  data.pagesFailed = String(work.failed);
  data.pagesEncoded = String(work.encoded);
  if (data.state === "failed") return;
  const idle = pagesListed && work.settled === work.total;
  data.state = !encoderReady ? "loading" : idle ? "ready" : "indexing";
  if (data.state === "ready") hideBar();
  answers.showAtRest();
}

/**
 * @param {string} what
 * @param {unknown} error
 */
function fail(what, error) {
  root.dataset.state = "failed";
  hideBar();
  byId("busy").hidden = true;
  setText(byId("said"), "");
  setText(byId("counts"), "Not available");
  const clearable = session && ["fingerprint", "corrupt"].includes(kindOf(error)) ? session.settings : null;
  showTrouble(what, error, clearable ? { label: "Clear the index and index again", act: () => open(clearable, "clear") } : undefined);
  answers.showAtRest();
}

/** @param {PageInfo[]} pages */
function showIndexed(pages) {
  const isLess = (session?.leftOut().size ?? 0) > 0;
  showPages(pages, remove);
  root.dataset.pages = String(pages.length);
  byId("restore").hidden = !isLess;
  // With nothing left, the way back must be in sight.
  if (pages.length === 0 && isLess) /** @type {HTMLDetailsElement} */ (byId("pages-card")).open = true;
}

/** @param {PageInfo} page */
async function remove(page) {
  try {
    await session?.remove(page);
    forgetFile(page.url);
    setText(byId("said"), `Removed ${page.title || page.url}.`);
  } catch (error) {
    showTrouble("The page could not be removed", error);
  }
  await session?.refresh();
  answers.refresh();
}

async function clearAll() {
  try {
    const all = await session?.clear() ?? [];
    for (const page of all) forgetFile(page.url);
    byId("outcomes").replaceChildren();
    setText(byId("said"), `Removed ${counted(all.length, "page")}.`);
  } catch (error) {
    showTrouble("The index could not be cleared", error);
  }
  await session?.refresh();
  answers.refresh();
}

/** @param {Settings} settings */
function listen(settings) {
  // Without a model there is no session; the files are given to the one that comes.
  acceptFiles((jobs) => session?.push(jobs));
  byId("clear").addEventListener("click", () => void clearAll());
  byId("restore").addEventListener("click", () => {
    byId("restore").hidden = true;
    void session?.restore();
  });
  for (const question of settings.bundled ? QUESTIONS : []) {
    const chip = element("button", { type: "button" }, question);
    chip.addEventListener("click", () => answers.ask(question));
    byId("chips").append(chip);
  }
}

/** @param {Settings} settings as the address has them */
function start(settings) {
  listen(settings);
  if (settings.problem === null) open(settings);
  else {
    fail("The model in the address cannot be used", new Error(settings.problem));
    picker.refuse(new URL(location.href).searchParams.get("model") ?? "", settings.problem);
  }
  if (settings.query) answers.ask(settings.query);
}

start(readSettings(location.href));
