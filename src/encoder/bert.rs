//! The layers of a BERT encoder, from embedded rows to the last hidden states.

use super::config::Config;
use super::device::Place;
use super::kernels::attention::{Columns, Heads, attention};
use super::kernels::{Shape, Store};
use super::layers::{LayerNorm, Linear};
use super::parameters::Parameters;
use super::pass::Step;
use super::rows::Rows;
use crate::error::Result;

/// All layers, on a device.
pub(crate) struct Bert {
    norm: LayerNorm,
    layers: Vec<Layer>,
    heads: Heads,
}

struct Layer {
    /// Queries, keys and values.
    all: Linear,
    output: Linear,
    attention_norm: LayerNorm,
    widen: Linear,
    narrow: Linear,
    output_norm: LayerNorm,
}

impl Bert {
    /// Takes all parameters but the embedding tables. The pooler, a head for other tasks, is left
    /// out.
    ///
    /// # Errors
    ///
    /// `Model` where one is missing.
    pub(crate) fn load(
        parameters: &mut Parameters,
        config: &Config,
        place: &Place,
    ) -> Result<Self> {
        let norm = LayerNorm::load(parameters, "embeddings.LayerNorm", config.epsilon, place)?;
        let layers = (0..config.layers).map(|index| Layer::load(parameters, index, config, place));
        let layers = layers.collect::<Result<_>>()?;
        Ok(Bert { norm, layers, heads: Heads::of(config, false) })
    }

    /// The steps that take embedded rows `[rows, dimension]`, each the same shape, to last hidden
    /// states: the first norm, then each half of each layer.
    pub(crate) fn steps<'a>(&'a self, shape: &'a Shape) -> Vec<Step<'a>> {
        let norm: Step<'a> = Box::new(|rows| self.norm.forward(rows));
        let halves = |layer: &'a Layer| -> [Step<'a>; 2] {
            [Box::new(|x| layer.attend(x, &self.heads, shape)), Box::new(|x| layer.think(x, shape))]
        };
        [norm].into_iter().chain(self.layers.iter().flat_map(halves)).collect()
    }
}

impl Layer {
    fn load(
        parameters: &mut Parameters,
        index: usize,
        config: &Config,
        place: &Place,
    ) -> Result<Self> {
        let name = |part: &str| format!("encoder.layer.{index}.{part}");
        let parts = ["query", "key", "value"].map(|part| name(&format!("attention.self.{part}")));
        let all = Linear::load_joined(parameters, &name("attention.self.all"), &parts, place)?;
        let mut linear = |part: &str| Linear::load_biased(parameters, &name(part), place);
        let output = linear("attention.output.dense")?;
        let (widen, narrow) = (linear("intermediate.dense")?, linear("output.dense")?);
        let mut norm = |part: &str| LayerNorm::load(parameters, &name(part), config.epsilon, place);
        let attention_norm = norm("attention.output.LayerNorm")?;
        let output_norm = norm("output.LayerNorm")?;
        Ok(Layer { all, output, attention_norm, widen, narrow, output_norm })
    }

    fn attend(&self, x: Rows, heads: &Heads, shape: &Shape) -> Rows {
        let all = self.all.forward(&x, shape, Store::Full);
        let inputs = heads.firsts().map(|first| Columns::of(&all, first));
        let mixed = attention(inputs, heads, shape);
        self.attention_norm.forward(self.output.forward_onto(&x, &mixed, shape))
    }

    fn think(&self, x: Rows, shape: &Shape) -> Rows {
        // The GELU here is the exact one, by the error function.
        let wide = self.widen.forward_gelu(&x, shape, Store::Full);
        self.output_norm.forward(self.narrow.forward_onto(&x, &wide, shape))
    }
}
