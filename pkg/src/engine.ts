/** The worker's own work: one open index and its encoder. Everything here is plain calls; `worker.ts` knows the wire. */
import { Encoding, type QueryVector } from "./encoding.js";
import { aborted } from "./error.js";
import { Loss, lostReason } from "./loss.js";
import type { Index, SearchModule } from "./modules.js";
import type { Note } from "./note.js";
import type { EnqueueAsk, OpenAsk, PageAsk, PageLink, PagesAsk, SearchAsk } from "./protocol.js";
import { Queue, type QueueSettings } from "./queue.js";
import { Transfers } from "./transfers.js";
import { messagesHandled, settledOrAborted, timed, Turns } from "./turns.js";
import { Upkeep } from "./upkeep.js";
import { batchOf, queueHost } from "./waiting.js";
import type { AddResult, EnqueueResult, Facet, FailedPage, PageInfo, Progress, RepairResult, SearchResult, Status } from "./types.js";

type Tell = (progress: Progress) => void;

/** Why a page that was waiting will not be indexed after all. */
const SUPERSEDED = "The page was removed before it was indexed.";

/** An open index, and the encoder once it is started. */
export class Engine {
  /** Settles with the encoder, bound to the index, after `start`. */
  readonly ready: Promise<void>;
  /** The encoder. */
  readonly encoding: Encoding;
  /** Whether other tabs may write as well: there is no lock that keeps them from it. */
  othersWrite = false;
  /** What the browser has lost. */
  readonly loss: Loss;
  /** The index going out and coming in as a file. */
  readonly transfers: Transfers;
  /** Looks after the index. */
  readonly upkeep: Upkeep;
  /** Works off what waits. */
  readonly queue: Queue;
  readonly #module: SearchModule;
  readonly #index: Index;
  readonly #ask: OpenAsk;
  readonly #tell: Tell;
  /** Pages given and not yet settled. */
  readonly #waiting = new Map<AbortController, string>();
  /** One page that is added at a time, in the order in which they came; a window of a page that waits when there is none. */
  readonly #pages = new Turns();
  /** One call of the index at a time: its object may not be used again while a call of it is under way. */
  readonly #storing = new Turns();

  constructor(module: SearchModule, index: Index, note: Note | null, ask: OpenAsk, link: PageLink, onQueue: (settings: QueueSettings) => void) {
    this.#module = module;
    this.#index = index;
    this.loss = new Loss(index, this.#storing, note);
    this.#ask = ask;
    this.#tell = link.tell;
    this.encoding = new Encoding(ask, {
      tell: link.tell,
      bind: (fingerprint) => this.#storing.run(() => this.#bind(fingerprint), { urgent: true }),
      onMoved: () => {
        onQueue(this.queue.settings);
        // The index may be closed meanwhile.
        this.status().then((status) => this.#tell({ stage: "device", status }), () => {});
      },
    });
    const onChange = () => this.#changed();
    const { encoding } = this;
    this.queue = new Queue(queueHost({ index, encoding, storing: this.#storing, pages: this.#pages, link, onChange, onSettings: onQueue }));
    this.ready = this.encoding.ready.then(() => this.#begin());
    // As with the encoder's own.
    this.ready.catch(() => {});
    this.transfers = new Transfers(index, this.#storing, onChange);
    this.upkeep = new Upkeep(index, this.#storing, { onStep: (isAtRest) => this.loss.seen(isAtRest) });
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
      const [unchanged, key] = await this.#storing.run(async () => {
        await this.#lookAround();
        return [isFirst ? this.#unchangedAtOnce(page) : null, this.#index.waitingKey(page.url)] as const;
      }, { urgent: true });
      return unchanged ?? await settledOrAborted(this.#pages.run(() => this.#indexPage(page, key, ending.signal), { urgent: true }), ending.signal);
    } finally {
      signal.removeEventListener("abort", end);
      this.#waiting.delete(ending);
    }
  }

  /** See `Burrow.enqueue`. */
  async enqueue({ pages, priority }: EnqueueAsk): Promise<EnqueueResult> {
    if (this.#ask.onOtherModel === "clear" && !this.encoding.isReady) {
      // With another model the index will be cleared, and with it what these pages are compared with.
      const isThere = await this.#storing.run(() => pages.some((page) => this.#unchanged(page)), { urgent: true });
      if (isThere) await this.ready;
    }
    this.#changed();
    const result = await this.#storing.run(async () => {
      await this.#lookAround();
      return this.#index.enqueue(batchOf(this.#module, pages, priority));
    }, { urgent: true });
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
    await this.ready;
    this.queue.used();
    return this.encoding.vector(query, signal);
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
      if (this.encoding.isReady) await this.#index.bind(await this.encoding.fingerprint());
      this.loss.settled();
    }, { urgent: true });
  }

  /** See `Burrow.repair`. */
  async repair(): Promise<RepairResult> {
    this.#changed();
    const repaired = await this.upkeep.repair();
    await this.#storing.run(() => this.loss.settled());
    return repaired;
  }

  /** See `Burrow.pages`. */
  pages({ filter, sort, offset, limit }: PagesAsk): Promise<PageInfo[]> {
    return this.#storing.run(() => this.#index.pagesWhere(filter, sort, offset, limit), { urgent: true });
  }

  /** The state in effect. */
  async status(): Promise<Status> {
    const [{ reasons, ...index }, queued] = await this.#storing.run(() => [this.#index.status(), this.#index.queued()], { urgent: true });
    const encoder = this.encoding.status();
    const count = index.pages + queued.waiting;
    const lost = this.loss.of(count);
    return {
      ...encoder, ...index, lost,
      waiting: this.#waiting.size,
      queue: this.queue.status(queued),
      role: "writer",
      reasons: [...encoder.reasons, ...this.queue.reasons, ...(lost > 0 ? [lostReason(lost, count)] : []), ...reasons],
    };
  }

  /** Ends what is under way and closes the database. A commit that has begun is finished. */
  close(): Promise<void> {
    this.encoding.stop();
    this.#end(() => true);
    this.queue.stop();
    this.upkeep.stop();
    return this.#storing.run(() => this.#index.close(), { urgent: true });
  }

  /** The encoder is there. */
  async #begin(): Promise<void> {
    this.#tell({ stage: "ready", status: await this.status() });
    this.queue.start();
    this.upkeep.changed();
    void this.encoding.settleDevice();
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

  /** Whether a page is there already is answered from memory, which says nothing of what other tabs have removed. */
  async #lookAround(): Promise<void> {
    if (this.othersWrite) await this.#index.follow(undefined);
  }

  /** The result for a page that is there already, or null. Not even the encoder is needed for it. */
  #unchangedAtOnce(page: PageAsk): AddResult | null {
    // With another model the index will be cleared, and whether it is another one shows with the encoder.
    return this.#ask.onOtherModel === "clear" && !this.encoding.isReady ? null : this.#unchanged(page);
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
    await this.ready;
    const unchanged = await this.#storing.run(() => this.#unchanged(page), { urgent: true });
    if (unchanged) return unchanged;
    const encoded = await this.encoding.again(() => this.#encode(page, signal));
    return this.#storing.run(async () => {
      signal.throwIfAborted();
      this.#changed();
      const committed = key === undefined ? undefined : await this.#index.commitQueued(key, encoded);
      return committed ?? this.#index.commit(encoded);
    });
  }

  async #encode(page: PageAsk, signal: AbortSignal): Promise<Uint8Array> {
    const { url } = page;
    await messagesHandled();
    signal.throwIfAborted();
    const prepared = await this.encoding.prepare(page);
    const windowsTotal = prepared.windows;
    try {
      for (let windows = 0; windows < windowsTotal; windows++) {
        this.#tell({ stage: "index", url, windows, windowsTotal, waiting: this.#waiting.size });
        await this.encoding.encodeNext(prepared);
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

  /** The index is about to change. */
  #changed(): void {
    this.loss.changed();
    this.upkeep.changed();
  }

  /** Ends the pages that wait, of these addresses. */
  #end(isMeant: (url: string) => boolean): void {
    for (const [ending, url] of this.#waiting) if (isMeant(url)) ending.abort(aborted(SUPERSEDED));
  }
}
