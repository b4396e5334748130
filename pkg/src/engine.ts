/** The worker's own work: one open index and its encoder. Everything here is plain calls; `worker.ts` knows the wire. */
import { aborted, BurrowError, messageOf } from "./error.js";
import { load, type Loaded, modelName } from "./load.js";
import { type Batch, type Index, loadSearch, type SearchModule } from "./modules.js";
import { forget, Note } from "./note.js";
import type { EnqueueAsk, OpenAsk, PageAsk, PagesAsk, SearchAsk } from "./protocol.js";
import { Queue, type QueueHost, type QueueSettings, type WaitingPage } from "./queue.js";
import { Transfers } from "./transfers.js";
import { messagesHandled, Turns } from "./turns.js";
import { Upkeep } from "./upkeep.js";
import type { AddResult, EnqueueResult, Facet, FailedPage, PageInfo, Priority, Progress, RepairResult, SearchResult, Status } from "./types.js";

const PRIORITIES = ["visible", "normal", "background"] as const;

type Tell = (progress: Progress) => void;

/** Why a page that was waiting will not be indexed after all. */
const SUPERSEDED = "The page was removed before it was indexed.";

/** The vector of a query, and which encoder it is of. */
export interface QueryVector {
  vector: Float32Array;
  fingerprint: Uint8Array;
  encodeMs: number;
}

/** The encoder's part of `status`. */
export type EncoderStatus =
  Pick<Status, "encoder" | "model" | "device" | "adapter" | "precision" | "weights" | "modelBytesKept" | "reasons">;

/** What the page does for its worker. */
export interface PageLink {
  tell: Tell;
  /** Has the page say when it is idle, or no longer. */
  watch(isOn: boolean): void;
  /** Has it keep what is noted of the index. */
  note(text: string | null): void;
  /** The encoding of a page that waited is begun: says for how many times. */
  begun(url: string): Promise<number>;
  /** It has ended. */
  ended(url: string): void;
}

/** Opens the index. `mayClear` says whether no other tab has it open, so that what cannot be read may be cleared. */
export async function openEngine(
  ask: OpenAsk, mayClear: boolean, link: PageLink, onQueue: (settings: QueueSettings) => void,
): Promise<Engine> {
  link.tell({ stage: "load", what: "storage" });
  const module = await loadSearch(ask.wasm);
  const kept = { durability: ask.durability, encryption: ask.encryption };
  let index: Index;
  try {
    index = await module.Index.open(ask.name, kept);
  } catch (thrown) {
    const isOther = thrown instanceof Error && "kind" in thrown && (thrown.kind === "fingerprint" || thrown.kind === "corrupt");
    if (ask.onOtherModel !== "clear" || !isOther || !mayClear) throw thrown;
    index = await module.Index.open(ask.name, { ...kept, clear: true });
  }
  if (index.status().storage !== "indexeddb") return new Engine(module, index, null, ask, link, onQueue);
  const note = await Note.read(ask.name, ask.note, link.note);
  await note.opened(countOf(index), index.isNew, mayClear);
  return new Engine(module, index, note, ask, link, onQueue);
}

/** Deletes the index of a name. */
export async function deleteIndex(name: string, wasm: string | null): Promise<void> {
  const { Index } = await loadSearch(wasm);
  await Index.delete(name);
  await forget(name);
}

/** An open index, and the encoder once it is started. */
export class Engine {
  /** Settles with the encoder, bound to the index, after `start`. */
  readonly ready: Promise<Loaded>;
  /** The index going out and coming in as a file. */
  readonly transfers: Transfers;
  /** Looks after the index. */
  readonly upkeep: Upkeep;
  /** Works off what waits. */
  readonly queue: Queue;
  readonly #module: SearchModule;
  readonly #index: Index;
  /** What is known outside of the database; null where there is none. */
  readonly #note: Note | null;
  readonly #ask: OpenAsk;
  readonly #tell: Tell;
  readonly #closing = new AbortController();
  /** Pages given and not yet settled. */
  readonly #waiting = new Map<AbortController, string>();
  /** One page that is added at a time, in the order in which they came; a window of a page that waits when there is none. */
  readonly #pages = new Turns();
  /** One forward pass at a time; a query goes before the next window of a page. */
  readonly #encoding = new Turns();
  /** One call of the index at a time: its object may not be used again while a call of it is under way. */
  readonly #storing = new Turns();
  #begin: () => void = () => {};
  #loaded: Loaded | null = null;
  #failure: string | null = null;
  /** How many pages there were when the browser lost some of them, as the tab that writes has it. */
  lost: number;

  constructor(module: SearchModule, index: Index, note: Note | null, ask: OpenAsk, link: PageLink, onQueue: (settings: QueueSettings) => void) {
    this.#module = module;
    this.#index = index;
    this.#note = note;
    this.lost = note?.lost ?? 0;
    this.#ask = ask;
    this.#tell = link.tell;
    this.queue = new Queue(this.#host(link, onQueue));
    this.ready = new Promise<void>((begin) => (this.#begin = begin)).then(() => this.#load());
    // Whoever waits for the encoder is told; that nobody waits yet is no reason for the browser to complain.
    this.ready.catch(() => {});
    this.transfers = new Transfers(index, this.#storing, () => this.#changed());
    this.upkeep = new Upkeep(index, this.#storing, { onStep: (isAtRest) => this.#seen(isAtRest) });
  }

  /** Begins to load the encoder, and then works the queue off. */
  start(): void {
    this.#begin();
  }

  /** See `Burrow.add`. */
  async add(page: PageAsk, signal: AbortSignal): Promise<AddResult> {
    const ending = new AbortController();
    const end = () => ending.abort(signal.reason);
    const isFirst = ![...this.#waiting.values()].includes(page.url);
    signal.addEventListener("abort", end);
    this.#waiting.set(ending, page.url);
    this.queue.used();
    try {
      // All pages pass the index's turns before they queue up, so that they stay in their order.
      const [unchanged, key] = await this.#storing.run(() => (
        [isFirst ? this.#unchangedAtOnce(page) : null, this.#index.waitingKey(page.url)]
      ), { urgent: true });
      return unchanged ?? await settledOrAborted(this.#pages.run(() => this.#indexPage(page, key, ending.signal), { urgent: true }), ending.signal);
    } finally {
      signal.removeEventListener("abort", end);
      this.#waiting.delete(ending);
    }
  }

  /** See `Burrow.enqueue`. */
  async enqueue({ pages, priority }: EnqueueAsk): Promise<EnqueueResult> {
    if (this.#ask.onOtherModel === "clear" && !this.#loaded) {
      // With another model the index will be cleared, and with it what these pages are compared with.
      const isThere = await this.#storing.run(() => pages.some((page) => this.#unchanged(page)), { urgent: true });
      if (isThere) await this.ready;
    }
    this.#changed();
    const result = await this.#storing.run(() => this.#index.enqueue(this.#batch(pages, priority)), { urgent: true });
    this.queue.kick();
    return result;
  }

  /** Pages that left the queue without being indexed. */
  failures(): Promise<FailedPage[]> {
    return this.#storing.run(() => this.#index.failures(), { urgent: true });
  }

  /** See `Burrow.search`. */
  async search(ask: SearchAsk, signal: AbortSignal): Promise<SearchResult> {
    return this.find(ask, await this.#queryVector(ask, signal), signal);
  }

  /** The query's vector; null where the words alone count, or have to do without an encoder. */
  async #queryVector({ query, mode }: SearchAsk, signal: AbortSignal): Promise<QueryVector | null> {
    if (mode === "keyword") return null;
    if (mode === "semantic") return this.vector(query, signal);
    const isThere = await this.ready.then(() => true, () => false);
    return isThere ? this.vector(query, signal) : null;
  }

  /** The vector of a query. */
  async vector(query: string, signal: AbortSignal): Promise<QueryVector> {
    const { encoder } = await this.ready;
    this.queue.used();
    const [vector, encodeMs] = await this.#encoding.run(() => {
      signal.throwIfAborted();
      return timed(() => encoder.embedQuery(query));
    }, { urgent: true });
    return { vector, fingerprint: encoder.fingerprint(), encodeMs };
  }

  /** What is nearest to a vector, or has the words. With `follows`, another tab has encoded it, and writes the index. */
  async find(ask: SearchAsk, encoded: QueryVector | null, signal: AbortSignal, follows = false): Promise<SearchResult> {
    const { query, options, filter } = ask;
    const [found, searchMs] = await this.#storing.run(() => timed(async () => {
      signal.throwIfAborted();
      const isMade = !follows || await this.#index.follow(encoded?.fingerprint) || encoded === null;
      const hits = isMade ? await this.#index.search(query, encoded?.vector ?? null, options, filter) : [];
      return { hits, facets: this.#facets(ask) };
    }), { urgent: true });
    const mode = encoded === null ? "keyword" : ask.mode;
    return { ...found, mode, status: await this.status(), timing: { encodeMs: encoded?.encodeMs ?? 0, searchMs } };
  }

  #facets({ filter, facets }: SearchAsk): Facet[] {
    return facets === null ? [] : this.#index.facets(filter, facets);
  }

  /** Looks at what another tab has written; with a fingerprint, what comes is of that encoder. */
  async refresh(fingerprint?: Uint8Array): Promise<void> {
    await this.#storing.run(() => this.#index.follow(fingerprint), { urgent: true });
  }

  /** See `Burrow.remove`. Pages of that address that still wait are not indexed. */
  remove(url: string): Promise<boolean> {
    this.#end((waiting) => waiting === url);
    this.#changed();
    return this.#storing.run(() => this.#index.remove(url), { urgent: true });
  }

  /** See `Burrow.removeWhere`. */
  removeWhere(filter: string): Promise<number> {
    this.#changed();
    return this.#storing.run(() => this.#index.removeWhere(filter), { urgent: true });
  }

  /** See `Burrow.clear`. Pages that still wait are not indexed. */
  async clear(): Promise<void> {
    this.#end(() => true);
    this.#changed();
    await this.#storing.run(async () => {
      await this.#index.clear(false);
      if (this.#loaded) await this.#index.bind(this.#loaded.encoder.fingerprint());
      this.#settled();
    }, { urgent: true });
  }

  /** See `Burrow.repair`. */
  async repair(): Promise<RepairResult> {
    this.#changed();
    const repaired = await this.upkeep.repair();
    await this.#storing.run(() => this.#settled());
    return repaired;
  }

  /** See `Burrow.pages`. */
  pages({ filter, sort, offset, limit }: PagesAsk): Promise<PageInfo[]> {
    return this.#storing.run(() => this.#index.pagesWhere(filter, sort, offset, limit), { urgent: true });
  }

  /** The state in effect. */
  async status(): Promise<Status> {
    const [{ reasons, ...index }, queued] = await this.#storing.run(() => [this.#index.status(), this.#index.queued()], { urgent: true });
    const encoder = this.encoderStatus();
    const count = index.pages + queued.waiting;
    const lost = this.#lostOf(count);
    return {
      ...encoder, ...index, lost,
      waiting: this.#waiting.size,
      queue: this.queue.status(queued),
      role: "writer",
      reasons: [...encoder.reasons, ...this.queue.reasons, ...(lost > 0 ? [lostReason(lost, count)] : []), ...reasons],
    };
  }

  /** The encoder's part of it. */
  encoderStatus(): EncoderStatus {
    const failure = this.#failure === null ? [] : [this.#failure];
    return {
      encoder: this.#loaded ? "ready" : this.#failure === null ? "loading" : "failed",
      model: modelName(this.#ask.model),
      device: this.#loaded?.device.device ?? "none",
      adapter: this.#loaded?.device.adapter ?? "",
      precision: this.#loaded?.precision ?? "none",
      weights: this.#loaded?.weights ?? "none",
      modelBytesKept: this.#loaded?.modelBytesKept ?? 0,
      reasons: [...failure, ...(this.#loaded?.reasons ?? [])],
    };
  }

  /** Ends what is under way and closes the database. A commit that has begun is finished. */
  close(): Promise<void> {
    this.#closing.abort(new BurrowError("closed", "The index was closed."));
    this.#end(() => true);
    this.queue.stop();
    this.upkeep.stop();
    return this.#storing.run(() => this.#index.close(), { urgent: true });
  }

  async #load(): Promise<Loaded> {
    try {
      const loaded = await load(this.#ask, this.#tell, this.#closing.signal);
      await this.#storing.run(() => this.#bind(loaded.encoder.fingerprint()), { urgent: true });
      this.#loaded = loaded;
      this.#tell({ stage: "ready", status: await this.status() });
      this.queue.start();
      this.upkeep.changed();
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
      await this.#index.clear(true);
      await this.#index.bind(fingerprint);
    }
  }

  /** The result for a page that is there already, or null. Not even the encoder is needed for it. */
  #unchangedAtOnce(page: PageAsk): AddResult | null {
    // With another model the index will be cleared, and whether it is another one shows with the encoder.
    return this.#ask.onOtherModel === "clear" && !this.#loaded ? null : this.#unchanged(page);
  }

  #unchanged({ url, title, format, content, facts }: PageAsk): AddResult | null {
    // Something else waits to take its place: this page is to be the later one.
    if (this.#index.waitingKey(url) !== undefined) return null;
    const passages = this.#index.unchanged(url, title, format, content, facts);
    return passages === undefined ? null : { url, outcome: "unchanged", passages };
  }

  /** `key` is that of what waited under the page's address when the page came: the page takes its place. */
  async #indexPage(page: PageAsk, key: number | undefined, signal: AbortSignal): Promise<AddResult> {
    signal.throwIfAborted();
    const loaded = await this.ready;
    const unchanged = await this.#storing.run(() => this.#unchanged(page), { urgent: true });
    if (unchanged) return unchanged;
    const encoded = await this.#encode(page, loaded, signal);
    return this.#storing.run(async () => {
      signal.throwIfAborted();
      this.#changed();
      const committed = key === undefined ? undefined : await this.#index.commitQueued(key, encoded);
      return committed ?? this.#index.commit(encoded);
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

  #batch(pages: PageAsk[], priority: Priority): Batch {
    const batch = new this.#module.Batch();
    try {
      for (const { url, title, format, content, facts } of pages) batch.add(url, title, format, content, facts, priority);
      return batch;
    } catch (thrown) {
      batch.free();
      throw thrown;
    }
  }

  /** What the queue works with. */
  #host({ begun, ended }: PageLink, onSettings: (settings: QueueSettings) => void): QueueHost {
    const urgent = { urgent: true };
    return {
      onSettings,
      begun: ({ url }) => begun(url),
      ended: ({ url }) => ended(url),
      tell: this.#tell,
      peek: (before) => this.#storing.run(() => this.#peek(before), urgent),
      isWaiting: ({ url, key }) => this.#storing.run(() => this.#index.waitingKey(url) === key, urgent),
      prepare: async ({ url, title, format, content, facts }) => (await this.ready).encoder.prepare(url, title, format, content, facts),
      encodeNext: (prepared) => this.#pages.run(() => this.#encoding.run(() => prepared.encodeNext())),
      commit: async ({ key }, encoded) => {
        this.#changed();
        return await this.#storing.run(() => this.#index.commitQueued(key, encoded)) ?? null;
      },
      settle: async ({ key }, kind, message) => void await this.#storing.run(() => this.#index.settle(key, kind, message)),
      queued: () => this.#storing.run(() => this.#index.queued(), urgent),
    };
  }

  async #peek(before: Priority | undefined): Promise<WaitingPage | null> {
    const queued = await this.#index.peek(before);
    if (!queued) return null;
    try {
      const { key, url, title = null, format, facts = null } = queued;
      const priority = PRIORITIES.find((name) => name === queued.priority) ?? "normal";
      return { key, url, title, format, facts, priority, content: queued.takeContent() };
    } finally {
      queued.free();
    }
  }

  /** The index is about to change. */
  #changed(): void {
    this.#note?.changed();
    this.upkeep.changed();
  }

  /** Notes how many pages there are. */
  #seen(isAtRest: boolean): void {
    // The index may be closed meanwhile.
    this.#storing.run(() => {
      const count = countOf(this.#index);
      this.#lostOf(count);
      this.#note?.seen(count, isAtRest);
    }).catch(() => {});
  }

  /** What was lost, where so many pages are there: nothing, once as many are there again. */
  #lostOf(count: number): number {
    if (count >= this.lost) this.lost = 0;
    return this.lost;
  }

  #settled(): void {
    this.lost = 0;
    this.#note?.settled(countOf(this.#index));
  }

  /** Ends the pages that wait, of these addresses. */
  #end(isMeant: (url: string) => boolean): void {
    for (const [ending, url] of this.#waiting) if (isMeant(url)) ending.abort(aborted(SUPERSEDED));
  }
}

/** Pages that are there, indexed or waiting. To be called in a turn of the index. */
function countOf(index: Index): number {
  return index.status().pages + index.queued().waiting;
}

function lostReason(lost: number, pages: number): string {
  return `The browser has lost pages of this index: there were ${lost}, and ${pages} are there. It deletes a database that it finds damaged `
    + "after a crash, or when room gets scarce. Add the pages again; clear() or repair() ends this message.";
}

/** What the work gives or, as soon as the signal aborts, its reason: also while the work waits for its turn. */
function settledOrAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
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
async function timed<T>(work: () => Promise<T>): Promise<[T, number]> {
  const begun = performance.now();
  const value = await work();
  return [value, performance.now() - begun];
}
