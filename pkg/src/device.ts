/** Which device to encode on: WebGPU where a real GPU is behind it, else the CPU. */
import { messageOf } from "./error.js";
import type { OpenOptions } from "./types.js";

/** A device, what its adapter calls itself, and why it is less than was asked for, where it is. */
export interface DeviceChoice {
  device: "webgpu" | "cpu";
  adapter: string;
  reason: string | null;
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

/** Chooses. A device that cannot be had is never an error: the CPU always can. */
export async function chooseDevice(asked: NonNullable<OpenOptions["device"]>, gpu: Gpu | undefined): Promise<DeviceChoice> {
  if (asked === "cpu") return { device: "cpu", adapter: "", reason: null };
  if (!gpu) return onCpu("this browser, or this page for want of HTTPS, has no WebGPU");
  let adapter: Adapter | null;
  try {
    adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
  } catch (thrown) {
    return onCpu(`WebGPU refused (${messageOf(thrown)})`);
  }
  if (!adapter) return onCpu("WebGPU found no adapter");
  const name = nameOf(adapter.info);
  if (asked === "webgpu" || !isSoftware(adapter)) return { device: "webgpu", adapter: name, reason: null };
  return onCpu(`the WebGPU adapter ${name} is software, which is slower than the CPU itself`);
}

/** The choice of the CPU where something better was hoped for. */
export function onCpu(why: string): DeviceChoice {
  return { device: "cpu", adapter: "", reason: `Encoding on the CPU: ${why}.` };
}

function isSoftware({ info, isFallbackAdapter }: Adapter): boolean {
  const names = [info.vendor, info.architecture, info.device, info.description].join(" ");
  return (info.isFallbackAdapter ?? isFallbackAdapter ?? false) || SOFTWARE.test(names);
}

/** The description where the browser gives one, else vendor and architecture. */
function nameOf({ vendor, architecture, description }: Partial<GPUAdapterInfo>): string {
  return description || [vendor, architecture].filter(Boolean).join(" ") || "without a name";
}
