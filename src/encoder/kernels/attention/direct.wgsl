// Attention with an online softmax. An invocation makes one head of one token, and shares nothing with
// others: quickest where a processor plays the GPU.

@group(0) @binding(0) var<storage, {{READ}}> query: array<vec4<{{E}}>>;
@group(0) @binding(1) var<storage, {{READ}}> key: array<vec4<{{E}}>>;
@group(0) @binding(2) var<storage, {{READ}}> value: array<vec4<{{E}}>>;
// rows, then for each row the first row of its sequence, and the row after its last
@group(0) @binding(3) var<storage, {{READ}}> shape: array<u32>;
@group(0) @binding(4) var<storage, read_write> mixed: array<vec4<{{E}}>>;

// In fours.
const WIDTH = {{WIDTH}}u;
const ASKING = {{ASKING}}u;
const ASKED = {{ASKED}}u;
// Of a row of what is read: its length, and where it begins.
const QUERY = vec2u({{QUERY_ROW}}u, {{QUERY_FIRST}}u);
const KEY = vec2u({{KEY_ROW}}u, {{KEY_FIRST}}u);
const VALUE = vec2u({{VALUE_ROW}}u, {{VALUE_FIRST}}u);

@compute @workgroup_size({{THREADS}})
fn main(@builtin(global_invocation_id) id: vec3u) {
    let row = id.x;
    if (row >= shape[0]) {
        return;
    }
    let begin = shape[1u + 2u * row];
    let end = select(shape[2u + 2u * row], row + 1u, {{CAUSAL}});
    let asking = row * QUERY.x + QUERY.y + id.y * WIDTH;
    let asked = id.y / (ASKING / ASKED) * WIDTH;
    var q: array<vec4f, {{WIDTH}}>;
    var sum: array<vec4f, {{WIDTH}}>;
    for (var i = 0u; i < WIDTH; i++) {
        q[i] = vec4f(query[asking + i]) * {{SCALE}}f;
        sum[i] = vec4f();
    }
    // Below any score of finite rows.
    var greatest = -1e30f;
    var total = 0.0f;
    for (var at = begin; at < end; at++) {
        let other = at * KEY.x + KEY.y + asked;
        let given = at * VALUE.x + VALUE.y + asked;
        var parts = vec4f();
        for (var i = 0u; i < WIDTH; i++) {
            parts += q[i] * vec4f(key[other + i]);
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
            sum[i] += share * vec4f(value[given + i]);
        }
    }
    for (var i = 0u; i < WIDTH; i++) {
        mixed[(row * ASKING + id.y) * WIDTH + i] = vec4<{{E}}>(sum[i] / total);
    }
}
