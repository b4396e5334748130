/** The index as a file, on the worker's side: one call of the index at a time, and queries go before the next part. */
import type { Index } from "./modules.js";
import type { Turns } from "./turns.js";
import type { ImportResult } from "./types.js";

/** Exports and imports, by the numbers that the index gives them. */
export class Transfers {
  readonly #index: Index;
  readonly #storing: Turns;
  readonly #onChange: () => void;

  /** `onChange` is called when pages have been taken in. */
  constructor(index: Index, storing: Turns, onChange: () => void) {
    this.#onChange = onChange;
    this.#index = index;
    this.#storing = storing;
  }

  exportBegin(): Promise<number> {
    return this.#storing.run(() => this.#index.exportBegin());
  }

  async exportNext(number: number): Promise<Uint8Array | null> {
    return await this.#storing.run(() => this.#index.exportNext(number)) ?? null;
  }

  /** Only when it is known with which model the index is made. */
  importBegin(): Promise<number> {
    return this.#storing.run(() => this.#index.importBegin());
  }

  importPush(number: number, bytes: Uint8Array, signal: AbortSignal): Promise<ImportResult> {
    return this.#storing.run(() => {
      signal.throwIfAborted();
      return this.#index.importPush(number, bytes);
    }).finally(this.#onChange);
  }

  importEnd(number: number): Promise<ImportResult> {
    return this.#storing.run(() => this.#index.importEnd(number));
  }

  end(number: number): Promise<null> {
    return this.#storing.run(() => {
      this.#index.transferEnd(number);
      return null;
    });
  }
}
