/** With which module a device encodes: WebGPU with the large one, the CPU with a small one, of several threads where the page is cross-origin isolated. */
import type { DeviceKind } from "./device.js";
import { BurrowError, messageOf } from "./error.js";
import { type EncoderModule, explained, loadCpu, loadEncoder, threadsFiles, threadsScript } from "./modules.js";
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

async function one(name: Place["name"], loading: Promise<EncoderModule>, reason: string | null = null): Promise<Place> {
  return { module: await loading, name, threads: 1, end: () => {}, reason };
}

async function onCpu(wasm: string | null, threads: number): Promise<Place> {
  let reason: string | null = null;
  if (threads > 1) {
    try {
      return await threaded(wasm, threads);
    } catch (thrown) {
      reason = `Encoding with one thread instead of ${threads}: the others could not be started (${messageOf(thrown)}).`;
    }
  }
  // The large module can do it, too, and may be here already: where a GPU is lost on a train.
  return one("cpu", loadCpu(wasm), reason).catch(() => one("encoder", loadEncoder(wasm), reason));
}

/** The module on shared memory, and a worker for each further thread. */
async function threaded(folder: string | null, threads: number): Promise<Place> {
  const { js, wasm } = threadsFiles(folder);
  return explained(js, async () => {
    const [module, compiled] = await Promise.all([threadsScript(js), compile(wasm)]);
    const { memory } = await module.default({ module_or_path: compiled });
    const workers: Worker[] = [];
    const end = () => workers.forEach((worker) => worker.terminate());
    try {
      const start: ThreadStart = { js: js.href, module: compiled, memory };
      await Promise.all(Array.from({ length: threads - 1 }, () => startThread(start, workers)));
    } catch (thrown) {
      end();
      throw thrown;
    }
    return { module, name: "threads", threads, end, reason: null };
  });
}

function startThread(start: ThreadStart, workers: Worker[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL("./thread.js", import.meta.url), { type: "module", name: "burrow-thread" });
    workers.push(worker);
    const timer = setTimeout(() => reject(new Error(`a worker did not start within ${START_MS_MAX / 1000} s`)), START_MS_MAX);
    worker.onmessage = () => {
      clearTimeout(timer);
      resolve();
    };
    worker.onerror = (event) => {
      clearTimeout(timer);
      reject(new Error(event.message || "its script did not load"));
    };
    worker.postMessage(start);
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
