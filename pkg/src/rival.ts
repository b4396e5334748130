/** A worker that tries a model on the device that is not in use. Ending it gives back all that the model takes there. */
import type { DeviceKind } from "./device.js";
import { openModel } from "./download.js";
import { encoderOf } from "./load.js";
import { pass, type Pass, type Shape, shapeOf } from "./pace.js";
import { toWire, type WireError } from "./protocol.js";
import { places, threadsThere } from "./threads.js";

/** What to load, and where. */
export interface RivalOpen {
  /** Folder of the model. */
  model: string;
  wasm: string | null;
  device: DeviceKind;
  /** With so many layers of the model, to be quick and small; null for all. */
  layers: number | null;
}

/** One is asked after the other is answered. */
export type RivalAsk = { open: RivalOpen } | { tokens: number };
/** Loaded, or one text encoded. */
export type RivalAnswer = { loaded: true } | { pass: Pass } | { error: WireError };

type Ready = (tokens: number) => Promise<Pass>;

let ready: Ready | null = null;

async function open({ model: folder, wasm, device, layers }: RivalOpen): Promise<Ready> {
  const signal = new AbortController().signal;
  const placeOn = places(wasm);
  const [model, first] = await Promise.all([openModel(folder, { signal, onProgress: () => {} }), placeOn(device, threadsThere())]);
  // Threads that do not come are no fault of the processor: it is measured as it is used then.
  const place = await Promise.resolve(first.started).then(() => first, () => placeOn(device, 1));
  const shape: Shape = shapeOf(model.small.config);
  const part = layers === null ? {} : { config: withLayers(model.small.config, layers), manifest: undefined, hashes: undefined };
  const encoder = await encoderOf(place, model, device, part);
  return (tokens) => pass(encoder, tokens, shape);
}

/** The configuration of the model's first layers. Its hash is another one, so nothing may be checked against it. */
function withLayers(config: Uint8Array, layers: number): Uint8Array {
  const read: Record<string, unknown> = JSON.parse(new TextDecoder().decode(config));
  const types = read["layer_types"];
  const few = { ...read, num_hidden_layers: layers, ...(Array.isArray(types) && { layer_types: types.slice(0, layers) }) };
  return new TextEncoder().encode(JSON.stringify(few));
}

async function answer(ask: RivalAsk): Promise<RivalAnswer> {
  try {
    if ("open" in ask) {
      ready = await open(ask.open);
      return { loaded: true };
    }
    if (!ready) throw new Error("nothing is loaded");
    return { pass: await ready(ask.tokens) };
  } catch (thrown) {
    return { error: toWire(thrown) };
  }
}

self.addEventListener("message", ({ data }: MessageEvent<RivalAsk>) => {
  void answer(data).then((answered) => self.postMessage(answered));
});
