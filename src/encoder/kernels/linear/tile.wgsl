// y = x · weightᵀ in tiles. A workgroup makes {{ROWS}} rows of {{LANES}} fours of outputs, an
// invocation {{TILE}} of them. Step by step through the inputs, x and the decoded weights of a step
// lie in the workgroup's memory, and are read from there by all who need them.

{{BINDINGS}}

const LANES = {{LANES}}u;
const ROWS = {{ROWS}}u;
const THREADS = {{THREADS}}u;
// Fours of inputs.
const STEP = {{STEP}}u;

{{FUNCTIONS}}

var<workgroup> left: array<vec4f, {{LEFT}}>;
// An input's weights of all outputs of the tile, side by side.
var<workgroup> right: array<vec4f, {{RIGHT}}>;
&var<workgroup> gate_right: array<vec4f, {{RIGHT}}>;

@compute @workgroup_size({{THREADS}})
fn main(@builtin(workgroup_id) tile: vec3u, @builtin(local_invocation_index) at: u32) {
    let rows = shape[0];
    let lane = at % LANES;
    let own = at / LANES * {{TILE}}u;
    let first = tile.y * ROWS;
    #var sum$ = vec4f();
    &#var gate$ = vec4f();
    for (var start = 0u; start < INPUTS; start += STEP) {
        // Rows and outputs beyond the last repeat it, and are not written.
        for (var i = at; i < ROWS * STEP; i += THREADS) {
            let k = start + i % STEP;
            let row = min(first + i / STEP, rows - 1u);
            left[i] = {{X_AT}};
        }
        for (var i = at; i < LANES * STEP; i += THREADS) {
            let k = {{K_AT}};
            let n = min(tile.x * LANES + i % LANES, OUTPUTS - 1u);
            {{SCALE}}
            let w = transpose(columns(k, n));
            let to = (i / LANES) * 4u * LANES + i % LANES;
            right[to] = w[0] * scale;
            right[to + LANES] = w[1] * scale;
            right[to + 2u * LANES] = w[2] * scale;
            right[to + 3u * LANES] = w[3] * scale;
            &let g = transpose(gate_columns(k, n));
            &gate_right[to] = g[0] * gate_scale;
            &gate_right[to + LANES] = g[1] * gate_scale;
            &gate_right[to + 2u * LANES] = g[2] * gate_scale;
            &gate_right[to + 3u * LANES] = g[3] * gate_scale;
        }
        workgroupBarrier();
        for (var k = 0u; k < STEP; k++) {
            let w = k * 4u * LANES + lane;
            let w0 = right[w];
            let w1 = right[w + LANES];
            let w2 = right[w + 2u * LANES];
            let w3 = right[w + 3u * LANES];
            &let g0 = gate_right[w];
            &let g1 = gate_right[w + LANES];
            &let g2 = gate_right[w + 2u * LANES];
            &let g3 = gate_right[w + 3u * LANES];
            #let x$ = left[(own + $u) * STEP + k];
            #sum$ += x$.x * w0;
            #sum$ += x$.y * w1;
            #sum$ += x$.z * w2;
            #sum$ += x$.w * w3;
            &#gate$ += x$.x * g0;
            &#gate$ += x$.y * g1;
            &#gate$ += x$.z * g2;
            &#gate$ += x$.w * g3;
        }
        workgroupBarrier();
    }
    &#sum$ *= silu(gate$);
    let n = tile.x * LANES + lane;
    if (n < OUTPUTS) {
        #if (first + own + $u < rows) { finish(first + own + $u, n, sum$); }
    }
}
