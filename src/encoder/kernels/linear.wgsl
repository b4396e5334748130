// y = x · weightᵀ. An invocation makes four neighbouring outputs of {{TILE}} rows.

@group(0) @binding(0) var<storage, {{READ}}> x: array<vec4<{{X}}>>;
@group(0) @binding(1) var<storage, {{READ}}> codes: array<vec4<u32>>;
@group(0) @binding(2) var<storage, {{READ}}> shape: array<u32>;
{{SCALES}}
@group(0) @binding({{OUT}}) var<storage, read_write> y: array<vec4<{{Y}}>>;

// Both in fours.
const INPUTS = {{INPUTS}}u;
const OUTPUTS = {{OUTPUTS}}u;

fn columns(k: u32, n: u32) -> mat4x4f {
    {{COLUMNS}}
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let n = id.x;
    let first = id.y * {{TILE}}u;
    let rows = shape[0];
    if (n >= OUTPUTS || first >= rows) {
        return;
    }
    // Rows beyond the last repeat it, and are not written.
    #let row$ = min(first + $u, rows - 1u) * INPUTS;
    #var sum$ = vec4f();
{{BODY}}
    #if (first + $u < rows) { y[(first + $u) * OUTPUTS + n] = vec4<{{Y}}>(sum$); }
}
