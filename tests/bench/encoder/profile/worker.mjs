/** Loads a model and profiles windows, in a worker. */
import init, { Profiled } from "./wasm/profile.js";

async function profiled({ folder, device, tokens }) {
  const read = async (name) => {
    const response = await fetch(folder + name);
    if (response.status === 404) return undefined;
    if (!response.ok) throw new Error(`${name}: ${response.status}`);
    return new Uint8Array(await response.arrayBuffer());
  };
  const start = performance.now();
  await init();
  const manifest = await read("burrow.json");
  const listed = manifest ? Object.keys(JSON.parse(new TextDecoder().decode(manifest)).files) : ["model.safetensors"];
  const model = await Profiled.start(manifest, await read("config.json"), await read("tokenizer.json"), device);
  for (const file of listed.filter((name) => name.endsWith(".safetensors")).sort()) await model.add(file, await read(file));
  postMessage({ line: `${await model.finish()}, loaded in ${((performance.now() - start) / 1e3).toFixed(2)} s` });
  for (const count of tokens) postMessage({ line: await model.profile(count) });
  postMessage({ done: true });
}

self.onmessage = ({ data }) => profiled(data).catch((error) => postMessage({ error: error?.stack ?? String(error) }));
