/** With which module a device encodes: WebGPU with the large one, the CPU with a small one, of several threads where the page is cross-origin isolated. */
import type { DeviceKind } from "./device.js";
import { BurrowError, messageOf } from "./error.js";
import { type EncoderModule, loadCpu, loadEncoder, threadsFiles, threadsScript } from "./modules.js";
import type { ThreadStart } from "./thread.js";

/** More gain little: the parts of a short text are few. */
const THREADS_MAX = 8;
/** A worker that has not started by then does not. */
const START_MS_MAX = 10_000;

/** A module, and the workers that it computes with. */
export interface Place {
  module: EncoderModule;
  /** Which module it is: what one has computed says nothing of another. */
  name: "encoder" | "cpu" | "threads";
  threads: number;
  /** Ends the workers. */
  end: () => void;
  /** Why there are fewer threads than there could be. */
  reason: string | null;
  /** Settles when the workers take part: before that, nothing is encoded. */
  started?: Promise<unknown>;
}

/** How many threads can share memory here: one, but for pages that are cross-origin isolated. (WebKit on GTK is, and shares none.) */
export function threadsThere(): number {
  return globalThis.crossOriginIsolated && globalThis.SharedArrayBuffer ? Math.min(navigator.hardwareConcurrency || 1, THREADS_MAX) : 1;
}

/** Loads what encodes on a device, once for each and for each number of threads. */
export function places(wasm: string | null): (device: DeviceKind, threads: number) => Promise<Place> {
  const loaded = new Map<string, Promise<Place>>();
  return (device, threads) => {
    const key = device === "cpu" ? `${threads}` : device;
    const place = loaded.get(key) ?? (device === "cpu" ? onCpu(wasm, threads) : one("encoder", loadEncoder(wasm)));
    loaded.set(key, place);
    return place;
  };
}

/** Why one thread encodes where there were several. */
export function withOneThread(threads: number, why: unknown): string {
  return `Encoding with one thread instead of ${threads}: ${messageOf(why)}.`;
}

async function one(name: Place["name"], loading: Promise<EncoderModule>, reason: string | null = null): Promise<Place> {
  return { module: await loading, name, threads: 1, end: () => {}, reason };
}

async function onCpu(wasm: string | null, threads: number): Promise<Place> {
  let reason: string | null = null;
  if (threads > 1) {
    try {
      return await threaded(wasm, threads);
    } catch (thrown) {
      reason = withOneThread(threads, thrown);
    }
  }
  // The large module can do it, too, and may be here already: where a GPU is lost on a train.
  return one("cpu", loadCpu(wasm), reason).catch(() => one("encoder", loadEncoder(wasm), reason));
}

/** The module on shared memory, and a worker for each further thread: these come up while the module is compiled and the model loaded. */
async function threaded(folder: string | null, threads: number): Promise<Place> {
  const { js, wasm } = threadsFiles(folder);
  const workers: Worker[] = [];
  const end = () => workers.forEach((worker) => worker.terminate());
  const failed = (why: unknown): never => {
    end();
    throw new BurrowError("device", `the others could not be started (${messageOf(why)})`);
  };
  const scripting = threadsScript(js);
  const starting = Promise.all([scripting, compile(wasm)]).then(async ([{ default: init }, module]): Promise<ThreadStart> => {
    const { memory } = await init({ module_or_path: module });
    return { js: js.href, module, memory };
  }).catch(failed);
  const started = Promise.all(Array.from({ length: threads - 1 }, () => startThread(starting, workers))).catch(failed);
  await Promise.race([starting, started]);
  return { module: await scripting, name: "threads", threads, end, reason: null, started };
}

/** Settles when the worker takes part, if there is a start. */
function startThread(starting: Promise<ThreadStart>, workers: Worker[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL("./thread.js", import.meta.url), { type: "module", name: "burrow-thread" });
    workers.push(worker);
    worker.onmessage = () => resolve();
    worker.onerror = (event) => reject(new Error(event.message || "its script did not load"));
    starting.then((start) => {
      setTimeout(() => reject(new Error("a worker did not start in time")), START_MS_MAX);
      worker.postMessage(start);
    }, () => {});
  });
}

/** A module that several workers can have: compiled once. */
async function compile(wasm: URL): Promise<WebAssembly.Module> {
  const response = await fetch(wasm);
  if (!response.ok) throw new BurrowError("worker", `${wasm.href} answered ${response.status}`);
  // A server may say that it is something else.
  if (response.headers.get("Content-Type") === "application/wasm") return WebAssembly.compileStreaming(response);
  return WebAssembly.compile(await response.arrayBuffer());
}
