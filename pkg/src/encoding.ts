/** The encoder of an open index: one pass at a time, on one device, which another may take the place of while pages come and go. */
import { type DeviceChoice, onCpu } from "./device.js";
import { BurrowError, messageOf, toBurrowError } from "./error.js";
import { begin, type Coming, fingerprintOf, free, load, type Loaded, modelName, type Placed } from "./load.js";
import type { PreparedPage } from "./modules.js";
import { pass, type Pass } from "./pace.js";
import type { OpenAsk, PageAsk } from "./protocol.js";
import { threadsThere, withOneThread } from "./threads.js";
import { faster, vectorFault, verdictOf } from "./trial.js";
import { timed, Turns } from "./turns.js";
import type { Progress, Status } from "./types.js";
import { chosen, remember, type Verdict } from "./verdict.js";

/** The encoder's part of `status`. */
export type EncoderStatus = Pick<
  Status, "encoder" | "model" | "device" | "adapter" | "deviceReason" | "measured" | "threads" | "precision" | "weights" | "modelBytesKept" | "reasons"
>;

/** The vector of a query, which encoder it is of, and how long that took. */
export interface QueryVector {
  vector: Float32Array;
  fingerprint: Uint8Array;
  encodeMs: number;
}

/** What of a page is encoded. */
export type Content = Omit<PageAsk, "format"> & { format: string };

/** What an index does for its encoder. */
export interface EncodingHost {
  tell: (progress: Progress) => void;
  /** Makes the index one of this encoder. */
  bind: (fingerprint: Uint8Array) => Promise<void>;
  /** Told when another device encodes, and when it is known that none does it faster. */
  onMoved: () => void;
}

/** Of the text by which the vectors of both devices are compared. */
const TOKENS_CHECKED = 64;

/** The encoder, once it is started. */
export class Encoding {
  /** Settles when the encoder is there and the index is bound to it. */
  readonly ready: Promise<Loaded>;
  readonly #ask: OpenAsk;
  readonly #host: EncodingHost;
  #closing = new AbortController();
  /** One forward pass at a time, or that of a query between the layers of a window. */
  readonly #turns = new Turns();
  #start: (coming: Coming) => void = () => {};
  #loaded: Loaded | null = null;
  #failure: string | null = null;
  #moving: Promise<void> | null = null;

  constructor(ask: OpenAsk, host: EncodingHost) {
    this.#ask = ask;
    this.#host = host;
    this.ready = new Promise<Coming>((start) => (this.#start = start)).then((coming) => this.#load(coming));
    // Whoever waits for the encoder is told; that nobody waits yet is no reason for the browser to complain.
    this.ready.catch(() => {});
  }

  /** Begins to load it, or goes on with what is on its way. */
  start(coming: Coming | null): void {
    coming ??= begin(this.#ask, this.#host.tell);
    this.#closing = coming.closing;
    this.#start(coming);
  }

  /** Ends the loading, and what is measured. */
  stop(): void {
    this.#closing.abort(new BurrowError("closed", "The index was closed."));
  }

  /** Whether it is there. */
  get isReady(): boolean {
    return this.#loaded !== null;
  }

  /** Which encoder it is. */
  async fingerprint(): Promise<Uint8Array> {
    return (await this.ready).encoder.fingerprint();
  }

  /** The vector of a query. A device that fails is asked once; then the CPU is. */
  async vector(query: string, signal: AbortSignal): Promise<QueryVector> {
    const loaded = await this.ready;
    return this.again(() => this.#turns.run(async () => {
      signal.throwIfAborted();
      const { encoder } = loaded;
      const [vector, encodeMs] = await timed(() => encoder.embedQuery(query));
      return { vector, fingerprint: encoder.fingerprint(), encodeMs };
    }, { between: true }));
  }

  /** Cuts a page into windows, which `encodeNext` encodes, on the device that encodes now. */
  async prepare({ url, title, format, content, facts }: Content): Promise<PreparedPage> {
    return (await this.ready).encoder.prepare(url, title, format, content, facts);
  }

  /** Encodes the next window; a query need not wait for its end. */
  encodeNext(prepared: PreparedPage): Promise<void> {
    return this.#turns.run(() => prepared.encodeNext(() => this.#turns.lend()));
  }

  /** Does what is to be encoded; where the device fails in it, once more, on the CPU. */
  async again<T>(work: () => Promise<T>): Promise<T> {
    const loaded = await this.ready;
    const { encoder } = loaded;
    try {
      return await work();
    } catch (thrown) {
      if (toBurrowError(thrown).kind !== "device" || this.#closing.signal.aborted) throw thrown;
      // Whoever failed with an encoder that is gone by now has another one to turn to.
      if (loaded.encoder === encoder && !await this.#fellBack(loaded, thrown)) throw thrown;
      return work();
    }
  }

  /** The state in effect. */
  status(): EncoderStatus {
    const { device, precision, weights, modelBytesKept, reasons } = this.#loaded ?? {};
    return {
      encoder: this.#loaded ? "ready" : this.#failure === null ? "loading" : "failed",
      model: modelName(this.#ask.model),
      device: device?.device ?? "none",
      adapter: device?.adapter ?? "",
      deviceReason: device?.why ?? "",
      measured: device?.measured ?? null,
      threads: this.#loaded?.threads ?? 0,
      precision: precision ?? "none",
      weights: weights ?? "none",
      modelBytesKept: modelBytesKept ?? 0,
      reasons: [this.#failure, device?.reason, ...(this.#loaded?.placedReasons ?? []), ...(reasons ?? [])].flatMap((reason) => reason ?? []),
    };
  }

  /** Where both devices are to be measured, does so, and goes on with the faster. Nothing of what was encoded is lost by it. */
  async settleDevice(): Promise<void> {
    const loaded = await this.ready;
    const { rival } = loaded.device;
    if (rival === null) return;
    try {
      const verdict = await this.#verified(loaded, await this.#measure(loaded));
      await remember(this.#ask.model, verdict, { adapter: rival, threads: threadsThere(), fingerprint: fingerprintOf(loaded) });
      if (loaded.device.rival === rival) loaded.device = chosen(loaded.device, verdict);
    } catch (thrown) {
      if (this.#closing.signal.aborted) return;
      // A device that failed while it was measured is out of use already, and says why.
      const why = `The other device could not be measured (${messageOf(thrown)}); it is tried on the next visit.`;
      if (loaded.device.rival === rival) loaded.device = { ...loaded.device, why, rival: null };
    }
    this.#host.onMoved();
  }

  #measure(loaded: Loaded): Promise<Verdict> {
    const { shape, device: { device } } = loaded;
    const turn = <T>(work: () => Promise<T>) => this.#turns.run(work);
    const { model, wasm } = this.#ask;
    const rival = { model, wasm };
    return verdictOf({ device, shape, rival, turn, encode: (tokens) => turn(() => this.#pass(loaded, tokens)), signal: this.#closing.signal });
  }

  #pass({ encoder, shape }: Pick<Loaded, "encoder" | "shape">, tokens: number): Promise<Pass> {
    return pass(encoder, tokens, shape);
  }

  /** The verdict, once the device it names has the whole model and gives its vectors. */
  async #verified(loaded: Loaded, verdict: Verdict): Promise<Verdict> {
    const { device: { device: own }, shape } = loaded;
    if (verdict.device === own) return verdict;
    const figures = [verdict.measured[own], 0] as const;
    let placed: Placed;
    try {
      placed = await loaded.placedOn(verdict.device);
    } catch (thrown) {
      if (toBurrowError(thrown).kind !== "device") throw thrown;
      return faster(own, ...figures, `failed (${messageOf(thrown)})`);
    }
    const tokens = Math.min(TOKENS_CHECKED, shape.positions);
    // No pass is under way when an encoder goes.
    return this.#turns.run(async () => {
      // Where the one in use has failed in its vectors, the CPU is to take its place.
      const fault = verdict.fault ?? vectorFault(await this.#pass(loaded, tokens), await this.#pass({ ...placed, shape }, tokens));
      if (fault !== null && verdict.device === "webgpu") {
        free(placed.encoder);
        placed.end();
        return faster(own, ...figures, fault);
      }
      this.#place(loaded, placed);
      return { ...verdict, fault };
    });
  }

  /** From the next page or query on, another encoder is asked. A page under way holds on to the one it was begun with. */
  #place(loaded: Loaded, placed: Placed): void {
    free(loaded.encoder);
    loaded.end();
    Object.assign(loaded, placed);
  }

  /** Goes on on the CPU or, where it computes there already, with one thread of it. False where there is nothing less. */
  async #fellBack(loaded: Loaded, why: unknown): Promise<boolean> {
    const next = lesser(loaded, why);
    if (!next) return false;
    this.#moving ??= loaded.placedOn("cpu", next.threads).then((placed) => this.#turns.run(() => {
      this.#place(loaded, placed);
      loaded.device = next.choice;
      this.#host.onMoved();
    }, { urgent: true })).finally(() => (this.#moving = null));
    await this.#moving;
    return true;
  }

  async #load(coming: Coming): Promise<Loaded> {
    try {
      const loaded = await load(this.#ask, this.#host.tell, coming);
      await this.#host.bind(loaded.encoder.fingerprint());
      this.#loaded = loaded;
      return loaded;
    } catch (thrown) {
      this.#failure = `The encoder could not be loaded: ${messageOf(thrown)}`;
      throw thrown;
    }
  }
}

/** What is left when a device has failed in the midst of its work: the CPU, or one thread of it. */
function lesser({ device, threads }: Loaded, why: unknown): { choice: DeviceChoice; threads?: number } | null {
  if (device.device === "webgpu") return { choice: onCpu(`the WebGPU adapter ${device.adapter} failed (${messageOf(why)})`) };
  if (threads < 2) return null;
  return { choice: { ...device, reason: withOneThread(threads, why) }, threads: 1 };
}
