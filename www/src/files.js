/** Files and folders that the reader drops or chooses: from the event to jobs for the queue, and what became of each. */
import { byId } from "./dom.js";
import { outcomeLine, sayEnd } from "./outcomes.js";
import { contentKind, KINDS } from "./text.js";

/** @typedef {import("./queue.js").Job} Job */
/** @typedef {{path: string, file: File}} Found */

/** The key of a file's page. A scheme of its own: it is no web address, and must not look like one. */
const SCHEME = "dropped:";

/** A folder of a whole disk would fill the page's memory with names before the first is read. */
const FILES_MAX = 5000;

/**
 * Files given in this visit, by page address: a hit can open them, and another model's index can have them too.
 * @type {Map<string, Found>}
 */
const given = new Map();
/**
 * The addresses made for those that a hit opens.
 * @type {Map<File, string>}
 */
const addresses = new Map();

/**
 * @param {(jobs: Job[]) => void} push
 */
export function acceptFiles(push) {
  const give = (/** @type {Found[]} */ found) => push(found.map(toJob).filter((job) => job !== null));
  for (const id of ["files", "folder"]) {
    const input = /** @type {HTMLInputElement} */ (byId(id));
    input.addEventListener("change", () => {
      give([...input.files ?? []].map((file) => ({ path: file.webkitRelativePath || file.name, file })));
      // The same file chosen again is a change again.
      input.value = "";
    });
  }
  listenToDrops(give);
}

/** @param {(found: Found[]) => void} give */
function listenToDrops(give) {
  const body = document.body;
  const hasFiles = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes("Files") ?? false;
  addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    body.classList.add("dragging");
  });
  addEventListener("dragleave", (event) => {
    // Leaving for no element is leaving the window.
    if (!event.relatedTarget) body.classList.remove("dragging");
  });
  addEventListener("drop", async (event) => {
    if (!hasFiles(event) || !event.dataTransfer) return;
    event.preventDefault();
    body.classList.remove("dragging");
    give(await readDrop(event.dataTransfer));
  });
}

/**
 * Everything in a drop, folders opened. The entries must be taken before the first wait: the browser empties the drop after it.
 * @param {DataTransfer} drop
 * @returns {Promise<Found[]>}
 */
async function readDrop(drop) {
  const entries = [...drop.items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  /** @type {Found[]} */
  const found = [];
  for (const entry of entries) await collect(entry, found);
  return found;
}

/**
 * @param {FileSystemEntry} entry
 * @param {Found[]} found
 */
async function collect(entry, found) {
  if (found.length >= FILES_MAX) return;
  if (entry.isFile) {
    const of = /** @type {FileSystemFileEntry} */ (entry);
    const file = await new Promise((resolve, reject) => of.file(resolve, reject));
    found.push({ path: entry.fullPath.replace(/^\//, ""), file });
    return;
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  // A folder is read in batches; an empty one is its end.
  for (;;) {
    /** @type {FileSystemEntry[]} */
    const batch = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (batch.length === 0) return;
    for (const inner of batch) await collect(inner, found);
  }
}

/**
 * @param {Found} found
 * @returns {Job | null} null for a file that cannot be read, which is said in the list
 */
function toJob({ path, file }) {
  const show = outcomeLine(path);
  const kind = contentKind(path);
  if (!kind) {
    show("failed", "Not indexed: only HTML, Markdown and text files can be.");
    return null;
  }
  const url = SCHEME + path.split("/").map(encodeURIComponent).join("/");
  forgetFile(url);
  given.set(url, { path, file });
  show("waiting", "Waiting");
  return {
    url,
    name: path,
    load: async () => {
      show("working", "Indexing …");
      const facts = { fields: { kind: KINDS[kind] }, time: file.lastModified };
      if (kind === "html") return { url, html: await file.arrayBuffer(), ...facts };
      const text = await file.text();
      return kind === "markdown" ? { url, markdown: text, ...facts } : { url, text, title: file.name, ...facts };
    },
    settled: (end) => show("error" in end ? "failed" : "done", sayEnd(end)),
  };
}

/**
 * The files of this visit once more, for the index of another model.
 * @returns {Job[]}
 */
export function givenAgain() {
  return [...given.values()].map(toJob).filter((job) => job !== null);
}

/**
 * A page that was removed must not come back with another model.
 * @param {string} url
 */
export function forgetFile(url) {
  const file = given.get(url)?.file;
  const address = file && addresses.get(file);
  if (address) URL.revokeObjectURL(address);
  if (file) addresses.delete(file);
  given.delete(url);
}

/**
 * Where a dropped file opens, as long as this visit lasts: as plain text, never HTML, which would run in this page's origin.
 * @param {string} url
 * @returns {string | null}
 */
export function heldFileUrl(url) {
  const file = given.get(url)?.file;
  if (!file) return null;
  const address = addresses.get(file) ?? URL.createObjectURL(new Blob([file], { type: "text/plain;charset=utf-8" }));
  addresses.set(file, address);
  return address;
}
