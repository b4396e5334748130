// y = x · weightᵀ. An invocation makes four neighbouring outputs of {{TILE}} rows, and shares nothing
// with others: quickest where a processor plays the GPU.

{{BINDINGS}}

{{FUNCTIONS}}

@compute @workgroup_size({{THREADS}})
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
    &#var gate$ = vec4f();
{{BODY}}
    &#sum$ *= silu(gate$);
    #if (first + $u < rows) { finish(first + $u, n, sum$); }
}
