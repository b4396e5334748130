/** The list does not move under a pointer or a focus: better hits wait until it is left. */

/** Whether the reader is in a list; hits that come meanwhile in place of those shown are put off. */
export class Steady {
  #list;
  #isPointed = false;
  /** @type {(() => void) | null} */ #putOff = null;

  /** @param {HTMLElement} list */
  constructor(list) {
    this.#list = list;
    // A finger points at nothing once it is lifted.
    list.addEventListener("pointerenter", ({ pointerType }) => { this.#isPointed = pointerType !== "touch"; });
    list.addEventListener("pointerleave", () => { this.#isPointed = false; this.#release(); });
    list.addEventListener("focusout", ({ relatedTarget }) => {
      if (!list.contains(/** @type {Node | null} */ (relatedTarget))) this.#release();
    });
  }

  /**
   * Does it now, or as soon as the list is left, unless something else is to be done before.
   * @param {() => void} act
   * @returns {boolean} whether it was done
   */
  whenLeft(act) {
    if (this.#list.childElementCount > 0 && (this.#isPointed || this.#list.contains(document.activeElement))) {
      this.#putOff = act;
      return false;
    }
    this.now(act);
    return true;
  }

  /**
   * Does it now; what was put off is out of date.
   * @param {() => void} act
   */
  now(act) {
    this.#putOff = null;
    act();
  }

  #release() {
    // The focus has left only after the event.
    queueMicrotask(() => {
      if (this.#putOff && !this.#isPointed && !this.#list.contains(document.activeElement)) this.now(this.#putOff);
    });
  }
}
