// y = x · weightᵀ for few rows, where reading the weights is all the work. A workgroup makes
// {{LANES}} fours of outputs of {{TILE}} rows; its {{SLICES}} slices share the inputs out, and their
// sums are added up in its memory.

{{BINDINGS}}

const LANES = {{LANES}}u;
const SLICES = {{SLICES}}u;
// Fours of inputs that a slice takes at a time: they share a scale.
const RUN = 4u;

{{FUNCTIONS}}

var<workgroup> parts: array<vec4f, {{PARTS}}>;

// Adds up the parts of all slices into those of the first.
fn add_up(at: u32) {
    for (var half = SLICES / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if (at / LANES < half) {
            #parts[$u * {{THREADS}}u + at] += parts[$u * {{THREADS}}u + at + half * LANES];
        }
    }
    workgroupBarrier();
}

@compute @workgroup_size({{THREADS}})
fn main(@builtin(workgroup_id) tile: vec3u, @builtin(local_invocation_index) at: u32) {
    let rows = shape[0];
    let first = tile.y * {{TILE}}u;
    // Rows and outputs beyond the last repeat it, and are not written.
    let n = min(tile.x * LANES + at % LANES, OUTPUTS - 1u);
    let slice = at / LANES;
    #let row$ = min(first + $u, rows - 1u) * INPUTS;
    #var sum$ = vec4f();
    &#var gate$ = vec4f();
    for (var start = slice * RUN; start < INPUTS; start += SLICES * RUN) {
        #var part$ = vec4f();
        &#var other$ = vec4f();
        for (var k = start; k < {{RUN_END}}; k++) {
            let w = columns(k, n);
            &let g = gate_columns(k, n);
            #let x$ = vec4f(x[row$ + k]);
            #part$ += x$ * w;
            &#other$ += x$ * g;
        }
        {{SCALE}}
        #sum$ += part$ * scale;
        &#gate$ += other$ * gate_scale;
    }
    #parts[$u * {{THREADS}}u + at] = sum$;
    add_up(at);
    let row = min(at / LANES, {{TILE}}u - 1u);
    var value = parts[row * {{THREADS}}u + at % LANES];
    &workgroupBarrier();
    &#parts[$u * {{THREADS}}u + at] = gate$;
    &add_up(at);
    &value *= silu(parts[row * {{THREADS}}u + at % LANES]);
    let own = tile.x * LANES + at % LANES;
    if (at / LANES < {{TILE}}u && first + row < rows && own < OUTPUTS) {
        finish(first + row, own, value);
    }
}
