/** Fetches a model's files, checks them, and keeps those that were checked for the next visit. */
import { fetchBytes, type Report } from "./fetch.js";
import { BurrowError, messageOf } from "./error.js";
import { type FileFacts, type Manifest, readManifest } from "./manifest.js";

/** The files of a model. */
export interface ModelFiles {
  config: Uint8Array;
  tokenizer: Uint8Array;
  weights: Uint8Array;
  /** In which way this went less well than it could. */
  reasons: string[];
}

export interface DownloadOptions {
  signal: AbortSignal;
  onProgress: Report;
}

/** The name of the cache in which checked files are kept. */
const CACHE_NAME = "burrow-models";

/**
 * The files of the model in a folder, whose address ends with a slash. The small ones first: what is wrong with the
 * folder shows before the weights are under way.
 *
 * Where the folder has a `burrow.json`, every file is checked against it, and kept.
 *
 * @throws BurrowError `network` where a file did not arrive or was cut off; `model` where it is missing or altered; `limit`
 */
export async function downloadModel(folder: string, options: DownloadOptions): Promise<ModelFiles> {
  const cache = await openCache();
  const manifest = await readManifest(folder, cache, options.signal);
  const reasons = new Set<string>();
  const file = (name: string) => modelFile(new URL(name, folder), name, { manifest, cache, reasons, ...options });
  const config = await file("config.json");
  const tokenizer = await file("tokenizer.json");
  const weights = await file("model.safetensors");
  return { config, tokenizer, weights, reasons: [...reasons] };
}

interface FileOptions extends DownloadOptions {
  manifest: Manifest | null;
  cache: Cache | null;
  reasons: Set<string>;
}

/** From the cache if what is there is what the manifest says, else from the network. */
async function modelFile(url: URL, name: string, options: FileOptions): Promise<Uint8Array> {
  const { manifest, cache, reasons } = options;
  const facts = manifest?.[name];
  // What cannot be checked is not kept: a changed file would never be seen. The browser's own cache does what it can.
  if (!facts) return fetchBytes(url, name, { ...options, bytesExpected: null });
  const kept = await fromCache(url, facts, cache);
  if (kept) {
    options.onProgress({ file: name, bytes: kept.length, bytesTotal: kept.length });
    return kept;
  }
  const bytes = await fetchBytes(url, name, { ...options, bytesExpected: facts.bytes });
  const digest = await sha256(bytes);
  if (digest === null) {
    reasons.add("The model's files could not be checked: browsers offer SHA-256 to pages on HTTPS or localhost only.");
  } else if (digest !== facts.sha256) {
    throw altered(name, url, `its SHA-256 is ${digest}, burrow.json says ${facts.sha256}`);
  }
  if (digest !== null) await keep(url, bytes, cache, reasons);
  return bytes;
}

function altered(name: string, url: URL, how: string): BurrowError {
  const message = `${name} is not the file that burrow.json describes: ${how}. Put the model's own ${name} at ${url.href}, `
    + "or make burrow.json anew.";
  return new BurrowError("model", message);
}

async function fromCache(url: URL, facts: FileFacts, cache: Cache | null): Promise<Uint8Array | null> {
  try {
    const response = await cache?.match(url);
    if (!response) return null;
    const bytes = new Uint8Array(await response.arrayBuffer());
    if (bytes.length === facts.bytes && (await sha256(bytes)) === facts.sha256) return bytes;
    await cache?.delete(url);
  } catch {
    // A cache that cannot be read is as good as none: the file is fetched.
  }
  return null;
}

async function keep(url: URL, bytes: Uint8Array, cache: Cache | null, reasons: Set<string>): Promise<void> {
  const why = await cache?.put(url, new Response(new Blob([toPlain(bytes)]))).then(() => null, messageOf);
  if (cache && why == null) return;
  reasons.add(`The model could not be kept for the next visit (${why ?? "this browser gives no cache"}): it is fetched again then.`);
}

/** Private windows and pages without HTTPS may have none. */
async function openCache(): Promise<Cache | null> {
  try {
    return await globalThis.caches.open(CACHE_NAME);
  } catch {
    return null;
  }
}

/** In hexadecimal; null where the browser does not offer it. */
async function sha256(bytes: Uint8Array): Promise<string | null> {
  const subtle: SubtleCrypto | undefined = globalThis.crypto?.subtle;
  if (!subtle) return null;
  const digest = new Uint8Array(await subtle.digest("SHA-256", toPlain(bytes)));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The same bytes, known not to be shared with another thread: what `fetchBytes` makes never is. */
function toPlain(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes.buffer instanceof ArrayBuffer ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length) : bytes.slice();
}
