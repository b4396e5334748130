// RMS norm. A workgroup of {{LANES}} makes one row.

@group(0) @binding(0) var<storage, {{READ}}> x: array<vec4<{{X}}>>;
@group(0) @binding(1) var<storage, {{READ}}> gain: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<{{Y}}>>;

// In fours.
const DIMENSION = {{DIMENSION}}u;
const LANES = {{LANES}}u;

{{SUM_OF}}

@compute @workgroup_size({{LANES}})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
    let row = group.x * DIMENSION;
    var sum = 0.0f;
    for (var i = lane; i < DIMENSION; i += LANES) {
        let value = vec4f(x[row + i]);
        sum += dot(value, value);
    }
    let scale = inverseSqrt(sum_of(sum, lane) / f32(DIMENSION * 4u) + {{EPSILON}}f);
    for (var i = lane; i < DIMENSION; i += LANES) {
        y[row + i] = vec4<{{Y}}>(vec4f(x[row + i]) * scale * gain[i]);
    }
}
