//! Which tensors a model of a shape is made of, and what becomes of each.

use std::collections::BTreeMap;
use std::ops::Range;

use super::config::{Config, Family};

/// What becomes of a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// The token table: stays beside the processor, in its own form.
    Table,
    /// The matrix of a linear map: goes to the device, in its own form.
    Matrix,
    /// A gain, a bias or a small table: kept as f32.
    Small,
}

/// A tensor that the model must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Expected {
    /// `[rows, columns]` or `[values]`.
    pub(crate) shape: Vec<usize>,
    pub(crate) role: Role,
    /// The matrix that it is a part of, where maps of the same rows are made as one.
    pub(crate) joined: Option<Joined>,
}

impl Expected {
    /// The name of the matrix that this one is computed as a part of, its own where that is all of it;
    /// the rows that it has of that.
    pub(crate) fn place<'a>(&'a self, name: &'a str) -> (&'a str, Range<usize>) {
        let first = self.joined.as_ref().map_or(0, |joined| joined.first_row);
        let whole = self.joined.as_ref().map_or(name, |joined| &joined.name);
        (whole, first..first + self.shape[0])
    }

    /// Rows of that matrix.
    pub(crate) fn whole_rows(&self) -> usize {
        self.joined.as_ref().map_or(self.shape[0], |joined| joined.rows)
    }
}

/// Where a matrix lies in one that is joined of several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Joined {
    pub(crate) name: String,
    pub(crate) first_row: usize,
    /// Rows of all of it.
    pub(crate) rows: usize,
}

/// All tensors of a model, by name.
pub(crate) type Plan = BTreeMap<String, Expected>;

/// What may stand before every name, where a head was trained on top of the encoder.
pub(crate) const PREFIXES: [&str; 3] = ["", "model.", "bert."];

/// What a model of this shape must hold.
pub(crate) fn plan(config: &Config) -> Plan {
    let mut plan = Builder::default();
    match config.family {
        Family::Bert { segments } => bert(&mut plan, config, segments),
        Family::Qwen3 { .. } => qwen3(&mut plan, config),
    }
    plan.0
}

/// The token table's name.
pub(crate) fn table(family: &Family) -> &'static str {
    match family {
        Family::Bert { .. } => "embeddings.word_embeddings.weight",
        Family::Qwen3 { .. } => "embed_tokens.weight",
    }
}

#[derive(Default)]
struct Builder(Plan);

impl Builder {
    fn add(&mut self, name: String, role: Role, shape: &[usize]) {
        self.0.insert(name, Expected { shape: shape.to_vec(), role, joined: None });
    }

    /// Has matrices, `<part>.weight`, computed as one, `<name>.weight`.
    fn join(&mut self, name: &str, parts: &[String]) {
        let outputs = |plan: &Plan, part: &str| plan.get(part).map_or(0, |part| part.shape[0]);
        let parts: Vec<String> = parts.iter().map(|part| format!("{part}.weight")).collect();
        let rows = parts.iter().map(|part| outputs(&self.0, part)).sum();
        let mut first_row = 0;
        for part in parts {
            let next = first_row + outputs(&self.0, &part);
            if let Some(expected) = self.0.get_mut(&part) {
                let name = format!("{name}.weight");
                expected.joined = Some(Joined { name, first_row, rows });
            }
            first_row = next;
        }
    }

    /// `<name>.weight`, `[outputs, inputs]`.
    fn matrix(&mut self, name: &str, outputs: usize, inputs: usize) {
        self.add(format!("{name}.weight"), Role::Matrix, &[outputs, inputs]);
    }

    /// `<name>.weight`, and `<name>.bias` of as many values as there are outputs.
    fn biased(&mut self, name: &str, outputs: usize, inputs: usize) {
        self.matrix(name, outputs, inputs);
        self.add(format!("{name}.bias"), Role::Small, &[outputs]);
    }

    fn gain(&mut self, name: &str, width: usize) {
        self.add(format!("{name}.weight"), Role::Small, &[width]);
    }

    fn layer_norm(&mut self, name: &str, width: usize) {
        self.gain(name, width);
        self.add(format!("{name}.bias"), Role::Small, &[width]);
    }
}

fn bert(plan: &mut Builder, config: &Config, segments: usize) {
    let (width, inner) = (config.dimension, config.inner);
    plan.add(table(&config.family).to_owned(), Role::Table, &[config.vocabulary, width]);
    for (name, rows) in [("position", config.positions), ("token_type", segments)] {
        plan.add(format!("embeddings.{name}_embeddings.weight"), Role::Small, &[rows, width]);
    }
    plan.layer_norm("embeddings.LayerNorm", width);
    for layer in 0..config.layers {
        let name = |part: &str| format!("encoder.layer.{layer}.{part}");
        for part in ["self.query", "self.key", "self.value", "output.dense"] {
            plan.biased(&name(&format!("attention.{part}")), width, width);
        }
        let attention = |part| name(&format!("attention.self.{part}"));
        plan.join(&attention("all"), &["query", "key", "value"].map(attention));
        plan.layer_norm(&name("attention.output.LayerNorm"), width);
        plan.biased(&name("intermediate.dense"), inner, width);
        plan.biased(&name("output.dense"), width, inner);
        plan.layer_norm(&name("output.LayerNorm"), width);
    }
}

fn qwen3(plan: &mut Builder, config: &Config) {
    let (width, inner, head) = (config.dimension, config.inner, config.head);
    let (asking, asked) = (config.heads * head, config.kv_heads * head);
    plan.add(table(&config.family).to_owned(), Role::Table, &[config.vocabulary, width]);
    for layer in 0..config.layers {
        let name = |part: &str| format!("layers.{layer}.{part}");
        plan.gain(&name("input_layernorm"), width);
        plan.matrix(&name("self_attn.q_proj"), asking, width);
        plan.matrix(&name("self_attn.k_proj"), asked, width);
        plan.matrix(&name("self_attn.v_proj"), asked, width);
        let attention = |part| name(&format!("self_attn.{part}"));
        plan.join(&attention("all"), &["q_proj", "k_proj", "v_proj"].map(attention));
        plan.matrix(&name("self_attn.o_proj"), width, asking);
        plan.gain(&name("self_attn.q_norm"), head);
        plan.gain(&name("self_attn.k_norm"), head);
        plan.gain(&name("post_attention_layernorm"), width);
        plan.matrix(&name("mlp.gate_proj"), inner, width);
        plan.matrix(&name("mlp.up_proj"), inner, width);
        plan.matrix(&name("mlp.down_proj"), width, inner);
    }
    plan.gain("norm", width);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A configuration as pplx-embed's files have it.
    fn published(hidden: usize, inner: usize, layers: usize, heads: usize) -> Plan {
        let json = format!(
            r#"{{"model_type": "bidirectional_pplx_qwen3", "hidden_size": {hidden},
                "intermediate_size": {inner}, "num_hidden_layers": {layers},
                "num_attention_heads": {heads}, "num_key_value_heads": 8, "head_dim": 128,
                "vocab_size": 151936, "max_position_embeddings": 32768, "rms_norm_eps": 1e-6,
                "rope_theta": 1e6}}"#
        );
        plan(&Config::from_json(json.as_bytes()).unwrap())
    }

    fn values(plan: &Plan) -> usize {
        plan.values().map(|expected| expected.shape.iter().product::<usize>()).sum()
    }

    #[test]
    fn the_06b_model_has_the_published_number_of_tensors_and_parameters() {
        let plan = published(1024, 3072, 28, 16);
        assert_eq!((plan.len(), values(&plan)), (310, 596_049_920));
    }

    #[test]
    fn no_matrix_of_the_4b_model_needs_a_larger_buffer_than_every_device_has() {
        let plan = published(2560, 9728, 36, 32);
        assert_eq!(plan["embed_tokens.weight"].shape.iter().product::<usize>(), 388_956_160);
        let matrices = plan.values().filter(|expected| expected.role == Role::Matrix);
        let largest = matrices.map(|expected| 4 * expected.shape.iter().product::<usize>()).max();
        // In f32, the largest form; the table stays beside the processor.
        assert!(largest.is_some_and(|bytes| bytes <= 128 << 20), "{largest:?}");
    }
}
