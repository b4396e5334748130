/** Where a file's bytes come together: in one buffer where their number is known, so that they need not lie in memory twice. */
import { BurrowError } from "./error.js";

/**
 * A buffer for one file after the other. How much memory loading takes is then a matter of how many of these there are, and
 * not of when the browser collects its garbage.
 */
export class Memory {
  #buffer: Uint8Array<ArrayBuffer> | null = null;
  readonly #bytesLargest: number;

  /** `bytesLargest` is the size of the largest file that will come, 0 where it is not known. */
  constructor(bytesLargest: number) {
    this.#bytesLargest = bytesLargest;
  }

  /** Room for so many bytes. What was here before is overwritten. */
  room(bytes: number): Uint8Array<ArrayBuffer> {
    if (!this.#buffer || this.#buffer.length < bytes) this.#buffer = allocate(Math.max(bytes, this.#bytesLargest));
    return this.#buffer.subarray(0, bytes);
  }
}

function allocate(bytes: number): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(bytes);
  } catch (thrown) {
    const message = `The browser has no memory for a model file of ${bytes} bytes. Close other pages, or use a smaller model.`;
    throw new BurrowError("limit", message, { cause: thrown });
  }
}

/**
 * The parts of a body as they come. Each is there only until the next is asked for.
 *
 * To read them into memory of one's own (`mode: "byob"`) would be simpler, but bodies out of the cache read so bring Chromium down.
 */
export async function* partsOf({ body }: Response): AsyncGenerator<Uint8Array> {
  const reader = body?.getReader();
  try {
    for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) {
      yield part.value;
      release(part.value);
    }
  } finally {
    void reader?.cancel().catch(() => {});
  }
}

/**
 * Gives a part's memory back at once. Parts have up to 2 MiB each, and tens of them pile up before the browser collects its
 * garbage. One that cannot be released (the method is of 2024) is garbage like any other.
 */
function release({ buffer, byteLength }: Uint8Array): void {
  const part: ArrayBufferLike & { transfer?: (bytes: number) => unknown } = buffer;
  if (part.byteLength === byteLength) part.transfer?.(0);
}

/** Bytes that come in parts. */
export class Gathering {
  readonly #memory: Memory;
  #whole: Uint8Array<ArrayBuffer> | null = null;
  #parts: Uint8Array[] = [];
  length = 0;

  constructor(memory: Memory) {
    this.#memory = memory;
  }

  /** Says how many bytes will come. To be called before any has, and not needed where nobody knows. */
  expect(bytesTotal: number): void {
    if (this.length === 0) this.#whole = this.#memory.room(bytesTotal);
  }

  add(part: Uint8Array): void {
    if (this.#whole && this.length + part.length > this.#whole.length) {
      this.#parts = [this.#whole.slice(0, this.length)];
      this.#whole = null;
    }
    if (this.#whole) this.#whole.set(part, this.length);
    else this.#parts.push(part.slice());
    this.length += part.length;
  }

  /** Forgets all that came. */
  clear(): void {
    this.#whole = null;
    this.#parts = [];
    this.length = 0;
  }

  /** All that came. */
  bytes(): Uint8Array<ArrayBuffer> {
    if (this.#whole) return this.#whole.subarray(0, this.length);
    const all = allocate(this.length);
    let at = 0;
    for (const part of this.#parts) {
      all.set(part, at);
      at += part.length;
    }
    return all;
  }
}
