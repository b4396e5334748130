/** The rows below the box that say how is looked and where: by what, in which order, and within which pages. */
import { Choices } from "./choices.js";
import { byId, setText } from "./dom.js";
import { countsOf, filterOf, inWords, pickedIn, WAYS, without } from "./facets.js";
import { rememberNarrowing } from "./settings.js";

/** @typedef {import("./facets.js").Picked} Picked */
/** @typedef {import("./session.js").Session} Session */
/** @typedef {import("../../pkg/src/types.js").SearchMode} SearchMode */
/** @typedef {import("../../pkg/src/types.js").Sort} Sort */

/** @type {{value: SearchMode, name: string}[]} */
const MODES = [{ value: "hybrid", name: "Meaning and words" }, { value: "semantic", name: "Meaning" }, { value: "keyword", name: "Words" }];
/** @type {{value: Sort, name: string}[]} */
const SORTS = [{ value: "relevance", name: "Best first" }, { value: "newest", name: "Newest" }, { value: "oldest", name: "Oldest" }];

/**
 * One of several; the first where it is none of them.
 * @template {string} T
 * @param {{value: T}[]} choices
 * @param {string | null} asked
 */
const oneOf = (choices, asked) => choices.find(({ value }) => value === asked)?.value ?? choices[0].value;

export class Narrowing {
  /** @type {SearchMode} */ mode;
  /** @type {Sort} */ sort;
  /** @type {Picked} */ picked;
  /** @type {() => Session | null} */ #session;
  #changed;
  /** @type {Map<string, Choices>} */ #rows = new Map();
  #modes = new Choices("mode", "Look for", (mode) => this.#set({ mode: oneOf(MODES, mode) }));
  #sorts = new Choices("sort", "Order", (sort) => this.#set({ sort: oneOf(SORTS, sort) }));
  /** The last counting that was begun: an earlier one that comes later says nothing. */
  #counting = 0;

  /**
   * @param {() => Session | null} session
   * @param {() => void} changed told when the reader has chosen something else
   */
  constructor(session, changed) {
    this.#session = session;
    this.#changed = changed;
    const asked = new URL(location.href).searchParams;
    this.mode = oneOf(MODES, asked.get("mode"));
    this.sort = oneOf(SORTS, asked.get("sort"));
    this.picked = pickedIn(asked);
    for (const { id, label } of WAYS) this.#rows.set(id, new Choices(id, label, (value) => this.pick(id, value)));
    byId("unfilter").addEventListener("click", () => this.clear());
    // There is room for the rows only beside a wide list.
    const wide = matchMedia("(min-width: 861px)");
    const details = /** @type {HTMLDetailsElement} */ (byId("narrow-more"));
    details.open = wide.matches;
    wide.addEventListener("change", () => { details.open = wide.matches; });
    this.#show();
  }

  /** For a search. */
  get options() {
    return { mode: this.mode, sort: this.sort, filter: filterOf(this.picked) };
  }

  /**
   * @param {string} id of a way
   * @param {string} value empty: any
   */
  pick(id, value) {
    const others = without(this.picked, id);
    this.#set({ picked: value === "" ? others : { ...others, [id]: value } });
  }

  /** Narrows by nothing. */
  clear() {
    this.#set({ picked: {} });
    byId("query").focus();
  }

  /** Counts anew: the pages are others now, or something else is picked. */
  async count() {
    const session = this.#session();
    if (!session?.isOpen) return;
    const turn = this.#counting += 1;
    // Counts that cannot be had are no trouble of their own: the search that fails as well says it.
    const counts = await countsOf((query, options) => session.search(query, options), this.picked).catch(() => null);
    if (!counts || turn !== this.#counting) return;
    for (const { id, name } of WAYS) {
      const values = (counts.get(id) ?? []).map(({ value, count }) => ({ value, name: name(value), count }));
      this.#rows.get(id)?.show(values.length === 0 ? [] : [{ value: "", name: "Any" }, ...values], this.picked[id] ?? "");
    }
  }

  /** @param {Partial<Pick<Narrowing, "mode" | "sort" | "picked">>} choice */
  #set(choice) {
    Object.assign(this, choice);
    rememberNarrowing({ mode: this.mode === MODES[0].value ? "" : this.mode, sort: this.sort === SORTS[0].value ? "" : this.sort }, this.picked);
    this.#show();
    this.#changed();
    void this.count();
  }

  #show() {
    this.#modes.show(MODES, this.mode);
    this.#sorts.show(SORTS, this.sort);
    setText(byId("narrowed"), inWords(this.picked).map((pick) => ` · ${pick}`).join(""));
    byId("unfilter").hidden = Object.keys(this.picked).length === 0;
  }
}
