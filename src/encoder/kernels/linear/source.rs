//! The text of a product's kernel.

use super::gpu::{TileSize, Work};
use crate::encoder::kernels::Store;
use crate::encoder::kernels::launch::{Program, element, marked, unrolled};
use crate::encoder::matrix::Form;

/// Fours of outputs of a workgroup that shares out the inputs: 64 bytes of every row of codes.
pub(super) const SPLIT_LANES: usize = 4;

/// Invocations of such a workgroup.
pub(super) const SPLIT_THREADS: usize = 128;

/// Fours of inputs that one of its slices takes at a time: half a group, so that one scale does.
const SPLIT_RUN: usize = 4;

/// Fours of inputs that a tile goes through at a time.
const STEP: usize = 8;

/// All that a kernel's text depends on.
pub(super) struct Source {
    pub(super) work: Work,
    pub(super) form: Form,
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    /// The element of x.
    pub(super) x: &'static str,
    pub(super) store: Store,
    /// The form of a second matrix, which makes a gate.
    pub(super) gate: Option<Form>,
    pub(super) bias: bool,
    pub(super) gelu: bool,
    pub(super) residual: bool,
}

impl Source {
    pub(super) fn program(&self) -> Program {
        let template = match self.work {
            Work::Direct { .. } => include_str!("direct.wgsl"),
            Work::Split { .. } => include_str!("split.wgsl"),
            Work::Tile(_) => include_str!("tile.wgsl"),
        };
        let template = template
            .replace("{{BODY}}", if self.has_scales() == [false; 2] { PLAIN } else { GROUPS })
            .replace("{{FUNCTIONS}}", include_str!("finish.wgsl"));
        let template = marked(&template, '&', self.gate.is_some())
            .replace("{{BINDINGS}}", &self.bindings())
            .replace("{{COLUMNS}}", columns(self.form))
            .replace(
                "{{GATE_COLUMNS}}",
                &columns(self.gate.unwrap_or(self.form)).replace("codes", "gates"),
            )
            .replace("{{FINISH}}", &self.finish())
            .replace("{{SCALE}}", &self.scale());
        let (tile, sizes) = match self.work {
            Work::Direct { tile } => (tile, Vec::new()),
            Work::Split { tile } => (tile, self.split(tile)),
            Work::Tile(size) => (size.each, self.tile(size)),
        };
        let mut constants = vec![
            ("X", self.x.to_owned()),
            ("Y", element(self.store).to_owned()),
            ("INPUTS", (self.inputs / 4).to_string()),
            ("OUTPUTS", (self.outputs / 4).to_string()),
            ("TILE", tile.to_string()),
            ("THREADS", self.work.threads().to_string()),
        ];
        constants.extend(sizes);
        let kind = if self.gate.is_some() { "gated" } else { "linear" };
        let label = format!("{kind} {}→{} {}", self.inputs, self.outputs, self.form.name());
        let constants: Vec<(&str, &str)> =
            constants.iter().map(|(name, value)| (*name, &value[..])).collect();
        Program::new(label, &unrolled(&template, '#', tile), &constants)
    }

    /// Whether there are scales, of the matrix and of the gate's.
    fn has_scales(&self) -> [bool; 2] {
        [Some(self.form), self.gate].map(|form| matches!(form, Some(Form::Q8 | Form::Q4)))
    }

    /// What the kernel reads, and at last what it writes.
    fn bindings(&self) -> String {
        let mut lines =
            vec!["{{READ}}> x: array<vec4<{{X}}>>", "{{READ}}> codes: array<vec4<u32>>"];
        lines.push("{{READ}}> shape: array<u32>");
        let [scales, gate_scales] = self.has_scales();
        let parts = [
            (scales, "{{READ}}> scales: array<vec4<f32>>"),
            (self.gate.is_some(), "{{READ}}> gates: array<vec4<u32>>"),
            (gate_scales, "{{READ}}> gate_scales: array<vec4<f32>>"),
            (self.bias, "{{READ}}> bias: array<vec4<f32>>"),
            (self.residual, "{{READ}}> residual: array<vec4<f32>>"),
        ];
        lines.extend(parts.iter().filter(|(there, _)| *there).map(|(_, line)| line));
        lines.push("read_write> y: array<vec4<{{Y}}>>");
        let line =
            |(at, line): (usize, &&str)| format!("@group(0) @binding({at}) var<storage, {line};\n");
        lines.iter().enumerate().map(line).collect()
    }

    fn finish(&self) -> String {
        let parts = [
            (self.bias, "value += bias[n];\n"),
            // 1/√2
            (self.gelu, "value *= 0.5f * (1.0f + erf(value * 0.70710678f));\n"),
            (self.residual, "value += residual[row * OUTPUTS + n];\n"),
        ];
        parts.iter().filter(|(there, _)| *there).map(|(_, line)| *line).collect()
    }

    /// The scale of the outputs `4n..4n+4` at the inputs `4k..4k+4`, or at `start`.
    fn scale(&self) -> String {
        let line = |name: &str, is_there: bool| match (is_there, self.work) {
            (false, _) => format!("let {name} = 1.0f;\n"),
            (true, Work::Tile(_)) => format!("let {name} = {name}s[k / 8u * OUTPUTS + n];\n"),
            (true, _) => format!("let {name} = {name}s[start / 8u * OUTPUTS + n];\n"),
        };
        let [scales, gate_scales] = self.has_scales();
        let gate = self.gate.map(|_| line("gate_scale", gate_scales));
        line("scale", scales) + &gate.unwrap_or_default()
    }

    fn split(&self, tile: usize) -> Vec<(&'static str, String)> {
        let whole = (self.inputs / 4).is_multiple_of(SPLIT_RUN);
        let end = if whole { "start + RUN" } else { "min(start + RUN, INPUTS)" };
        vec![
            ("LANES", SPLIT_LANES.to_string()),
            ("SLICES", (SPLIT_THREADS / SPLIT_LANES).to_string()),
            ("RUN_END", end.to_owned()),
            ("PARTS", (SPLIT_THREADS * tile).to_string()),
        ]
    }

    fn tile(&self, size: TileSize) -> Vec<(&'static str, String)> {
        // Inputs beyond the last are zeros, times weights that are finite.
        let whole = (self.inputs / 4).is_multiple_of(STEP);
        let (x, k) = if whole {
            ("vec4f(x[row * INPUTS + k])", "start + i / LANES")
        } else {
            let x = "select(vec4f(), vec4f(x[row * INPUTS + min(k, INPUTS - 1u)]), k < INPUTS)";
            (x, "min(start + i / LANES, INPUTS - 1u)")
        };
        vec![
            ("LANES", size.lanes.to_string()),
            ("ROWS", size.rows.to_string()),
            ("STEP", STEP.to_string()),
            ("X_AT", x.to_owned()),
            ("K_AT", k.to_owned()),
            ("LEFT", (size.rows * STEP).to_string()),
            ("RIGHT", (size.lanes * 4 * STEP).to_string()),
        ]
    }
}

/// The sums of an invocation that works alone. One loop, and not one of one round within another:
/// that costs a tenth where a processor plays the GPU.
const PLAIN: &str = "    for (var k = 0u; k < INPUTS; k++) {
        let w = columns(k, n);
        &let g = gate_columns(k, n);
        #let x$ = vec4f(x[row$ + k]);
        #sum$ += x$ * w;
        &#gate$ += x$ * g;
    }";

/// A group's sum is scaled once.
const GROUPS: &str = "    for (var start = 0u; start < INPUTS; start += 8u) {
        #var part$ = vec4f();
        &#var other$ = vec4f();
        for (var k = start; k < start + 8u; k++) {
            let w = columns(k, n);
            &let g = gate_columns(k, n);
            #let x$ = vec4f(x[row$ + k]);
            #part$ += x$ * w;
            &#other$ += x$ * g;
        }
        {{SCALE}}
        #sum$ += part$ * scale;
        &#gate$ += other$ * gate_scale;
    }";

/// How the weights `4k..4k+4` of outputs `4n..4n+4` are read: one output a column.
fn columns(form: Form) -> &'static str {
    match form {
        Form::F32 => {
            "let at = (k * OUTPUTS + n) * 4u;
    return mat4x4f(
        bitcast<vec4f>(codes[at]), bitcast<vec4f>(codes[at + 1u]),
        bitcast<vec4f>(codes[at + 2u]), bitcast<vec4f>(codes[at + 3u]));"
        }
        Form::F16 => {
            "let at = (k * OUTPUTS + n) * 2u;
    let a = codes[at];
    let b = codes[at + 1u];
    return mat4x4f(
        vec4f(unpack2x16float(a.x), unpack2x16float(a.y)),
        vec4f(unpack2x16float(a.z), unpack2x16float(a.w)),
        vec4f(unpack2x16float(b.x), unpack2x16float(b.y)),
        vec4f(unpack2x16float(b.z), unpack2x16float(b.w)));"
        }
        Form::Bf16 => {
            "let at = (k * OUTPUTS + n) * 2u;
    let a = codes[at];
    let b = codes[at + 1u];
    let low = vec4u(16u, 0u, 16u, 0u);
    let high = vec4u(0xffffu, 0xffff0000u, 0xffffu, 0xffff0000u);
    return mat4x4f(
        bitcast<vec4f>((a.xxyy & high) << low), bitcast<vec4f>((a.zzww & high) << low),
        bitcast<vec4f>((b.xxyy & high) << low), bitcast<vec4f>((b.zzww & high) << low));"
        }
        Form::Q8 => {
            "let words = bitcast<vec4i>(codes[k * OUTPUTS + n]);
    let up = vec4u(24u, 16u, 8u, 0u);
    let down = vec4u(24u);
    return mat4x4f(
        vec4f((words.xxxx << up) >> down), vec4f((words.yyyy << up) >> down),
        vec4f((words.zzzz << up) >> down), vec4f((words.wwww << up) >> down));"
        }
        Form::Q4 => {
            "let words = codes[(k / 2u) * OUTPUTS + n];
    let down = vec4u(0u, 4u, 8u, 12u) + vec4u((k & 1u) * 16u);
    let low = vec4u(15u);
    let zero = vec4f(8.0);
    return mat4x4f(
        vec4f((words.xxxx >> down) & low) - zero, vec4f((words.yyyy >> down) & low) - zero,
        vec4f((words.zzzz >> down) & low) - zero, vec4f((words.wwww >> down) & low) - zero);"
        }
    }
}
