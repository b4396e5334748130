/** The encoder of an open index: loaded once, and asked for one forward pass at a time. */
import { BurrowError, messageOf } from "./error.js";
import { load, type Loaded, modelName } from "./load.js";
import type { PreparedPage } from "./modules.js";
import type { OpenAsk, PageAsk } from "./protocol.js";
import { timed, Turns } from "./turns.js";
import type { Progress, Status } from "./types.js";

/** The vector of a query, and which encoder it is of. */
export interface QueryVector {
  vector: Float32Array;
  fingerprint: Uint8Array;
  encodeMs: number;
}

/** The encoder's part of `status`. */
export type EncoderStatus =
  Pick<Status, "encoder" | "model" | "device" | "adapter" | "precision" | "weights" | "modelBytesKept" | "reasons">;

/** What of a page is encoded. */
export type Content = Omit<PageAsk, "format"> & { format: string };

/** The encoder, once it is started. */
export class Encoding {
  /** Settles when the encoder is there and the index is bound to it. */
  readonly ready: Promise<Loaded>;
  readonly #ask: OpenAsk;
  readonly #tell: (progress: Progress) => void;
  readonly #bind: (fingerprint: Uint8Array) => Promise<void>;
  readonly #closing = new AbortController();
  /** A query goes before the next window of a page. */
  readonly #turns = new Turns();
  #begin: () => void = () => {};
  #loaded: Loaded | null = null;
  #failure: string | null = null;

  /** `bind` makes the index one of this encoder. */
  constructor(ask: OpenAsk, tell: (progress: Progress) => void, bind: (fingerprint: Uint8Array) => Promise<void>) {
    this.#ask = ask;
    this.#tell = tell;
    this.#bind = bind;
    this.ready = new Promise<void>((begin) => (this.#begin = begin)).then(() => this.#load());
    // Whoever waits for the encoder is told; that nobody waits yet is no reason for the browser to complain.
    this.ready.catch(() => {});
  }

  /** Begins to load it. */
  start(): void {
    this.#begin();
  }

  /** Ends the loading. */
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

  /** The vector of a query. */
  async vector(query: string, signal: AbortSignal): Promise<QueryVector> {
    const { encoder } = await this.ready;
    const [vector, encodeMs] = await this.#turns.run(() => {
      signal.throwIfAborted();
      return timed(() => encoder.embedQuery(query));
    }, { urgent: true });
    return { vector, fingerprint: encoder.fingerprint(), encodeMs };
  }

  /** Cuts a page into windows, which `encodeNext` encodes. */
  async prepare({ url, title, format, content, facts }: Content): Promise<PreparedPage> {
    return (await this.ready).encoder.prepare(url, title, format, content, facts);
  }

  /** Encodes the next window. */
  encodeNext(prepared: PreparedPage): Promise<void> {
    return this.#turns.run(() => prepared.encodeNext());
  }

  /** The state in effect. */
  status(): EncoderStatus {
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

  async #load(): Promise<Loaded> {
    try {
      const loaded = await load(this.#ask, this.#tell, this.#closing.signal);
      await this.#bind(loaded.encoder.fingerprint());
      this.#loaded = loaded;
      return loaded;
    } catch (thrown) {
      this.#failure = `The encoder could not be loaded: ${messageOf(thrown)}`;
      throw thrown;
    }
  }
}
