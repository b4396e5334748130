/** One contestant in a worker of its own: opened once, then asked to encode. */
import { burrow, encodings } from "./burrow.mjs";
import { ort } from "./ort.mjs";
import { timed } from "../shared/timing.mjs";

const SIDES = { burrow, ort };

/** @type {import("./burrow.mjs").Contestant} */
let contestant;

const ASKS = {
  async open({ side, folder, ...options }) {
    const read = async (name) => {
      const response = await fetch(folder + name);
      if (!response.ok) throw new Error(`${folder}${name}: ${response.status}`);
      return new Uint8Array(await response.arrayBuffer());
    };
    const [loadMs, opened] = await timed(() => SIDES[side]({ read, ...options }));
    contestant = opened;
    return { name: opened.name, device: opened.device, loadMs };
  },
  run: ({ ids, calls }) => encodings(contestant, ids, calls),
};

self.onmessage = async ({ data: { ask, options } }) => {
  try {
    postMessage({ value: await ASKS[ask](options) });
  } catch (error) {
    postMessage({ error: error?.stack ?? error?.message ?? String(error) });
  }
};
