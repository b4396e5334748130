/** The way out where filters leave no hits: which of them hides how many, and a button that takes it off. */
import { byId, element } from "./dom.js";
import { filterOf, inWords, without } from "./facets.js";
import { counted, HITS_MAX } from "./text.js";

/** @typedef {import("./narrow.js").Narrowing} Narrowing */
/** @typedef {import("../../pkg/src/types.js").SearchOptions} SearchOptions */
/** @typedef {import("../../pkg/src/types.js").SearchResult} SearchResult */

/** @param {number} count */
const hitsOf = (count) => (count >= HITS_MAX ? `${count} hits or more` : counted(count, "hit"));

/**
 * Asks again without each of the filters, and offers to take off those that hide hits; all of them, where none does alone.
 * @param {Narrowing} narrowing
 * @param {(others: SearchOptions) => Promise<SearchResult>} search
 */
export async function showWayOut(narrowing, search) {
  const { picked } = narrowing;
  const place = element("div", { className: "buttons" });
  byId("empty").append(place);
  const hidden = await Promise.all(Object.keys(picked).map(async (id) => {
    const { hits } = await search({ filter: filterOf(without(picked, id)) });
    return { id, count: hits.length };
  })).catch(() => []);
  // Another question has been answered meanwhile, or a newer one ended these.
  if (!place.isConnected) return;
  const hiding = hidden.filter(({ count }) => count > 0);
  for (const { id, count } of hiding) {
    const [name] = inWords({ [id]: picked[id] });
    const button = element("button", { type: "button" }, `Take off ${name} (${hitsOf(count)})`);
    button.addEventListener("click", () => narrowing.pick(id, ""));
    place.append(button);
  }
  if (hiding.length > 0) return;
  const { hits } = await search({ filter: undefined }).catch(() => ({ hits: [] }));
  if (!place.isConnected) return;
  if (hits.length === 0) return place.replaceWith("Nor are there any without the filters: ask in other words, or look for the meaning as well.");
  const button = element("button", { type: "button" }, `Clear the filters (${hitsOf(hits.length)})`);
  button.addEventListener("click", () => narrowing.clear());
  place.append(button);
}
