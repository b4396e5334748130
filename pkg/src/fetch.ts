/** Fetches one file and notices when it is missing, is not what it should be, or was cut off. */
import { aborted, BurrowError, messageOf } from "./error.js";

/** Told how far a file is, in bytes. */
export type Report = (progress: { file: string; bytes: number; bytesTotal: number | null }) => void;

export interface FetchOptions {
  signal: AbortSignal;
  onProgress: Report;
  /** The size that the file must have, where it is known. */
  bytesExpected: number | null;
}

/** No file may be larger: wasm addresses 4 GiB, and the weights must lie there twice while they are loaded. */
export const FILE_BYTES_MAX = 2 ** 31 - 2 ** 20;

/** Progress is reported at most this often. */
const REPORT_INTERVAL_MS = 100;

/**
 * The bytes of a file.
 *
 * @throws BurrowError `network`, `model`, `limit` or `aborted`; the message names the file and its folder
 */
export async function fetchBytes(url: URL, file: string, options: FetchOptions): Promise<Uint8Array<ArrayBuffer>> {
  const response = await request(url, file, options.signal);
  const announced = announcedBytes(response);
  const expected = options.bytesExpected ?? announced;
  if (expected !== null && expected > FILE_BYTES_MAX) throw tooLarge(file, url, expected);
  const bytes = await readAll(response, expected, { url, file, ...options });
  if (options.bytesExpected !== null && bytes.length > options.bytesExpected) throw wrongSize(file, url, bytes.length, options.bytesExpected);
  if (expected !== null && bytes.length < expected) throw cutOff(file, url, bytes.length, expected);
  options.onProgress({ file, bytes: bytes.length, bytesTotal: bytes.length });
  return bytes;
}

/** A response that is this file, as far as its head tells. */
async function request(url: URL, file: string, signal: AbortSignal): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, { signal });
  } catch (thrown) {
    if (signal.aborted) throw aborted();
    throw new BurrowError("network", `${file} could not be fetched from ${folderOf(url)} (${messageOf(thrown)}). Check the `
      + "connection and the address, and that the server allows this page to read it (CORS).", { cause: thrown });
  }
  if (response.status === 404 || response.status === 410) {
    throw new BurrowError("model", `There is no ${file} in the model's folder ${folderOf(url)} (HTTP ${response.status}). Put it there, `
      + "or correct the option `model`.");
  }
  if (!response.ok) {
    throw new BurrowError("network", `${file} could not be fetched from ${folderOf(url)}: the server answered HTTP ${response.status}. `
      + "Try again later.");
  }
  // Servers of single-page apps answer every unknown address with their page.
  if (/^text\/html\b/i.test(response.headers.get("Content-Type") ?? "")) {
    throw new BurrowError("model", `The server answered with an HTML page where ${file} should be, at ${folderOf(url)}. Put the file `
      + "there, or correct the option `model`.");
  }
  return response;
}

/**
 * How many bytes the body should have, where the server says so in a way that can be trusted: of a compressed body it gives
 * the compressed size, and another origin hides whether the body was compressed.
 */
function announcedBytes(response: Response): number | null {
  const length = response.headers.get("Content-Length");
  const isPlain = response.type !== "cors" && !response.headers.get("Content-Encoding");
  return isPlain && length !== null && /^\d{1,15}$/.test(length) ? Number(length) : null;
}

async function readAll(
  response: Response, bytesTotal: number | null, { url, file, signal, onProgress }: FetchOptions & { url: URL; file: string },
): Promise<Uint8Array<ArrayBuffer>> {
  const body = new Gathering(bytesTotal);
  let reportedAt = -Infinity;
  const reader = response.body?.getReader();
  try {
    for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) {
      body.add(part.value);
      if (body.length > FILE_BYTES_MAX) throw tooLarge(file, url, body.length);
      if (performance.now() - reportedAt < REPORT_INTERVAL_MS) continue;
      reportedAt = performance.now();
      onProgress({ file, bytes: body.length, bytesTotal });
    }
  } catch (thrown) {
    void reader?.cancel().catch(() => {});
    if (signal.aborted) throw aborted();
    if (thrown instanceof BurrowError) throw thrown;
    throw cutOff(file, url, body.length, bytesTotal, thrown);
  }
  return body.bytes();
}

/** Bytes that come in parts: into one buffer where their number is known, so that they need not lie in memory twice. */
class Gathering {
  #whole: Uint8Array<ArrayBuffer> | null;
  #parts: Uint8Array[] = [];
  length = 0;

  constructor(bytesTotal: number | null) {
    this.#whole = bytesTotal === null ? null : new Uint8Array(bytesTotal);
  }

  add(part: Uint8Array): void {
    if (this.#whole && this.length + part.length > this.#whole.length) {
      this.#parts = [this.#whole.subarray(0, this.length)];
      this.#whole = null;
    }
    if (this.#whole) this.#whole.set(part, this.length);
    else this.#parts.push(part);
    this.length += part.length;
  }

  bytes(): Uint8Array<ArrayBuffer> {
    if (this.#whole) return this.#whole.subarray(0, this.length);
    const all = new Uint8Array(this.length);
    let at = 0;
    for (const part of this.#parts) {
      all.set(part, at);
      at += part.length;
    }
    return all;
  }
}

function folderOf(url: URL): string {
  return new URL(".", url).href;
}

function cutOff(file: string, url: URL, bytes: number, expected: number | null, cause?: unknown): BurrowError {
  const of = expected === null ? "" : ` of ${expected}`;
  const message = `${file} was cut off: ${bytes}${of} bytes came from ${folderOf(url)}. Check the connection and load again; if it happens `
    + "again, the file on the server is not whole.";
  return new BurrowError("network", message, { cause });
}

function wrongSize(file: string, url: URL, bytes: number, expected: number): BurrowError {
  return new BurrowError("model", `${file} is not the file that burrow.json describes: it has ${bytes} bytes in place of ${expected}. Put the `
    + `model's own ${file} into ${folderOf(url)}, or make burrow.json anew.`);
}

function tooLarge(file: string, url: URL, bytes: number): BurrowError {
  return new BurrowError("limit", `${file} in ${folderOf(url)} has ${bytes} bytes; at most ${FILE_BYTES_MAX} can be loaded. Use a smaller model.`);
}
