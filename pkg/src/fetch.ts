/** Fetches one file: goes on where a connection broke, and notices when the file is missing, altered or cut off. */
import { announcedBytes, continues, cutOff, FILE_BYTES_MAX, folderOf, judge, tooLarge, type Trouble, validatorOf, wrongSize } from "./answer.js";
import { aborted, BurrowError, messageOf } from "./error.js";
import { Gathering, Memory, partsOf } from "./gathering.js";
import { type Patience, PATIENCE, pause, Watch } from "./patience.js";

/** Told how far a file is, in bytes. It goes back where the file had to be begun anew. */
export type Report = (progress: FileProgress) => void;

export interface FileProgress {
  file: string;
  bytes: number;
  bytesTotal: number | null;
}

export interface FetchOptions {
  signal: AbortSignal;
  onProgress: Report;
  /** The size that the file must have, where it is known. */
  bytesExpected?: number | null;
  /**
   * When the parts of two answers may be put together to one file. `"checked"`: always, since the whole is checked afterwards.
   * `"same"` (default): where an ETag says that they are of the same file. `"never"`.
   */
  resume?: "checked" | "same" | "never";
  /** Where the bytes shall lie. Default: in memory of their own. */
  memory?: Memory;
  /** What the browser's own cache is used for. Default: as the server says. */
  cache?: RequestCache;
  patience?: Patience;
}

/** A file's bytes, and whether more than one answer went into them. */
export interface Fetched {
  bytes: Uint8Array<ArrayBuffer>;
  isResumed: boolean;
}

/** A download counts as getting on, and is tried further, where a try brought at least this much. */
const GAIN_BYTES_MIN = 64 * 1024;

/**
 * The bytes of a file.
 *
 * @throws BurrowError `network`, `model`, `limit` or `aborted`; the message names the file and its folder
 */
export async function fetchBytes(url: URL, file: string, options: FetchOptions): Promise<Fetched> {
  const { signal, onProgress, patience = PATIENCE } = options;
  const download = new Download(url, file, options);
  let failures = 0;
  let reached = 0;
  for (let trouble = await download.attempt(); trouble; trouble = await download.attempt()) {
    if (download.bytesReached >= reached + GAIN_BYTES_MIN) failures = 0;
    reached = Math.max(reached, download.bytesReached);
    failures += 1;
    if (failures >= patience.triesMax) throw givenUp(trouble.error, failures);
    const ms = Math.max(patience.pauseMs * 2 ** (failures - 1), Math.min(trouble.retryAfterMs, patience.retryAfterMsMax));
    await pause(ms, signal).catch(() => { throw aborted(); });
  }
  const { bytes, isResumed } = download;
  onProgress({ file, bytes: bytes.length, bytesTotal: bytes.length });
  return { bytes, isResumed };
}

/** One file on its way, over as many connections as it takes. */
class Download {
  readonly #url: URL;
  readonly #file: string;
  readonly #options: FetchOptions;
  readonly #body: Gathering;
  readonly #bytesExpected: number | null;
  #bytesTotal: number | null;
  #validator: string | null = null;
  #mayResume: boolean;
  isResumed = false;

  constructor(url: URL, file: string, options: FetchOptions) {
    this.#url = url;
    this.#file = file;
    this.#options = options;
    this.#body = new Gathering(options.memory ?? new Memory(0));
    this.#bytesExpected = this.#bytesTotal = options.bytesExpected ?? null;
    this.#mayResume = options.resume !== "never";
  }

  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#body.bytes();
  }

  get bytesReached(): number {
    return this.#body.length;
  }

  /** One connection. Null where the file is whole, else what may pass; throws what will not. */
  async attempt(): Promise<Trouble | null> {
    const { signal, patience = PATIENCE } = this.#options;
    const watch = new Watch(signal, patience.stallMs);
    let response: Response | null = null;
    try {
      response = await this.#request(watch.signal);
      watch.notice();
      const trouble = this.#begin(response);
      if (trouble) return trouble;
      await this.#read(response, watch);
    } catch (thrown) {
      if (signal.aborted) throw aborted();
      if (thrown instanceof BurrowError) throw thrown;
      if (!this.#isWhole) return passing(this.#broken(response !== null, watch, thrown));
    } finally {
      watch.end();
    }
    return this.#bytesTotal === null || this.#isWhole ? null : passing(this.#cutOff());
  }

  get #isWhole(): boolean {
    return this.#body.length === this.#bytesTotal;
  }

  #request(signal: AbortSignal): Promise<Response> {
    if (!this.#canResume()) this.#body.clear();
    const headers = new Headers();
    if (this.#body.length > 0) {
      headers.set("Range", `bytes=${this.#body.length}-`);
      if (this.#validator !== null) headers.set("If-Range", this.#validator);
    }
    return fetch(this.#url, { signal, headers, cache: this.#options.cache ?? "default" });
  }

  #canResume(): boolean {
    return this.#mayResume && (this.#options.resume === "checked" || this.#validator !== null);
  }

  /** Readies the body for what the answer brings: the rest of the file, or all of it from the start. */
  #begin(response: Response): Trouble | null {
    // The file has become shorter than what is here already, or the server does not know what it offered.
    if (this.#body.length > 0 && response.status === 416) return this.#notResumed();
    const trouble = judge(response, this.#url, this.#file);
    if (trouble) return trouble;
    if (this.#body.length > 0 && response.status !== 200) {
      const bytesTotal = continues(response, this.#body.length, this.#bytesTotal);
      if (bytesTotal === null) return this.#notResumed();
      this.#bytesTotal = bytesTotal;
      this.isResumed = true;
      return null;
    }
    if (response.status === 206) return this.#notResumed();
    this.#body.clear();
    this.isResumed = false;
    this.#validator = validatorOf(response);
    this.#bytesTotal = this.#sizeOf(announcedBytes(response));
    if (this.#bytesTotal !== null) this.#body.expect(this.#bytesTotal);
    return null;
  }

  /** The size that the body will have. */
  #sizeOf(announced: number | null): number | null {
    const [url, file, expected] = [this.#url, this.#file, this.#bytesExpected];
    const bytes = expected ?? announced;
    if (bytes !== null && bytes > FILE_BYTES_MAX) throw tooLarge(url, file, bytes);
    if (expected === null || announced === null || announced === expected) return bytes;
    // The server says itself that it has another file. One that is too short was most likely not copied there whole.
    throw announced < expected ? cutOff(url, file, announced, expected) : wrongSize(url, file, String(announced), expected);
  }

  /** A part that was not asked for, or none where one was: from now on only whole files are. */
  #notResumed(): Trouble {
    this.#mayResume = false;
    return passing(new BurrowError("network", `The server at ${folderOf(this.#url)} answered with another part of ${this.#file} than it was `
      + "asked for. Try again later."));
  }

  async #read(response: Response, watch: Watch): Promise<void> {
    const [url, file] = [this.#url, this.#file];
    for await (const part of partsOf(response)) {
      watch.notice();
      const bytes = this.#body.length + part.length;
      if (bytes > FILE_BYTES_MAX) throw tooLarge(url, file, bytes);
      if (this.#bytesExpected !== null && bytes > this.#bytesExpected) throw wrongSize(url, file, `at least ${bytes}`, this.#bytesExpected);
      this.#body.add(part);
      this.#options.onProgress({ file, bytes, bytesTotal: this.#bytesTotal });
    }
  }

  /** Why a connection ended by itself. */
  #broken(isAnswered: boolean, watch: Watch, thrown: unknown): BurrowError {
    if (watch.isStalled) {
      const { stallMs } = this.#options.patience ?? PATIENCE;
      return new BurrowError("network", `${this.#file} stopped coming: nothing came from ${folderOf(this.#url)} for ${stallMs / 1000} seconds, `
        + `after ${this.#body.length} bytes. Check the connection and load again.`);
    }
    if (isAnswered) return this.#cutOff(thrown);
    return new BurrowError("network", `${this.#file} could not be fetched from ${folderOf(this.#url)} (${messageOf(thrown)}). Check the `
      + "connection and the address, and that the server allows this page to read it (CORS).", { cause: thrown });
  }

  #cutOff(cause?: unknown): BurrowError {
    return cutOff(this.#url, this.#file, this.#body.length, this.#bytesTotal, cause);
  }
}

function passing(error: BurrowError): Trouble {
  return { error, retryAfterMs: 0 };
}

function givenUp(error: BurrowError, tries: number): BurrowError {
  const message = tries > 1 ? `${error.message} It was tried ${tries} times.` : error.message;
  return new BurrowError(error.kind, message, { cause: error });
}
