// Attention with an online softmax, block by block. A workgroup makes one head of {{ROWS}} rows. It
// goes through the keys {{BLOCK}} at a time: their scores lie in its memory, never those of all keys.

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
const ROWS = {{ROWS}}u;
const THREADS = {{THREADS}}u;
const BLOCK = {{BLOCK}}u;
// Fours of the keys that are in memory at a time.
const PIECE = 8u;
// One more than there are keys, so that neighbours do not lie in one bank.
const STRIDE = BLOCK + 1u;
// Below any score of finite rows.
const LEAST = -1e30f;

var<workgroup> queries: array<vec4<{{E}}>, {{QUERIES}}>;
var<workgroup> keys: array<vec4f, {{KEYS}}>;
var<workgroup> scores: array<f32, {{SCORES}}>;
// Of the four invocations that look at a row: its greatest scores, then its sums.
var<workgroup> tops: array<f32, {{THREADS}}>;
var<workgroup> sums: array<f32, {{THREADS}}>;
var<workgroup> greatest: array<f32, {{ROWS}}>;
var<workgroup> totals: array<f32, {{ROWS}}>;
// By how much what was gathered shrinks.
var<workgroup> shrinks: array<f32, {{ROWS}}>;
var<workgroup> place: vec2u;

@compute @workgroup_size({{THREADS}})
fn main(@builtin(workgroup_id) block: vec3u, @builtin(local_invocation_index) at: u32) {
    // Rows of several short sequences may share a tile: keys of others have no say.
    let rows = shape[0];
    let first = block.x * ROWS;
    let last = min(first + ROWS, rows) - 1u;
    if (at == 0u) {
        place = vec2u(shape[1u + 2u * first], select(shape[2u + 2u * last], last + 1u, {{CAUSAL}}));
    }
    let reach = workgroupUniformLoad(&place);
    let asked = block.y / (ASKING / ASKED) * WIDTH;
    // Rows beyond the last repeat it, and are not written.
    for (var i = at; i < ROWS * WIDTH; i += THREADS) {
        let source = min(first + i / WIDTH, last);
        queries[i] = query[source * QUERY.x + QUERY.y + block.y * WIDTH + i % WIDTH];
    }
    if (at < ROWS) {
        greatest[at] = LEAST;
        totals[at] = 0.0f;
    }
    // An invocation's key and rows for the scores, its part of a row for their softmax, and its four
    // values of rows for what is gathered.
    let lane = at % BLOCK;
    let eight = at / BLOCK * 8u;
    let row = at / 4u;
    let part = at % 4u * (BLOCK / 4u);
    let four = at % WIDTH;
    let own = at / WIDTH * {{EACH}}u;
    #var sum$ = vec4f();
    ~let of$ = min(first + eight + $u, last);
    ~let begin$ = shape[1u + 2u * of$];
    ~let end$ = select(shape[2u + 2u * of$], of$ + 1u, {{CAUSAL}});
    for (var block_start = reach.x; block_start < reach.y; block_start += BLOCK) {
        ~var score$ = vec4f();
        for (var piece = 0u; piece < WIDTH; piece += PIECE) {
            workgroupBarrier();
            for (var i = at; i < PIECE * BLOCK; i += THREADS) {
                let token = min(block_start + i / PIECE, reach.y - 1u);
                let k = key[token * KEY.x + KEY.y + asked + piece + i % PIECE];
                keys[i % PIECE * STRIDE + i / PIECE] = vec4f(k);
            }
            workgroupBarrier();
            for (var i = 0u; i < PIECE; i++) {
                let k = keys[i * STRIDE + lane];
                ~score$ += vec4f(queries[(eight + $u) * WIDTH + piece + i]) * k;
            }
        }
        let own_key = block_start + lane;
        ~let total$ = (score$.x + score$.y + score$.z + score$.w) * {{SCALE}}f;
        ~scores[(eight + $u) * STRIDE + lane] = select(LEAST, total$, own_key >= begin$ && own_key < end$);
        workgroupBarrier();
        var top = greatest[row];
        for (var i = part; i < part + BLOCK / 4u; i++) {
            top = max(top, scores[row * STRIDE + i]);
        }
        tops[at] = top;
        workgroupBarrier();
        top = max(max(tops[row * 4u], tops[row * 4u + 1u]), max(tops[row * 4u + 2u], tops[row * 4u + 3u]));
        var sum = 0.0f;
        for (var i = part; i < part + BLOCK / 4u; i++) {
            let score = scores[row * STRIDE + i];
            let share = select(0.0f, exp(score - top), score > LEAST);
            scores[row * STRIDE + i] = share;
            sum += share;
        }
        sums[at] = sum;
        if (part == 0u) {
            shrinks[row] = exp(greatest[row] - top);
            greatest[row] = top;
        }
        workgroupBarrier();
        if (part == 0u) {
            let new_sum = sums[at] + sums[at + 1u] + sums[at + 2u] + sums[at + 3u];
            totals[row] = totals[row] * shrinks[row] + new_sum;
        }
        #sum$ *= shrinks[own + $u];
        let count = min(BLOCK, reach.y - block_start);
        for (var i = 0u; i < count; i++) {
            let v = vec4f(value[(block_start + i) * VALUE.x + VALUE.y + asked + four]);
            #sum$ += scores[(own + $u) * STRIDE + i] * v;
        }
    }
    workgroupBarrier();
    let to = (first + own) * ASKING + block.y;
    #if (first + own + $u <= last) { mixed[(to + $u * ASKING) * WIDTH + four] = vec4<{{E}}>(sum$ / totals[own + $u]); }
}
