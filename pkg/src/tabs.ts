/**
 * Many tabs of one index: one of them, the writer, has the encoder and does all that changes the index; the others have it do so.
 * Every tab searches by itself. The writer's tab may go at any moment: the browser then hands its lock to another tab, which goes
 * on with what waits on the disk and with what the tabs had asked for.
 */
import type { EncoderStatus, QueryVector } from "./encoding.js";
import type { Engine } from "./engine.js";
import { BurrowError } from "./error.js";
import { begin, type Coming, modelName } from "./load.js";
import { TabLock } from "./lock.js";
import { openEngine } from "./open.js";
import { type Calls, fromWire, type OpenAsk, type PageLink, type PagesAsk, type SearchAsk, toWire, type WireError } from "./protocol.js";
import { type Handlers, type Message, Relay, type RelayedType, Service, type WriterState } from "./relay.js";
import type { Transfers } from "./transfers.js";
import { messagesHandled } from "./turns.js";
import type { FailedPage, PageInfo, Problem, Progress, SearchResult, Status } from "./types.js";

type Tell = (progress: Progress) => void;

const SHARED = "Another tab of this site encodes pages and queries for this one.";
/** What is asked of the writer's model, and must not be asked of another one. */
const OF_MODEL: readonly RelayedType[] = ["add", "enqueue", "vector"];

/** Opens an index in this tab. */
export async function openTab(ask: OpenAsk, link: PageLink): Promise<Tab> {
  const { tell, watch } = link;
  const name = `burrow:${ask.name}`;
  const lock = canShare() ? new TabLock(name) : null;
  // Where the browser gives no locks after all, every tab writes for itself, and the store keeps them apart.
  const isWriter = await lock?.tryTake().catch(() => null) ?? null;
  let tab: Tab | null = null;
  let coming: Coming | null = null;
  const shared = (progress: Progress) => {
    tell(progress);
    tab?.shareProgress(progress);
  };
  try {
    const opening = openEngine(ask, isWriter !== false, { ...link, tell: shared }, () => tab?.announce());
    // What the page asks for at once is answered first: words need no encoder.
    const calm = link.asked.then(messagesHandled).then(async () => (await opening).status());
    // The tab that writes needs the encoder, which needs nothing of the index: its files are looked for meanwhile.
    if (isWriter !== false) coming = begin(ask, shared, calm);
    const engine = await opening;
    const { storage } = await engine.status();
    const isShared = lock !== null && isWriter !== null && storage === "indexeddb";
    if (!isShared) lock?.release();
    engine.othersWrite = !isShared && storage === "indexeddb";
    tab = new Tab(engine, ask, tell, watch, isShared ? { lock, channel: new BroadcastChannel(name) } : null);
  } catch (thrown) {
    lock?.release();
    throw thrown;
  }
  tab.begin(isWriter ?? true, coming);
  return tab;
}

function canShare(): boolean {
  return navigator.locks !== undefined && typeof BroadcastChannel === "function" && typeof crypto.randomUUID === "function";
}

/** What tabs share. */
interface Sharing {
  lock: TabLock;
  channel: BroadcastChannel;
}

/** An index that is open in this tab. */
export class Tab {
  /** Settles when pages and queries can be encoded, by whichever tab. */
  readonly ready: Promise<void>;
  readonly #engine: Engine;
  readonly #ask: OpenAsk;
  readonly #tell: Tell;
  readonly #watch: (isOn: boolean) => void;
  readonly #sharing: Sharing | null;
  readonly #id: string;
  readonly #relay: Relay;
  readonly #service: Service;
  readonly #closed = new BurrowError("closed", "The index was closed.");
  #role: Status["role"] = "follower";
  /** Of the writer, where that is another tab. */
  #writer: WriterState | null = null;
  #writerId: string | null = null;
  /** Writers that are gone: a last word of theirs may come late. */
  readonly #former = new Set<string>();
  #failure: WireError | null = null;
  #isWatching = false;
  #isClosed = false;
  #settleReady: { resolve: () => void; reject: (error: unknown) => void } = { resolve: () => {}, reject: () => {} };

  constructor(engine: Engine, ask: OpenAsk, tell: Tell, watch: (isOn: boolean) => void, sharing: Sharing | null) {
    this.#engine = engine;
    this.#ask = ask;
    this.#tell = tell;
    this.#watch = watch;
    this.#sharing = sharing;
    this.#id = sharing ? crypto.randomUUID() : "";
    const post = (message: unknown) => sharing?.channel.postMessage(message);
    this.#relay = new Relay(this.#id, post);
    this.#service = new Service(this.#id, this.#handlers, post);
    this.ready = new Promise((resolve, reject) => (this.#settleReady = { resolve, reject }));
    this.ready.catch(() => {});
    sharing?.channel.addEventListener("message", ({ data }: MessageEvent<Message>) => this.#receive(data));
  }

  /** Takes up its role. */
  begin(isWriter: boolean, coming: Coming | null): void {
    if (isWriter || !this.#sharing) return this.#write(coming);
    this.#post({ type: "hello" });
    void this.#sharing.lock.take().then(() => this.#takeOver());
  }

  /** Does itself, or has the writer do, what needs the encoder or changes the index. */
  async call<T extends Exclude<RelayedType, "vector">>(type: T, ask: Calls[T]["ask"], signal: AbortSignal): Promise<Calls[T]["answer"]> {
    if (this.#role === "writer") return this.#handlers[type](ask, signal);
    this.#checkModel(type);
    return this.#relay.call(type, ask, signal);
  }

  /** See `Burrow.search`. */
  async search(ask: SearchAsk, signal: AbortSignal): Promise<SearchResult> {
    if (this.#role === "writer") return this.#engine.search(ask, signal);
    const vector = await this.#queryVector(ask, signal);
    const found = await this.#engine.find(ask, vector, signal, true);
    return { ...found, status: await this.status() };
  }

  /** The vector that the writer gives; null where the words alone count, or have to do without its encoder. */
  async #queryVector({ query, mode }: SearchAsk, signal: AbortSignal): Promise<QueryVector | null> {
    if (mode === "keyword") return null;
    this.#checkModel("vector");
    if (mode === "hybrid" && this.#encoder().encoder === "failed") return null;
    return this.#relay.call("vector", { query }, signal);
  }

  /** The pages in the index, or some of them. */
  async pages(ask: PagesAsk): Promise<PageInfo[]> {
    await this.#refresh();
    return this.#engine.pages(ask);
  }

  /** All that is not whole. Every tab looks for itself. */
  async verify(signal: AbortSignal): Promise<Problem[]> {
    await this.#refresh();
    return this.#engine.upkeep.verify(signal);
  }

  /** The index going out and coming in as a file. Every tab does that by itself. */
  get transfers(): Transfers {
    return this.#engine.transfers;
  }

  /** Begins an export of what is there now. */
  async exportBegin(): Promise<number> {
    await this.#refresh();
    return this.transfers.exportBegin();
  }

  /** Begins an import, when it is known with which model the index is made. */
  async importBegin(signal: AbortSignal): Promise<number> {
    await this.ready;
    // A follower knows the encoder by what it gives.
    if (this.#role === "follower") await this.#engine.refresh((await this.#relay.call("vector", { query: "import" }, signal)).fingerprint);
    return this.transfers.importBegin();
  }

  /** The pages that left the queue without being indexed. */
  async failures(): Promise<FailedPage[]> {
    await this.#refresh();
    return this.#engine.failures();
  }

  /** The state in effect. */
  async status(): Promise<Status> {
    await this.#refresh();
    const status = await this.#engine.status();
    if (this.#role === "writer") return status;
    const { reasons, ...encoder } = this.#encoder();
    const { paused = false, mode = "eager" } = this.#writer?.settings ?? {};
    return {
      ...status, ...encoder,
      queue: { ...status.queue, paused, mode, secondsLeft: status.queue.waiting === 0 ? 0 : this.#writer?.secondsLeft ?? null },
      waiting: this.#relay.count("add"),
      role: "follower",
      reasons: [SHARED, ...reasons, ...status.reasons],
    };
  }

  /** The page is idle, for so long from now on. */
  idle(forMs: number): void {
    this.#engine.queue.idle(forMs);
  }

  /** Closes the index in this tab. Another tab goes on with what waits. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#service.end();
    this.#relay.end(this.#closed);
    this.#settleReady.reject(this.#closed);
    await this.#engine.close();
    this.#sharing?.channel.close();
    this.#sharing?.lock.release();
  }

  /** Tells the other tabs how far the queue is. */
  shareProgress(progress: Progress): void {
    if (progress.stage === "queue" && this.#role === "writer") this.#post({ type: "progress", writer: this.#id, progress });
  }

  /** Tells the other tabs who writes, and how. */
  announce(): void {
    if (this.#role !== "writer") return;
    const { settings } = this.#engine.queue;
    const isIdleOnly = settings.mode === "idle";
    if (isIdleOnly !== this.#isWatching) this.#watch(isIdleOnly);
    this.#isWatching = isIdleOnly;
    const { model } = this.#ask;
    const { lost } = this.#engine.loss;
    const state = { model, encoder: this.#engine.encoding.status(), failure: this.#failure, settings, secondsLeft: null, lost };
    this.#post({ type: "writer", writer: this.#id, state });
  }

  /** What the writer does, for itself and for others. */
  readonly #handlers: Handlers = {
    add: (ask, signal) => this.#engine.add(ask, signal),
    enqueue: (ask) => this.#engine.enqueue(ask),
    queue: async (ask) => {
      this.#engine.queue.set(ask);
      return null;
    },
    remove: ({ url }) => this.#engine.remove(url),
    removeWhere: ({ filter }) => this.#engine.removeWhere(filter),
    clear: () => this.#engine.clear().then(() => this.#settled(null)),
    repair: () => this.#engine.repair().then((repaired) => this.#settled(repaired)),
    compact: (_, signal) => this.#engine.upkeep.compact(signal).then(() => null),
    vector: ({ query }, signal) => this.#engine.vector(query, signal),
  };

  /** Nothing counts as lost any more. */
  #settled<T>(result: T): T {
    this.announce();
    return result;
  }

  #write(coming: Coming | null): void {
    this.#role = "writer";
    this.#engine.encoding.start(coming);
    this.announce();
    this.#engine.ready.then(
      () => this.#settleReady.resolve(),
      (thrown: unknown) => {
        this.#failure = toWire(thrown);
        this.#settleReady.reject(thrown);
      },
    ).finally(() => this.announce());
  }

  async #takeOver(): Promise<void> {
    // What the last writer has written is seen, and so is what it could not finish.
    await this.#engine.refresh().catch(() => {});
    if (this.#isClosed) return;
    const settings = this.#writer?.settings;
    this.#writer = null;
    this.#write(null);
    if (settings) this.#engine.queue.set(settings);
    this.#relay.takeOver(this.#handlers);
  }

  #post(message: Message): void {
    if (!this.#isClosed) this.#sharing?.channel.postMessage(message);
  }

  #receive(message: Message): void {
    if (this.#isClosed) return;
    if (this.#role === "writer") {
      if (message.type === "hello") this.announce();
      else if (message.type === "ask" || message.type === "abort") void this.#service.take(message);
      return;
    }
    if (message.type === "writer") this.#follow(message.writer, message.state);
    else if (message.type === "answer" || message.type === "failure") this.#relay.settle(message);
    else if (message.type === "progress") this.#hear(message.progress);
  }

  #hear(progress: Progress): void {
    if (this.#writer && progress.stage === "queue") this.#writer.secondsLeft = progress.secondsLeft;
    this.#tell(progress);
  }

  #follow(writer: string, state: WriterState): void {
    if (this.#former.has(writer)) return;
    if (this.#writerId !== null && this.#writerId !== writer) this.#former.add(this.#writerId);
    this.#writerId = writer;
    const wasReady = this.#writer?.encoder.encoder === "ready";
    this.#writer = { ...state, secondsLeft: state.secondsLeft ?? this.#writer?.secondsLeft ?? null };
    this.#engine.loss.lost = state.lost;
    const other = this.#otherModel();
    if (other) {
      this.#relay.end(other, (call) => OF_MODEL.includes(call));
      this.#settleReady.reject(other);
    }
    this.#relay.follow(writer);
    if (other || !this.#sharing) return;
    if (state.failure) this.#settleReady.reject(fromWire(state.failure));
    if (state.encoder.encoder !== "ready" || wasReady) return;
    this.#settleReady.resolve();
    void this.status().then((status) => this.#tell({ stage: "ready", status }), () => {});
  }

  /** What the writer says of the encoder. */
  #encoder(): EncoderStatus {
    const other = this.#otherModel();
    const known = this.#writer && !other;
    return {
      ...this.#engine.encoding.status(),
      ...(known ? this.#writer?.encoder : { encoder: other ? "failed" : "loading", reasons: other ? [other.message] : [] }),
    };
  }

  /** Why the writer's encoder is of no use to this tab, if so. */
  #otherModel(): BurrowError | null {
    if (!this.#writer || this.#writer.model === this.#ask.model) return null;
    const [theirs, own] = [this.#writer.model, this.#ask.model].map((folder) => `${modelName(folder)} (${folder})`);
    return new BurrowError("fingerprint", `Another tab has the index ${JSON.stringify(this.#ask.name)} open with the model ${theirs}, and `
      + `this one was to open it with ${own}: an index holds the vectors of one model. Close the other tab, or use another name.`);
  }

  #checkModel(type: RelayedType): void {
    if (this.#isClosed) throw this.#closed;
    const other = this.#otherModel();
    if (other && OF_MODEL.includes(type)) throw other;
  }

  async #refresh(): Promise<void> {
    if (this.#role === "follower") await this.#engine.refresh();
  }
}
