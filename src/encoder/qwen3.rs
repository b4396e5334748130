//! The layers of a Qwen3 encoder, from embedded rows to the last hidden states.

use std::rc::Rc;

use super::config::Config;
use super::device::Place;
use super::kernels::attention::{Columns, Heads, attention};
use super::kernels::norm::{Rotation, rms_norm, rotated_norm};
use super::kernels::{Shape, Store};
use super::layers::Linear;
use super::parameters::Parameters;
use super::pass::Step;
use super::rows::{Rows, Vector};
use crate::error::Result;

/// All layers, on a device.
pub(crate) struct Qwen3 {
    layers: Vec<Layer>,
    norm: Vector,
    heads: Heads,
    epsilon: f64,
    theta: f64,
}

struct Layer {
    input_norm: Vector,
    /// Queries, keys and values.
    all: Linear,
    output: Linear,
    /// Of queries, then of keys.
    turned_norm: Vector,
    post_norm: Vector,
    gate: Linear,
    up: Linear,
    down: Linear,
}

impl Qwen3 {
    /// Takes all parameters but the token table.
    ///
    /// # Errors
    ///
    /// `Model` where one is missing.
    pub(crate) fn load(
        parameters: &mut Parameters,
        config: &Config,
        (theta, causal): (f64, bool),
        place: &Place,
    ) -> Result<Self> {
        let layers = (0..config.layers).map(|index| Layer::load(parameters, index, place));
        Ok(Qwen3 {
            layers: layers.collect::<Result<_>>()?,
            norm: parameters.vector("norm.weight", place)?,
            heads: Heads::of(config, causal),
            epsilon: config.epsilon,
            theta,
        })
    }

    /// The steps that take embedded rows `[rows, dimension]`, each the same shape, to last hidden
    /// states: each half of each layer, then the last norm.
    ///
    /// The rows that pass from layer to layer, and what is added to them, are f32 in every
    /// precision: in the trained models they grow beyond 65,504, which f16 cannot hold. `store` is
    /// how everything between is stored on the GPU.
    pub(crate) fn steps<'a>(
        &'a self,
        rows: &Rows,
        shape: &'a Shape,
        store: Store,
    ) -> Vec<Step<'a>> {
        let rotation = Rotation::new(shape.tokens, self.heads.width, self.theta, rows);
        let pass = Pass { heads: &self.heads, epsilon: self.epsilon, rotation, shape, store };
        let pass = Rc::new(pass);
        let halves = |layer: &'a Layer| -> [Step<'a>; 2] {
            let (first, second) = (Rc::clone(&pass), Rc::clone(&pass));
            [Box::new(move |x| layer.attend(x, &first)), Box::new(move |x| layer.think(x, &second))]
        };
        let norm: Step<'a> = Box::new(|x| rms_norm(&x, &self.norm, self.epsilon, Store::Full));
        self.layers.iter().flat_map(halves).chain([norm]).collect()
    }

    /// The rows after every layer, before the last norm: `[layers]` of `[rows, dimension]`.
    pub(crate) fn trace(&self, rows: Rows, shape: &Shape, store: Store) -> Vec<Rows> {
        let steps = self.steps(&rows, shape, store);
        let done = |x: &mut Rows, step: &Step<'_>| {
            *x = step(x.clone());
            Some(x.clone())
        };
        // Two steps a layer, of which the second ends it.
        let halves = steps.iter().take(2 * self.layers.len()).scan(rows, done).enumerate();
        halves.filter(|(index, _)| index % 2 == 1).map(|(_, x)| x).collect()
    }
}

/// What all layers share in one forward pass.
struct Pass<'a> {
    heads: &'a Heads,
    epsilon: f64,
    rotation: Rotation,
    shape: &'a Shape,
    store: Store,
}

impl Layer {
    fn load(parameters: &mut Parameters, index: usize, place: &Place) -> Result<Self> {
        let name = |part: &str| format!("layers.{index}.{part}");
        let mut linear = |part: &str| Linear::load(parameters, &name(part));
        let (all, output) = (linear("self_attn.all")?, linear("self_attn.o_proj")?);
        let (gate, up) = (linear("mlp.gate_proj")?, linear("mlp.up_proj")?);
        let down = linear("mlp.down_proj")?;
        let mut gain = |part: &str| parameters.values(&name(&format!("{part}.weight")));
        let turned = [gain("self_attn.q_norm")?, gain("self_attn.k_norm")?].concat();
        let turned_norm = place.vector(turned);
        let mut gain = |part: &str| parameters.vector(&name(&format!("{part}.weight")), place);
        let (input_norm, post_norm) = (gain("input_layernorm")?, gain("post_attention_layernorm")?);
        Ok(Layer { input_norm, all, output, turned_norm, post_norm, gate, up, down })
    }

    /// `x` and what is seen from it.
    fn attend(&self, x: Rows, pass: &Pass<'_>) -> Rows {
        let (heads, norm) = (pass.heads, &self.turned_norm);
        let h = rms_norm(&x, &self.input_norm, pass.epsilon, pass.store);
        let all = self.all.forward(&h, pass.shape, pass.store);
        let turned = rotated_norm(&all, norm, heads, pass.epsilon, &pass.rotation, pass.shape);
        let [query, key, value] = heads.firsts();
        let inputs = [(&turned, query), (&turned, key), (&all, value)];
        let inputs = inputs.map(|(rows, first)| Columns::of(rows, first));
        let mixed = attention(inputs, heads, pass.shape);
        self.output.forward_onto(&x, &mixed, pass.shape)
    }

    /// `x` and what is thought of it.
    fn think(&self, x: Rows, pass: &Pass<'_>) -> Rows {
        let h = rms_norm(&x, &self.post_norm, pass.epsilon, pass.store);
        let wide = self.up.forward_gated(&self.gate, &h, pass.shape, pass.store);
        self.down.forward_onto(&x, &wide, pass.shape)
    }
}
