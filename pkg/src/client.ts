/** The class that a page uses: it checks what it is given, and has the worker do the rest. */
import { QueueControl } from "./control.js";
import { aborted, BurrowError, messageOf } from "./error.js";
import { filterJson, pagesAsk, searchAsk } from "./filter.js";
import { watchIdle } from "./idle.js";
import { enqueueAsk, folder, openAsk, pageAsk } from "./input.js";
import { clearKept, keptModels } from "./kept.js";
import { keepNote, keptNote, Tries } from "./local.js";
import type { Nothing } from "./protocol.js";
import { exportStream, importFrom } from "./transfer.js";
import type {
  AddOptions, AddResult, EnqueueOptions, EnqueueResult, ExportOptions, Filter, ImportOptions, ImportResult, KeptModel, OpenOptions, PageInfo,
  PageInput, PagesOptions, Problem, Progress, RepairResult, SearchOptions, SearchResult, Status, VerifyOptions,
} from "./types.js";
import { Wire } from "./wire.js";

/** How long closing waits for the worker before it ends it. A commit is whole or not at all, so that is safe. */
const CLOSE_PATIENCE_MS = 2000;
/** For a model from this size on, the browser is asked not to clear it away when room gets scarce. */
const PERSIST_BYTES_MIN = 100e6;
const NOTHING: Nothing = {};

/**
 * An open index and its encoder, in a worker of their own.
 *
 * Every method's promise settles exactly once, and rejects with a `BurrowError`, whose `kind` says what to do.
 */
export class Burrow {
  /**
   * Settles when the encoder is there: with the state then in effect, or with why it could not be loaded. Until then pages can
   * be listed and removed; `add` and `search` wait.
   */
  readonly ready: Promise<Status>;
  /** The pages given to `enqueue`: how they are worked off. How many wait is in `status().queue`. */
  readonly queue: QueueControl;
  readonly #wire: Wire;
  readonly #worker: Worker;
  readonly #tries: Tries;
  readonly #signal: AbortSignal | undefined;
  readonly #onSignal = () => void this.close();
  readonly #onLeave = () => this.#tries.leave();
  #closed: Promise<void> | null = null;

  private constructor(worker: Worker, wire: Wire, tries: Tries, signal: AbortSignal | undefined) {
    this.#worker = worker;
    this.#wire = wire;
    this.#tries = tries;
    globalThis.addEventListener("pagehide", this.#onLeave);
    this.#signal = signal;
    this.queue = new QueueControl(wire);
    this.ready = wire.call("ready", NOTHING);
    // It may be read late or never: `status`, `add` and `search` tell of a failure, too.
    this.ready.then(persist).catch(() => {});
    signal?.addEventListener("abort", this.#onSignal);
  }

  /**
   * Opens the index of a name, and makes it where there is none. Resolves as soon as its pages are known; the model is loaded
   * meanwhile, see `ready`.
   *
   * Where the browser refuses to store anything, the index is kept in memory, and `status` says so.
   */
  static async open(options: OpenOptions): Promise<Burrow> {
    const ask = openAsk(options);
    const { signal, onProgress } = options;
    if (signal?.aborted) throw aborted();
    const tries = new Tries(ask.name);
    const [worker, wire] = startWorker(onProgress, tries);
    try {
      await wire.call("open", { ...ask, note: keptNote(ask.name) }, { signal });
      // The signal may have aborted between the answer and here.
      if (signal?.aborted) throw aborted();
    } catch (thrown) {
      worker.terminate();
      throw thrown;
    }
    return new Burrow(worker, wire, tries, signal);
  }

  /** Deletes the index of a name, with all its pages. Close it first. */
  static async delete(name: string, options: Pick<OpenOptions, "wasm"> = {}): Promise<void> {
    const ask = openAsk({ ...options, name, model: "." });
    const [worker, wire] = startWorker();
    try {
      await wire.call("delete", { name: ask.name, wasm: ask.wasm });
    } finally {
      worker.terminate();
    }
  }

  /** The models of which this browser keeps files for the next visit. */
  static async models(): Promise<KeptModel[]> {
    return keptModels();
  }

  /** Removes the kept files of the model in a folder, or of all models. They are fetched again when they are needed. */
  static async clearModels(model?: string): Promise<void> {
    await clearKept(model === undefined ? null : folder("model", model));
  }

  /**
   * Indexes a page, in place of what is under its address. A page whose content is there already costs next to nothing. Pages
   * are indexed one after the other; queries go in between.
   */
  async add(page: PageInput, { signal }: AddOptions = {}): Promise<AddResult> {
    const ask = pageAsk(page);
    // The bytes are a copy of the caller's, so that they can move.
    return this.#wire.call("add", ask, { signal, transfer: [ask.content.buffer] });
  }

  /**
   * Has pages wait to be indexed, all of them or none, at most 16,384 at a time. Resolves as soon as they are on the disk, also
   * while the model is still loading: they survive a restart, and are indexed one after the other, the urgent first. A page takes
   * the place of the one that waits under its address. One that cannot be indexed is listed by `queue.failures()`.
   */
  async enqueue(pages: Iterable<PageInput>, options: EnqueueOptions = {}): Promise<EnqueueResult> {
    const ask = enqueueAsk(pages, options);
    return this.#wire.call("enqueue", ask, { transfer: ask.pages.map(({ content }) => content.buffer) });
  }

  /**
   * The best passage of each of the best pages for a question, the best first. Waits for the encoder where meaning counts;
   * where that could not be loaded, a hybrid search answers from the words, and `mode` and `status` say so.
   */
  async search(query: string, options: SearchOptions = {}): Promise<SearchResult> {
    const { signal, onHits } = options;
    const ask = searchAsk(query, options);
    const result = this.#wire.call("search", ask, { signal });
    if (onHits && ask.mode === "hybrid") this.#early(query, options, result, onHits);
    return result;
  }

  /** Tells of the hits by words, if they are there before the others. */
  #early(query: string, options: SearchOptions, result: Promise<SearchResult>, onHits: (early: SearchResult) => void): void {
    let isLate = false;
    const late = () => { isLate = true; };
    result.then(late, late);
    const early = this.#wire.call("search", searchAsk(query, { ...options, mode: "keyword" }), { signal: options.signal });
    // What ends one ends the other, which tells of it.
    early.then((hits) => { if (!isLate) onHits(hits); }, () => {});
  }

  /** Removes the page under an address, also where it still waits to be indexed. Resolves with whether it was in the index. */
  async remove(url: string): Promise<boolean> {
    return this.#wire.call("remove", { url: String(url) });
  }

  /**
   * Removes the pages that meet a filter, and resolves with how many there were: a site by `{ site: "example.org" }`, addresses by
   * `{ url: { prefix } }`, a time by `{ time: { gte, lt } }`. Afterwards no byte of them is in the index.
   */
  async removeWhere(filter: Filter): Promise<number> {
    const json = filterJson(filter);
    if (json === null) throw new BurrowError("input", "There is no filter: `clear` removes all pages.");
    return this.#wire.call("removeWhere", { filter: json });
  }

  /** Removes all pages, also those that still wait to be indexed. */
  async clear(): Promise<void> {
    await this.#wire.call("clear", NOTHING);
  }

  /** The pages in the index, in the order in which they were added; or some of them, in another order. */
  async pages(options: PagesOptions = {}): Promise<PageInfo[]> {
    return this.#wire.call("pages", pagesAsk(options));
  }

  /**
   * All pages of the index as one file, part by part as they are read: `new Response(await burrow.export()).blob()` gathers them.
   * The same pages give the same bytes, whatever the index has been through. The file is not encrypted.
   *
   * The file holds what is there now. The stream fails if a page that is still to be written is removed or replaced.
   */
  async export({ signal }: ExportOptions = {}): Promise<ReadableStream<Uint8Array>> {
    return exportStream(this.#wire, signal);
  }

  /**
   * Takes in an exported file, page by page; pages of the same addresses are replaced. Nothing is encoded, but the index must be
   * for the model with which the file was made, so this waits until the encoder is `ready`.
   *
   * A file that is damaged or cut off is an error that says how many pages were taken in; these stay. The stream is cancelled then.
   */
  async import(source: Blob | ReadableStream<Uint8Array>, options: ImportOptions = {}): Promise<ImportResult> {
    return importFrom(this.#wire, source, options);
  }

  /**
   * Reads all that is in the index and resolves with what is not whole; with nothing, as a rule. Queries come in between. Damage
   * that a search has come upon is left out of searches and named here, too.
   */
  async verify({ signal }: VerifyOptions = {}): Promise<Problem[]> {
    return this.#wire.call("verify", NOTHING, { signal });
  }

  /** Mends what `verify` finds, as far as text and codes are still there, and removes the rest. No query comes in between. */
  async repair(): Promise<RepairResult> {
    return this.#wire.call("repair", NOTHING);
  }

  /** Tidies the index now, step by step: what is done by itself, too, from a second after a change on. */
  async compact({ signal }: VerifyOptions = {}): Promise<void> {
    await this.#wire.call("compact", NOTHING, { signal });
  }

  /** The state in effect. */
  async status(): Promise<Status> {
    return this.#wire.call("status", NOTHING);
  }

  /**
   * Closes the index, ends the worker and thereby frees all memory. What still waits is rejected as `closed`; what was
   * committed is kept. Closing twice is closing once.
   */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#signal?.removeEventListener("abort", this.#onSignal);
    const closed = new BurrowError("closed", "The index was closed. Open it again to use it.");
    await Promise.race([this.#wire.close(closed), patience()]);
    this.#wire.end(closed);
    this.#worker.terminate();
    globalThis.removeEventListener("pagehide", this.#onLeave);
    this.#tries.leave();
  }
}

function patience(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, CLOSE_PATIENCE_MS));
}

/** Asks the browser to keep a large model as long as the reader does not say otherwise. Only a page can ask, a worker cannot. */
async function persist({ modelBytesKept }: Status): Promise<void> {
  const storage: StorageManager | undefined = navigator.storage;
  if (modelBytesKept >= PERSIST_BYTES_MIN && !(await storage?.persisted())) await storage?.persist();
}

/** A worker, and a wire to it that ends when the worker dies. */
function startWorker(onProgress: (progress: Progress) => void = () => {}, tries?: Tries): [Worker, Wire] {
  let worker: Worker;
  try {
    worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module", name: "burrow" });
  } catch (thrown) {
    throw notStarted(messageOf(thrown), thrown);
  }
  const died = (error: BurrowError) => {
    wire.end(error);
    worker.terminate();
  };
  let unwatch = () => {};
  const wire = new Wire(worker, onProgress, died, {
    watch: (isOn) => {
      unwatch();
      unwatch = isOn ? watchIdle((forMs) => wire.idle(forMs)) : () => {};
    },
    note: keepNote,
    begun: (url) => tries?.begin(url) ?? 1,
    ended: (url) => tries?.end(url),
  });
  worker.addEventListener("error", (event) => died(notStarted(event.message || "its script did not load", event.error)));
  worker.addEventListener("messageerror", () => died(new BurrowError("worker", "A message of Burrow's worker cannot be read. Open again.")));
  return [worker, wire];
}

function notStarted(why: string, cause: unknown): BurrowError {
  const message = `Burrow's worker could not be started, or died (${why}). Serve the package's files from the page's own origin, and let `
    + "the page's policy allow them (worker-src, and script-src with 'wasm-unsafe-eval').";
  return new BurrowError("worker", message, { cause });
}
