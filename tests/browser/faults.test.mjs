/** A GPU that computes wrong: the golden vectors show it when a model is loaded, and the CPU takes over, visibly. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { launch, openPage, ROOT, startServer } from "./harness.mjs";

/** The command line that packs: `make test-browser` builds it. */
const BURROW = process.env.BURROW_CLI ?? "";
const skip = BURROW ? false : "skipped: BURROW_CLI names no command line to pack a model with";

/**
 * Put before the worker's own code: what the kernels say is changed on its way to the GPU, as a driver's bug might change what they
 * do. Each fault is a kernel of Burrow's, and a change that leaves all its results finite.
 */
const FAULTS = {
  "a product that leaves out a row's last weights": ["start < INPUTS; start += 8u", "start < INPUTS - 8u; start += 8u"],
  "a softmax that forgets to rescale": ["sum[i] *= shrink;", "sum[i] *= 1.0f;"],
  "a rotation with the wrong sign": ["second * cosine + first * sine", "second * cosine - first * sine"],
  "a norm that takes half of the row": ["f32(DIMENSION * 4u)", "f32(DIMENSION)"],
  "a gate that adds": ["*= silu(", "+= silu("],
  "values that are not finite": ["sum[i] / total", "sum[i] / (total - total)"],
};

const injected = ([from, to], worker) => `
const create = GPUDevice.prototype.createShaderModule;
GPUDevice.prototype.createShaderModule = function (descriptor) {
  return create.call(this, { ...descriptor, code: descriptor.code.replaceAll(${JSON.stringify(from)}, ${JSON.stringify(to)}) });
};
${worker}`;

let server, browser, folder, worker;
before(async () => {
  if (skip) return;
  folder = await mkdtemp(join(tmpdir(), "burrow-packed-"));
  await promisify(execFile)(BURROW, ["pack", join(ROOT, "tests/data/tiny-qwen3/gqa"), join(folder, "gqa")]);
  server = await startServer({ folders: { "/packed/": join(folder, "gqa") } });
  browser = await launch();
  worker = await readFile(join(ROOT, "pkg/dist/worker.js"), "utf8");
});
after(async () => {
  await browser?.close();
  await server?.close();
  if (folder) await rm(folder, { recursive: true });
});

/** The status after a page was indexed and found. */
async function statusWith(code) {
  server.overlays.set("/pkg/dist/worker.js", code);
  const { page, context, errors } = await openPage(browser, server.url);
  try {
    const { status, hits } = await page.evaluate(async () => {
      const burrow = await Burrow.open({ name: "faults", model: "/packed", device: "webgpu" });
      await burrow.add({ url: "/a", text: "Green leaves catch sunlight and turn water and air into sugar." });
      return burrow.search("sunlight");
    });
    assert.equal(hits[0].url, "/a");
    assert.deepEqual(errors, []);
    return status;
  } finally {
    await context.close();
  }
}

test("kernels that compute right are used", { skip }, async () => {
  const status = await statusWith(worker);
  assert.deepEqual([status.device, status.precision, status.weights, status.reasons], ["webgpu", "f32", "q8", []]);
});

for (const [what, fault] of Object.entries(FAULTS)) {
  test(`${what}: the device is not used, and the status says so`, { skip }, async () => {
    const status = await statusWith(injected(fault, worker));
    console.log(`  ${status.reasons.join(" ")}`);
    assert.deepEqual([status.device, status.weights], ["cpu", "q8"]);
    assert.match(status.reasons.join(" "), /Encoding on the CPU: .*(wrong vectors|not finite)/);
  });
}
