/** Every kernel of the encoder, in every form and share of work, as Chromium compiles it, gives what it gives natively. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";
import { launch, startServer } from "./harness.mjs";

const { BURROW_KERNELS } = process.env;

/** Relative to the greatest value. */
const ERROR_MAX = 1e-5;

const SKIP = BURROW_KERNELS ? false : "skipped: BURROW_KERNELS names no program that prints kernels";

test("Chromium compiles every kernel, and it gives what its twin on the CPU gives", { skip: SKIP }, async () => {
  const { stdout } = await promisify(execFile)(BURROW_KERNELS, { maxBuffer: 1 << 28 });
  const runs = stdout.trim().split("\n").map((line) => JSON.parse(line));
  const server = await startServer();
  const browser = await launch();
  try {
    const page = await browser.newPage();
    await page.goto(server.url);
    const found = await page.evaluate(inPage, runs);
    const wrong = found.filter(({ error }) => !(error <= ERROR_MAX));
    console.log(`  ${found.length} runs, worst ${Math.max(...found.map(({ error }) => error))}`);
    assert.deepEqual(wrong, []);
    assert.ok(found.length >= 100, "all forms and shares of work");
  } finally {
    await browser.close();
    await server.close();
  }
});

/** In the page: the greatest error of each run, relative to the greatest value; what did not compile as text. */
async function inPage(runs) {
  const adapter = await navigator.gpu.requestAdapter();
  const device = await adapter.requestDevice();
  const bytesOf = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const { STORAGE, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage;

  function buffer(bytes, usage) {
    const made = device.createBuffer({ size: bytes.length, usage: usage | COPY_DST });
    device.queue.writeBuffer(made, 0, bytes);
    return made;
  }

  async function outcome({ source, workgroups, buffers }) {
    const all = buffers.map(bytesOf);
    const expected = new Float32Array(all.at(-1).buffer);
    // The result is not there yet.
    const bound = all.map((bytes, at) => buffer(at === all.length - 1 ? new Uint8Array(bytes.length) : bytes, STORAGE | COPY_SRC));
    // As in the encoder module: what is only read is bound so.
    const last = buffers.length - 1;
    const code = source.replace(/@binding\((\d+)\) var<storage, read_write>/g, (text, at) => (Number(at) < last ? text.replace("read_write", "read") : text));
    device.pushErrorScope("validation");
    const module = device.createShaderModule({ code });
    const pipeline = device.createComputePipeline({ layout: "auto", compute: { module, entryPoint: "main" } });
    const entries = bound.map((one, binding) => ({ binding, resource: { buffer: one } }));
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
    pass.dispatchWorkgroups(...workgroups);
    pass.end();
    const read = buffer(new Uint8Array(all[last].length), MAP_READ);
    encoder.copyBufferToBuffer(bound[last], 0, read, 0, read.size);
    device.queue.submit([encoder.finish()]);
    const invalid = await device.popErrorScope();
    if (invalid) return invalid.message;
    await read.mapAsync(GPUMapMode.READ);
    const values = new Float32Array(read.getMappedRange());
    let [worst, greatest] = [0, 1e-30];
    expected.forEach((value, at) => {
      worst = Math.max(worst, Math.abs(value - values[at]));
      greatest = Math.max(greatest, Math.abs(value));
    });
    return values.every(Number.isFinite) ? worst / greatest : NaN;
  }

  const found = [];
  for (const run of runs) found.push({ name: run.name, error: await outcome(run) });
  return found;
}
