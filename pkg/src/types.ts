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
  /**
   * Where to encode. Default `"auto"`: WebGPU where there is a real GPU, until both were measured with this model; from then on, and
   * on later visits, the faster of the two. Without a GPU, the CPU.
   */
  device?: "auto" | "webgpu" | "cpu";
  /** Measures an adapter also where it is known to be software. @internal */
  measureSoftware?: boolean;
  /** Told of every step of downloading, loading and indexing. */
  onProgress?: (progress: Progress) => void;
  /** Ends the opening; after it has opened, closes the index. */
  signal?: AbortSignal;
  /** Where the package's wasm files lie, when a bundler moved them. Default: beside the worker. */
  wasm?: string;
  /** What to do when the index was made with another model: `"error"` (default) or `"clear"` it. */
  onOtherModel?: "error" | "clear";
  /**
   * When an indexed page counts as stored: `"relaxed"` (default), when the browser has handed it to the operating system, so that a
   * loss of power may cost the last pages; `"strict"`, when it is on the disk. No page is ever stored by halves.
   */
  durability?: "relaxed" | "strict";
  /**
   * Encrypts all that is stored of the pages, with AES-GCM and 256 bits: with your key, which is nowhere kept, or with one that
   * this device makes and keeps in the index's own database. That one no script can read, but whoever has the browser's files can.
   * How many pages there are, and how long, can still be seen. An index stays as it was begun: see `Burrow.export` to change it.
   */
  encryption?: "device" | { key: CryptoKey | Uint8Array };
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
  /**
   * What to filter and count by: at most 64 fields, and 4 KiB with their names. A list is a set: its order means nothing. `url`,
   * `site`, `time`, `and`, `or` and `not` mean something else in a filter and cannot be names; a field `lang` outranks the
   * page's own language.
   */
  fields?: Record<string, FieldValue>;
  /** When the page was read or written: a `Date`, or milliseconds since 1970. */
  time?: Date | number;
}

/** The value of a page's field. */
export type FieldValue = string | number | Date | string[];

/** Conditions on one value. All that are given must hold. */
export interface Operators {
  /** At least so much. Dates and times are compared with a `Date`, an ISO 8601 string or milliseconds since 1970. */
  gte?: number | Date | string;
  /** More than this. */
  gt?: number | Date | string;
  /** At most so much. */
  lte?: number | Date | string;
  /** Less than this. */
  lt?: number | Date | string;
  /** The page has at least one of these values. */
  any?: (string | number | Date)[];
  /** The page has each of these values. */
  all?: (string | number | Date)[];
  /** The page has none of these values; so has a page without the field. */
  none?: (string | number | Date)[];
  /** The value, or one of a list's, begins with this. */
  prefix?: string;
  /** Whether the page has the field. */
  exists?: boolean;
}

/** A value (the page's own, or one of its list's, is equal), an array of values (it is one of these), or operators. */
export type Condition = string | number | Date | (string | number | Date)[] | Operators;

/**
 * Which pages are meant: those for which all parts hold. `{}` means every page. At most 16 deep, with 256 conditions.
 *
 * @example
 * { lang: ["en", "de"], year: { gte: 2020, lt: 2024 } }
 * { tags: { all: ["rust", "wasm"], none: ["draft"] }, author: { exists: true } }
 * { url: { prefix: "https://example.org/docs/" }, time: { gte: "2026-01-01" } }
 * { or: [{ site: "example.org" }, { not: { tags: "private" } }] }
 */
export interface Filter {
  and?: Filter[];
  or?: Filter[];
  not?: Filter;
  /** The page's address. */
  url?: string | string[] | Operators;
  /** The host of the page's address, with its port. */
  site?: string | string[] | Operators;
  /** When the page was read or written. */
  time?: number | Date | Operators;
  /** The field of this name or, where the page has none, the language it says it is in. */
  lang?: string | string[] | Operators;
  /** A field that was given with the pages. */
  [field: string]: Condition | Filter | Filter[] | undefined;
}

/** What to count. */
export interface FacetAsk {
  /**
   * A field, or `site`, `lang`, `time` or `url`. By `url`, the folders are counted that addresses begin with: each is a prefix to
   * filter by.
   */
  field: string;
  /** At most this many values, the most frequent ones; up to 1000. Default 20. */
  limit?: number;
  /** What dates and times are counted by, in UTC. Default `"day"`. */
  by?: "year" | "month" | "day";
}

/** How many pages have which value. */
export interface Facet {
  field: string;
  /** The most frequent first. A date is given as `"2026-11-21"`, `"2026-11"` or `"2026"`. */
  counts: { value: string | number; count: number }[];
  /** How many values there are, listed or not. */
  values: number;
  /** How many pages have the field. */
  pages: number;
  /** The least number, or date in milliseconds since 1970; null where there is none. */
  min: number | null;
  /** The greatest. */
  max: number | null;
}

/** The best first, or by the pages' time; pages without a time come last. */
export type Sort = "relevance" | "newest" | "oldest";

/** Which pages to list. */
export interface PagesOptions {
  /** Only pages that meet it. */
  filter?: Filter;
  /** Default `"relevance"`: without a query that is the order in which they were added. */
  sort?: Sort;
  /** Leave out so many first. Default 0. */
  offset?: number;
  /** At most this many. Default all. */
  limit?: number;
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
  /**
   * What makes a page a hit: its meaning and its words (`"hybrid"`, the default), or one of them alone. While the encoder is
   * loading, a hybrid search answers from the words; see `onHits`.
   */
  mode?: SearchMode;
  /**
   * How much meaning and words weigh in a hybrid search, from 0 on. Default 1 and 1, the best on average in our measurements. The
   * fewer of the query's words a page has, the less they count by themselves.
   */
  weights?: { semantic?: number; keyword?: number };
  /** Whether the last word may be the beginning of one, as it is while someone types. Default false. */
  prefix?: boolean;
  /** Candidates rescored for each hit asked for. Default 16. A hybrid search looks at 160 at least. */
  oversampling?: number;
  /** Whether candidates are put in the order of their INT8 codes; else of their bits alone. Default true. */
  rescore?: boolean;
  /** Whether every passage is a candidate: as good as it gets, and slow. Default false. */
  exact?: boolean;
  /**
   * Told of the hits by words as soon as they are there, before those by meaning are: at once, also while the encoder is still
   * loading. The promise then has the hits that take their place.
   */
  onHits?: (early: SearchResult) => void;
  /** Only pages that meet it. As many hits as asked for, if so many pages do. */
  filter?: Filter;
  /** What to count the pages by that meet the filter: names of fields, or more exactly. */
  facets?: (string | FacetAsk)[];
  /** The order of the hits. Default `"relevance"`. */
  sort?: Sort;
  signal?: AbortSignal;
}

/** What makes a page a hit. */
export type SearchMode = "hybrid" | "semantic" | "keyword";

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
  /** What the order goes by: the cosine, the BM25 score, or in hybrid mode both together, 1 for a page that is nearest and has all the words. */
  score: number;
  /** Cosine of query and passage, -1 to 1, where the page was found by its meaning. */
  cosine?: number;
  /** The words' BM25 score, where the page was found by its words. */
  bm25?: number;
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
  /** By what these hits were found: a hybrid search's early hits are found by their words. */
  mode: SearchMode;
  /** As asked for, in that order; empty where nothing was. */
  facets: Facet[];
  status: Status;
  /** What the query cost, in milliseconds. */
  timing: { encodeMs: number; searchMs: number };
}

export interface ExportOptions {
  /** Ends the export: its stream fails. */
  signal?: AbortSignal;
}

export interface ImportOptions {
  /** Ends the import between two pieces of the file; the pages taken in so far stay. */
  signal?: AbortSignal;
  /** Told of every piece of the file that has been taken in. */
  onProgress?: (progress: ImportResult) => void;
}

/** What an import has done. */
export interface ImportResult {
  /** Pages taken in: all of the following. */
  pages: number;
  /** Pages in the file; 0 until its beginning has come. */
  pagesTotal: number;
  added: number;
  replaced: number;
  /** Pages whose content was there already. */
  unchanged: number;
}

/** What is damaged, and left out of searches. */
export interface Problem {
  /** The page's address, where it could be read. Adding that page again mends it. */
  url?: string;
  /** What is wrong, as a sentence. */
  message: string;
}

export interface VerifyOptions {
  /** Ends it between two steps. */
  signal?: AbortSignal;
}

/** What a repair has done. */
export interface RepairResult {
  /** Addresses of pages that were put in order again. */
  saved: string[];
  /** Addresses of pages that are in the index no more: add them again. */
  lost: string[];
  /** How many records that belonged to nothing were removed. */
  leftOver: number;
}

/** A page that is in the index. */
export interface PageInfo {
  url: string;
  title: string;
  passages: number;
  /** When it was read or written, in milliseconds since 1970, if that was given. */
  time?: number;
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
  /** Why it is this device, as a sentence; empty while there is none. */
  deviceReason: string;
  /** How fast both devices are with this model, where they were measured; else null. */
  measured: Measured | null;
  /** How many threads of the CPU encode: several, where the page is cross-origin isolated; 0 where another device does. */
  threads: number;
  /** In which numbers the encoder computes. */
  precision: "f16" | "f32" | "none";
  /** In which numbers the weights came: `q8` and `q4` are 8 and 4 bits with a scale for every 32. */
  weights: "f32" | "f16" | "bf16" | "q8" | "q4" | "none";
  /** How much of the model the browser keeps for the next visit, in bytes. */
  modelBytesKept: number;
  /** Where the index lives. `"memory"`: it is gone when the page is closed; `reasons` says why. */
  storage: "indexeddb" | "memory";
  /** Whether what is stored is encrypted. Nothing is stored of an index in memory. */
  encrypted: boolean;
  pages: number;
  passages: number;
  /** Pages given to `add` and not yet indexed. */
  waiting: number;
  /** Pages given to `enqueue` and not yet indexed. */
  queue: QueueStatus;
  /**
   * How many pages there were, indexed or waiting, when the browser lost some or all of them, as long as there are fewer: add them
   * again, or end it by `clear` or `repair`. 0, as a rule.
   */
  lost: number;
  /** Of the tabs that have opened this index, one encodes and writes, and the others have it do so. */
  role: "writer" | "follower";
  /** Every way in which this is less than was asked for, as sentences to show. */
  reasons: string[];
}

/** Tokens a second, over a short text and a window of a page together; 0 for a device that cannot be used. */
export interface Measured {
  webgpu: number;
  cpu: number;
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
 * (`waiting` pages are not yet in the index), the queue (`done` pages since it was last empty, see also `QueueStatus`), the
 * encoder being ready, and the device being settled when both were measured.
 */
export type Progress =
  | DownloadStep
  | { stage: "load"; what: "storage" | "weights" | "device" }
  | { stage: "index"; url: string; windows: number; windowsTotal: number; waiting: number }
  | { stage: "queue"; done: number; waiting: number; failed: number; secondsLeft: number | null }
  | { stage: "ready"; status: Status }
  | { stage: "device"; status: Status };

/**
 * The kinds of failure that a caller can act on differently.
 *
 * - `input`: what was given cannot be used as it is; correct it.
 * - `empty`: the page holds no readable text.
 * - `limit`: a documented limit was passed; give less.
 * - `model`: a model file is missing, altered or of an unknown family.
 * - `fingerprint`: the index was made with another model; open it with that one, or clear it.
 * - `locked`: the index is encrypted, and its key is missing or another; or the browser offers no encryption here.
 * - `corrupt`: stored bytes are not what was written; clear the index and add its pages again.
 * - `storage`, `storage-full`: the browser refuses to store, or has no room left.
 * - `device`: the device failed; open with another.
 * - `network`: a file did not arrive, or not whole; try again.
 * - `aborted`: its signal, or `remove` and `clear` for a page still waiting, ended the request.
 * - `closed`: the index was closed before or meanwhile.
 * - `worker`: the worker could not start or died; open again.
 */
export type ErrorKind =
  | "input" | "empty" | "limit" | "model" | "fingerprint" | "locked" | "corrupt" | "storage" | "storage-full"
  | "device" | "network" | "aborted" | "closed" | "worker";
