/** Loads the two wasm modules of the package. */
import { BurrowError, messageOf } from "./error.js";

/** The search module: store, index, hits. */
export type SearchModule = typeof import("../wasm/search/search.js");
/** The encoder module: pages to chunks, chunks to vectors. */
export type EncoderModule = typeof import("../wasm/encoder/encoder.js");
export type Index = import("../wasm/search/search.js").Index;
export type Encoder = import("../wasm/encoder/encoder.js").Encoder;

/**
 * The search module. `folder` is where the package's `wasm/` lies, when it is not beside this file.
 *
 * The addresses are written out, since that is how bundlers find the files they must take along.
 */
export async function loadSearch(folder: string | null): Promise<SearchModule> {
  const js = placed(folder, "search/search.js") ?? new URL("../wasm/search/search.js", import.meta.url);
  const wasm = placed(folder, "search/search_bg.wasm") ?? new URL("../wasm/search/search_bg.wasm", import.meta.url);
  return explained(js, async () => {
    const module: SearchModule = await import(/* @vite-ignore */ /* webpackIgnore: true */ js.href);
    await module.default({ module_or_path: wasm });
    return module;
  });
}

/** The encoder module, which is larger by far. */
export async function loadEncoder(folder: string | null): Promise<EncoderModule> {
  const js = placed(folder, "encoder/encoder.js") ?? new URL("../wasm/encoder/encoder.js", import.meta.url);
  const wasm = placed(folder, "encoder/encoder_bg.wasm") ?? new URL("../wasm/encoder/encoder_bg.wasm", import.meta.url);
  return explained(js, async () => {
    const module: EncoderModule = await import(/* @vite-ignore */ /* webpackIgnore: true */ js.href);
    await module.default({ module_or_path: wasm });
    return module;
  });
}

function placed(folder: string | null, path: string): URL | null {
  if (folder === null) return null;
  return new URL(path, folder.endsWith("/") ? folder : `${folder}/`);
}

async function explained<T>(file: URL, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (thrown) {
    const message = `Burrow's own files at ${new URL(".", file).href} could not be loaded (${messageOf(thrown)}). Serve the folder `
      + "wasm/ of the package there, or say with the option `wasm` where it is.";
    throw new BurrowError("worker", message, { cause: thrown });
  }
}
