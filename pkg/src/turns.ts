/** A lock whose holders take turns: the urgent first, else in the order in which they came. */

/** Work that can wait for others hears of them so often, in milliseconds. */
const HEARS_EVERY_MS = 25;

/** Runs one piece of work at a time. */
export class Turns {
  readonly #between: (() => void)[] = [];
  readonly #urgent: (() => void)[] = [];
  readonly #patient: (() => void)[] = [];
  #taken = false;
  /** Gives the turn back to the one who has lent it. */
  #back: (() => void) | null = null;
  #heard = 0;

  /**
   * Runs the work when its turn comes, and gives what it gives. A failure does not keep the next from its turn. Work `between`
   * is urgent, and also done in the midst of a turn that is lent.
   */
  async run<T>(work: () => T | Promise<T>, { urgent = false, between = false } = {}): Promise<T> {
    if (this.#taken) await new Promise<void>((turn) => (between ? this.#between : urgent ? this.#urgent : this.#patient).push(turn));
    this.#taken = true;
    try {
      return await work();
    } finally {
      this.#pass();
    }
  }

  /** Lends the turn that is running to all work `between` that waits. Nothing where it is too early to look for such. */
  lend(): Promise<void> | undefined {
    if (this.#between.length === 0 && performance.now() - this.#heard < HEARS_EVERY_MS) return undefined;
    return this.#lent();
  }

  async #lent(): Promise<void> {
    await messagesHandled();
    this.#heard = performance.now();
    const first = this.#between.shift();
    if (!first) return;
    await new Promise<void>((back) => {
      this.#back = back;
      first();
    });
  }

  /** The lock stays taken while it is handed over, so that nobody slips in between. */
  #pass(): void {
    const back = this.#between.length === 0 ? this.#back : null;
    if (back) this.#back = null;
    const next = back ?? this.#between.shift() ?? this.#urgent.shift() ?? this.#patient.shift();
    if (next) next();
    else this.#taken = false;
  }
}

/**
 * Waits until the messages that have come in are handled. Promises alone do not let them in: a worker that only awaits
 * what is ready at once would hear of a query or an abort when all its work is done.
 */
export function messagesHandled(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}

/** What the work gives or, as soon as the signal aborts, its reason: also while the work waits for its turn. */
export function settledOrAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const end = () => reject(signal.reason);
    work.finally(() => signal.removeEventListener("abort", end)).then(resolve, (thrown: unknown) => {
      reject(thrown);
      // A trap ends the worker, also where nobody waits any more.
      if (signal.aborted && thrown instanceof WebAssembly.RuntimeError) throw thrown;
    });
    signal.addEventListener("abort", end);
    if (signal.aborted) end();
  });
}

/** What the work gives, and how long it took in milliseconds. */
export async function timed<T>(work: () => Promise<T>): Promise<[T, number]> {
  const begun = performance.now();
  const value = await work();
  return [value, performance.now() - begun];
}
