/** A lock whose holders take turns: the urgent first, else in the order in which they came. */

/** Runs one piece of work at a time. */
export class Turns {
  readonly #urgent: (() => void)[] = [];
  readonly #patient: (() => void)[] = [];
  #taken = false;

  /** Runs the work when its turn comes, and gives what it gives. A failure does not keep the next from its turn. */
  async run<T>(work: () => T | Promise<T>, { urgent = false } = {}): Promise<T> {
    if (this.#taken) await new Promise<void>((turn) => (urgent ? this.#urgent : this.#patient).push(turn));
    this.#taken = true;
    try {
      return await work();
    } finally {
      this.#pass();
    }
  }

  /** The lock stays taken while it is handed over, so that nobody slips in between. */
  #pass(): void {
    const next = this.#urgent.shift() ?? this.#patient.shift();
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
