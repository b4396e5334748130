/** Gets the encoder going: model files, device, module, and another device where the first fails. */
import { chooseDevice, type DeviceChoice, type DeviceKind, onCpu } from "./device.js";
import { type Model, openModel, type SmallFiles } from "./download.js";
import { messageOf, toBurrowError } from "./error.js";
import { sha256 } from "./hash.js";
import { keepBeside, keptBeside } from "./kept.js";
import type { Encoder, ModelLoader } from "./modules.js";
import { type Shape, shapeOf } from "./pace.js";
import type { OpenAsk } from "./protocol.js";
import { type Place, places, threadsThere, withOneThread } from "./threads.js";
import type { DownloadProgress } from "./tally.js";
import type { Progress, Status } from "./types.js";
import { isOfAnother, recalled } from "./verdict.js";
import { VERSION } from "./version.js";

/** A loaded encoder and where it computes. Another may take its place: who holds this asks it again for each page and query. */
export interface Loaded extends Placed {
  device: DeviceChoice;
  modelBytesKept: number;
  /** In which ways the model came less well than it could. */
  reasons: string[];
  shape: Shape;
  /** The same model on another device; on the CPU with as many threads as there are, unless told otherwise. */
  placedOn(device: DeviceKind, threads?: number): Promise<Placed>;
}

/** What changes with the device. */
export interface Placed {
  encoder: Encoder;
  precision: Status["precision"];
  weights: Status["weights"];
  /** Threads of the CPU that encode; 0 where it does not encode. */
  threads: number;
  /** In which ways the device does less than it could. */
  placedReasons: string[];
  /** Ends the workers that compute along. */
  end(): void;
}

/** What was measured with another model says nothing of this one. */
const ANOTHER = "The model at this address is another one than was measured: both devices are measured again.";
const TWICE = "WebGPU is used without being measured: the model cannot be kept in this browser, and would have to come twice.";

/** Beside the model's own files, as `burrow.device.json` is. */
const PROOF = "burrow.proof.device.json";

const PRECISIONS = ["f16", "f32"] as const;
const WEIGHTS = ["f32", "f16", "bf16", "q8", "q4"] as const;

/** An encoder of which all that needs no index is on its way. */
export interface Coming {
  /** Ends it. */
  closing: AbortController;
  /** Whether the download is told of: what comes once more for another device is no news. */
  isNews: boolean;
  placeOn: ReturnType<typeof places>;
  all: Promise<[Model, asked: DeviceChoice, choice: DeviceChoice, Place]>;
}

/** Has the module, the model's small files and those that are kept come. What keeps this worker busy waits for `calm`. */
export function begin(ask: OpenAsk, tell: (progress: Progress) => void, calm?: Promise<unknown>): Coming {
  const closing = new AbortController();
  const placeOn = places(ask.wasm);
  const choosing = chooseDevice(ask, navigator.gpu);
  const recalling = choosing.then((choice) => recalled(choice, ask.model, threadsThere()));
  const onProgress = (progress: DownloadProgress) => coming.isNews && tell({ stage: "download", ...progress });
  const all = Promise.all([
    openModel(ask.model, { signal: closing.signal, calm, onProgress }),
    choosing, recalling,
    Promise.all([recalling, calm]).then(([{ device }]) => placeOn(device, threadsThere())),
  ]);
  // It may fail before anyone waits for it.
  all.catch(() => {});
  const coming: Coming = { closing, isNews: true, placeOn, all };
  return coming;
}

/**
 * Loads the model, one file with weights after the other: it never lies in memory as a whole but on its device.
 *
 * @throws BurrowError `network`, `model` or `limit` from the files, `device` where even the CPU fails, `worker`
 */
export async function load(ask: OpenAsk, tell: (progress: Progress) => void, coming: Coming): Promise<Loaded> {
  const { closing: { signal }, placeOn } = coming;
  const [model, { rival }, choice] = await coming.all;
  signal.throwIfAborted();
  tell({ stage: "load", what: "device" });
  tell({ stage: "load", what: "weights" });
  const placedOn = async (kind: DeviceKind, threads = threadsThere()): Promise<Placed> => {
    const place = await placeOn(kind, threads);
    try {
      return placed(kind, place, await provenOn(place, model, kind));
    } catch (thrown) {
      place.end();
      if (place.threads === 1 || toBurrowError(thrown).kind !== "device") throw thrown;
      const one = await placedOn(kind, 1);
      return { ...one, placedReasons: [withOneThread(place.threads, thrown), ...one.placedReasons] };
    }
  };
  const { device, ...encoder } = await onDevice(choice, placedOn);
  coming.isNews = false;
  const isOther = device.measured !== null && await isOfAnother(ask.model, fingerprintOf(encoder));
  return {
    ...encoder, placedOn,
    device: isOther ? { ...device, measured: null, reason: null, rival, why: ANOTHER } : model.bytesKept > 0 ? device : unmeasured(device),
    modelBytesKept: model.bytesKept,
    reasons: model.reasons,
    shape: shapeOf(model.small.config),
  };
}

function unmeasured(choice: DeviceChoice): DeviceChoice {
  return choice.rival === null ? choice : { ...choice, rival: null, why: TWICE };
}

function placed(device: DeviceKind, { threads, reason, end }: Place, encoder: Encoder): Placed {
  const [precision, weights] = [oneOf(PRECISIONS, encoder.precision()), oneOf(WEIGHTS, encoder.weights())];
  const placedReasons = [...(reason === null ? [] : [reason]), ...encoder.reasons()];
  return { encoder, precision, weights, placedReasons, threads: device === "cpu" ? threads : 0, end };
}

/** The fingerprint as text. */
export function fingerprintOf({ encoder }: Pick<Placed, "encoder">): string {
  return Array.from(encoder.fingerprint(), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The folder's name, by which people know the model. */
export function modelName(folder: string): string {
  const last = new URL(folder).pathname.split("/").filter(Boolean).at(-1) ?? "";
  try {
    return decodeURIComponent(last);
  } catch {
    // A lone percent sign is no escape but part of the name.
    return last;
  }
}

/** Loads on the device chosen or, where that fails, on the CPU. */
async function onDevice(choice: DeviceChoice, placedOn: Loaded["placedOn"]): Promise<Placed & { device: DeviceChoice }> {
  try {
    return { ...await placedOn(choice.device), device: choice };
  } catch (thrown) {
    if (choice.device === "cpu" || toBurrowError(thrown).kind !== "device") throw thrown;
    const device = onCpu(`the WebGPU adapter ${choice.adapter} failed (${messageOf(thrown)})`);
    return { ...await placedOn("cpu"), device };
  }
}

/**
 * What the CPU has given of a model's golden vectors once, the same code in the same browser need not be asked for again. Who builds
 * another module under the same version calls `Burrow.clearModels()`.
 */
async function provenOn(place: Place, model: Model, device: DeviceKind): Promise<Encoder> {
  const { folder, manifest, hashes, isListed } = model.small;
  if (device !== "cpu" || !manifest || !hashes || !isListed) return encoderOf(place, model, device);
  const proof = [VERSION, place.name, navigator.userAgent, await sha256(manifest), hashes].join();
  const isProven = keptBeside(folder, PROOF).then((kept) => kept === proof);
  const encoder = await encoderOf(place, model, device, {}, isProven);
  if (model.bytesKept > 0 && !await isProven) await keepBeside(folder, PROOF, proof);
  return encoder;
}

/**
 * The weights are not kept in memory: for a second device they come once more, from the cache where there is one. `other` is used in
 * place of the model's own small files. `isProven` says whether it gives its golden vectors for sure.
 */
export async function encoderOf(
  { module, started }: Place, model: Model, device: DeviceKind, other: Partial<SmallFiles> = {}, isProven: Promise<boolean> | boolean = false,
): Promise<Encoder> {
  const { folder, manifest, config, tokenizer, hashes } = { ...model.small, ...other };
  const loader = await module.ModelLoader.start(modelName(folder), manifest, config, tokenizer, device, hashes);
  try {
    await model.streamWeights((file, bytes, sha256) => loader.add(file, bytes, sha256));
    await started;
  } catch (thrown) {
    free(loader);
    throw thrown;
  }
  return loader.finish(await isProven);
}

/** Gives back what an object of wasm holds. One that was broken by a trap has nothing to give, and the trap is what counts. */
export function free(held: ModelLoader | Encoder): void {
  try {
    held.free();
  } catch {
    // See above.
  }
}

/** A name that wasm gave, if it is one that the types know. */
function oneOf<T extends string>(names: readonly T[], value: string): T | "none" {
  return names.find((name) => name === value) ?? "none";
}
