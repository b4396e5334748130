/**
 * All that crosses between the page and its worker.
 *
 * The page posts `ToWorker`, the worker `FromWorker`. Every request is answered once, by an answer or a failure with its
 * id. Only strings, numbers and typed arrays cross; a buffer that nobody needs any more is transferred.
 */
import { BurrowError, toBurrowError } from "./error.js";
import type {
  AddResult, EnqueueResult, ErrorKind, FailedPage, ImportResult, OpenOptions, PageInfo, Priority, Problem, Progress, QueueMode, RepairResult,
  SearchMode, SearchResult, Sort, Status,
} from "./types.js";

/** How to open an index, with every default filled in and every address made absolute. */
export interface OpenAsk {
  name: string;
  model: string;
  device: NonNullable<OpenOptions["device"]>;
  measureSoftware: boolean;
  wasm: string | null;
  onOtherModel: NonNullable<OpenOptions["onOtherModel"]>;
  durability: NonNullable<OpenOptions["durability"]>;
  encryption: "device" | CryptoKey | Uint8Array | null;
  /** What the page has kept of what was noted of this index. */
  note: string | null;
}

/** What the page does for its worker. */
export interface PageLink {
  /** Settles when the page knows that the index is open, and what it asks for at once has come. */
  asked: Promise<void>;
  tell(progress: Progress): void;
  /** Has the page say when it is idle, or no longer. */
  watch(isOn: boolean): void;
  /** Has it keep what is noted of the index. */
  note(text: string | null): void;
  /** The encoding of a page that waited is begun: says for how many times. */
  begun(url: string): Promise<number>;
  /** It has ended. */
  ended(url: string): void;
}

/** The form of a page's content. */
export type PageFormat = "html" | "markdown" | "text";

/** A page on its way to the index. */
export interface PageAsk {
  url: string;
  title: string | null;
  format: PageFormat;
  /** UTF-8, or for HTML what its `meta charset` says. */
  content: Uint8Array;
  /** Fields and time as JSON: see `fields::from_json`. */
  facts: string | null;
}

/** Pages on their way to the queue, all or none. */
export interface EnqueueAsk {
  pages: PageAsk[];
  priority: Priority;
}

/** How the queue is to work. What is left out stays. */
export interface QueueAsk {
  paused?: boolean;
  mode?: QueueMode;
}

/** What is searched for, with every default filled in. */
export interface SearchAsk {
  query: string;
  mode: SearchMode;
  /** JSON: see `SearchOptions::from_json`. */
  options: string;
  /** JSON: see `Filter::from_json`. */
  filter: string | null;
  /** JSON: see `facets::asked_from_json`. */
  facets: string | null;
}

/** Which pages are to be listed. */
export interface PagesAsk {
  /** JSON, as in a search. */
  filter: string | null;
  sort: Sort;
  offset: number;
  limit: number;
}

/** A request without parameters. */
export type Nothing = Record<string, never>;

/** What can be asked, and what is answered. */
export interface Calls {
  open: { ask: OpenAsk; answer: Status };
  /** Answered when the encoder is there. */
  ready: { ask: Nothing; answer: Status };
  add: { ask: PageAsk; answer: AddResult };
  /** Answered when all is on the disk. */
  enqueue: { ask: EnqueueAsk; answer: EnqueueResult };
  queue: { ask: QueueAsk; answer: null };
  failures: { ask: Nothing; answer: FailedPage[] };
  search: { ask: SearchAsk; answer: SearchResult };
  /** Answers whether there was such a page. */
  remove: { ask: { url: string }; answer: boolean };
  /** Answers how many there were. */
  removeWhere: { ask: { filter: string }; answer: number };
  clear: { ask: Nothing; answer: null };
  pages: { ask: PagesAsk; answer: PageInfo[] };
  status: { ask: Nothing; answer: Status };
  /** Exports and imports have numbers. One that has failed has ended. */
  exportBegin: { ask: Nothing; answer: number };
  /** The next part of the file; null after the last. */
  exportNext: { ask: { number: number }; answer: Uint8Array | null };
  /** Answered when the encoder is there: by it is known for which model's pages the index is. */
  importBegin: { ask: Nothing; answer: number };
  importPush: { ask: { number: number; bytes: Uint8Array }; answer: ImportResult };
  importEnd: { ask: { number: number }; answer: ImportResult };
  /** Nobody goes on with it. */
  transferEnd: { ask: { number: number }; answer: null };
  verify: { ask: Nothing; answer: Problem[] };
  repair: { ask: Nothing; answer: RepairResult };
  compact: { ask: Nothing; answer: null };
  /** Answered when the database is closed. */
  close: { ask: Nothing; answer: null };
  /** Deletes an index that need not be open. */
  delete: { ask: { name: string; wasm: string | null }; answer: null };
}

export type CallType = keyof Calls;

/** One request. */
export interface Ask<T extends CallType> {
  id: number;
  type: T;
  ask: Calls[T]["ask"];
}

/** The answer to the request with the same id, which was of the same type. */
export interface Answer<T extends CallType> {
  id: number;
  type: T;
  answer: Calls[T]["answer"];
}

/** Instead of an answer. */
export interface Failure {
  id: number;
  type: "failure";
  error: WireError;
}

/** An error without its prototype, which does not survive the crossing. */
export interface WireError {
  kind: ErrorKind;
  message: string;
  stack: string;
}

export type AnyAsk = { [T in CallType]: Ask<T> }[CallType];
export type AnyAnswer = { [T in CallType]: Answer<T> }[CallType];

/**
 * `abort`: nobody waits for the request with this id any more. It is not answered by itself.
 * `idle`: the page has nothing else to do, for so long from now on.
 * `tries`: the answer to `begun`, for how many times.
 */
export type ToWorker = AnyAsk | { type: "abort"; id: number } | { type: "idle"; forMs: number } | { type: "tries"; count: number };

/**
 * `died`: the worker cannot go on, and no request will be answered. `watch`: the page is to say when it is idle, or no longer.
 * `note`: the page is to keep this of an index. `begun`, `ended`: the encoding of a page that waited.
 */
export type FromWorker =
  | AnyAnswer
  | Failure
  | { type: "progress"; progress: Progress }
  | { type: "watch"; isOn: boolean }
  | { type: "note"; name: string; text: string | null }
  | { type: "begun"; url: string }
  | { type: "ended"; url: string }
  | { type: "died"; error: WireError };

/** Whether an answer is to a request of a type. */
export function isAnswerTo<T extends CallType>(type: T, answer: AnyAnswer): answer is AnyAnswer & Answer<T> {
  return answer.type === type;
}

/** What was thrown, ready to cross. */
export function toWire(thrown: unknown): WireError {
  const { kind, message, stack } = toBurrowError(thrown);
  return { kind, message, stack: stack ?? "" };
}

/** The error that crossed, with the worker's stack in place of this side's. */
export function fromWire({ kind, message, stack }: WireError): BurrowError {
  const error = new BurrowError(kind, message);
  if (stack) error.stack = stack;
  return error;
}
