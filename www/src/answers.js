/** Questions and their answers: asks the open index, and shows the hits or what stands in their place. */
import { byId, element, setText } from "./dom.js";
import { showStatus } from "./engine.js";
import { inWords } from "./facets.js";
import { heldFileUrl } from "./files.js";
import { showHits, webAddress } from "./hits.js";
import { Narrowing } from "./narrow.js";
import { showWayOut } from "./nothing.js";
import { searchBox } from "./search-box.js";
import { rememberQuery } from "./settings.js";
import { Steady } from "./steady.js";
import { counted, HITS_MAX, milliseconds } from "./text.js";
import { clearTrouble, kindOf, showTrouble } from "./trouble.js";

/** @typedef {import("./session.js").Session} Session */
/** @typedef {import("../../pkg/src/types.js").Hit} Hit */
/** @typedef {import("../../pkg/src/types.js").SearchOptions} SearchOptions */
/** @typedef {import("../../pkg/src/types.js").SearchResult} SearchResult */

const LOADING = "The encoder is still loading: what means the same comes as soon as it is there.";
const UNANSWERED = "The question could not be answered";
const PUT_OFF = "What means the same has come: it takes its place as soon as you leave the hits.";
/** Below this cosine, all-MiniLM-L6-v2 sees no more than chance between question and passage; other models differ. */
const NEAR = { model: /^all-MiniLM-L6-v2/, scoreMin: 0.2 };
/** While pages come in, a question on the page is asked again at most this often. */
const ASK_AGAIN_MS = 2000;

const root = document.documentElement;
const results = byId("results");

/** @param {Hit[]} hits */
const put = (hits) => showHits(hits, (hit) => webAddress(hit) ?? heldFileUrl(hit.url));

/** The search box, what narrows a search, and the hits below. */
export class Answers {
  /** @type {() => Session | null} */ #session;
  /** @type {ReturnType<typeof searchBox>} */ #box;
  /** @type {Narrowing} */ #narrowing;
  #list = new Steady(byId("hits"));
  /** The question that the early hits on the page answer. */
  #early = "";
  /** How many hits there are, in words. */
  #count = "";
  #askedAt = 0;

  /** @param {() => Session | null} session the one that answers now */
  constructor(session) {
    this.#session = session;
    this.#narrowing = new Narrowing(session, () => this.refresh());
    this.#box = searchBox((query, signal, typing) => this.#answer(query, signal, typing));
  }

  /** @param {string} query */
  ask(query) {
    this.#box.ask(query);
  }

  /** Asks again what stands in the box. */
  again() {
    this.#box.again();
  }

  /** Asks again, if there is a question: the pages are others now. */
  refresh() {
    if (this.#box.query()) this.#box.again();
  }

  /** A question that came before there was an index is asked now: its words are found while the encoder is still loading. */
  opened() {
    if (results.dataset.state === "idle") this.refresh();
  }

  /** Counts the pages anew by which a search can be narrowed. */
  count() {
    void this.#narrowing.count();
  }

  /** A question that stands on the page is answered from the new pages too, unless the reader is among the hits. */
  refreshSometimes() {
    this.#sayCount();
    const session = this.#session();
    if (!session?.encoderReady || session.work.encoded === 0 || results.contains(document.activeElement)) return;
    const through = session.work.settled === session.work.total;
    if (through || performance.now() - this.#askedAt > ASK_AGAIN_MS) this.refresh();
  }

  /**
   * Answers a query; an empty one shows the page at rest.
   * @param {string} query
   * @param {AbortSignal} signal
   * @param {boolean} typing
   */
  async #answer(query, signal, typing) {
    rememberQuery(query);
    const session = this.#session();
    if (!query || !session?.isOpen) return this.#rest(query);
    results.dataset.state = "searching";
    byId("busy").hidden = false;
    byId("chips").hidden = true;
    byId("narrow").hidden = false;
    /** @param {SearchResult} early found by its words, while the encoder is still loading */
    const onHits = (early) => { if (!signal.aborted && !session.encoderReady) this.#showEarly(query, early); };
    if (!session.encoderReady && this.#narrowing.mode !== "keyword") setText(byId("said"), LOADING);
    const options = { ...this.#narrowing.options, limit: HITS_MAX, prefix: typing, signal };
    try {
      const result = await session.search(query, { ...options, onHits });
      if (!signal.aborted) this.#take(query, result, options);
    } catch (error) {
      if (signal.aborted || kindOf(error) === "aborted") return;
      results.dataset.state = "failed";
      results.dataset.query = query;
      byId("busy").hidden = true;
      setText(byId("said"), "");
      showTrouble(UNANSWERED, error);
    }
  }

  /** @param {string} query which waits for the index, if there is one */
  #rest(query) {
    results.dataset.query = "";
    results.dataset.state = "idle";
    byId("busy").hidden = !query || root.dataset.state === "failed";
    byId("chips").hidden = Boolean(query);
    byId("narrow").hidden = !query;
    this.#list.now(() => put([]));
    setText(byId("said"), "");
    this.showAtRest();
  }

  /**
   * @param {string} query
   * @param {SearchResult} early
   */
  #showEarly(query, { hits }) {
    this.#early = query;
    this.#list.now(() => put(hits));
    setText(byId("said"), hits.length === 0 ? LOADING : `${counted(hits.length, "page")} with these words. ${LOADING}`);
    this.showAtRest();
  }

  /**
   * Shows the answer; where it comes in place of early hits among which the reader is, when they are left.
   * @param {string} query
   * @param {SearchResult} result
   * @param {SearchOptions} options
   */
  #take(query, result, options) {
    const show = () => this.#show(query, result, options);
    if (this.#early !== query) return this.#list.now(show);
    this.#early = "";
    if (this.#list.whenLeft(show)) return;
    byId("busy").hidden = true;
    results.dataset.state = "waiting";
    setText(byId("said"), PUT_OFF);
  }

  /**
   * @param {string} query
   * @param {SearchResult} result
   * @param {SearchOptions} options
   */
  #show(query, { hits, status, timing }, options) {
    this.#askedAt = performance.now();
    // Words are found without an encoder too: that it could not be loaded stays to be read.
    clearTrouble(UNANSWERED);
    showStatus(status);
    byId("busy").hidden = true;
    put(hits);
    Object.assign(results.dataset, {
      query, state: "done", encodeMs: timing.encodeMs.toFixed(1), searchMs: timing.searchMs.toFixed(1),
    });
    const isFar = hits.length > 0 && NEAR.model.test(status.model)
      && hits.every(({ bm25, cosine = 1 }) => bm25 === undefined && cosine < NEAR.scoreMin);
    const far = isFar ? "Nothing comes close; these are the nearest. " : "";
    this.#count = `${far}${counted(hits.length, "page")} in ${milliseconds(timing.encodeMs + timing.searchMs)}.`;
    this.#sayCount();
    this.showAtRest();
    const session = this.#session();
    if (hits.length === 0 && options.filter && session) void showWayOut(this.#narrowing, (others) => session.search(query, { ...options, ...others }));
  }

  /** Says how many hits there are, and how many pages are still to come. */
  #sayCount() {
    if (results.dataset.state !== "done") return;
    const toCome = this.#toCome();
    setText(byId("said"), `${this.#count}${toCome > 0 ? ` Pages are still being indexed: ${toCome} to come.` : ""}`);
  }

  /** What stands in place of hits when there are none. */
  showAtRest() {
    const place = byId("empty");
    const [head, text] = this.#restingWords();
    if (place.dataset.says === head + text) return;
    place.dataset.says = head + text;
    place.replaceChildren(...(head ? [element("strong", {}, head), text] : []));
  }

  /** @returns {[string, string]} */
  #restingWords() {
    const asked = Boolean(this.#box.query());
    const pages = Number(root.dataset.pages ?? 0);
    if (byId("hits").childElementCount > 0 || root.dataset.state === "failed") return ["", ""];
    if (asked && results.dataset.state === "searching") return ["", ""];
    if (pages === 0 && this.#toCome() > 0) return ["The first pages are being indexed", "Ask already: the answers come as the pages do."];
    if (pages === 0 && this.#session()?.pagesListed) {
      return ["No pages yet", "Drop some files on this page, choose a folder, or bring the example pages back."];
    }
    const within = inWords(this.#narrowing.picked);
    if (asked && results.dataset.state === "done" && within.length > 0) return [`No hits within ${within.join(", ")}`, " "];
    if (asked && results.dataset.state === "done" && this.#narrowing.mode === "keyword") {
      return ["No hits", "No page has these words. Look for the meaning as well, or for other words."];
    }
    if (asked && results.dataset.state === "done") return ["No hits", "Nothing in the index can answer this. Add pages, or ask in other words."];
    if (asked) return ["", ""];
    return ["Ask as you would ask a friend",
      "The words need not be on the page: Burrow looks for the passage that means the same and marks its best sentence."];
  }

  #toCome() {
    const work = this.#session()?.work;
    return work ? work.total - work.settled : 0;
  }
}
