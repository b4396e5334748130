/** A row of choices of which one holds: radio buttons in the look of chips, each with a count where there is one. */
import { byId, element, setText } from "./dom.js";

/** @typedef {{value: string, name: string, count?: number}} Choice */

/** One row: a label and its choices, one of them chosen. The first is the usual one, and shown less loudly when it is chosen. */
export class Choices {
  #id;
  #row;
  #options;
  /** @type {(value: string) => void} */ #choose;

  /**
   * @param {string} id
   * @param {string} label
   * @param {(value: string) => void} choose told when the reader has chosen
   */
  constructor(id, label, choose) {
    this.#id = id;
    this.#choose = choose;
    this.#options = element("div", { className: "options" });
    this.#row = element("div", { className: "choices", id: `choices-${id}`, role: "radiogroup", aria: { labelledby: `label-${id}` } },
      element("span", { className: "label", id: `label-${id}` }, label), this.#options);
    this.#row.addEventListener("change", (event) => this.#choose(/** @type {HTMLInputElement} */ (event.target).value));
    byId("narrow-rows").append(this.#row);
  }

  /**
   * Shows the choices. Those that stay keep their place on the page and the focus; with fewer than two, the row is not shown.
   * @param {Choice[]} choices
   * @param {string} chosen
   */
  show(choices, chosen) {
    this.#row.hidden = choices.length < 2;
    const before = new Map([...this.#options.children].map((child) => [inputOf(child).value, child]));
    const items = choices.map((choice) => before.get(choice.value) ?? this.#item(choice));
    const isSame = items.length === before.size && items.every((item, at) => item === this.#options.children[at]);
    const focused = document.activeElement;
    if (!isSame) this.#options.replaceChildren(...items);
    choices.forEach(({ value, name, count }, at) => {
      inputOf(items[at]).checked = value === chosen;
      items[at].classList.toggle("usual", at === 0);
      setText(/** @type {HTMLElement} */ (items[at].querySelector(".name")), name);
      setText(/** @type {HTMLElement} */ (items[at].querySelector(".count")), count === undefined ? "" : String(count));
    });
    if (focused instanceof HTMLElement && this.#options.contains(focused)) focused.focus();
  }

  /** @param {Choice} choice */
  #item({ value }) {
    const input = element("input", { type: "radio", name: this.#id, value });
    return element("label", {}, input, element("span", { className: "chip" },
      element("span", { className: "name" }), " ", element("span", { className: "count" })));
  }
}

/** @param {Element} item */
function inputOf(item) {
  return /** @type {HTMLInputElement} */ (item.querySelector("input"));
}
