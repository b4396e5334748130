// RMS norm of a query or key, then its rotation by the token's position. {{LANES}} invocations make one
// head of one token.

@group(0) @binding(0) var<storage, {{READ}}> x: array<vec2<{{E}}>>;
@group(0) @binding(1) var<storage, {{READ}}> gains: array<vec2<f32>>;
// For each position the cosines of half a head, then the sines.
@group(0) @binding(2) var<storage, {{READ}}> turns: array<vec2<f32>>;
// rows, then for each row the first row of its sequence, and the row after its last
@group(0) @binding(3) var<storage, {{READ}}> shape: array<u32>;
@group(0) @binding(4) var<storage, read_write> y: array<vec2<{{E}}>>;

// All three in twos.
const WIDTH = {{WIDTH}}u;
const HALF = WIDTH / 2u;
// How long a row of x is.
const ROW = {{ROW}}u;
// Heads that ask come first; they have gains of their own.
const ASKING = {{ASKING}}u;
const HEADS = {{HEADS}}u;
const LANES = {{LANES}}u;

var<workgroup> squares: array<f32, {{THREADS}}>;

@compute @workgroup_size({{THREADS}})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) at: u32) {
    let head = group.x * ({{THREADS}}u / LANES) + at / LANES;
    let lane = at % LANES;
    // Heads beyond the last repeat it, and are not written.
    let last = shape[0] * HEADS - 1u;
    let row = min(head, last) / HEADS;
    let column = min(head, last) % HEADS;
    let base = row * ROW + column * WIDTH;
    var sum = 0.0f;
    for (var i = lane; i < WIDTH; i += LANES) {
        let value = vec2f(x[base + i]);
        sum += dot(value, value);
    }
    {{SHARE}}
    if (head > last) {
        return;
    }
    let scale = inverseSqrt(sum / f32(WIDTH * 2u) + {{EPSILON}}f);
    let gain = select(WIDTH, 0u, column < ASKING);
    let to = head * WIDTH;
    let turn = (row - shape[1u + 2u * row]) * WIDTH;
    for (var i = lane; i < HALF; i += LANES) {
        let first = vec2f(x[base + i]) * scale * gains[gain + i];
        let second = vec2f(x[base + HALF + i]) * scale * gains[gain + HALF + i];
        let cosine = turns[turn + i];
        let sine = turns[turn + HALF + i];
        y[to + i] = vec2<{{E}}>(first * cosine - second * sine);
        y[to + HALF + i] = vec2<{{E}}>(second * cosine + first * sine);
    }
}
