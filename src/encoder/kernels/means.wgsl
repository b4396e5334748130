// Means of spans. An invocation makes four values of one mean.

@group(0) @binding(0) var<storage, {{READ}}> states: array<vec4<f32>>;
// For each span its first row, and the row after its last.
@group(0) @binding(1) var<storage, {{READ}}> ends: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>;

// In fours.
const DIMENSION = {{DIMENSION}}u;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    if (id.x >= DIMENSION) {
        return;
    }
    let first = ends[id.y * 2u];
    let end = ends[id.y * 2u + 1u];
    var sum = vec4f();
    for (var row = first; row < end; row++) {
        sum += states[row * DIMENSION + id.x];
    }
    y[id.y * DIMENSION + id.x] = sum / f32(end - first);
}
