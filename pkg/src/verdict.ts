/** What was found when both devices were measured, and where it is remembered: with the kept files of the model. */
import type { DeviceChoice, DeviceKind } from "./device.js";
import { keepBeside, keptBeside } from "./kept.js";
import type { Measured } from "./types.js";
import { VERSION } from "./version.js";

/** Which device is used for a model from now on. */
export interface Verdict {
  device: DeviceKind;
  measured: Measured;
  /** Why the other cannot be used at all, where that is so. */
  fault: string | null;
}

/** What the verdict is of: it counts for nothing else. */
export interface Contest {
  adapter: string;
  /** Threads of the CPU. */
  threads: number;
  /** What the model's vectors may be compared with: see `Encoder.fingerprint`. */
  fingerprint: string;
}

type Noted = Verdict & Contest & { version: string };

/** Beside the model's own files; no server has one of that name. */
const NAME = "burrow.device.json";

/** The choice as this machine has taught it: what was measured on an earlier visit counts, if it is there. */
export async function recalled(choice: DeviceChoice, folder: string, threads: number): Promise<DeviceChoice> {
  if (choice.rival === null) return choice;
  const noted = notedOf(await keptBeside(folder, NAME));
  if (noted?.version !== VERSION || noted.adapter !== choice.rival || noted.threads !== threads) return choice;
  return chosen(choice, noted, ", measured on an earlier visit");
}

/** Whether a recalled verdict was of another model, which had been at the same address. */
export async function isOfAnother(folder: string, fingerprint: string): Promise<boolean> {
  return notedOf(await keptBeside(folder, NAME))?.fingerprint !== fingerprint;
}

/** Remembers a verdict, where anything can be kept. */
export async function remember(folder: string, verdict: Verdict, contest: Contest): Promise<void> {
  const noted: Noted = { ...verdict, ...contest, version: VERSION };
  await keepBeside(folder, NAME, JSON.stringify(noted));
}

/** The choice by a verdict. */
export function chosen({ rival }: DeviceChoice, { device, measured, fault }: Verdict, when = ""): DeviceChoice {
  const [kept, other] = device === "cpu" ? ["the CPU", "WebGPU"] : ["WebGPU", "the CPU"];
  const figures = `${Math.round(measured.webgpu)} tokens a second on WebGPU, ${Math.round(measured.cpu)} on the CPU`;
  const why = fault === null ? `Of both devices, ${kept} is the faster with this model: ${figures}${when}.` : `Encoding on ${kept}: ${other} ${fault}${when}.`;
  const reason = fault !== null && device === "cpu" ? why : null;
  return { device, adapter: device === "cpu" ? "" : rival ?? "", reason, why, measured, rival: null };
}

/** What cannot be read says nothing. */
function notedOf(text: string | null): Noted | null {
  let found: Partial<Noted> | null = null;
  try {
    found = JSON.parse(text ?? "null");
  } catch {
    // As if it were not there.
  }
  if (found?.device !== "cpu" && found?.device !== "webgpu") return null;
  const { device, adapter = "", threads = 0, fingerprint = "", version = "", fault = null } = found;
  const [webgpu, cpu] = [Number(found.measured?.webgpu), Number(found.measured?.cpu)];
  return webgpu >= 0 && cpu >= 0 ? { device, adapter, threads, fingerprint, version, fault, measured: { webgpu, cpu } } : null;
}
