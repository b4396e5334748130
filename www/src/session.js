/** One open index and the model it is for, from opening to closing. Another model is another session. Knows no DOM. */
import { Burrow } from "/pkg/dist/index.js";
import { leftOut, listedPages, setLeftOut } from "./examples.js";
import { Queue } from "./queue.js";

/** @typedef {import("./queue.js").Job} Job */
/** @typedef {import("./queue.js").Progress} Work */
/** @typedef {import("./settings.js").Settings} Settings */
/** @typedef {import("../../pkg/src/types.js").Progress} Progress */
/** @typedef {import("../../pkg/src/types.js").Status} Status */
/** @typedef {import("../../pkg/src/types.js").PageInfo} PageInfo */
/** @typedef {import("../../pkg/src/types.js").SearchOptions} SearchOptions */

/**
 * What is told of a session. Of one that is closed, nothing is.
 * @typedef {object} View
 * @property {(progress: Progress) => void} step Burrow's own progress
 * @property {(work: Work) => void} work how far the pages are
 * @property {() => void} listed all pages of the list are in the queue
 * @property {(status: Status, pages: PageInfo[]) => void} state the index, as it is now
 * @property {(status: Status) => void} ready the encoder is there
 * @property {(what: string, error: unknown) => void} trouble
 * @property {(what: string, error: unknown) => void} failed there will be no answers
 */

/**
 * @typedef {object} StartOptions
 * @property {Session | null} [before] the session in whose place this one comes: it is closed first
 * @property {"error" | "clear"} [onOtherModel]
 */

export class Session {
  /** @type {Settings} */ settings;
  encoderReady = false;
  pagesListed = false;
  /** @type {Work} */ work = { total: 0, settled: 0, failed: 0, encoded: 0, working: [] };
  /** @type {Burrow | null} */ #burrow = null;
  /** @type {Queue} */ #queue;
  /** @type {View} */ #view;
  #ending = new AbortController();
  #isClosed = false;
  /** @type {Job[]} given before there was an index for them */ #early = [];
  /** @type {Promise<void>} */ #opening = Promise.resolve();
  /** @type {Promise<void> | null} */ #looking = null;
  /** @type {Promise<void> | null} */ #lookingAgain = null;

  /**
   * @param {Settings} settings
   * @param {View} view
   */
  constructor(settings, view) {
    this.settings = settings;
    this.#view = view;
    this.#queue = new Queue((page, options) => this.#opened().add(page, options), (work) => {
      this.work = work;
      this.#tell((to) => to.work(work));
    });
  }

  get isOpen() {
    return this.#burrow !== null;
  }

  /**
   * Opens the index, indexes what is listed, and settles when the encoder is there or cannot be.
   * @param {StartOptions} [options]
   */
  async start({ before = null, onOtherModel = "error" } = {}) {
    this.#opening = this.#open(before, onOtherModel);
    await this.#opening;
    if (!this.#burrow) return;
    await this.refresh();
    this.push(this.#early.splice(0));
    void this.indexListed();
    try {
      const status = await this.#burrow.ready;
      this.encoderReady = true;
      this.#tell((to) => to.ready(status));
    } catch (error) {
      this.#fail("The encoder could not be loaded", error);
    }
    await this.refresh();
  }

  /**
   * @param {Session | null} before
   * @param {"error" | "clear"} onOtherModel
   */
  async #open(before, onOtherModel) {
    const { name, model, device } = this.settings;
    const { signal } = this.#ending;
    try {
      await before?.close();
      const onProgress = (/** @type {Progress} */ progress) => this.#tell((to) => to.step(progress));
      this.#burrow = await Burrow.open({ name, model, device, onProgress, onOtherModel, signal });
    } catch (error) {
      this.#fail("The index could not be opened", error);
    }
  }

  /** Puts the pages of the list into the queue; those that are there already cost next to nothing. */
  async indexListed() {
    try {
      this.push(await listedPages(this.settings));
    } catch (error) {
      this.#tell((to) => to.trouble("The example pages could not be listed", error));
    }
    this.pagesListed = true;
    this.#tell((to) => to.listed());
  }

  /** @param {Job[]} jobs which wait until the index is open */
  push(jobs) {
    if (!this.#burrow) this.#early.push(...jobs);
    else if (!this.#isClosed) this.#queue.push(jobs);
  }

  /**
   * @param {string} query
   * @param {SearchOptions} options
   */
  search(query, options) {
    return this.#opened().search(query, options);
  }

  /** @param {PageInfo} page */
  async remove(page) {
    await this.#opened().remove(page.url);
    setLeftOut(this.settings.name, this.leftOut().add(page.url));
  }

  /** @returns {Promise<PageInfo[]>} the pages that were there */
  async clear() {
    this.#queue.stop();
    const all = await this.#opened().pages();
    await this.#opened().clear();
    setLeftOut(this.settings.name, [...this.leftOut(), ...all.map((page) => page.url)]);
    return all;
  }

  /** Pages that the reader removed. */
  leftOut() {
    return leftOut(this.settings.name);
  }

  /** Brings back the listed pages that were removed. */
  restore() {
    setLeftOut(this.settings.name, []);
    return this.indexListed();
  }

  /**
   * Tells status and pages as they are now. A call that comes while one look is under way gets the next one.
   * @returns {Promise<void>}
   */
  refresh() {
    if (!this.#looking) {
      this.#looking = this.#look().finally(() => { this.#looking = null; });
      return this.#looking;
    }
    this.#lookingAgain ??= this.#looking.then(() => {
      this.#lookingAgain = null;
      return this.refresh();
    });
    return this.#lookingAgain;
  }

  async #look() {
    try {
      const [status, pages] = await Promise.all([this.#opened().status(), this.#opened().pages()]);
      this.#tell((to) => to.state(status, pages));
    } catch (error) {
      this.#tell((to) => to.trouble("The state of the index could not be read", error));
    }
  }

  /** Ends all that is under way; what was committed is kept. */
  async close() {
    this.#isClosed = true;
    // The queue first: its pages are stopped, and did not fail because the index was closed.
    this.#queue.stop();
    this.#ending.abort();
    await this.#opening;
    await this.#burrow?.close();
  }

  /** The open index. Nothing asks for it before it is open. */
  #opened() {
    if (!this.#burrow) throw new Error("The index is not open.");
    return this.#burrow;
  }

  /**
   * @param {string} what
   * @param {unknown} error
   */
  #fail(what, error) {
    this.#queue.stop();
    this.#tell((to) => to.failed(what, error));
  }

  /** @param {(view: View) => void} say */
  #tell(say) {
    if (!this.#isClosed) say(this.#view);
  }
}
