/** What is known of an index outside of its database, so that one that the browser has lost is told from one that never was. */
import { renewLog } from "./log.js";

/** What is written down. It lies in the origin's caches and, by the page, in its `localStorage`: whichever is left counts. */
interface Noted {
  /** How many pages there are, indexed or waiting; some more or less while something is being written. */
  pages: number;
  /** How many there were when the browser lost some of them; 0 where it has not, or they are there again. */
  lost: number;
  /** Whether something is being written: found on opening, it says that the last writer was interrupted. */
  isWriting: boolean;
}

const CACHE_NAME = "burrow-indexes";
/** Numbers that grow are written down again when they have grown by so much. */
const GROWTH = 1.1;

/** What is noted of one index. Whatever fails here, the index works. */
export class Note {
  readonly #name: string;
  readonly #tell: (text: string | null) => void;
  #noted: Noted;
  /** One is written after the other. */
  #saving: Promise<void> = Promise.resolve();

  private constructor(name: string, noted: Noted, tell: (text: string | null) => void) {
    this.#name = name;
    this.#noted = noted;
    this.#tell = tell;
  }

  /** Reads what is noted. `kept` is what the page has of it; `tell` has the page keep what is to be kept. */
  static async read(name: string, kept: string | null, tell: (text: string | null) => void): Promise<Note> {
    const response = await cache().then((found) => found.match(addressOf(name))).catch(() => undefined);
    const text = await response?.text().catch(() => null) ?? kept;
    const noted = notedOf(text);
    // The page is told at once, the cache a moment later: what was removed between the two is not lost.
    noted.isWriting ||= notedOf(kept).isWriting;
    return new Note(name, noted, tell);
  }

  /** How many pages there were when the browser lost some or all of them, where that is not settled. */
  get lost(): number {
    return this.#noted.lost;
  }

  /** The index is open, with so many pages. `isNew`: nothing was ever committed to it. `isWriter`: no other tab has it open. */
  async opened(count: number, isNew: boolean, isWriter: boolean): Promise<void> {
    const { pages, lost, isWriting } = this.#noted;
    // In the midst of writing, some may have been removed that are not noted yet.
    if (isNew ? pages > 0 : isWriter && !isWriting && count < pages) this.#set({ pages: count, lost: Math.max(pages, lost) });
    if (!isWriting || !isWriter) return this.#saving;
    this.#saving = this.#saving.then(renewLog);
    // It stays so until all is at rest: a writer that is interrupted again, before what it began is noted, has lost nothing.
    this.#set({ pages: count });
  }

  /** Something is about to be written. */
  changed(): void {
    if (!this.#noted.isWriting) this.#set({ isWriting: true });
  }

  /** So many pages are there; at rest, when nothing has been written for a while. */
  seen(pages: number, isAtRest: boolean): void {
    const { pages: before, lost, isWriting } = this.#noted;
    if (lost > 0 && pages >= lost) this.#set({ lost: 0 });
    if (isAtRest ? isWriting || pages !== before : pages > before * GROWTH) this.#set({ pages, isWriting: isWriting && !isAtRest });
  }

  /** The reader has removed everything, or has taken note of the loss. */
  settled(pages: number): void {
    this.#set({ pages, lost: 0 });
  }

  #set(changed: Partial<Noted>): void {
    this.#noted = { ...this.#noted, ...changed };
    const text = JSON.stringify(this.#noted);
    this.#tell(text);
    this.#saving = this.#saving.then(() => write(this.#name, text));
  }
}

/** Forgets what is noted of an index: it was deleted. */
export async function forget(name: string): Promise<void> {
  await cache().then((found) => found.delete(addressOf(name))).catch(() => {});
}

async function write(name: string, text: string): Promise<void> {
  await cache().then((found) => found.put(addressOf(name), new Response(text))).catch(() => {});
}

async function cache(): Promise<Cache> {
  return globalThis.caches.open(CACHE_NAME);
}

/** A cache wants addresses of the web as keys, also in an extension. */
function addressOf(name: string): string {
  return `https://burrow.invalid/${encodeURIComponent(name)}`;
}

/** What cannot be read says nothing. */
function notedOf(text: string | null): Noted {
  let found: Partial<Record<keyof Noted, unknown>> | null = null;
  try {
    found = JSON.parse(text ?? "null");
  } catch {
    // As if it were not there.
  }
  const count = (value: unknown) => (Number.isSafeInteger(value) ? Math.max(0, Number(value)) : 0);
  return { pages: count(found?.pages), lost: count(found?.lost), isWriting: found?.isWriting === true };
}
