/** The page's end of the wire: every request settles exactly once, whatever becomes of the worker. */
import { aborted, type BurrowError } from "./error.js";
import {
  type AnyAnswer, type Ask, type Calls, type CallType, type FromWorker, fromWire, isAnswerTo, type ToWorker,
} from "./protocol.js";
import type { Progress } from "./types.js";

/** What a `Worker` and a `MessagePort` have in common. */
export interface Port {
  postMessage(message: unknown, transfer: Transferable[]): void;
  addEventListener(type: "message", listener: (event: MessageEvent<FromWorker>) => void): void;
  removeEventListener(type: "message", listener: (event: MessageEvent<FromWorker>) => void): void;
}

/** What may go with a request. */
export interface CallOptions {
  signal?: AbortSignal | undefined;
  /** Buffers to move instead of copying them. */
  transfer?: Transferable[];
}

/** What the page does for its worker. */
export interface PageSide {
  /** Says when the page is idle, or no longer. */
  watch(isOn: boolean): void;
  /** Keeps what is noted of an index. */
  note(name: string, text: string | null): void;
  /** The encoding of a page that waited is begun: says for how many times. */
  begun(url: string): number;
  /** It has ended. */
  ended(url: string): void;
}

/** A request that waits for its answer. */
interface Waiting {
  answered: (answer: AnyAnswer) => void;
  failed: (error: BurrowError) => void;
}

/** Requests through a port. */
export class Wire {
  readonly #port: Port;
  readonly #onProgress: (progress: Progress) => void;
  readonly #onDeath: (error: BurrowError) => void;
  readonly #page: Partial<PageSide>;
  readonly #waiting = new Map<number, Waiting>();
  readonly #listener = (event: MessageEvent<FromWorker>) => this.#receive(event.data);
  #nextId = 1;
  #end: BurrowError | null = null;

  constructor(port: Port, onProgress: (progress: Progress) => void, onDeath: (error: BurrowError) => void, page: Partial<PageSide> = {}) {
    this.#port = port;
    this.#onProgress = onProgress;
    this.#onDeath = onDeath;
    this.#page = page;
    port.addEventListener("message", this.#listener);
  }

  /**
   * Asks, and settles when the answer or a failure comes, when the signal aborts, or when the wire ends: whichever is first.
   */
  call<T extends CallType>(type: T, ask: Calls[T]["ask"], options: CallOptions = {}): Promise<Calls[T]["answer"]> {
    if (this.#end) return Promise.reject(this.#end);
    if (options.signal?.aborted) return Promise.reject(aborted());
    return this.#request(type, ask, options);
  }

  #request<T extends CallType>(type: T, ask: Calls[T]["ask"], { signal, transfer = [] }: CallOptions): Promise<Calls[T]["answer"]> {
    const id = this.#nextId++;
    const request: Ask<T> = { id, type, ask };
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        this.#take(id)?.failed(aborted());
        this.#post({ type: "abort", id }, []);
      };
      const settled = () => signal?.removeEventListener("abort", onAbort);
      this.#waiting.set(id, {
        answered: (answer) => {
          settled();
          if (isAnswerTo(type, answer)) resolve(answer.answer);
          else reject(fromWire({ kind: "worker", message: `A ${type} was answered by a ${answer.type}.`, stack: "" }));
        },
        failed: (error) => {
          settled();
          reject(error);
        },
      });
      signal?.addEventListener("abort", onAbort);
      this.#send(id, request, transfer);
    });
  }

  /** Tells the worker that the page is idle. */
  idle(forMs: number): void {
    if (!this.#end) this.#post({ type: "idle", forMs }, []);
  }

  /** Rejects all that waits and all that is asked later. The first reason given counts for the latter. */
  end(error: BurrowError): void {
    this.#end ??= error;
    this.#port.removeEventListener("message", this.#listener);
    this.#page.watch?.(false);
    this.#failAll(error);
  }

  /**
   * Has the worker close as the last thing asked of it; all else that waits is rejected at once. Resolves when the worker has
   * closed or died.
   */
  async close(error: BurrowError): Promise<void> {
    if (this.#end) return;
    this.#end = error;
    this.#failAll(error);
    await this.#request("close", {}, {}).catch(() => {});
    this.end(error);
  }

  /** What cannot be cloned is the caller's mistake, and the request's own failure. */
  #send<T extends CallType>(id: number, request: Ask<T>, transfer: Transferable[]): void {
    try {
      this.#post(request, transfer);
    } catch (thrown) {
      const message = `The ${request.type} request cannot be sent to the worker (${String(thrown)}).`;
      this.#take(id)?.failed(fromWire({ kind: "input", message, stack: "" }));
    }
  }

  #post<T extends CallType>(message: Ask<T> | Exclude<ToWorker, { ask: unknown }>, transfer: Transferable[]): void {
    this.#port.postMessage(message, transfer);
  }

  #receive(message: FromWorker): void {
    if (message.type === "progress") this.#onProgress(message.progress);
    else if (message.type === "watch") this.#page.watch?.(message.isOn);
    else if (message.type === "note") this.#page.note?.(message.name, message.text);
    else if (message.type === "begun") this.#post({ type: "tries", count: this.#page.begun?.(message.url) ?? 1 }, []);
    else if (message.type === "ended") this.#page.ended?.(message.url);
    else if (message.type === "died") this.#onDeath(fromWire(message.error));
    else if (message.type === "failure") this.#take(message.id)?.failed(fromWire(message.error));
    else this.#take(message.id)?.answered(message);
  }

  #failAll(error: BurrowError): void {
    for (const id of [...this.#waiting.keys()]) this.#take(id)?.failed(error);
  }

  /** Whoever takes a request settles it; it can be taken once. */
  #take(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    return waiting;
  }
}
