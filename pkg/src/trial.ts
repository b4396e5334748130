/** Which of two devices is the faster for a model: both are measured, and the vectors of both compared. */
import type { DeviceKind } from "./device.js";
import { BurrowError, messageOf } from "./error.js";
import { cosine, type Encode, type Pace, paceOf, type Pass, type Shape } from "./pace.js";
import { fromWire } from "./protocol.js";
import type { RivalAnswer, RivalAsk, RivalOpen } from "./rival.js";
import type { Verdict } from "./verdict.js";

/** A text that takes the rival longer than this has lost. */
const PASS_MS_MAX = 10_000;
/** Loading a model from the browser's cache takes less, unless the device hangs. */
const OPEN_MS_MAX = 120_000;
/** Of a model that is larger than this, layers times dimension², a part is measured: a second copy would take half a gigabyte. */
const WHOLE_SIZE_MAX = 10_000_000;
const PART_LAYERS = 4;
/** Devices differ by rounding, f16 between layers included; a wrong kernel differs by more. */
const COSINE_MIN = 0.995;

/** What is to be compared. */
export interface Trial {
  /** The device in use. */
  device: DeviceKind;
  shape: Shape;
  /** Encodes on it, in its turn. */
  encode: Encode;
  rival: Omit<RivalOpen, "device" | "layers">;
  /** Runs a pass of the rival when nothing else encodes. */
  turn: <T>(work: () => Promise<T>) => Promise<T>;
  signal: AbortSignal;
}

/** How many layers of the rival are measured; null for all. */
export function layersOf({ layers, dimension }: Shape): number | null {
  return layers * dimension * dimension > WHOLE_SIZE_MAX && layers > PART_LAYERS ? PART_LAYERS : null;
}

/**
 * Measures both.
 *
 * @throws BurrowError where the rival could not be tried, for reasons that do not lie in the device; or what `encode` throws
 */
export async function verdictOf(trial: Trial): Promise<Verdict> {
  const own = await paceOf(trial.encode, trial.shape);
  const other: DeviceKind = trial.device === "cpu" ? "webgpu" : "cpu";
  const layers = layersOf(trial.shape);
  const rival = new Rival(trial.signal);
  try {
    await rival.ask({ open: { ...trial.rival, device: other, layers } }, OPEN_MS_MAX);
    const share = layers === null ? 1 : trial.shape.layers / layers;
    const encode = (tokens: number) => trial.turn(async () => {
      const { ms, vector } = passed(await rival.ask({ tokens }, PASS_MS_MAX));
      return { ms: ms * share, vector };
    });
    const found = await paceOf(encode, trial.shape);
    // The first layers' vector is not the model's: it is compared when the whole is loaded.
    return layers === null ? compared(trial.device, own, found) : faster(trial.device, own.tokensPerSecond, found.tokensPerSecond, null);
  } catch (thrown) {
    if (!(thrown instanceof BurrowError) || thrown.kind !== "device" || trial.signal.aborted) throw thrown;
    return faster(trial.device, own.tokensPerSecond, 0, `failed (${messageOf(thrown)})`);
  } finally {
    rival.end();
  }
}

/** The verdict where both give the model's vectors, or do not. The CPU is known to compute right. */
function compared(device: DeviceKind, own: Pace, rival: Pace): Verdict {
  const likeness = cosine(own.vector, rival.vector);
  if (likeness >= COSINE_MIN) return faster(device, own.tokensPerSecond, rival.tokensPerSecond, null);
  const fault = wrongVectors(likeness);
  return device === "cpu" ? faster(device, own.tokensPerSecond, 0, fault) : faster("cpu", rival.tokensPerSecond, 0, fault);
}

/** Why a device whose vector is another than the CPU's cannot be used; null where it can. */
export function vectorFault(own: Pass, other: Pass): string | null {
  const likeness = cosine(own.vector, other.vector);
  return likeness >= COSINE_MIN ? null : wrongVectors(likeness);
}

function wrongVectors(likeness: number): string {
  return `gives other vectors with this model (cosine ${likeness.toFixed(4)})`;
}

/** The verdict by two figures: the device in use stays where they are equal. */
export function faster(device: DeviceKind, own: number, rival: number, fault: string | null): Verdict {
  const measured = device === "cpu" ? { cpu: own, webgpu: rival } : { webgpu: own, cpu: rival };
  const other: DeviceKind = device === "cpu" ? "webgpu" : "cpu";
  return { device: rival > own ? other : device, measured, fault };
}

function passed(answer: RivalAnswer): Pass {
  if ("pass" in answer) return answer.pass;
  throw new BurrowError("worker", "The worker that measures answered something else than it was asked for.");
}

/** The other end of `rival.ts`. */
class Rival {
  readonly #worker: Worker;
  readonly #signal: AbortSignal;
  #fail: (thrown: unknown) => void = () => {};
  readonly #onAbort = () => this.#fail(this.#signal.reason);

  constructor(signal: AbortSignal) {
    signal.throwIfAborted();
    this.#signal = signal;
    this.#worker = new Worker(new URL("./rival.js", import.meta.url), { type: "module", name: "burrow-rival" });
    signal.addEventListener("abort", this.#onAbort);
  }

  /** Has it do something. A device that takes longer than it may has failed. */
  ask(ask: RivalAsk, msMax: number): Promise<RivalAnswer> {
    return new Promise<RivalAnswer>((resolve, reject) => {
      const timer = setTimeout(() => reject(new BurrowError("device", `it took longer than ${msMax / 1000} s`)), msMax);
      const settle = (answer: RivalAnswer) => {
        clearTimeout(timer);
        if ("error" in answer) reject(fromWire(answer.error));
        else resolve(answer);
      };
      this.#fail = (thrown) => {
        clearTimeout(timer);
        reject(thrown);
      };
      this.#worker.onmessage = ({ data }: MessageEvent<RivalAnswer>) => settle(data);
      this.#worker.onerror = (event) => this.#fail(new BurrowError("worker", event.message || "its worker could not be started"));
      this.#worker.postMessage(ask);
    });
  }

  end(): void {
    this.#signal.removeEventListener("abort", this.#onAbort);
    this.#worker.terminate();
  }
}
