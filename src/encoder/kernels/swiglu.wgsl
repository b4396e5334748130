// gate / (1 + e^-gate) · up. An invocation makes four values.

@group(0) @binding(0) var<storage, {{READ}}> gate: array<vec4<{{E}}>>;
@group(0) @binding(1) var<storage, {{READ}}> up: array<vec4<{{E}}>>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<{{E}}>>;

// In fours.
const INNER = {{INNER}}u;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    if (id.x >= INNER) {
        return;
    }
    let at = id.y * INNER + id.x;
    let g = vec4f(gate[at]);
    // Beyond 80 the quotient is 0 in f32, and e^-gate would not be finite.
    y[at] = vec4<{{E}}>(g / (1.0f + exp(min(-g, vec4f(80.0f)))) * vec4f(up[at]));
}
