/** How many pages the browser has lost, as long as there are fewer. */
import type { Index } from "./modules.js";
import type { Note } from "./note.js";
import type { Turns } from "./turns.js";

/** Compares what is there with what is noted. */
export class Loss {
  readonly #index: Index;
  readonly #storing: Turns;
  /** What is known outside of the database; null where there is none. */
  readonly #note: Note | null;
  /** How many pages there were when the browser lost some of them, as the tab that writes has it. */
  lost: number;

  constructor(index: Index, storing: Turns, note: Note | null) {
    this.#index = index;
    this.#storing = storing;
    this.#note = note;
    this.lost = note?.lost ?? 0;
  }

  /** The index is about to change. */
  changed(): void {
    this.#note?.changed();
  }

  /** Notes how many pages there are. */
  seen(isAtRest: boolean): void {
    // The index may be closed meanwhile.
    this.#storing.run(() => {
      const count = countOf(this.#index);
      this.of(count);
      this.#note?.seen(count, isAtRest);
    }).catch(() => {});
  }

  /** What was lost, where so many pages are there: nothing, once as many are there again. */
  of(count: number): number {
    if (count >= this.lost) this.lost = 0;
    return this.lost;
  }

  /** The reader has removed everything, or has taken note of it. To be called in a turn of the index. */
  settled(): void {
    this.lost = 0;
    this.#note?.settled(countOf(this.#index));
  }
}

/** Pages that are there, indexed or waiting. To be called in a turn of the index. */
export function countOf(index: Index): number {
  return index.status().pages + index.queued().waiting;
}

export function lostReason(lost: number, pages: number): string {
  return `The browser has lost pages of this index: there were ${lost}, and ${pages} are there. It deletes a database that it finds damaged `
    + "after a crash, or when room gets scarce. Add the pages again; clear() or repair() ends this message.";
}
