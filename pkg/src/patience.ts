/** How long a download is waited for, and how often it is tried again. */

/** Times in milliseconds. */
export interface Patience {
  /** How often in a row a file is tried without getting on. */
  triesMax: number;
  /** The pause before the second try; each further one is twice as long. */
  pauseMs: number;
  /** A server's `Retry-After` is honoured up to here. */
  retryAfterMsMax: number;
  /** After so long without a byte, the connection is taken for dead. */
  stallMs: number;
}

/** Four pauses, of 7.5 s together: enough for a phone that changes from one network to the next. */
export const PATIENCE: Patience = { triesMax: 5, pauseMs: 500, retryAfterMsMax: 10_000, stallMs: 30_000 };

/** Waits, or rejects with the signal's reason as soon as it aborts. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
  });
}

/** A signal that aborts with another one, and when nothing has been noticed for a while. */
export class Watch {
  readonly #controller = new AbortController();
  readonly #outer: AbortSignal;
  readonly #onOuter = () => this.#controller.abort(this.#outer.reason);
  readonly #stallMs: number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Whether nothing was noticed for too long. */
  isStalled = false;

  constructor(outer: AbortSignal, stallMs: number) {
    this.#outer = outer;
    this.#stallMs = stallMs;
    outer.addEventListener("abort", this.#onOuter);
    if (outer.aborted) this.#onOuter();
    this.notice();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Something came: the time begins anew. */
  notice(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.isStalled = true;
      this.#controller.abort();
    }, this.#stallMs);
  }

  /** Ends the watch and whatever still uses the signal: of an answer that is not read to its end, the connection. */
  end(): void {
    clearTimeout(this.#timer);
    this.#outer.removeEventListener("abort", this.#onOuter);
    this.#controller.abort();
  }
}
