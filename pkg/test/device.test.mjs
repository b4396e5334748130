/** Which device is chosen for which adapter. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { chooseDevice } from "../build/device.js";

const gpu = (adapter) => ({ requestAdapter: async () => adapter });
const REAL = { vendor: "nvidia", architecture: "hopper", device: "", description: "" };
const SOFTWARE = [
  { info: { vendor: "google", architecture: "swiftshader", device: "", description: "" } },
  { info: { vendor: "mesa", architecture: "", device: "", description: "llvmpipe (LLVM 19.1.7, 256 bits)" } },
  { info: { vendor: "microsoft", architecture: "", device: "", description: "Microsoft Basic Render Driver" } },
  { info: { ...REAL, isFallbackAdapter: true } },
  { info: REAL, isFallbackAdapter: true },
];

test("a real adapter is used, and named", async () => {
  const choice = { device: "webgpu", adapter: "nvidia hopper", reason: null };
  assert.deepEqual(await chooseDevice("auto", gpu({ info: REAL })), choice);
  assert.deepEqual(await chooseDevice("webgpu", gpu({ info: REAL })), choice);
  assert.equal((await chooseDevice("auto", gpu({ info: { ...REAL, description: "H200" } }))).adapter, "H200");
  assert.equal((await chooseDevice("auto", gpu({ info: {} }))).device, "webgpu");
});

test("a vendor whose name merely resembles a software adapter's is a real one", async () => {
  const info = { vendor: "warped silicon", architecture: "", device: "", description: "" };
  assert.equal((await chooseDevice("auto", gpu({ info }))).device, "webgpu");
});

for (const adapter of SOFTWARE) {
  test(`software is used only where it is asked for: ${JSON.stringify(adapter)}`, async () => {
    const choice = await chooseDevice("auto", gpu(adapter));
    assert.equal(choice.device, "cpu");
    assert.match(choice.reason, /software/);
    const forced = await chooseDevice("webgpu", gpu(adapter));
    assert.deepEqual([forced.device, forced.reason], ["webgpu", null]);
  });
}

test("without WebGPU or an adapter the CPU stands in, and says why", async () => {
  const broken = { requestAdapter: async () => { throw new Error("context lost"); } };
  for (const asked of ["auto", "webgpu"]) {
    for (const [none, why] of [[undefined, /no WebGPU/], [gpu(null), /no adapter/], [broken, /context lost/]]) {
      const choice = await chooseDevice(asked, none);
      assert.deepEqual([choice.device, choice.adapter], ["cpu", ""]);
      assert.match(choice.reason, why);
    }
  }
});

test("the CPU that was asked for needs no reason, and no adapter is looked for", async () => {
  const untouched = { requestAdapter: () => assert.fail("asked for an adapter") };
  assert.deepEqual(await chooseDevice("cpu", untouched), { device: "cpu", adapter: "", reason: null });
});
