/** The lock that makes one tab the writer. The browser gives it back when the tab goes, however it goes. */

/** A lock of a name, by the Web Locks of the browser. */
export class TabLock {
  readonly #name: string;
  readonly #held: Promise<void>;
  readonly #ending = new AbortController();
  #release: () => void = () => {};

  constructor(name: string) {
    this.#name = name;
    this.#held = new Promise((release) => (this.#release = release));
  }

  /** Takes the lock if nobody has it. */
  tryTake(): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const held = (lock: Lock | null) => {
        resolve(lock !== null);
        return lock ? this.#held : undefined;
      };
      navigator.locks.request(this.#name, { ifAvailable: true }, held).catch(reject);
    });
  }

  /** Waits until it is this tab's turn. Stays unsettled where the lock is given up before. */
  take(): Promise<void> {
    return new Promise((resolve) => {
      const held = () => {
        resolve();
        return this.#held;
      };
      navigator.locks.request(this.#name, { signal: this.#ending.signal }, held).catch(() => {});
    });
  }

  /** Gives it back, or up. */
  release(): void {
    this.#ending.abort();
    this.#release();
  }
}
