/** Which device to encode on: WebGPU where a real GPU is behind it, else the CPU. Which is faster, `trial.ts` finds out. */
import { messageOf } from "./error.js";
import type { Measured, OpenOptions } from "./types.js";

export type DeviceKind = "webgpu" | "cpu";

/** A device, and what is to be said of it. */
export interface DeviceChoice {
  device: DeviceKind;
  /** What its adapter calls itself. */
  adapter: string;
  /** Why it is less than was asked for, where it is. */
  reason: string | null;
  /** Why it is this one. */
  why: string;
  /** How fast both are with this model, where they were measured. */
  measured: Measured | null;
  /** What the adapter calls itself that is to be measured beside the CPU; null where nothing is to be measured. */
  rival: string | null;
}

/** How a device is asked for. */
export interface DeviceAsk {
  device: NonNullable<OpenOptions["device"]>;
  /** Whether an adapter is measured that is known to be software: for tests. */
  measureSoftware: boolean;
}

/** What is looked at of `navigator.gpu`. */
export interface Gpu {
  requestAdapter(options?: GPURequestAdapterOptions): Promise<Adapter | null>;
}

interface Adapter {
  readonly info: Partial<GPUAdapterInfo>;
  /** Where browsers had it before they moved it into `info`. */
  readonly isFallbackAdapter?: boolean;
}

/** Names of adapters that compute on the CPU: SwiftShader, Mesa's llvmpipe and lavapipe, and Windows' WARP. */
const SOFTWARE = /swiftshader|llvmpipe|lavapipe|\bwarp\b|microsoft basic render/i;

const ASKED = "It was asked for.";
const UNMEASURED = "WebGPU comes first; once the encoder is ready, the CPU is measured beside it.";

/** Chooses. A device that cannot be had is never an error: the CPU always can. */
export async function chooseDevice({ device: asked, measureSoftware }: DeviceAsk, gpu: Gpu | undefined): Promise<DeviceChoice> {
  if (asked === "cpu") return { device: "cpu", adapter: "", reason: null, why: ASKED, measured: null, rival: null };
  if (!gpu) return onCpu("this browser, or this page for want of HTTPS, has no WebGPU");
  let adapter: Adapter | null;
  try {
    adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
  } catch (thrown) {
    return onCpu(`WebGPU refused (${messageOf(thrown)})`);
  }
  if (!adapter) return onCpu("WebGPU found no adapter");
  const name = nameOf(adapter.info);
  if (asked === "webgpu") return { device: "webgpu", adapter: name, reason: null, why: ASKED, measured: null, rival: null };
  if (isSoftware(adapter) && !measureSoftware) return onCpu(`the WebGPU adapter ${name} is software, which is slower than the CPU itself`);
  return { device: "webgpu", adapter: name, reason: null, why: UNMEASURED, measured: null, rival: name };
}

/** The choice of the CPU where something better was hoped for. */
export function onCpu(why: string): DeviceChoice {
  const reason = `Encoding on the CPU: ${why}.`;
  return { device: "cpu", adapter: "", reason, why: reason, measured: null, rival: null };
}

function isSoftware({ info, isFallbackAdapter }: Adapter): boolean {
  const names = [info.vendor, info.architecture, info.device, info.description].join(" ");
  return (info.isFallbackAdapter ?? isFallbackAdapter ?? false) || SOFTWARE.test(names);
}

/** The description where the browser gives one, else vendor and architecture. */
function nameOf({ vendor, architecture, description }: Partial<GPUAdapterInfo>): string {
  return description || [vendor, architecture].filter(Boolean).join(" ") || "without a name";
}
