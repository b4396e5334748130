/** Works off the pages that wait: when, in which order, and how long it will take. */
import { messageOf, toBurrowError } from "./error.js";
import type { PreparedPage } from "./modules.js";
import { messagesHandled } from "./turns.js";
import type { AddResult, ErrorKind, Priority, Progress, QueueStatus } from "./types.js";

/** A page whose turn has come. */
export interface WaitingPage {
  key: number;
  url: string;
  title: string | null;
  format: string;
  facts: string | null;
  priority: Priority;
  content: Uint8Array;
}

/** What waits, and what has failed. */
export type Queued = Pick<QueueStatus, "waiting" | "bytes" | "failed">;

/** How the queue is set. */
export type QueueSettings = Pick<QueueStatus, "paused" | "mode">;

/** What the queue needs of the index and the encoder. */
export interface QueueHost {
  /** The page whose turn it is; with `before`, only one that goes before the pages of that priority. */
  peek(before: Priority | undefined): Promise<WaitingPage | null>;
  /** Whether just this page still waits. */
  isWaiting(page: WaitingPage): Promise<boolean>;
  /** The page is begun: says for how many times, since it last came to an end. */
  begun(page: WaitingPage): Promise<number>;
  /** It has come to an end, or is left. */
  ended(page: WaitingPage): void;
  /** Does the encoding of a page; where the device fails and another takes its place, once more. */
  encoded(work: () => Promise<Uint8Array | null>): Promise<Uint8Array | null>;
  prepare(page: WaitingPage): Promise<PreparedPage>;
  /** Encodes the next window, after queries and pages that are added. */
  encodeNext(prepared: PreparedPage): Promise<void>;
  /** Commits the page and takes it off the queue; null where it waits no longer. */
  commit(page: WaitingPage, encoded: Uint8Array): Promise<AddResult | null>;
  /** Takes it off the queue, and keeps why. */
  settle(page: WaitingPage, kind: ErrorKind, message: string): Promise<void>;
  queued(): Promise<Queued>;
  tell(progress: Progress): void;
  /** Told when the settings change. */
  onSettings(settings: QueueSettings): void;
}

/** In idle mode the queue rests for so long after a query or an addition. */
const REST_MS = 3000;
/** After a failure that is no page's fault, such as a full disk, the queue tries again so much later. */
const STALL_MS = 30_000;
/** What is wrong with the page itself: it would fail again. */
const OF_PAGE: readonly ErrorKind[] = ["empty", "input", "limit", "corrupt"];
/** A page in the midst of which so many tabs have crashed is not begun again. */
const CRASHES_MAX = 3;
/** The rate is that of the last so many windows. */
const RATE_WINDOWS = 64;

/** The queue's worker: one page at a time, unless a more urgent one comes in between two windows of it. */
export class Queue {
  readonly #host: QueueHost;
  readonly #rate = new Rate();
  #settings: QueueSettings = { paused: false, mode: "eager" };
  #isStarted = false;
  #isStopped = false;
  #isRunning = false;
  /** Something was enqueued, and the queue has not looked yet: at all, and between two windows. */
  #isNews = false;
  #isUrgentNews = false;
  /** Until when the page has said that it is idle. */
  #idleUntil = 0;
  #usedAt = -Infinity;
  #stalled: string | null = null;
  #wake: () => void = () => {};
  /** Pages worked off since the queue was last empty. */
  #done = 0;
  /** Bytes of the pages that are under way which are encoded already. */
  #bytesEncoded = 0;

  constructor(host: QueueHost) {
    this.#host = host;
  }

  /** Begins to work, when the encoder is there. */
  start(): void {
    this.#isStarted = true;
    this.kick();
  }

  /** Ends the work after the window under way. */
  stop(): void {
    this.#isStopped = true;
    this.#wake();
  }

  /** Looks at what waits: something was enqueued, or is to be tried again. */
  kick(): void {
    this.#isNews = true;
    this.#isUrgentNews = true;
    this.#stalled = null;
    this.#wake();
    this.#tellState().catch(() => {});
    void this.#run();
  }

  /** Changes how it works. What is left out stays. */
  set({ paused = this.#settings.paused, mode = this.#settings.mode }: Partial<QueueSettings>): void {
    this.#settings = { paused, mode };
    this.#host.onSettings(this.#settings);
    this.kick();
  }

  get settings(): QueueSettings {
    return this.#settings;
  }

  /** The page is idle, for so long from now on. */
  idle(forMs: number): void {
    this.#idleUntil = performance.now() + forMs;
    this.#wake();
  }

  /** A query or an addition has come: in idle mode the queue rests. */
  used(): void {
    this.#usedAt = performance.now();
  }

  /** The queue's part of `status`. */
  status(queued: Queued): QueueStatus {
    const bytesLeft = Math.max(0, queued.bytes - this.#bytesEncoded);
    const isWorking = this.#isStarted && !this.#settings.paused && this.#stalled === null;
    return {
      ...queued, ...this.#settings,
      secondsLeft: queued.waiting === 0 ? 0 : isWorking ? this.#rate.secondsFor(bytesLeft) : null,
    };
  }

  /** Why it does not get on, if so. */
  get reasons(): string[] {
    return this.#stalled === null ? [] : [`Pages that wait are not indexed for now: ${this.#stalled}`];
  }

  /** Tells how far it is. */
  async #tellState(): Promise<void> {
    if (this.#isStopped) return;
    const { waiting, failed, secondsLeft } = this.status(await this.#host.queued());
    this.#host.tell({ stage: "queue", done: this.#done, waiting, failed, secondsLeft });
    if (waiting === 0) this.#done = 0;
  }

  async #run(): Promise<void> {
    if (this.#isRunning || !this.#isStarted) return;
    this.#isRunning = true;
    try {
      while (this.#isNews && !this.#isStopped) {
        this.#isNews = false;
        await this.#workOff(undefined);
      }
    } catch (thrown) {
      if (!this.#isStopped) this.#stall(thrown);
    } finally {
      this.#isRunning = false;
    }
  }

  /** A trap ends the worker, as everywhere; all else is tried again later. */
  #stall(thrown: unknown): void {
    if (thrown instanceof WebAssembly.RuntimeError) throw thrown;
    this.#stalled = messageOf(thrown);
    setTimeout(() => {
      if (this.#stalled !== null && !this.#isStopped) this.kick();
    }, STALL_MS);
    this.#tellState().catch(() => {});
  }

  async #workOff(before: Priority | undefined): Promise<void> {
    while (await this.#mayGo()) {
      const page = await this.#host.peek(before);
      if (!page) return;
      await this.#workOn(page);
      await this.#tellState();
    }
  }

  async #workOn(page: WaitingPage): Promise<void> {
    const crashes = await this.#host.begun(page) - 1;
    try {
      if (crashes >= CRASHES_MAX) return await this.#host.settle(page, "worker", crashed(page, crashes));
      const encoded = await this.#host.encoded(() => this.#encode(page));
      if (encoded && await this.#host.commit(page, encoded)) this.#done += 1;
    } catch (thrown) {
      // The encoder's module has trapped on this page, the index's has not: so the page does not do it again.
      const isTrap = thrown instanceof WebAssembly.RuntimeError;
      const { kind, message } = toBurrowError(thrown);
      if (!isTrap && !OF_PAGE.includes(kind)) throw thrown;
      await this.#host.settle(page, kind, message);
      if (isTrap) throw thrown;
    } finally {
      this.#host.ended(page);
    }
  }

  /** The page with its codes; null where it waits no longer, or the work ends. */
  async #encode(page: WaitingPage): Promise<Uint8Array | null> {
    await messagesHandled();
    const prepared = await this.#host.prepare(page);
    const { windows: windowsTotal } = prepared;
    const bytes = page.content.length / windowsTotal;
    let windows = 0;
    try {
      for (; windows < windowsTotal; windows++) {
        await this.#tellWindows(page, windows, windowsTotal);
        if (!await this.#mayGoOn(page)) {
          prepared.free();
          return null;
        }
        const begun = performance.now();
        await this.#host.encodeNext(prepared);
        this.#rate.add(bytes, performance.now() - begun);
        this.#bytesEncoded += bytes;
        await messagesHandled();
      }
    } catch (thrown) {
      prepared.free();
      throw thrown;
    } finally {
      this.#bytesEncoded -= windows * bytes;
    }
    await this.#tellWindows(page, windows, windowsTotal);
    return prepared.finish();
  }

  async #tellWindows({ url }: WaitingPage, windows: number, windowsTotal: number): Promise<void> {
    const { waiting } = await this.#host.queued();
    this.#host.tell({ stage: "index", url, windows, windowsTotal, waiting });
  }

  /** Lets what is more urgent go first. */
  async #mayGoOn(page: WaitingPage): Promise<boolean> {
    if (this.#isUrgentNews && page.priority !== "visible") {
      this.#isUrgentNews = false;
      await this.#workOff(page.priority);
    }
    return await this.#mayGo() && this.#host.isWaiting(page);
  }

  /** Waits until it may work. False where it is to work no more. */
  async #mayGo(): Promise<boolean> {
    while (!this.#isStopped) {
      const ms = this.#restMs();
      if (ms <= 0) return true;
      await this.#woken(ms);
    }
    return false;
  }

  #restMs(): number {
    const { paused, mode } = this.#settings;
    if (paused) return Infinity;
    if (mode === "eager") return 0;
    const now = performance.now();
    return now >= this.#idleUntil ? Infinity : this.#usedAt + REST_MS - now;
  }

  async #woken(ms: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      if (ms !== Infinity) timer = setTimeout(resolve, ms);
    });
    clearTimeout(timer);
  }
}

function crashed({ url }: WaitingPage, crashes: number): string {
  return `${crashes} times the tab or its worker crashed while ${url} was encoded: it is put aside. Add it again where there is more `
    + "memory, or only a part of it.";
}

/** How fast pages were encoded of late. */
export class Rate {
  readonly #windows: { bytes: number; ms: number }[] = [];

  /** A window of so many bytes of a page took so long. */
  add(bytes: number, ms: number): void {
    this.#windows.push({ bytes, ms });
    if (this.#windows.length > RATE_WINDOWS) this.#windows.shift();
  }

  /** How long so many bytes will take; null where nothing was measured yet. */
  secondsFor(bytes: number): number | null {
    let [bytesAll, msAll] = [0, 0];
    for (const window of this.#windows) {
      bytesAll += window.bytes;
      msAll += window.ms;
    }
    return bytesAll === 0 ? null : (bytes / bytesAll) * (msAll / 1000);
  }
}
