/** What a server's answer to the request for a file is worth, as far as its head tells. */
import { BurrowError } from "./error.js";

/** A failure that may pass: the file is tried again, after the pause that the server asks for. */
export interface Trouble {
  error: BurrowError;
  retryAfterMs: number;
}

/** A file that is not there. Some callers can do without it. */
export class MissingError extends BurrowError {}

/** No file may be larger: wasm addresses 4 GiB, and a file's weights lie there twice while they are loaded. */
export const FILE_BYTES_MAX = 2 ** 31 - 2 ** 20;

/** The server is in trouble, or wants to be asked later. */
function mayPass(status: number): boolean {
  return status >= 500 || status === 429 || status === 408;
}

/**
 * Null where the body is to be read, else what may pass.
 *
 * @throws BurrowError what no further try will mend
 */
export function judge(response: Response, url: URL, file: string): Trouble | null {
  const { status } = response;
  if (status === 404 || status === 410) {
    throw new MissingError("model", `There is no ${file} in the model's folder ${folderOf(url)} (HTTP ${status}). Put it there, `
      + "or correct the option `model`.");
  }
  if (!response.ok) {
    const error = new BurrowError("network", `${file} could not be fetched from ${folderOf(url)}: the server answered HTTP ${status}. `
      + "Try again later.");
    if (mayPass(status)) return { error, retryAfterMs: retryAfterMs(response) };
    throw error;
  }
  // Servers of single-page apps answer every unknown address with their page.
  if (/^text\/html\b/i.test(response.headers.get("Content-Type") ?? "")) {
    throw new MissingError("model", `The server answered with an HTML page where ${file} should be, at ${folderOf(url)}. Put the file `
      + "there, or correct the option `model`.");
  }
  return null;
}

/**
 * How many bytes the body should have, where the server says so in a way that can be trusted: of a compressed body it gives
 * the compressed size, and another origin hides whether the body was compressed.
 */
export function announcedBytes(response: Response): number | null {
  const length = response.headers.get("Content-Length");
  const isPlain = response.type !== "cors" && !response.headers.get("Content-Encoding");
  return isPlain && length !== null && /^\d{1,15}$/.test(length) ? Number(length) : null;
}

/** The size of the whole file, where the answer goes on just where the bytes at hand end; else null. */
export function continues(response: Response, at: number, bytesTotal: number | null): number | null {
  const range = /^bytes (\d{1,15})-\d{1,15}\/(\d{1,15})$/.exec(response.headers.get("Content-Range") ?? "");
  // A range of a compressed body would be counted in bytes that nobody here has seen.
  if (response.status !== 206 || response.headers.get("Content-Encoding") || !range) return null;
  const [first, total] = [Number(range[1]), Number(range[2])];
  return first === at && total > at && (bytesTotal === null || total === bytesTotal) ? total : null;
}

/**
 * What tells one version of a file from the next: a strong ETag. Only of the own origin's server: to send it to another one
 * would take a permission of its own (a CORS preflight), which few servers give.
 */
export function validatorOf(response: Response): string | null {
  const tag = response.headers.get("ETag");
  return response.type !== "cors" && tag?.startsWith('"') ? tag : null;
}

/** In seconds or as a date; 0 where the server asks for no pause. */
function retryAfterMs(response: Response): number {
  const value = response.headers.get("Retry-After") ?? "";
  const ms = /^\d{1,9}$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return ms > 0 ? ms : 0;
}

export function folderOf(url: URL): string {
  return new URL(".", url).href;
}

export function wrongSize(url: URL, file: string, bytes: string, expected: number): BurrowError {
  return new BurrowError("model", `${file} is not the file that burrow.json describes: it has ${bytes} bytes in place of ${expected}. Put the `
    + `model's own ${file} into ${folderOf(url)}, or make burrow.json anew.`);
}

export function tooLarge(url: URL, file: string, bytes: number): BurrowError {
  return new BurrowError("limit", `${file} in ${folderOf(url)} has ${bytes} bytes; at most ${FILE_BYTES_MAX} can be loaded. Use a smaller model.`);
}

/** A file that ended too early, of its own or because the connection did. */
export function cutOff(url: URL, file: string, bytes: number, expected: number | null, cause?: unknown): BurrowError {
  const of = expected === null ? "" : ` of ${expected}`;
  const message = `${file} was cut off: ${bytes}${of} bytes came from ${folderOf(url)}. Check the connection and load again; if it happens `
    + "again, the file on the server is not whole.";
  return new BurrowError("network", message, { cause });
}
