/** Questions and their answers: asks the open index, and shows the hits or what stands in their place. */
import { byId, element, setText } from "./dom.js";
import { showStatus } from "./engine.js";
import { heldFileUrl } from "./files.js";
import { showHits, webAddress } from "./hits.js";
import { searchBox } from "./search-box.js";
import { rememberQuery } from "./settings.js";
import { counted, milliseconds } from "./text.js";
import { clearTrouble, kindOf, showTrouble } from "./trouble.js";

/** @typedef {import("./session.js").Session} Session */
/** @typedef {import("../../pkg/src/types.js").SearchResult} SearchResult */

const HITS_MAX = 10;
const LOADING = "The encoder is still loading: what means the same comes as soon as it is there.";
/** Below this cosine, all-MiniLM-L6-v2 sees no more than chance between question and passage; other models differ. */
const NEAR = { model: /^all-MiniLM-L6-v2/, scoreMin: 0.2 };
/** While pages come in, a question on the page is asked again at most this often. */
const ASK_AGAIN_MS = 2000;

const root = document.documentElement;
const results = byId("results");

/** The search box and the hits below it. */
export class Answers {
  /** @type {() => Session | null} */ #session;
  /** @type {ReturnType<typeof searchBox>} */ #box;
  #askedAt = 0;

  /** @param {() => Session | null} session the one that answers now */
  constructor(session) {
    this.#session = session;
    this.#box = searchBox((query, signal) => this.#answer(query, signal));
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

  /** A question that stands on the page is answered from the new pages too, unless the reader is among the hits. */
  refreshSometimes() {
    const session = this.#session();
    if (!session?.encoderReady || session.work.encoded === 0 || results.contains(document.activeElement)) return;
    const through = session.work.settled === session.work.total;
    if (through || performance.now() - this.#askedAt > ASK_AGAIN_MS) this.refresh();
  }

  /**
   * Answers a query; an empty one shows the page at rest.
   * @param {string} query
   * @param {AbortSignal} signal
   */
  async #answer(query, signal) {
    rememberQuery(query);
    const session = this.#session();
    if (!query || !session?.isOpen) return this.#rest(query);
    results.dataset.state = "searching";
    byId("busy").hidden = false;
    /** @param {SearchResult} early found by its words, while the encoder is still loading */
    const onHits = (early) => { if (!signal.aborted && !session.encoderReady) this.#showEarly(early); };
    if (!session.encoderReady) setText(byId("said"), LOADING);
    try {
      const result = await session.search(query, { limit: HITS_MAX, signal, onHits });
      if (!signal.aborted) this.#show(query, result);
    } catch (error) {
      if (signal.aborted || kindOf(error) === "aborted") return;
      results.dataset.state = "failed";
      results.dataset.query = query;
      byId("busy").hidden = true;
      setText(byId("said"), "");
      showTrouble("The question could not be answered", error);
    }
  }

  /** @param {string} query which waits for the index, if there is one */
  #rest(query) {
    results.dataset.query = "";
    results.dataset.state = "idle";
    byId("busy").hidden = !query || root.dataset.state === "failed";
    showHits([], webAddress);
    setText(byId("said"), "");
    this.showAtRest();
  }

  /** @param {SearchResult} early */
  #showEarly({ hits }) {
    showHits(hits, (hit) => webAddress(hit) ?? heldFileUrl(hit.url));
    setText(byId("said"), hits.length === 0 ? LOADING : `${counted(hits.length, "page")} with these words. ${LOADING}`);
    this.showAtRest();
  }

  /**
   * @param {string} query
   * @param {SearchResult} result
   */
  #show(query, { hits, status, timing }) {
    this.#askedAt = performance.now();
    clearTrouble();
    showStatus(status);
    byId("busy").hidden = true;
    showHits(hits, (hit) => webAddress(hit) ?? heldFileUrl(hit.url));
    Object.assign(results.dataset, {
      query, state: "done", encodeMs: timing.encodeMs.toFixed(1), searchMs: timing.searchMs.toFixed(1),
    });
    const isFar = hits.length > 0 && NEAR.model.test(status.model)
      && hits.every(({ bm25, cosine = 1 }) => bm25 === undefined && cosine < NEAR.scoreMin);
    const far = isFar ? "Nothing comes close; these are the nearest. " : "";
    const toCome = this.#toCome();
    const partly = toCome > 0 ? ` Pages are still being indexed: ${toCome} to come.` : "";
    setText(byId("said"), `${far}${counted(hits.length, "page")} in ${milliseconds(timing.encodeMs + timing.searchMs)}.${partly}`);
    this.showAtRest();
  }

  /** What stands in place of hits when there are none. */
  showAtRest() {
    const place = byId("empty");
    const [head, text] = this.#restingWords();
    if (place.textContent === head + text) return;
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
