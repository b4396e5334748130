// Layer norm. A workgroup of {{LANES}} makes one row.

@group(0) @binding(0) var<storage, {{READ}}> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, {{READ}}> gain: array<vec4<f32>>;
@group(0) @binding(2) var<storage, {{READ}}> bias: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>;

// In fours.
const DIMENSION = {{DIMENSION}}u;
const COUNT = f32(DIMENSION * 4u);

const LANES = {{LANES}}u;

{{SUM_OF}}

@compute @workgroup_size({{LANES}})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
    let row = group.x * DIMENSION;
    var sum = vec4f();
    for (var i = lane; i < DIMENSION; i += LANES) {
        sum += x[row + i];
    }
    let mean = sum_of(sum.x + sum.y + sum.z + sum.w, lane) / COUNT;
    var squares = 0.0f;
    for (var i = lane; i < DIMENSION; i += LANES) {
        let value = x[row + i] - mean;
        squares += dot(value, value);
    }
    let scale = inverseSqrt(sum_of(squares, lane) / COUNT + {{EPSILON}}f);
    for (var i = lane; i < DIMENSION; i += LANES) {
        y[row + i] = (x[row + i] - mean) * scale * gain[i] + bias[i];
    }
}
