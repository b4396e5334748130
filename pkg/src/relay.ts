/** Calls from one tab to another, over a channel that all tabs of an index hear. */
import type { EncoderStatus, QueryVector } from "./encoding.js";
import { aborted, BurrowError } from "./error.js";
import { type Calls, fromWire, toWire, type WireError } from "./protocol.js";
import type { QueueSettings } from "./queue.js";
import type { Progress } from "./types.js";

/** What a tab has the writer do. All but `clear` can be done twice without harm, so what was not answered is asked again. */
export interface RelayedCalls extends Pick<Calls, "add" | "enqueue" | "queue" | "remove" | "removeWhere" | "clear" | "repair" | "compact"> {
  vector: { ask: { query: string }; answer: QueryVector };
}

export type RelayedType = keyof RelayedCalls;

/** Does what is asked for. */
export type Handlers = {
  [T in RelayedType]: (ask: RelayedCalls[T]["ask"], signal: AbortSignal) => Promise<RelayedCalls[T]["answer"]>;
};

/** What the writer says of itself, as often as it changes. */
export interface WriterState {
  /** The folder of its model. */
  model: string;
  encoder: EncoderStatus;
  /** Why its encoder could not be loaded. */
  failure: WireError | null;
  settings: QueueSettings;
  /** How long the pages that wait will take, where the writer has said so. */
  secondsLeft: number | null;
  /** How many pages there were when the browser lost some of them. */
  lost: number;
}

interface Ask<T extends RelayedType> {
  type: "ask";
  /** Whom it is for, whom the answer is for, and which of the latter's calls it is. */
  writer: string;
  from: string;
  id: number;
  call: T;
  ask: RelayedCalls[T]["ask"];
}

interface Answer<T extends RelayedType> {
  type: "answer";
  to: string;
  id: number;
  call: T;
  answer: RelayedCalls[T]["answer"];
}

type AnyAsk = { [T in RelayedType]: Ask<T> }[RelayedType];
type AnyAnswer = { [T in RelayedType]: Answer<T> }[RelayedType];
type Failure = { type: "failure"; to: string; id: number; error: WireError };
type Abort = { type: "abort"; writer: string; from: string; id: number };

/** All that crosses the channel. `hello`: a tab has come, and asks who writes. */
export type Message =
  | AnyAsk | AnyAnswer | Failure | Abort
  | { type: "hello" }
  | { type: "writer"; writer: string; state: WriterState }
  | { type: "progress"; writer: string; progress: Progress };

type Post = (message: Message | Ask<RelayedType> | Answer<RelayedType>) => void;

/** A call is asked of so many writers at most: one that brings its writer down must not bring down all tabs. */
const WRITERS_MAX = 3;

/** A call that waits for its answer. */
interface Waiting {
  call: RelayedType;
  /** Of how many writers it has been asked. */
  writers: number;
  post: (writer: string) => void;
  run: (handlers: Handlers) => Promise<void>;
  answered: (answer: AnyAnswer) => void;
  failed: (error: BurrowError) => void;
}

/** A follower's end: every call settles once, whichever tab answers it in the end. */
export class Relay {
  readonly #tab: string;
  readonly #post: Post;
  /** In the order in which they came. */
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 1;
  #writer: string | null = null;

  constructor(tab: string, post: Post) {
    this.#tab = tab;
    this.#post = post;
  }

  /** Has the writer do something, as soon as there is one. */
  call<T extends RelayedType>(call: T, ask: RelayedCalls[T]["ask"], signal: AbortSignal): Promise<RelayedCalls[T]["answer"]> {
    if (signal.aborted) return Promise.reject(aborted());
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        this.#take(id)?.failed(aborted());
        if (this.#writer !== null) this.#post({ type: "abort", writer: this.#writer, from: this.#tab, id });
      };
      const settled = () => signal.removeEventListener("abort", onAbort);
      signal.addEventListener("abort", onAbort);
      const waiting: Waiting = {
        call, writers: 0,
        post: (writer) => this.#post({ type: "ask", writer, from: this.#tab, id, call, ask }),
        run: (handlers) => handlers[call](ask, signal).then(resolve, reject).finally(settled),
        answered: (answer) => {
          settled();
          if (isAnswerTo(call, answer)) resolve(answer.answer);
          else reject(fromWire({ kind: "worker", message: `A ${call} was answered by a ${answer.call}.`, stack: "" }));
        },
        failed: (error) => {
          settled();
          reject(error);
        },
      };
      this.#waiting.set(id, waiting);
      if (this.#writer !== null) this.#send(id, this.#writer);
    });
  }

  /** A writer has made itself known: one that is new is asked all that the last one has not answered. */
  follow(writer: string): void {
    if (writer === this.#writer) return;
    this.#writer = writer;
    for (const id of [...this.#waiting.keys()]) this.#send(id, writer);
  }

  /** Takes an answer that is for this tab. */
  settle(message: AnyAnswer | Failure): void {
    if (message.to !== this.#tab) return;
    if (message.type === "failure") this.#take(message.id)?.failed(fromWire(message.error));
    else this.#take(message.id)?.answered(message);
  }

  /** This tab writes from now on: does itself what has not been answered. */
  takeOver(handlers: Handlers): void {
    this.#writer = null;
    for (const id of [...this.#waiting.keys()]) if (this.#mayAsk(id)) void this.#take(id)?.run(handlers);
  }

  /** How many calls of a type wait. */
  count(type: RelayedType): number {
    return [...this.#waiting.values()].filter(({ call }) => call === type).length;
  }

  /** Ends the calls that wait, of these types. */
  end(error: BurrowError, isMeant: (call: RelayedType) => boolean = () => true): void {
    for (const [id, { call }] of [...this.#waiting]) if (isMeant(call)) this.#take(id)?.failed(error);
  }

  /** Counts, and ends a call that was asked too often. */
  #mayAsk(id: number): boolean {
    const waiting = this.#waiting.get(id);
    if (!waiting) return false;
    waiting.writers += 1;
    if (waiting.writers <= WRITERS_MAX) return true;
    const message = `${WRITERS_MAX} tabs that were asked to do this (${waiting.call}) went before they had answered. Try again, or give less.`;
    this.#take(id)?.failed(new BurrowError("worker", message));
    return false;
  }

  /** What cannot be cloned is the call's own failure. */
  #send(id: number, writer: string): void {
    if (!this.#mayAsk(id)) return;
    try {
      this.#waiting.get(id)?.post(writer);
    } catch (thrown) {
      const message = `The request cannot be sent to the tab that encodes (${String(thrown)}).`;
      this.#take(id)?.failed(fromWire({ kind: "input", message, stack: "" }));
    }
  }

  /** Whoever takes a call settles it; it can be taken once. */
  #take(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    return waiting;
  }
}

/** The writer's end: does what other tabs ask of it. */
export class Service {
  readonly #tab: string;
  readonly #handlers: Handlers;
  readonly #post: Post;
  readonly #running = new Map<string, AbortController>();
  #isEnded = false;

  constructor(tab: string, handlers: Handlers, post: Post) {
    this.#tab = tab;
    this.#handlers = handlers;
    this.#post = post;
  }

  /** Takes what is for this tab. */
  async take(message: AnyAsk | Abort): Promise<void> {
    const { writer, from, id } = message;
    if (writer !== this.#tab || this.#isEnded) return;
    const name = `${from} ${id}`;
    if (message.type === "abort") {
      this.#running.get(name)?.abort(aborted());
      return;
    }
    const controller = new AbortController();
    this.#running.set(name, controller);
    try {
      this.#answer(await this.#handle(message, controller.signal));
    } catch (thrown) {
      // A trap ends the worker; the next writer is asked again.
      if (thrown instanceof WebAssembly.RuntimeError) throw thrown;
      this.#answer({ type: "failure", to: from, id, error: toWire(thrown) });
    } finally {
      this.#running.delete(name);
    }
  }

  /** Answers nothing any more: what is under way will be asked of the next writer. */
  end(): void {
    this.#isEnded = true;
  }

  #answer(message: Failure | Answer<RelayedType>): void {
    if (!this.#isEnded) this.#post(message);
  }

  async #handle<T extends RelayedType>({ from, id, call, ask }: Ask<T>, signal: AbortSignal): Promise<Answer<T>> {
    return { type: "answer", to: from, id, call, answer: await this.#handlers[call](ask, signal) };
  }
}

function isAnswerTo<T extends RelayedType>(call: T, answer: AnyAnswer): answer is AnyAnswer & Answer<T> {
  return answer.call === call;
}
