/** Gets the encoder going: model files, device, module, and another device where the first fails. */
import { chooseDevice, type DeviceChoice, onCpu } from "./device.js";
import { downloadModel, type ModelFiles } from "./download.js";
import { messageOf, toBurrowError } from "./error.js";
import { type Encoder, type EncoderModule, loadEncoder } from "./modules.js";
import type { OpenAsk } from "./protocol.js";
import type { Progress } from "./types.js";

/** A loaded encoder and where it computes. */
export interface Loaded {
  encoder: Encoder;
  device: DeviceChoice;
  reasons: string[];
}

/**
 * Downloads and loads the model.
 *
 * @throws BurrowError `network`, `model` or `limit` from the files, `device` where even the CPU fails, `worker`
 */
export async function load(ask: OpenAsk, tell: (progress: Progress) => void, signal: AbortSignal): Promise<Loaded> {
  const [files, module] = await Promise.all([
    downloadModel(ask.model, { signal, onProgress: (progress) => tell({ stage: "download", ...progress }) }),
    loadEncoder(ask.wasm),
  ]);
  signal.throwIfAborted();
  tell({ stage: "load", what: "device" });
  const choice = await chooseDevice(ask.device, navigator.gpu);
  tell({ stage: "load", what: "weights" });
  const name = modelName(ask.model);
  const { encoder, device } = await onDevice(choice, (kind) => encoderOf(module, name, files, kind));
  return { encoder, device, reasons: [...(device.reason ? [device.reason] : []), ...files.reasons] };
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

function encoderOf(module: EncoderModule, name: string, files: ModelFiles, device: DeviceChoice["device"]): Promise<Encoder> {
  return module.Encoder.load(name, files.config, files.tokenizer, files.weights, device);
}
