/** onnxruntime-web as a contestant, with the graph that onnx_models.py made of the same weights. */

/**
 * @param {object} options
 * @param {string} options.dist address of the package's `dist/`, with a slash at its end
 * @param {(name: string) => Promise<Uint8Array>} options.read a file of the graph's folder
 * @param {"cpu" | "webgpu"} options.device
 * @param {number} options.threads
 * @returns {Promise<import("./burrow.mjs").Contestant>}
 */
export async function ort({ dist, read, device, threads }) {
  const ort = await import(`${dist}${device === "webgpu" ? "ort.webgpu.min.mjs" : "ort.wasm.min.mjs"}`);
  ort.env.wasm.wasmPaths = dist;
  ort.env.wasm.numThreads = threads;
  const [model, data] = [await read("model.onnx"), await read("model.data")];
  const session = await ort.InferenceSession.create(model, {
    executionProviders: [device === "webgpu" ? "webgpu" : "wasm"],
    externalData: [{ path: "model.data", data }],
    logSeverityLevel: 3,
  });
  const embed = async (ids) => {
    const { vector } = await session.run({ ids: new ort.Tensor("int32", Int32Array.from(ids), [ids.length]) });
    return /** @type {Float32Array} */ (await vector.getData());
  };
  return { name: `onnxruntime-web ${ort.env.versions.web}`, device: device === "webgpu" ? "webgpu" : `wasm, threads ${threads}`, embed };
}
