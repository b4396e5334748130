/** Gets the encoder going: model files, device, module, and another device where the first fails. */
import { chooseDevice, type DeviceChoice, onCpu } from "./device.js";
import { type Model, openModel } from "./download.js";
import { messageOf, toBurrowError } from "./error.js";
import { type Encoder, type EncoderModule, loadEncoder, type ModelLoader } from "./modules.js";
import type { OpenAsk } from "./protocol.js";
import type { Progress, Status } from "./types.js";

/** A loaded encoder and where it computes. */
export interface Loaded {
  encoder: Encoder;
  device: DeviceChoice;
  precision: Status["precision"];
  weights: Status["weights"];
  modelBytesKept: number;
  reasons: string[];
}

const PRECISIONS = ["f16", "f32"] as const;
const WEIGHTS = ["f32", "f16", "bf16", "q8", "q4"] as const;

/**
 * Brings and loads the model, one file with weights after the other: a model never lies in memory as a whole but on its device.
 *
 * @throws BurrowError `network`, `model` or `limit` from the files, `device` where even the CPU fails, `worker`
 */
export async function load(ask: OpenAsk, tell: (progress: Progress) => void, signal: AbortSignal): Promise<Loaded> {
  const [model, module] = await Promise.all([
    openModel(ask.model, { signal, onProgress: (progress) => tell({ stage: "download", ...progress }) }),
    loadEncoder(ask.wasm),
  ]);
  signal.throwIfAborted();
  tell({ stage: "load", what: "device" });
  const choice = await chooseDevice(ask.device, navigator.gpu);
  tell({ stage: "load", what: "weights" });
  const name = modelName(ask.model);
  const { encoder, device } = await onDevice(choice, (kind) => encoderOf(module, name, model, kind));
  return {
    encoder, device,
    precision: oneOf(PRECISIONS, encoder.precision()),
    weights: oneOf(WEIGHTS, encoder.weights()),
    modelBytesKept: model.bytesKept,
    reasons: [...(device.reason ? [device.reason] : []), ...encoder.reasons(), ...model.reasons],
  };
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
async function onDevice(
  choice: DeviceChoice, loadOn: (device: DeviceChoice["device"]) => Promise<Encoder>,
): Promise<{ encoder: Encoder; device: DeviceChoice }> {
  try {
    return { encoder: await loadOn(choice.device), device: choice };
  } catch (thrown) {
    if (choice.device === "cpu" || toBurrowError(thrown).kind !== "device") throw thrown;
    const device = onCpu(`the WebGPU adapter ${choice.adapter} failed (${messageOf(thrown)})`);
    return { encoder: await loadOn("cpu"), device };
  }
}

/** The weights are not kept in memory: for a second device they come once more, from the cache where there is one. */
async function encoderOf(module: EncoderModule, name: string, model: Model, device: DeviceChoice["device"]): Promise<Encoder> {
  const { manifest, config, tokenizer } = model;
  const loader = await module.ModelLoader.start(name, manifest, config, tokenizer, device);
  try {
    await model.streamWeights((file, bytes, sha256) => loader.add(file, bytes, sha256));
  } catch (thrown) {
    free(loader);
    throw thrown;
  }
  return loader.finish();
}

/** Gives back what a loader holds. One that was broken by a trap has nothing to give, and the trap is what counts. */
function free(loader: ModelLoader): void {
  try {
    loader.free();
  } catch {
    // See above.
  }
}

/** A name that wasm gave, if it is one that the types know. */
function oneOf<T extends string>(names: readonly T[], value: string): T | "none" {
  return names.find((name) => name === value) ?? "none";
}
