/** Loads the wasm modules of the package. */
import { BurrowError, messageOf } from "./error.js";

import type { AddResult, EnqueueResult, Facet, FailedPage, Hit, ImportResult, PageInfo, Problem, QueueStatus, RepairResult, Sort, Status } from "./types.js";

// What is used of the modules is written out here, so that the TypeScript compiles before the wasm is built. A type test holds
// it against what wasm-bindgen has written.

/** Compiles and starts a module. */
type Init = (options: { module_or_path: Promise<Response> }) => Promise<unknown>;

/** The search module: store, index, hits. */
export interface SearchModule {
  default: Init;
  Index: {
    open(name: string, options: IndexOptions): Promise<Index>;
    delete(name: string): Promise<void>;
  };
  Batch: new () => Batch;
}

/** Pages to be enqueued in one transaction. */
export interface Batch {
  add(url: string, title: string | null, format: string, content: Uint8Array, facts: string | null, priority: string): void;
  free(): void;
}

/** A page whose turn has come. */
export interface QueuedPage {
  readonly key: number;
  readonly url: string;
  readonly title: string | undefined;
  readonly facts: string | undefined;
  readonly priority: string;
  readonly format: string;
  /** Can be called once. */
  takeContent(): Uint8Array;
  free(): void;
}

/** How to open an index. */
export interface IndexOptions {
  /** Whether to remove first whatever is in it, also what this version cannot read. */
  clear?: boolean;
  durability?: "relaxed" | "strict";
  encryption?: "device" | CryptoKey | Uint8Array | null;
}

/** An open index: see `src/web/search.rs`, `src/web/transfer.rs` for exports and imports, which have numbers, and `upkeep.rs`. */
export interface Index {
  /** Whether nothing was ever committed to it. */
  readonly isNew: boolean;
  bind(fingerprint: Uint8Array): Promise<void>;
  follow(fingerprint: Uint8Array | undefined): Promise<boolean>;
  unchanged(url: string, title: string | null, format: string, content: Uint8Array, facts: string | null): number | undefined;
  commit(page: Uint8Array): Promise<AddResult>;
  search(text: string, vector: Float32Array | null, options: string, filter: string | null): Promise<Hit[]>;
  remove(url: string): Promise<boolean>;
  removeWhere(filter: string): Promise<number>;
  clear(keepWaiting: boolean): Promise<void>;
  pagesWhere(filter: string | null, sort: Sort, offset: number, limit: number): PageInfo[];
  facets(filter: string | null, asked: string): Facet[];
  status(): Pick<Status, "storage" | "encrypted" | "pages" | "passages" | "reasons">;
  exportBegin(): number;
  exportNext(number: number): Promise<Uint8Array | undefined>;
  importBegin(): number;
  importPush(number: number, bytes: Uint8Array): Promise<ImportResult>;
  importEnd(number: number): ImportResult;
  transferEnd(number: number): void;
  /** Gives a number, too, which `transferEnd` ends. */
  verifyBegin(): Promise<number>;
  verifyNext(number: number): Promise<Problem[] | undefined>;
  repair(): Promise<RepairResult>;
  compact(): Promise<boolean>;
  /** Uses the batch up. */
  enqueue(batch: Batch): Promise<EnqueueResult>;
  peek(before: string | undefined): Promise<QueuedPage | undefined>;
  commitQueued(key: number, page: Uint8Array): Promise<AddResult | undefined>;
  settle(key: number, kind: string, message: string): Promise<boolean>;
  waitingKey(url: string): number | undefined;
  queued(): Pick<QueueStatus, "waiting" | "bytes" | "failed">;
  failures(): FailedPage[];
  close(): void;
}

/** The encoder module: weights to a model, pages to chunks, chunks to vectors. */
export interface EncoderModule {
  ModelLoader: {
    start(
      name: string, manifest: Uint8Array | undefined, config: Uint8Array, tokenizer: Uint8Array, device: string,
      hashes: string[] | undefined,
    ): Promise<ModelLoader>;
  };
}

/** The encoder for the CPU, on memory that several workers share: see `src/web/threads.rs`. */
export interface ThreadsModule extends Omit<EncoderModule, "default"> {
  default: (options: { module_or_path: WebAssembly.Module; memory?: WebAssembly.Memory }) => Promise<{ memory: WebAssembly.Memory }>;
  threadRun(): void;
  threadDied(): void;
}

/** A model on its way to a device, one file with weights after the other: see `src/web/encoder.rs`. */
export interface ModelLoader {
  add(file: string, bytes: Uint8Array, sha256: string | undefined): Promise<void>;
  /** Uses the loader up, also where it fails. */
  finish(isProven: boolean): Promise<Encoder>;
  free(): void;
}

/** A model on a device. */
export interface Encoder {
  fingerprint(): Uint8Array;
  prepare(url: string, title: string | null, format: string, content: Uint8Array, facts: string | null): PreparedPage;
  embedQuery(query: string): Promise<Float32Array>;
  /** The vectors of token ids. */
  embed(ids: Uint32Array, lengths: Uint32Array): Promise<Float32Array>;
  precision(): string;
  weights(): string;
  reasons(): string[];
  free(): void;
}

/** A page on its way to the index. */
export interface PreparedPage {
  readonly windows: number;
  /** Encodes the next window. Between layers it calls `pause`, and waits for the promise that comes of it, if one does. */
  encodeNext(pause?: () => Promise<void> | undefined): Promise<void>;
  /** Uses the page up. */
  finish(): Uint8Array;
  free(): void;
}

/**
 * The search module. `folder` is where the package's `wasm/` lies, when it is not beside this file.
 *
 * The addresses are written out, since that is how bundlers find the files they must take along.
 */
export function loadSearch(folder: string | null): Promise<SearchModule> {
  return loaded(
    placed(folder, "search/search.js") ?? new URL("../wasm/search/search.js", import.meta.url),
    placed(folder, "search/search_bg.wasm") ?? new URL("../wasm/search/search_bg.wasm", import.meta.url),
  );
}

/** The encoder module, which is larger by far: for both devices. */
export function loadEncoder(folder: string | null): Promise<EncoderModule> {
  return loaded(
    placed(folder, "encoder/encoder.js") ?? new URL("../wasm/encoder/encoder.js", import.meta.url),
    placed(folder, "encoder/encoder_bg.wasm") ?? new URL("../wasm/encoder/encoder_bg.wasm", import.meta.url),
  );
}

/** The encoder for the CPU alone, half as large. */
export function loadCpu(folder: string | null): Promise<EncoderModule> {
  return loaded(
    placed(folder, "cpu/cpu.js") ?? new URL("../wasm/cpu/cpu.js", import.meta.url),
    placed(folder, "cpu/cpu_bg.wasm") ?? new URL("../wasm/cpu/cpu_bg.wasm", import.meta.url),
  );
}

/** Script and code are on their way at once. */
function loaded<M>(js: URL, wasm: URL): Promise<M> {
  return explained(js, async () => {
    const code = fetch(wasm);
    // Where the script does not come, nobody waits for it.
    code.catch(() => {});
    const module: M & { default: Init } = await import(/* @vite-ignore */ /* webpackIgnore: true */ js.href);
    await module.default({ module_or_path: code });
    return module;
  });
}

/** The files of the encoder with threads. */
export function threadsFiles(folder: string | null): { js: URL; wasm: URL } {
  const js = placed(folder, "threads/threads.js") ?? new URL("../wasm/threads/threads.js", import.meta.url);
  const wasm = placed(folder, "threads/threads_bg.wasm") ?? new URL("../wasm/threads/threads_bg.wasm", import.meta.url);
  return { js, wasm };
}

/** Its script. It is to be started with memory and module. */
export async function threadsScript(js: URL): Promise<ThreadsModule> {
  return import(/* @vite-ignore */ /* webpackIgnore: true */ js.href);
}

function placed(folder: string | null, path: string): URL | null {
  if (folder === null) return null;
  return new URL(path, folder.endsWith("/") ? folder : `${folder}/`);
}

/** What is loaded; where that fails, an error that says what to do. */
export async function explained<T>(file: URL, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (thrown) {
    const message = `Burrow's own files at ${new URL(".", file).href} could not be loaded (${messageOf(thrown)}). Serve the folder `
      + "wasm/ of the package there, or say with the option `wasm` where it is.";
    throw new BurrowError("worker", message, { cause: thrown });
  }
}
