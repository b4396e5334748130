/** Adds up how far the files of a model are. */
import type { FileProgress } from "./fetch.js";

/** How far one file and all files together are. */
export interface DownloadProgress extends FileProgress {
  bytesLoaded: number;
  bytesAll: number | null;
}

/** Progress is told at most this often, but for the beginning and the end of each file. */
const INTERVAL_MS = 100;

/** Progress of several files at once. */
export class Tally {
  readonly #tell: (progress: DownloadProgress) => void;
  readonly #files = new Map<string, { bytes: number; bytesTotal: number | null }>();
  /** Whether all files are known by name. */
  #isComplete = false;
  #toldAt = -Infinity;

  constructor(tell: (progress: DownloadProgress) => void) {
    this.#tell = tell;
  }

  /** Says which files there will be in all, with their sizes where they are known. Others are forgotten. */
  expect(files: Iterable<readonly [name: string, bytesTotal: number | null]>): void {
    const known = new Map(this.#files);
    this.#files.clear();
    for (const [name, bytesTotal] of files) this.#files.set(name, known.get(name) ?? { bytes: 0, bytesTotal });
    this.#isComplete = true;
  }

  /** Takes a file's progress down, and passes it on. */
  readonly report = ({ file, bytes, bytesTotal }: FileProgress): void => {
    const isFirst = !this.#files.get(file)?.bytes;
    this.#files.set(file, { bytes, bytesTotal });
    const now = performance.now();
    if (!isFirst && bytes !== bytesTotal && now - this.#toldAt < INTERVAL_MS) return;
    this.#toldAt = now;
    const all = [...this.#files.values()];
    const bytesLoaded = all.reduce((sum, one) => sum + one.bytes, 0);
    const bytesAll = this.#isComplete ? all.reduce<number | null>((sum, one) => plus(sum, one.bytesTotal), 0) : null;
    this.#tell({ file, bytes, bytesTotal, bytesLoaded, bytesAll });
  };
}

/** What is not known does not add up. */
function plus(sum: number | null, bytes: number | null): number | null {
  return sum === null || bytes === null ? null : sum + bytes;
}
