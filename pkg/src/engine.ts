/** The worker's own work: one open index and its encoder. Everything here is plain calls; `worker.ts` knows the wire. */
import { aborted, BurrowError, messageOf } from "./error.js";
import { load, type Loaded, modelName } from "./load.js";
import { type Index, loadSearch } from "./modules.js";
import type { OpenAsk, PageAsk, PagesAsk, SearchAsk } from "./protocol.js";
import { Transfers } from "./transfers.js";
import { messagesHandled, Turns } from "./turns.js";
import type { AddResult, Facet, PageInfo, Progress, SearchResult, Status } from "./types.js";

type Tell = (progress: Progress) => void;

/** Why a page that was waiting will not be indexed after all. */
const SUPERSEDED = "The page was removed before it was indexed.";

/** Opens the index, and begins to load the encoder. */
export async function openEngine(ask: OpenAsk, tell: Tell): Promise<Engine> {
  tell({ stage: "load", what: "storage" });
  const { Index } = await loadSearch(ask.wasm);
  const kept = { durability: ask.durability, encryption: ask.encryption };
  let index: Index;
  try {
    index = await Index.open(ask.name, kept);
  } catch (thrown) {
    const isOther = thrown instanceof Error && "kind" in thrown && (thrown.kind === "fingerprint" || thrown.kind === "corrupt");
    if (ask.onOtherModel !== "clear" || !isOther) throw thrown;
    index = await Index.open(ask.name, { ...kept, clear: true });
  }
  return new Engine(index, ask, tell);
}

/** Deletes the index of a name. */
export async function deleteIndex(name: string, wasm: string | null): Promise<void> {
  const { Index } = await loadSearch(wasm);
  await Index.delete(name);
}

/** An open index. */
export class Engine {
  /** Settles with the encoder, bound to the index. */
  readonly ready: Promise<Loaded>;
  /** The index going out and coming in as a file. */
  readonly transfers: Transfers;
  readonly #index: Index;
  readonly #ask: OpenAsk;
  readonly #tell: Tell;
  readonly #closing = new AbortController();
  /** Pages given and not yet settled. */
  readonly #waiting = new Map<AbortController, string>();
  /** One page at a time, in the order in which they came. */
  readonly #pages = new Turns();
  /** One forward pass at a time; a query goes before the next window of a page. */
  readonly #encoding = new Turns();
  /** One call of the index at a time: its object may not be used again while a call of it is under way. */
  readonly #storing = new Turns();
  #loaded: Loaded | null = null;
  #failure: string | null = null;

  constructor(index: Index, ask: OpenAsk, tell: Tell) {
    this.#index = index;
    this.#ask = ask;
    this.#tell = tell;
    this.ready = this.#load();
    // Whoever waits for the encoder is told; that nobody waits yet is no reason for the browser to complain.
    this.ready.catch(() => {});
    this.transfers = new Transfers(index, this.#storing, this.ready);
  }

  /** See `Burrow.add`. */
  async add(page: PageAsk, signal: AbortSignal): Promise<AddResult> {
    const ending = new AbortController();
    const end = () => ending.abort(signal.reason);
    const isFirst = ![...this.#waiting.values()].includes(page.url);
    signal.addEventListener("abort", end);
    this.#waiting.set(ending, page.url);
    try {
      // All pages pass the index's turns before they queue up, so that they stay in their order.
      const unchanged = await this.#storing.run(() => (isFirst ? this.#unchangedAtOnce(page) : null), { urgent: true });
      return unchanged ?? await this.#pages.run(() => this.#indexPage(page, ending.signal));
    } finally {
      signal.removeEventListener("abort", end);
      this.#waiting.delete(ending);
    }
  }

  /** See `Burrow.search`. */
  async search(ask: SearchAsk, signal: AbortSignal): Promise<SearchResult> {
    const [vector, encodeMs] = await this.#vector(ask, signal);
    const [hits, searchMs] = await this.#storing.run(() => {
      signal.throwIfAborted();
      return timed(() => this.#index.search(ask.query, vector, ask.options, ask.filter));
    }, { urgent: true });
    const facets = await this.#storing.run(() => this.#facets(ask), { urgent: true });
    const mode = vector === null ? "keyword" : ask.mode;
    return { hits, mode, facets, status: await this.status(), timing: { encodeMs, searchMs } };
  }

  /** The query's vector, and how long it took; null where the words alone count, or have to do without an encoder. */
  async #vector({ query, mode }: SearchAsk, signal: AbortSignal): Promise<[Float32Array | null, number]> {
    if (mode === "keyword") return [null, 0];
    let loaded: Loaded;
    try {
      loaded = await this.ready;
    } catch (thrown) {
      if (mode === "semantic") throw thrown;
      return [null, 0];
    }
    return this.#encoding.run(() => {
      signal.throwIfAborted();
      return timed(() => loaded.encoder.embedQuery(query));
    }, { urgent: true });
  }

  #facets({ filter, facets }: SearchAsk): Facet[] {
    return facets === null ? [] : this.#index.facets(filter, facets);
  }

  /** See `Burrow.remove`. Pages of that address that still wait are not indexed. */
  remove(url: string): Promise<boolean> {
    this.#end((waiting) => waiting === url);
    return this.#storing.run(() => this.#index.remove(url), { urgent: true });
  }

  /** See `Burrow.removeWhere`. */
  removeWhere(filter: string): Promise<number> {
    return this.#storing.run(() => this.#index.removeWhere(filter), { urgent: true });
  }

  /** See `Burrow.clear`. Pages that still wait are not indexed. */
  clear(): Promise<void> {
    this.#end(() => true);
    return this.#storing.run(async () => {
      await this.#index.clear();
      if (this.#loaded) await this.#index.bind(this.#loaded.encoder.fingerprint());
    }, { urgent: true });
  }

  /** See `Burrow.pages`. */
  pages({ filter, sort, offset, limit }: PagesAsk): Promise<PageInfo[]> {
    return this.#storing.run(() => this.#index.pagesWhere(filter, sort, offset, limit), { urgent: true });
  }

  /** The state in effect. */
  async status(): Promise<Status> {
    const { reasons, ...index } = await this.#storing.run(() => this.#index.status(), { urgent: true });
    const failure = this.#failure === null ? [] : [this.#failure];
    return {
      encoder: this.#loaded ? "ready" : this.#failure === null ? "loading" : "failed",
      model: modelName(this.#ask.model),
      device: this.#loaded?.device.device ?? "none",
      adapter: this.#loaded?.device.adapter ?? "",
      precision: this.#loaded?.precision ?? "none",
      weights: this.#loaded?.weights ?? "none",
      modelBytesKept: this.#loaded?.modelBytesKept ?? 0,
      ...index,
      waiting: this.#waiting.size,
      reasons: [...failure, ...(this.#loaded?.reasons ?? []), ...reasons],
    };
  }

  /** Ends what is under way and closes the database. A commit that has begun is finished. */
  close(): Promise<void> {
    this.#closing.abort(new BurrowError("closed", "The index was closed."));
    this.#end(() => true);
    return this.#storing.run(() => this.#index.close(), { urgent: true });
  }

  async #load(): Promise<Loaded> {
    try {
      const loaded = await load(this.#ask, this.#tell, this.#closing.signal);
      await this.#storing.run(() => this.#bind(loaded.encoder.fingerprint()), { urgent: true });
      this.#loaded = loaded;
      this.#tell({ stage: "ready", status: await this.status() });
      return loaded;
    } catch (thrown) {
      this.#failure = `The encoder could not be loaded: ${messageOf(thrown)}`;
      throw thrown;
    }
  }

  async #bind(fingerprint: Uint8Array): Promise<void> {
    try {
      await this.#index.bind(fingerprint);
    } catch (thrown) {
      const isOther = thrown instanceof Error && "kind" in thrown && thrown.kind === "fingerprint";
      if (this.#ask.onOtherModel !== "clear" || !isOther) throw thrown;
      await this.#index.clear();
      await this.#index.bind(fingerprint);
    }
  }

  /** The result for a page that is there already, or null. Not even the encoder is needed for it. */
  #unchangedAtOnce(page: PageAsk): AddResult | null {
    // With another model the index will be cleared, and whether it is another one shows with the encoder.
    return this.#ask.onOtherModel === "clear" && !this.#loaded ? null : this.#unchanged(page);
  }

  #unchanged({ url, title, format, content, facts }: PageAsk): AddResult | null {
    const passages = this.#index.unchanged(url, title, format, content, facts);
    return passages === undefined ? null : { url, outcome: "unchanged", passages };
  }

  async #indexPage(page: PageAsk, signal: AbortSignal): Promise<AddResult> {
    signal.throwIfAborted();
    const loaded = await this.ready;
    const unchanged = await this.#storing.run(() => this.#unchanged(page), { urgent: true });
    if (unchanged) return unchanged;
    const encoded = await this.#encode(page, loaded, signal);
    return this.#storing.run(() => {
      signal.throwIfAborted();
      return this.#index.commit(encoded);
    });
  }

  async #encode(page: PageAsk, { encoder }: Loaded, signal: AbortSignal): Promise<Uint8Array> {
    await messagesHandled();
    signal.throwIfAborted();
    const { url, title, format, content, facts } = page;
    const prepared = encoder.prepare(url, title, format, content, facts);
    const windowsTotal = prepared.windows;
    try {
      for (let windows = 0; windows < windowsTotal; windows++) {
        this.#tell({ stage: "index", url, windows, windowsTotal, waiting: this.#waiting.size });
        await this.#encoding.run(() => prepared.encodeNext());
        await messagesHandled();
        signal.throwIfAborted();
      }
    } catch (thrown) {
      prepared.free();
      throw thrown;
    }
    this.#tell({ stage: "index", url, windows: windowsTotal, windowsTotal, waiting: this.#waiting.size });
    return prepared.finish();
  }

  /** Ends the pages that wait, of these addresses. */
  #end(isMeant: (url: string) => boolean): void {
    for (const [ending, url] of this.#waiting) if (isMeant(url)) ending.abort(aborted(SUPERSEDED));
  }
}

/** What the work gives, and how long it took in milliseconds. */
async function timed<T>(work: () => Promise<T>): Promise<[T, number]> {
  const begun = performance.now();
  const value = await work();
  return [value, performance.now() - begun];
}
