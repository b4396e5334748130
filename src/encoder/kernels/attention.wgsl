// Attention with an online softmax. An invocation makes one head of one token.

@group(0) @binding(0) var<storage, {{READ}}> query: array<vec4<{{E}}>>;
@group(0) @binding(1) var<storage, {{READ}}> key: array<vec4<{{E}}>>;
@group(0) @binding(2) var<storage, {{READ}}> value: array<vec4<{{E}}>>;
// rows, tokens, length of each sequence
@group(0) @binding(3) var<storage, {{READ}}> shape: array<u32>;
@group(0) @binding(4) var<storage, read_write> mixed: array<vec4<{{E}}>>;

// In fours.
const WIDTH = {{WIDTH}}u;
const ASKING = {{ASKING}}u;
const ASKED = {{ASKED}}u;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let tokens = shape[1];
    if (id.x >= tokens) {
        return;
    }
    let asking = ((id.z * tokens + id.x) * ASKING + id.y) * WIDTH;
    let asked = id.y / (ASKING / ASKED);
    var q: array<vec4f, {{WIDTH}}>;
    var sum: array<vec4f, {{WIDTH}}>;
    for (var i = 0u; i < WIDTH; i++) {
        q[i] = vec4f(query[asking + i]) * {{SCALE}}f;
        sum[i] = vec4f();
    }
    var end = shape[2u + id.z];
    if ({{CAUSAL}}) {
        end = min(end, id.x + 1u);
    }
    // Below any score of finite rows.
    var greatest = -1e30f;
    var total = 0.0f;
    for (var at = 0u; at < end; at++) {
        let row = ((id.z * tokens + at) * ASKED + asked) * WIDTH;
        var parts = vec4f();
        for (var i = 0u; i < WIDTH; i++) {
            parts += q[i] * vec4f(key[row + i]);
        }
        let score = parts.x + parts.y + parts.z + parts.w;
        if (score > greatest) {
            let shrink = exp(greatest - score);
            total *= shrink;
            for (var i = 0u; i < WIDTH; i++) {
                sum[i] *= shrink;
            }
            greatest = score;
        }
        let share = exp(score - greatest);
        total += share;
        for (var i = 0u; i < WIDTH; i++) {
            sum[i] += share * vec4f(value[row + i]);
        }
    }
    for (var i = 0u; i < WIDTH; i++) {
        mixed[asking + i] = vec4<{{E}}>(sum[i] / total);
    }
}
