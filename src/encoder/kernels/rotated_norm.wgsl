// RMS norm of a head, then its rotation by the token's position. An invocation makes one head of
// one token.

@group(0) @binding(0) var<storage, {{READ}}> x: array<{{E}}>;
@group(0) @binding(1) var<storage, {{READ}}> gain: array<f32>;
// For each position the cosines of half a head, then the sines.
@group(0) @binding(2) var<storage, {{READ}}> turns: array<f32>;
// rows, tokens, length of each sequence
@group(0) @binding(3) var<storage, {{READ}}> shape: array<u32>;
@group(0) @binding(4) var<storage, read_write> y: array<{{E}}>;

const WIDTH = {{WIDTH}}u;
const HALF = WIDTH / 2u;
const HEADS = {{HEADS}}u;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    if (id.x >= HEADS || id.y >= shape[0]) {
        return;
    }
    let row = (id.y * HEADS + id.x) * WIDTH;
    let turn = (id.y % shape[1]) * WIDTH;
    var total = 0.0f;
    for (var i = 0u; i < WIDTH; i++) {
        let value = f32(x[row + i]);
        total += value * value;
    }
    let scale = inverseSqrt(total / f32(WIDTH) + {{EPSILON}}f);
    for (var i = 0u; i < HALF; i++) {
        let first = f32(x[row + i]) * scale * gain[i];
        let second = f32(x[row + HALF + i]) * scale * gain[HALF + i];
        let cosine = turns[turn + i];
        let sine = turns[turn + HALF + i];
        y[row + i] = {{E}}(first * cosine - second * sine);
        y[row + HALF + i] = {{E}}(second * cosine + first * sine);
    }
}
