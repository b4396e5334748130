// Both in fours.
const INPUTS = {{INPUTS}}u;
const OUTPUTS = {{OUTPUTS}}u;

// The weights 4k..4k+4 of the outputs 4n..4n+4 without their scale, one output a column.
fn columns(k: u32, n: u32) -> mat4x4f {
    {{COLUMNS}}
}

&// The same of the gate.
&fn gate_columns(k: u32, n: u32) -> mat4x4f {
&    {{GATE_COLUMNS}}
&}

// The error function (Abramowitz and Stegun 7.1.26, off by at most 1.5e-7).
fn erf(x: vec4f) -> vec4f {
    let t = 1.0f / (1.0f + 0.3275911f * abs(x));
    let series = ((((1.061405429f * t - 1.453152027f) * t + 1.421413741f) * t - 0.284496736f) * t
        + 0.254829592f) * t;
    return sign(x) * (1.0f - series * exp(-x * x));
}

&// x / (1 + e^-x): beyond 80 the quotient is 0 in f32, and e^-x would not be finite.
&fn silu(x: vec4f) -> vec4f {
&    return x / (1.0f + exp(min(-x, vec4f(80.0f))));
&}

// What happens to an output before it is written.
fn finish(row: u32, n: u32, sum: vec4f) {
    var value = sum;
    {{FINISH}}
    y[row * OUTPUTS + n] = vec4<{{Y}}>(value);
}
