/** What the page keeps for its worker in `localStorage`, which outlives worker, tab and databases. */

/** What is noted of an index: see `note.ts`. */
export function keptNote(name: string): string | null {
  return read(`burrow:${name}`);
}

/** Keeps what is noted of an index; null where there is nothing to note any more. */
export function keepNote(name: string, text: string | null): void {
  write(`burrow:${name}`, text);
}

/**
 * How often the encoding of a waiting page was begun and came to no end. A tab that crashes leaves its page in here; one that is
 * left, or that closes its index, takes it out.
 */
export class Tries {
  readonly #key: string;
  /** Begun by this tab, and not ended. */
  readonly #begun = new Set<string>();

  constructor(name: string) {
    this.#key = `burrow-tries:${name}`;
  }

  /** A page is begun: for how many times, since it was last brought to an end. */
  begin(url: string): number {
    this.#begun.add(url);
    return this.#count(url, 1);
  }

  /** It was brought to an end, whichever. */
  end(url: string): void {
    this.#begun.delete(url);
    this.#count(url, -Infinity);
  }

  /** The tab is left: what it had begun is not to blame. */
  leave(): void {
    for (const url of this.#begun) this.#count(url, -1);
    this.#begun.clear();
  }

  #count(url: string, more: number): number {
    const counts = countsOf(read(this.#key));
    const count = (counts.get(url) ?? 0) + more;
    if (count > 0) counts.set(url, count);
    else counts.delete(url);
    write(this.#key, counts.size === 0 ? null : JSON.stringify([...counts]));
    return count;
  }
}

/** What cannot be read counts as nothing. */
function countsOf(text: string | null): Map<string, number> {
  try {
    const pairs: unknown = JSON.parse(text ?? "[]");
    return new Map(Array.isArray(pairs) ? pairs.filter((pair) => typeof pair?.[0] === "string" && pair[1] > 0) : []);
  } catch {
    return new Map();
  }
}

/** A worker that opens an index has no `localStorage`, and some windows must not use theirs. */
function read(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function write(key: string, text: string | null): void {
  try {
    if (text === null) localStorage.removeItem(key);
    else localStorage.setItem(key, text);
  } catch {
    // Then it is not kept.
  }
}
