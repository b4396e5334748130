/** The index as a file, on the page's side: parts are asked for one by one, and pieces given one by one. */
import { aborted, BurrowError } from "./error.js";
import type { Nothing } from "./protocol.js";
import type { ImportOptions, ImportResult } from "./types.js";
import type { Wire } from "./wire.js";

/** What of a wire is needed here. */
type Asks = Pick<Wire, "call">;

const NOTHING: Nothing = {};

/** At most so many bytes cross at once: a stream may give a file as one piece. */
const PIECE_BYTES_MAX = 2 ** 20;

/** The parts of an export, each asked for when the one before has been taken. */
export async function exportStream(wire: Asks, signal?: AbortSignal): Promise<ReadableStream<Uint8Array>> {
  const number = await wire.call("exportBegin", NOTHING, { signal });
  return new ReadableStream({
    async pull(controller) {
      try {
        const part = await wire.call("exportNext", { number }, { signal });
        if (part) controller.enqueue(part);
        else controller.close();
      } catch (thrown) {
        forget(wire, number);
        throw thrown;
      }
    },
    cancel: () => forget(wire, number),
  }, { highWaterMark: 0 });
}

/** Gives a file to the index, piece by piece. */
export async function importFrom(wire: Asks, source: unknown, { signal, onProgress }: ImportOptions): Promise<ImportResult> {
  if (signal?.aborted) throw aborted();
  const reader = readerOf(source);
  // A stream that brings nothing must not keep the signal waiting.
  const onAbort = () => void reader.cancel(aborted()).catch(() => {});
  signal?.addEventListener("abort", onAbort);
  let number: number | null = null;
  try {
    number = await wire.call("importBegin", NOTHING, { signal });
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      for (const bytes of piecesOf(piece.value)) {
        const progress = await wire.call("importPush", { number, bytes }, { signal, transfer: [bytes.buffer] });
        onProgress?.(progress);
      }
    }
    if (signal?.aborted) throw aborted();
    return await wire.call("importEnd", { number }, { signal });
  } catch (thrown) {
    if (number !== null) forget(wire, number);
    reader.cancel(thrown).catch(() => {});
    throw signal?.aborted ? aborted() : thrown;
  } finally {
    signal?.removeEventListener("abort", onAbort);
  }
}

/** Nobody goes on with it. Where the index is closed it has ended already. */
function forget(wire: Asks, number: number): void {
  wire.call("transferEnd", { number }).catch(() => {});
}

function readerOf(source: unknown): ReadableStreamDefaultReader<unknown> {
  if (source instanceof Blob) return source.stream().getReader();
  if (!(source instanceof ReadableStream)) throw new BurrowError("input", `The file to import is ${typeof source}: give a Blob or a ReadableStream.`);
  if (source.locked) throw new BurrowError("input", "The stream to import is being read by somebody else: give one that nobody reads.");
  return source.getReader();
}

/** Copies, so that they can move and the caller keeps what is the caller's. */
function* piecesOf(bytes: unknown): Generator<Uint8Array<ArrayBuffer>> {
  if (!(bytes instanceof Uint8Array)) throw new BurrowError("input", `The stream to import gives ${typeof bytes}: it must give Uint8Arrays.`);
  for (let at = 0; at < bytes.length; at += PIECE_BYTES_MAX) yield new Uint8Array(bytes.subarray(at, at + PIECE_BYTES_MAX));
}
