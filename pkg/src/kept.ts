/** The model files that were checked and are kept for the next visit, in the Cache API. */
import { messageOf } from "./error.js";
import { Gathering, type Memory, partsOf } from "./gathering.js";
import { sealOf, sha256 } from "./hash.js";
import { type FileFacts, type Manifest, MANIFEST } from "./manifest.js";
import type { KeptModel } from "./types.js";

const CACHE_NAME = "burrow-models";
/** What was found out about a model, as opposed to its files, has names that end so. */
const BESIDE = ".device.json";
/** By what a kept file is checked when it is read: see `sealOf`. */
const SEAL = "Burrow-Seal";
/** So much is read ahead at most: all of a small model. */
const AHEAD_BYTES_MAX = 32 * 2 ** 20;

/** The kept files of one folder. Whatever fails here, the model can still be loaded. */
export class Kept {
  readonly #folder: string;
  readonly #cache: Cache | null;
  readonly #sizes = new Map<string, number>();
  /** Files that are read ahead, by their name and the SHA-256 that they are to have. */
  readonly #ahead = new Map<string, Promise<Uint8Array<ArrayBuffer> | null>>();
  #problem: string | null;

  private constructor(folder: string, cache: Cache | null) {
    this.#folder = split(folder)[0];
    this.#cache = cache;
    this.#problem = cache ? null : "this browser gives no cache";
  }

  /** Private windows and pages without HTTPS may have none. */
  static async open(folder: string): Promise<Kept> {
    return new Kept(folder, await openCache());
  }

  /** Whether files are kept, as far as is known. */
  get works(): boolean {
    return this.#problem === null;
  }

  /** How much of the model is kept, in bytes. */
  get bytes(): number {
    return this.works ? [...this.#sizes.values()].reduce((sum, bytes) => sum + bytes, 0) : 0;
  }

  /** Why files are not kept, as a sentence to show, or null. */
  get reason(): string | null {
    return this.#problem === null ? null : `The model could not be kept for the next visit (${this.#problem}): it is fetched again then.`;
  }

  /** `burrow.json` as it was last seen. */
  async manifest(): Promise<Uint8Array<ArrayBuffer> | null> {
    const response = await this.#cache?.match(this.#url(MANIFEST)).catch(() => undefined);
    return response ? new Uint8Array(await response.arrayBuffer()) : null;
  }

  /** Keeps a new manifest, and removes what it no longer lists: the files of the model that was here before. */
  async update({ bytes, files }: Manifest): Promise<void> {
    this.#ahead.clear();
    try {
      const isListed = (name: string) => name === MANIFEST || name.endsWith(BESIDE) || files.has(name);
      await remove(this.#cache, (folder, name) => folder === this.#folder && !isListed(name));
      await this.#cache?.put(this.#url(MANIFEST), kept(bytes));
    } catch {
      // Should there be no room, it shows with the files.
    }
  }

  /** Begins to read files of which it is not known yet whether they are still the model's. */
  readAhead(files: Manifest["files"]): void {
    let room = AHEAD_BYTES_MAX;
    for (const [name, facts] of files) {
      room -= facts.bytes;
      if (room >= 0) this.#ahead.set(name + facts.sha256, this.#read(name, facts));
    }
  }

  /** A file, if it is there and what it must be. One that is something else is removed. */
  read(name: string, facts: FileFacts, memory: Memory): Promise<Uint8Array<ArrayBuffer> | null> {
    const key = name + facts.sha256;
    const ahead = this.#ahead.get(key);
    // Its memory is the reader's from now on.
    this.#ahead.delete(key);
    return ahead ?? this.#read(name, facts, memory);
  }

  async #read(name: string, facts: FileFacts, memory?: Memory): Promise<Uint8Array<ArrayBuffer> | null> {
    try {
      const response = await this.#cache?.match(this.#url(name));
      if (!response) return null;
      const bytes = await bodyOf(response, facts.bytes, memory);
      // Earlier versions kept no seal.
      if (bytes && (await sealOf(bytes, facts.sha256) === response.headers.get(SEAL) || await sha256(bytes) === facts.sha256)) {
        this.#sizes.set(name, bytes.length);
        return bytes;
      }
      await this.#cache?.delete(this.#url(name));
    } catch {
      // A cache that cannot be read is as good as none: the file is fetched.
    }
    return null;
  }

  /** Keeps a file of this SHA-256. After the first that could not be kept, none is tried any more. */
  async write(name: string, bytes: Uint8Array<ArrayBuffer>, sha256: string): Promise<void> {
    if (!this.works) return;
    const response = kept(bytes, await sealOf(bytes, sha256));
    const why = await this.#cache?.put(this.#url(name), response).then(() => null, messageOf);
    if (why == null) this.#sizes.set(name, bytes.length);
    else this.#problem = why;
  }

  /** What cannot be kept whole is not kept at all: it would take the room that the index needs. */
  async settle(): Promise<void> {
    if (!this.works) await remove(this.#cache, (folder) => folder === this.#folder).catch(() => {});
  }

  #url(name: string): URL {
    return new URL(name, this.#folder);
  }
}

/** The folders of which files are kept, and how much. */
export async function keptModels(): Promise<KeptModel[]> {
  const cache = await openCache();
  const models = new Map<string, KeptModel>();
  for (const request of await cache?.keys() ?? []) {
    const [folder, name] = split(request.url);
    if (name.endsWith(BESIDE)) continue;
    const model = models.get(folder) ?? { folder, files: 0, bytes: 0 };
    models.set(folder, { folder, files: model.files + 1, bytes: model.bytes + await sizeOf(await cache?.match(request)) });
  }
  return [...models.values()];
}

/** Removes the kept files of a folder, or of all. */
export async function clearKept(folder: string | null): Promise<void> {
  if (folder !== null) return remove(await openCache(), (other) => other === split(folder)[0]);
  // A page without HTTPS has no caches, and so nothing to clear.
  await globalThis.caches?.delete(CACHE_NAME);
}

/** A note that was kept beside a model's files, if there is one. It goes when they are cleared. */
export async function keptBeside(folder: string, name: string): Promise<string | null> {
  const response = await openCache().then((cache) => cache?.match(new URL(name, folder))).catch(() => undefined);
  return await response?.text().catch(() => null) ?? null;
}

/** Keeps one. Where nothing can be kept, there is none on the next visit. */
export async function keepBeside(folder: string, name: string, text: string): Promise<void> {
  await openCache().then((cache) => cache?.put(new URL(name, folder), new Response(text))).catch(() => {});
}

async function openCache(): Promise<Cache | null> {
  try {
    return await globalThis.caches.open(CACHE_NAME);
  } catch {
    return null;
  }
}

async function remove(cache: Cache | null, isMeant: (folder: string, name: string) => boolean): Promise<void> {
  const meant = (await cache?.keys() ?? []).filter(({ url }) => isMeant(...split(url)));
  await Promise.all(meant.map((request) => cache?.delete(request)));
}

/** An address as that of its folder, with the slash, and the name in it. */
function split(address: string): [folder: string, name: string] {
  const url = new URL(address);
  url.hash = url.search = "";
  const end = url.href.lastIndexOf("/") + 1;
  return [url.href.slice(0, end), decodeURIComponent(url.href.slice(end))];
}

/** The size goes along, so that it can be told without reading the file. */
function kept(bytes: Uint8Array<ArrayBuffer>, seal = ""): Response {
  return new Response(new Blob([bytes]), { headers: { "Content-Length": String(bytes.length), [SEAL]: seal } });
}

async function sizeOf(response: Response | undefined): Promise<number> {
  // Earlier versions kept no size.
  return Number(response?.headers.get("Content-Length") ?? (await response?.blob())?.size ?? 0);
}

/** The body, if it has the right size. Where it may have memory of its own, it comes as a whole, which is faster. */
async function bodyOf(response: Response, bytesExpected: number, memory?: Memory): Promise<Uint8Array<ArrayBuffer> | null> {
  if (!memory) {
    const blob = await response.blob();
    return blob.size === bytesExpected ? new Uint8Array(await blob.arrayBuffer()) : null;
  }
  const body = new Gathering(memory);
  body.expect(bytesExpected);
  for await (const part of partsOf(response)) {
    if (body.length + part.length > bytesExpected) return null;
    body.add(part);
  }
  return body.length === bytesExpected ? body.bytes() : null;
}
