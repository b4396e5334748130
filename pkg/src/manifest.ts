/** Reads `burrow.json`, which says what a model's files must be. */
import { fetchBytes } from "./fetch.js";
import { BurrowError, messageOf } from "./error.js";

/** The size and the SHA-256, in hexadecimal, of a file. */
export interface FileFacts {
  bytes: number;
  sha256: string;
}

/** What is known of each file of a model, by its name. */
export type Manifest = Readonly<Record<string, FileFacts>>;

const NAME = "burrow.json";

/**
 * The manifest of a folder, or null where it has none. It is asked for anew each time, so that a new model is seen; where the
 * network does not answer, the one of the last visit counts.
 *
 * @throws BurrowError `model` where it is there and cannot be read; `network` where it could not be asked for
 */
export async function readManifest(folder: string, cache: Cache | null, signal: AbortSignal): Promise<Manifest | null> {
  const url = new URL(NAME, folder);
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = await fetchBytes(url, NAME, { signal, onProgress: () => {}, bytesExpected: null });
  } catch (thrown) {
    // Not there, or a server's HTML page in its place.
    if (thrown instanceof BurrowError && thrown.kind === "model") return null;
    const kept = signal.aborted ? undefined : await cache?.match(url).catch(() => undefined);
    if (!kept) throw thrown;
    return parseManifest(await kept.text(), url);
  }
  const manifest = parseManifest(new TextDecoder().decode(bytes), url);
  await cache?.put(url, new Response(bytes)).catch(() => {});
  return manifest;
}

function parseManifest(text: string, url: URL): Manifest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (thrown) {
    throw unreadable(url, messageOf(thrown));
  }
  const files = property(value, "files");
  if (typeof files !== "object" || files === null) throw unreadable(url, "it has no `files`");
  return Object.fromEntries(Object.entries(files).map(([name, facts]) => [name, factsOf(name, facts, url)]));
}

function factsOf(name: string, value: unknown, url: URL): FileFacts {
  const bytes = property(value, "bytes");
  const sha256 = property(value, "sha256");
  if (typeof bytes !== "number" || !Number.isSafeInteger(bytes) || bytes < 0) throw unreadable(url, `${name} has no size in \`bytes\``);
  if (typeof sha256 !== "string" || !/^[0-9a-f]{64}$/i.test(sha256)) throw unreadable(url, `${name} has no \`sha256\` of 64 hexadecimal digits`);
  return { bytes, sha256: sha256.toLowerCase() };
}

function property(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? new Map<string, unknown>(Object.entries(value)).get(name) : undefined;
}

function unreadable(url: URL, why: string): BurrowError {
  return new BurrowError("model", `${url.href} cannot be read (${why}). Make it anew, or remove it: then the files are not checked.`);
}
