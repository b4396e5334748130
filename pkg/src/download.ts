/** Brings a model's files: from those kept on an earlier visit or from the network, each checked before it is used. */
import { FILE_BYTES_MAX, MissingError, tooLarge } from "./answer.js";
import { aborted, BurrowError } from "./error.js";
import { fetchBytes, type FetchOptions } from "./fetch.js";
import { Memory } from "./gathering.js";
import { canHash, sha256 } from "./hash.js";
import { Kept } from "./kept.js";
import { throughLanes } from "./lanes.js";
import { type FileFacts, type Manifest, readManifest, readWeightsIndex, weightsOf } from "./manifest.js";
import type { Patience } from "./patience.js";
import { Tally, type DownloadProgress } from "./tally.js";

/** Takes one file with weights. The bytes are the caller's only until the promise settles. */
export type Take = (file: string, bytes: Uint8Array<ArrayBuffer>, sha256: string | undefined) => Promise<void>;

export interface DownloadOptions {
  signal: AbortSignal;
  onProgress: (progress: DownloadProgress) => void;
  patience?: Patience;
  /** What is kept is not read before this has settled. */
  calm?: Promise<unknown> | undefined;
}

const CONFIG = "config.json";
const TOKENIZER = "tokenizer.json";
const WEIGHTS = "model.safetensors";

/**
 * The model in a folder, whose address ends with a slash. The small files come first: what is wrong with the folder shows
 * before the weights are under way.
 *
 * Where the folder has a `burrow.json`, every file is checked against it, and kept.
 *
 * @throws BurrowError `network` where a file did not arrive or was cut off; `model` where it is missing or altered; `limit`
 */
export async function openModel(folder: string, options: DownloadOptions): Promise<Model> {
  const kept = await Kept.open(folder);
  const manifest = await readManifest(folder, kept, options);
  const files = new ModelFiles(folder, manifest, kept, options);
  const weights = manifest ? weightsOf(manifest, folder) : [];
  // Where the weights are not listed, how many files they are shows when they are asked for.
  if (weights.length > 0) files.expect(weights);
  const config = await files.get(CONFIG, new Memory(0), options.signal);
  const tokenizer = await files.get(TOKENIZER, new Memory(0), options.signal);
  const hashes = config.digest && tokenizer.digest ? [config.digest, tokenizer.digest] : undefined;
  const small = { folder, manifest: manifest?.bytes, config: config.bytes, tokenizer: tokenizer.bytes, hashes, isListed: weights.length > 0 };
  return new Model(files, small, weights);
}

/** What of a model comes at once. */
export interface SmallFiles {
  folder: string;
  manifest: Uint8Array<ArrayBuffer> | undefined;
  config: Uint8Array;
  tokenizer: Uint8Array;
  /** SHA-256 of configuration and tokenizer, where they could be told. */
  hashes: string[] | undefined;
  /** Whether the manifest lists the weights: then none but those are taken. */
  isListed: boolean;
}

/** A model whose small files have come. Its weights can be streamed, and streamed again. */
export class Model {
  readonly small: SmallFiles;
  readonly #files: ModelFiles;
  #weights: readonly string[];

  constructor(files: ModelFiles, small: SmallFiles, weights: readonly string[]) {
    this.small = small;
    this.#files = files;
    this.#weights = weights;
  }

  /** In which way this went less well than it could. */
  get reasons(): string[] {
    return this.#files.reasons;
  }

  /** How much of the model is kept for the next visit, in bytes. */
  get bytesKept(): number {
    return this.#files.kept.bytes;
  }

  /** Brings the files with weights, several at once and in any order, and has each taken as soon as it is there. */
  async streamWeights(take: Take): Promise<void> {
    try {
      if (this.#weights.length === 0) this.#weights = await this.#streamUnlisted(take);
      else await this.#files.stream(this.#weights, take);
    } finally {
      await this.#files.kept.settle();
    }
  }

  /** One file or, where that is not there, those that the folder's index of weights lists. */
  async #streamUnlisted(take: Take): Promise<string[]> {
    try {
      await this.#files.stream([WEIGHTS], take);
      return [WEIGHTS];
    } catch (missing) {
      if (!(missing instanceof MissingError)) throw missing;
      const names = await this.#files.weightsIndex().catch((thrown: unknown) => {
        // That there is no index is no news to those who meant to put one file there.
        throw thrown instanceof MissingError ? missing : thrown;
      });
      await this.#files.stream(names, take);
      return names;
    }
  }
}

/** A file and its SHA-256, where that could be told. */
interface Checked {
  bytes: Uint8Array<ArrayBuffer>;
  digest: string | null;
}

/** The files of a folder. */
class ModelFiles {
  readonly kept: Kept;
  readonly #folder: string;
  readonly #manifest: Manifest | null;
  readonly #options: DownloadOptions;
  readonly #tally: Tally;
  #isUnchecked = false;

  constructor(folder: string, manifest: Manifest | null, kept: Kept, options: DownloadOptions) {
    this.kept = kept;
    this.#folder = folder;
    this.#manifest = manifest;
    this.#options = options;
    this.#tally = new Tally(options.onProgress);
  }

  get reasons(): string[] {
    if (this.#isUnchecked) return ["The model's files could not be checked: browsers offer SHA-256 to pages on HTTPS or localhost only."];
    return this.#manifest && this.kept.reason !== null ? [this.kept.reason] : [];
  }

  /** Says which files with weights there will be. */
  expect(weights: readonly string[]): void {
    this.#tally.expect([CONFIG, TOKENIZER, ...weights].map((name) => [name, this.#facts(name)?.bytes ?? null]));
  }

  weightsIndex(): Promise<string[]> {
    return readWeightsIndex(this.#folder, this.#options);
  }

  async stream(names: readonly string[], take: Take): Promise<void> {
    const { signal } = this.#options;
    if (signal.aborted) throw aborted();
    this.expect(names);
    const files = names.map((name) => ({ name, bytes: this.#facts(name)?.bytes ?? null }));
    for (const { name, bytes } of files) if (bytes !== null && bytes > FILE_BYTES_MAX) throw tooLarge(this.#url(name), name, bytes);
    const get = (file: { name: string }, memory: Memory, ending: AbortSignal) => this.get(file.name, memory, ending);
    await throughLanes(files, get, ({ name }, { bytes, digest }) => take(name, bytes, digest ?? undefined), signal);
  }

  /** One of those kept if it is what the manifest says, else from the network. */
  async get(name: string, memory: Memory, signal: AbortSignal): Promise<Checked> {
    const facts = this.#facts(name);
    // What cannot be checked is not kept: a changed file would never be seen. The browser's own cache does what it can.
    if (!facts) return this.#unlisted(name, memory, signal);
    const bytes = await this.kept.read(name, facts, memory);
    if (signal.aborted) throw aborted();
    if (!bytes) return this.#checked(name, facts, memory, signal);
    this.#tally.report({ file: name, bytes: bytes.length, bytesTotal: bytes.length });
    return { bytes, digest: facts.sha256 };
  }

  async #unlisted(name: string, memory: Memory, signal: AbortSignal): Promise<Checked> {
    const { bytes } = await this.#fetch(name, { memory, signal });
    return { bytes, digest: await sha256(bytes) };
  }

  async #checked(name: string, facts: FileFacts, memory: Memory, signal: AbortSignal): Promise<Checked> {
    // What is kept here need not lie in the browser's own cache as well, and an old file there must not be taken for this one.
    const cache = this.kept.works ? "no-store" : "default";
    const options: Partial<FetchOptions> = { memory, signal, cache, bytesExpected: facts.bytes };
    let { bytes, isResumed } = await this.#fetch(name, { ...options, resume: canHash() ? "checked" : "same" });
    let digest = await sha256(bytes);
    // Parts of two versions may have been put together: of an altered file, all would have been one.
    if (isResumed && digest !== null && digest !== facts.sha256) {
      ({ bytes } = await this.#fetch(name, { ...options, resume: "never" }));
      digest = await sha256(bytes);
    }
    if (digest === null) this.#isUnchecked = true;
    else if (digest !== facts.sha256) throw altered(this.#url(name), name, digest, facts);
    else await this.kept.write(name, bytes, digest);
    return { bytes, digest };
  }

  #fetch(name: string, options: Partial<FetchOptions>): ReturnType<typeof fetchBytes> {
    const { signal, patience } = this.#options;
    return fetchBytes(this.#url(name), name, { signal, patience, onProgress: this.#tally.report, ...options });
  }

  #facts(name: string): FileFacts | undefined {
    return this.#manifest?.files.get(name);
  }

  #url(name: string): URL {
    return new URL(name, this.#folder);
  }
}

function altered(url: URL, name: string, digest: string, facts: FileFacts): BurrowError {
  const message = `${name} is not the file that burrow.json describes: its SHA-256 is ${digest}, burrow.json says ${facts.sha256}. Put `
    + `the model's own ${name} at ${url.href}, or make burrow.json anew.`;
  return new BurrowError("model", message);
}
