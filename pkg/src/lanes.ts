/** Several files on their way at once, in a bounded amount of memory. */
import { aborted } from "./error.js";
import { Memory } from "./gathering.js";
import { Turns } from "./turns.js";

/** A file that is to come, and its size where it is known. */
export interface FileAhead {
  name: string;
  bytes: number | null;
}

/** Three files on their way while the encoder takes a fourth: then neither the network nor the encoder waits for long. */
const LANES_MAX = 4;

/** How many bytes of files lie in memory at most, unless a single one has more: four of the size that `burrow pack` makes. */
const HELD_BYTES_MAX = 72 * 2 ** 20;

/**
 * Gets files, and has each taken: several are got at once, they are taken one at a time, in the order in which they came. A
 * file holds its lane, and the lane's memory, until it has been taken: so nothing piles up where taking is slower.
 *
 * Rejects with the first failure, when all that was under way has ended.
 */
export async function throughLanes<F extends FileAhead, T>(
  files: readonly F[],
  get: (file: F, memory: Memory, signal: AbortSignal) => Promise<T>,
  take: (file: F, got: T) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const largest = files.reduce((most, { bytes }) => Math.max(most, bytes ?? Infinity), 0);
  const waiting = [...files];
  const taking = new Turns();
  const ending = new AbortController();
  const end = () => ending.abort(aborted());
  const lane = async () => {
    const memory = new Memory(Number.isFinite(largest) ? largest : 0);
    for (let file = waiting.shift(); file; file = waiting.shift()) {
      const [one, got] = [file, await get(file, memory, ending.signal)];
      await taking.run(() => {
        ending.signal.throwIfAborted();
        return take(one, got);
      });
      ending.signal.throwIfAborted();
    }
  };
  signal.addEventListener("abort", end);
  if (signal.aborted) end();
  try {
    await allOrFirst(Array.from({ length: Math.min(laneCount(largest), files.length) }, lane), end);
  } finally {
    signal.removeEventListener("abort", end);
  }
}

/** Files of which nobody knows the size come one after the other: each may be as large as any. */
function laneCount(bytesLargest: number): number {
  return Math.max(1, Math.min(LANES_MAX, Math.floor(HELD_BYTES_MAX / Math.max(1, bytesLargest))));
}

/** Waits for all; where one fails, ends the others and rejects with its failure. */
async function allOrFirst(works: Promise<void>[], end: () => void): Promise<void> {
  const failures: unknown[] = [];
  await Promise.all(works.map((work) => work.catch((thrown: unknown) => {
    failures.push(thrown);
    end();
  })));
  if (failures.length > 0) throw failures[0];
}
