/** The public types: what a page that uses Burrow sees. */

/** How to open an index. */
export interface OpenOptions {
  /** Name of the index: pages under different names never mix. */
  name: string;
  /**
   * Folder of the model, as a URL: `config.json`, `tokenizer.json` and the weights lie in it, in one or several `.safetensors`
   * files. With a `burrow.json` they are checked, kept for the next visit, and brought several at once.
   */
  model: string;
  /** Where to encode. Default `"auto"`: WebGPU on a real GPU, else the CPU. */
  device?: "auto" | "webgpu" | "cpu";
  /** Told of every step of downloading, loading and indexing. */
  onProgress?: (progress: Progress) => void;
  /** Ends the opening; after it has opened, closes the index. */
  signal?: AbortSignal;
  /** Where the package's wasm files lie, when a bundler moved them. Default: beside the worker. */
  wasm?: string;
  /** What to do when the index was made with another model: `"error"` (default) or `"clear"` it. */
  onOtherModel?: "error" | "clear";
}

/** A page to index. Give one of `html`, `markdown` and `text`. */
export interface PageInput {
  /** The page's address: the key under which it is replaced and removed. */
  url: string;
  /** A title that outranks the page's own. */
  title?: string;
  html?: string | ArrayBuffer | Uint8Array;
  markdown?: string;
  text?: string;
}

export interface AddOptions {
  /** Ends the indexing of this page between two windows; the index keeps what it had. */
  signal?: AbortSignal;
}

/** What became of a page that was added. */
export interface AddResult {
  url: string;
  /** `"unchanged"`: the same content was there already, and nothing was done. */
  outcome: "added" | "replaced" | "unchanged";
  /** How many passages the page has in the index. */
  passages: number;
}

/** Which of the waiting pages goes first: what the reader looks at, the usual, or what can wait for all others. */
export type Priority = "visible" | "normal" | "background";

export interface EnqueueOptions {
  /** Default `"normal"`. A page that waits already is moved up, never down. */
  priority?: Priority;
}

/** What became of pages that were enqueued. Of several with one address the last counts. */
export interface EnqueueResult {
  /** How many of them wait now. */
  waiting: number;
  /** How many were there already, with just this content. */
  unchanged: number;
}

/** A page that left the queue without being indexed. */
export interface FailedPage {
  url: string;
  /** As the `kind` of a `BurrowError`. */
  kind: ErrorKind;
  message: string;
}

/** `"idle"`: the queue works only while the page that encodes has nothing else to do. */
export type QueueMode = "eager" | "idle";

/** The state of the queue. */
export interface QueueStatus {
  /** Pages that wait, on the disk, to be indexed. */
  waiting: number;
  /** Bytes of their contents. */
  bytes: number;
  /** Pages that left the queue without being indexed: `burrow.queue.failures()` lists them. */
  failed: number;
  paused: boolean;
  mode: QueueMode;
  /** How long the waiting pages will take, by the pace of late; null where that is not known, or the queue does not work. */
  secondsLeft: number | null;
}

export interface SearchOptions {
  /** At most this many hits. Default 10. */
  limit?: number;
  /** Candidates rescored for each hit asked for. Default 4. */
  oversampling?: number;
  signal?: AbortSignal;
}

/** Offsets of a marked stretch, in UTF-16 code units as JavaScript counts them. */
export interface Mark {
  start: number;
  end: number;
  /** Why: the sentence nearest in meaning, or a word of the query. */
  kind: "sentence" | "word";
}

/** One page with its best passage. */
export interface Hit {
  url: string;
  title: string;
  /** Cosine of query and passage, -1 to 1. */
  score: number;
  /** The passage, or the part of it around its best sentence. */
  excerpt: string;
  /** What to mark in the excerpt. Words may lie within the sentence. */
  marks: Mark[];
  /** The headings above the passage, outermost first. */
  headings: string[];
  /** The fragment that leads to the passage, without `#`. */
  anchor?: string;
  /** Which passage of the page, counted from 0. */
  passage: number;
}

export interface SearchResult {
  hits: Hit[];
  status: Status;
  /** What the query cost, in milliseconds. */
  timing: { encodeMs: number; searchMs: number };
}

/** A page that is in the index. */
export interface PageInfo {
  url: string;
  title: string;
  passages: number;
}

/** The state in effect, as opposed to the one asked for. */
export interface Status {
  /** The encoder: still loading, ready, or failed (then `reasons` says why). */
  encoder: "loading" | "ready" | "failed";
  /** Name of the model. */
  model: string;
  device: "webgpu" | "cpu" | "none";
  /** What the adapter calls itself; empty for the CPU. */
  adapter: string;
  /** In which numbers the encoder computes. */
  precision: "f16" | "f32" | "none";
  /** In which numbers the weights came: `q8` and `q4` are 8 and 4 bits with a scale for every 32. */
  weights: "f32" | "f16" | "bf16" | "q8" | "q4" | "none";
  /** How much of the model the browser keeps for the next visit, in bytes. */
  modelBytesKept: number;
  /** Where the index lives. `"memory"`: it is gone when the page is closed; `reasons` says why. */
  storage: "indexeddb" | "memory";
  pages: number;
  passages: number;
  /** Pages given to `add` and not yet indexed. */
  waiting: number;
  /** Pages given to `enqueue` and not yet indexed. */
  queue: QueueStatus;
  /** Of the tabs that have opened this index, one encodes and writes, and the others have it do so. */
  role: "writer" | "follower";
  /** Every way in which this is less than was asked for, as sentences to show. */
  reasons: string[];
}

/** A model of which files are kept: see `Burrow.models`. */
export interface KeptModel {
  /** The address of its folder. */
  folder: string;
  files: number;
  bytes: number;
}

/**
 * How far the model's download is: one file, of several on their way at once, and all together. Files that an earlier visit
 * kept count as well. What has come grows, but for a file that has to be begun anew.
 */
export interface DownloadStep {
  stage: "download";
  file: string;
  bytes: number;
  bytesTotal: number | null;
  /** Of all files together. */
  bytesLoaded: number;
  /** The size of all files together, as soon as it is known. */
  bytesAll: number | null;
}

/**
 * One step of a longer work: a model file arriving, a part of Burrow being loaded, a page's window encoded
 * (`waiting` pages are not yet in the index), the queue (`done` pages since it was last empty, see also `QueueStatus`), and the
 * encoder being ready.
 */
export type Progress =
  | DownloadStep
  | { stage: "load"; what: "storage" | "weights" | "device" }
  | { stage: "index"; url: string; windows: number; windowsTotal: number; waiting: number }
  | { stage: "queue"; done: number; waiting: number; failed: number; secondsLeft: number | null }
  | { stage: "ready"; status: Status };

/**
 * The kinds of failure that a caller can act on differently.
 *
 * - `input`: what was given cannot be used as it is; correct it.
 * - `empty`: the page holds no readable text.
 * - `limit`: a documented limit was passed; give less.
 * - `model`: a model file is missing, altered or of an unknown family.
 * - `fingerprint`: the index was made with another model; open it with that one, or clear it.
 * - `corrupt`: stored bytes are not what was written; clear the index and add its pages again.
 * - `storage`, `storage-full`: the browser refuses to store, or has no room left.
 * - `device`: the device failed; open with another.
 * - `network`: a file did not arrive, or not whole; try again.
 * - `aborted`: its signal, or `remove` and `clear` for a page still waiting, ended the request.
 * - `closed`: the index was closed before or meanwhile.
 * - `worker`: the worker could not start or died; open again.
 */
export type ErrorKind =
  | "input" | "empty" | "limit" | "model" | "fingerprint" | "corrupt" | "storage" | "storage-full"
  | "device" | "network" | "aborted" | "closed" | "worker";
