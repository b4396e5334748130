/** What is going on: counts, the progress of download and indexing, and which device, precision and storage are in effect. */
import { byId, element, setText } from "./dom.js";
import { counted, megabytes, shortName } from "./text.js";

/** @typedef {import("../../pkg/src/types.js").Status} Status */
/** @typedef {import("../../pkg/src/types.js").Progress} Progress */
/** @typedef {import("./queue.js").Progress} Work */

const LOADING = {
  storage: "Opening the index",
  weights: "Reading the weights",
  device: "Preparing the device",
};

/** The numbers that weights come in, for people. */
const WEIGHTS = { f32: "f32", f16: "f16", bf16: "bf16", q8: "q8 (8 bits each)", q4: "q4 (4 bits each)", none: "none yet" };

/**
 * Shows one step of Burrow's own progress, as long as the pages' progress does not have the bar.
 * @param {Progress} progress
 */
export function showProgress(progress) {
  if (progress.stage === "download") showDownload(progress);
  else if (progress.stage === "load") showBar(`${LOADING[progress.what]} …`, null, "");
  else if (progress.stage === "device") showStatus(progress.status);
  else if (progress.stage === "index") {
    const { url, windows, windowsTotal } = progress;
    // `windows` are done; the one after them is being encoded.
    const part = windowsTotal > 1 ? `, part ${Math.min(windows + 1, windowsTotal)} of ${windowsTotal}` : "";
    setText(byId("work-page"), `${shortName(url)}${part}`);
  }
}

/**
 * One bar over all files: several are on their way at once, so that the name of one would only flicker.
 * @param {Extract<Progress, {stage: "download"}>} progress
 */
function showDownload({ bytesLoaded, bytesAll }) {
  // The last file has come, and is on its way to the device.
  if (bytesAll !== null && bytesLoaded >= bytesAll) return showBar(`${LOADING.weights} …`, null, "");
  const of = bytesAll === null ? "" : ` of ${megabytes(bytesAll)}`;
  showBar(`Loading the model: ${megabytes(bytesLoaded)}${of}`, bytesAll === null ? null : bytesLoaded / bytesAll, "");
}

/**
 * Shows how far the pages are.
 * @param {Work} work
 */
export function showWork(work) {
  const waiting = work.total - work.settled;
  if (waiting === 0) return;
  const left = work.total - work.settled - work.working.length;
  const behind = left > 0 ? `, ${counted(left, "page")} waiting` : "";
  showBar(`Indexing ${Math.min(work.settled + 1, work.total)} of ${counted(work.total, "page")}${behind}`,
    work.settled / work.total, work.working[0] ?? "");
}

/** Shows that an index is being opened, in place of what was there of another. */
export function showOpening() {
  setText(byId("counts"), "Opening …");
  showBar(`${LOADING.storage} …`, null, "");
}

/** Takes the bar away: nothing is going on. */
export function hideBar() {
  byId("bar").hidden = byId("work-what").hidden = byId("work-page").hidden = true;
  byId("work").classList.add("done");
}

/**
 * @param {string} what
 * @param {number | null} share 0 to 1; null where it is not known
 * @param {string} page
 */
function showBar(what, share, page) {
  const bar = /** @type {HTMLProgressElement} */ (byId("bar"));
  bar.hidden = byId("work-what").hidden = byId("work-page").hidden = false;
  byId("work").classList.remove("done");
  if (share === null) bar.removeAttribute("value");
  else bar.value = share;
  setText(byId("work-what"), what);
  setText(byId("work-page"), page);
}

/**
 * Shows the state in effect.
 * @param {Status} status
 */
export function showStatus(status) {
  setText(byId("counts"), status.pages === 0 ? "No pages yet"
    : `${counted(status.pages, "page")}, ${counted(status.passages, "passage")}`);
  const rows = [
    ["Model", status.model || "none"],
    ["Encoder", { loading: "loading", ready: "ready", failed: "failed" }[status.encoder]],
    ["Device", deviceName(status)],
    ["Why this one", status.deviceReason || "none yet"],
    ["Precision", status.precision === "none" ? "none yet" : status.precision],
    ["Weights", WEIGHTS[status.weights]],
    ["Index kept in", { indexeddb: "this browser (IndexedDB)", memory: "memory, until this page is closed" }[status.storage]],
  ];
  byId("engine").replaceChildren(...rows.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));
  byId("reasons").replaceChildren(...status.reasons.map((reason) => element("li", {}, reason)));
  const data = document.documentElement.dataset;
  data.encoder = status.encoder;
  data.device = status.device;
  data.precision = status.precision;
  data.weights = status.weights;
  data.model = status.model;
  data.storage = status.storage;
}

/** @param {Status} status */
function deviceName({ device, adapter, threads }) {
  if (device === "none") return "none yet";
  if (device === "cpu") return `CPU (WebAssembly SIMD, ${counted(threads, "thread")})`;
  return adapter ? `WebGPU: ${adapter}` : "WebGPU";
}
