/**
 * The choice of a model: a list of those that are served, and a field for the address of another folder. Nothing is loaded
 * until the button says so: the arrow keys go through the list, and every model on the way would be loaded.
 */
import { byId, element, setText } from "./dom.js";
import { checkFolder, listedModels, modelLine, unlistedModel } from "./models.js";

/** @typedef {import("./models.js").Model} Model */

/** The value of the entry that asks for an address; no folder has it. */
const OTHER = "";

/**
 * @param {(href: string) => void} use called with the folder of the model that the reader chose
 * @returns {{show: (href: string) => void, refuse: (typed: string, problem: string) => void}} `show` says which model is in
 *   use; `refuse` that an address cannot be used
 */
export function modelPicker(use) {
  const select = /** @type {HTMLSelectElement} */ (byId("model"));
  const field = /** @type {HTMLInputElement} */ (byId("model-folder"));
  /** @type {Map<string, Model>} */
  const models = new Map();
  /** @type {string | null} */
  let inUse = null;

  const choose = (/** @type {string} */ value) => {
    const lines = [...models.values()].map((model) => element("option", { value: model.href }, modelLine(model)));
    select.replaceChildren(...lines, element("option", { value: OTHER }, "Other folder …"));
    select.value = value;
    showChoice();
  };
  const showChoice = () => {
    byId("other").hidden = select.value !== OTHER;
    byId("model-change").hidden = select.value === inUse;
  };
  const refuse = (/** @type {string} */ problem) => {
    field.setAttribute("aria-invalid", String(problem !== ""));
    setText(byId("model-problem"), problem);
  };

  select.addEventListener("change", showChoice);
  field.addEventListener("input", () => refuse(""));
  byId("model-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const folder = select.value === OTHER ? checkFolder(field.value, location.href) : { href: select.value };
    refuse("problem" in folder ? folder.problem : "");
    if ("problem" in folder) return field.focus();
    // The button goes away: without this, the keyboard would be sent to the top of the page.
    select.focus();
    if (folder.href !== inUse) use(folder.href);
    else choose(folder.href);
  });
  void listedModels(location.href).then((listed) => {
    const before = [...models.values()];
    models.clear();
    for (const model of [...listed, ...before]) if (!models.has(model.href)) models.set(model.href, model);
    choose(select.value);
  });
  return {
    show: (href) => {
      inUse = href;
      if (!models.has(href)) models.set(href, unlistedModel(href));
      choose(href);
    },
    refuse: (typed, problem) => {
      choose(OTHER);
      field.value = typed;
      refuse(problem);
    },
  };
}
