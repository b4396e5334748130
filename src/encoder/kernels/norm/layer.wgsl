// Layer norm. A workgroup makes one row.

@group(0) @binding(0) var<storage, {{READ}}> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, {{READ}}> gain: array<vec4<f32>>;
@group(0) @binding(2) var<storage, {{READ}}> bias: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>;

// In fours.
const DIMENSION = {{DIMENSION}}u;
const COUNT = f32(DIMENSION * 4u);

var<workgroup> parts: array<f32, 64>;

// The sum of all invocations' values.
fn sum_of(value: f32, lane: u32) -> f32 {
    workgroupBarrier();
    parts[lane] = value;
    workgroupBarrier();
    var total = 0.0f;
    for (var i = 0u; i < 64u; i++) {
        total += parts[i];
    }
    return total;
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
    let row = group.x * DIMENSION;
    var sum = vec4f();
    for (var i = lane; i < DIMENSION; i += 64u) {
        sum += x[row + i];
    }
    let mean = sum_of(sum.x + sum.y + sum.z + sum.w, lane) / COUNT;
    var squares = 0.0f;
    for (var i = lane; i < DIMENSION; i += 64u) {
        let value = x[row + i] - mean;
        squares += dot(value, value);
    }
    let scale = inverseSqrt(sum_of(squares, lane) / COUNT + {{EPSILON}}f);
    for (var i = lane; i < DIMENSION; i += 64u) {
        y[row + i] = (x[row + i] - mean) * scale * gain[i] + bias[i];
    }
}
