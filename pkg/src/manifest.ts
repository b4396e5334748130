/** Reads what a model's folder says of its files: `burrow.json`, and the index of weights that lie in several files. */
import { BurrowError, messageOf } from "./error.js";
import { fetchBytes, type FetchOptions } from "./fetch.js";
import type { Kept } from "./kept.js";
import { PATIENCE } from "./patience.js";

/** The size and the SHA-256, in hexadecimal, of a file. */
export interface FileFacts {
  bytes: number;
  sha256: string;
}

/** What `burrow.json` says. */
export interface Manifest {
  /** The file itself: the encoder reads more of it than the package does. */
  bytes: Uint8Array<ArrayBuffer>;
  /** What is known of each file, by its name. */
  files: ReadonlyMap<string, FileFacts>;
}

export const MANIFEST = "burrow.json";
const WEIGHTS_INDEX = "model.safetensors.index.json";
const WEIGHTS_ENDING = ".safetensors";

/** A name that leads to a file in the folder itself, whatever an address makes of it. */
const PLAIN_NAME = /^[A-Za-z0-9_][A-Za-z0-9_.+=@ -]*$/;

type Asking = Pick<FetchOptions, "signal" | "patience"> & { calm?: Promise<unknown> | undefined };

/**
 * The manifest of a folder, or null where it has none. It is asked for anew each time, so that a new model is seen; where the
 * network does not answer, the one of the last visit counts.
 *
 * @throws BurrowError `model` where it is there and cannot be read; `network` where it could not be asked for
 */
export async function readManifest(folder: string, kept: Kept, options: Asking): Promise<Manifest | null> {
  const url = new URL(MANIFEST, folder);
  const old = await kept.manifest();
  // With one at hand, a visit without network need not wait for what will not come.
  const patience = { ...PATIENCE, ...options.patience, ...(old && { triesMax: 1 }) };
  const asking = fetchBytes(url, MANIFEST, { ...options, patience, cache: "no-cache", onProgress: () => {} });
  if (old) {
    // It may fail before it is waited for.
    asking.catch(() => {});
    await options.calm;
    try {
      // Most often the model is still the one of the last visit.
      kept.readAhead(filesOf(old, url));
    } catch {
      // What was kept cannot be read: the network's counts.
    }
  }
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    ({ bytes } = await asking);
  } catch (thrown) {
    // Not there, or a server's HTML page in its place.
    if (thrown instanceof BurrowError && thrown.kind === "model") return null;
    if (!old || options.signal.aborted) throw thrown;
    bytes = old;
  }
  const manifest = { bytes, files: filesOf(bytes, url) };
  if (String(old) !== String(bytes)) await kept.update(manifest);
  return manifest;
}

/** The names of the files with weights that a manifest lists, in its order. */
export function weightsOf({ files }: Manifest, folder: string): string[] {
  const names = [...files.keys()].filter((name) => name.endsWith(WEIGHTS_ENDING));
  return plain(names, new URL(MANIFEST, folder));
}

/**
 * The names of the files that the folder's index of weights lists.
 *
 * @throws BurrowError `model` where there is none or it cannot be read; `network`
 */
export async function readWeightsIndex(folder: string, options: Asking): Promise<string[]> {
  const url = new URL(WEIGHTS_INDEX, folder);
  const { bytes } = await fetchBytes(url, WEIGHTS_INDEX, { ...options, onProgress: () => {} });
  const map = property(parsed(bytes, url), "weight_map");
  const names = [...new Set(typeof map === "object" && map !== null ? Object.values(map) : [])];
  if (names.length === 0) throw unreadable(url, "it has no `weight_map`");
  return plain(names, url);
}

/** Checks that names are those of files in the folder itself: an address could lead anywhere. */
function plain(names: unknown[], url: URL): string[] {
  return names.map((name) => {
    if (typeof name === "string" && PLAIN_NAME.test(name) && name.endsWith(WEIGHTS_ENDING)) return name;
    throw unreadable(url, `${JSON.stringify(name)} is not the name of a ${WEIGHTS_ENDING} file beside it`);
  });
}

function parsed(bytes: Uint8Array<ArrayBuffer>, url: URL): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (thrown) {
    throw unreadable(url, messageOf(thrown));
  }
}

function filesOf(manifest: Uint8Array<ArrayBuffer>, url: URL): Map<string, FileFacts> {
  const files = property(parsed(manifest, url), "files");
  if (typeof files !== "object" || files === null) throw unreadable(url, "it has no `files`");
  return new Map(Object.entries(files).map(([name, facts]) => [name, factsOf(name, facts, url)]));
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
