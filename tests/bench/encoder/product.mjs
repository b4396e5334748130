/** A plain tiled product of two large matrices in WGSL: what a device gives through this API without much art. */

const SIZE = 2048;
const ROUNDS = 5;

/** Blocks of 64 × 64 by 64 threads with 8 × 8 values each, tiles of 64 × 16 in workgroup memory. */
const CODE = `
@group(0) @binding(0) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> b: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> c: array<vec4<f32>>;
const N = ${SIZE}u;
var<workgroup> left: array<array<f32, 65>, 16>;
var<workgroup> right: array<array<vec4<f32>, 16>, 16>;
@compute @workgroup_size(8, 8)
fn main(@builtin(workgroup_id) block: vec3<u32>, @builtin(local_invocation_id) at: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  var sums: array<array<vec4<f32>, 2>, 8>;
  for (var k = 0u; k < N; k += 16u) {
    for (var i = thread; i < 256u; i += 64u) {
      let value = a[((block.y * 64u + i / 4u) * N + k) / 4u + i % 4u];
      for (var j = 0u; j < 4u; j++) { left[(i % 4u) * 4u + j][i / 4u] = value[j]; }
      right[i / 16u][i % 16u] = b[((k + i / 16u) * N + block.x * 64u) / 4u + i % 16u];
    }
    workgroupBarrier();
    for (var j = 0u; j < 16u; j++) {
      let first = right[j][at.x];
      let second = right[j][at.x + 8u];
      for (var row = 0u; row < 8u; row++) {
        let value = left[j][at.y * 8u + row];
        sums[row][0] = fma(vec4(value), first, sums[row][0]);
        sums[row][1] = fma(vec4(value), second, sums[row][1]);
      }
    }
    workgroupBarrier();
  }
  for (var row = 0u; row < 8u; row++) {
    let place = ((block.y * 64u + at.y * 8u + row) * N + block.x * 64u) / 4u;
    c[place + at.x] = sums[row][0];
    c[place + at.x + 8u] = sums[row][1];
  }
}`;

/**
 * @param {GPUDevice} device
 * @returns {Promise<number>} GFLOP/s in float32, of the fastest of some rounds
 */
export async function product(device) {
  const buffer = (usage) => device.createBuffer({ size: 4 * SIZE * SIZE, usage });
  const { STORAGE, COPY_DST, COPY_SRC, MAP_READ } = GPUBufferUsage;
  const [a, b, c, read] = [buffer(STORAGE | COPY_DST), buffer(STORAGE | COPY_DST), buffer(STORAGE | COPY_SRC), buffer(COPY_DST | MAP_READ)];
  const values = Float32Array.from({ length: SIZE * SIZE }, (_, at) => (at % 7) - 3);
  device.queue.writeBuffer(a, 0, values);
  device.queue.writeBuffer(b, 0, values);
  const pipeline = device.createComputePipeline({ layout: "auto", compute: { module: device.createShaderModule({ code: CODE }), entryPoint: "main" } });
  const entries = [a, b, c].map((one, binding) => ({ binding, resource: { buffer: one } }));
  const group = device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
  let least = Infinity;
  for (let round = 0; round <= ROUNDS; round += 1) {
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(SIZE / 64, SIZE / 64);
    pass.end();
    const start = performance.now();
    device.queue.submit([encoder.finish()]);
    await device.queue.onSubmittedWorkDone();
    // The first compiles.
    if (round > 0) least = Math.min(least, performance.now() - start);
  }
  await check(device, c, read, values);
  device.destroy();
  return (2 * SIZE ** 3) / least / 1e6;
}

/** One row and column of the product, summed here. */
async function check(device, c, read, values) {
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(c, 0, read, 0, 4 * SIZE * SIZE);
  device.queue.submit([encoder.finish()]);
  await read.mapAsync(GPUMapMode.READ);
  const found = new Float32Array(read.getMappedRange());
  for (const [row, column] of [[0, 0], [77, 1234], [SIZE - 1, SIZE - 1]]) {
    let sum = 0;
    for (let at = 0; at < SIZE; at += 1) sum += values[row * SIZE + at] * values[at * SIZE + column];
    if (Math.abs(found[row * SIZE + column] - sum) > 1) throw new Error(`the product is wrong at ${row}, ${column}: ${found[row * SIZE + column]}, not ${sum}`);
  }
  read.unmap();
}
