//! How sequences go through the layers: pass by pass, with pauses where something else may come first.

use std::ops::Range;

use super::bert::Bert;
use super::kernels::{self, Shape, Store};
use super::pause::{Pause, Pauses};
use super::qwen3::Qwen3;
use super::rows::Rows;
use super::spare::Keeping;
use super::{DeviceKind, Encoder, Sequence, batch, threads};
use crate::error::{Error, ErrorKind, Result};

/// Half a layer, or what comes before the first or after the last.
pub(super) type Step<'a> = Box<dyn Fn(Rows) -> Rows + 'a>;

/// The layers, by family.
pub(super) enum Network {
    Bert(Box<Bert>),
    Qwen3(Box<Qwen3>),
}

impl Network {
    /// What is done to embedded rows, `[rows, dimension]`, one after the other: the last gives the
    /// last hidden states, the same shape.
    fn steps<'a>(&'a self, rows: &Rows, shape: &'a Shape, store: Store) -> Vec<Step<'a>> {
        match self {
            Network::Bert(bert) => bert.steps(shape),
            Network::Qwen3(qwen3) => qwen3.steps(rows, shape, store),
        }
    }

    /// All steps.
    pub(super) fn forward(&self, rows: Rows, shape: &Shape, store: Store) -> Rows {
        self.steps(&rows, shape, store).iter().fold(rows, |x, step| step(x))
    }

    /// Whether what lies between its layers can be stored in f16.
    pub(super) fn knows_half(&self) -> bool {
        matches!(self, Network::Qwen3(_))
    }
}

impl Encoder {
    /// Last hidden states, `[tokens, dimension]` a sequence, padding left out.
    ///
    /// # Errors
    ///
    /// `Limit` where a sequence is longer than the model's positions, `Input` where one is empty,
    /// `Device` on failure or values that are not finite.
    pub async fn hidden_states(&self, batch: &[Vec<u32>]) -> Result<Vec<Vec<f32>>> {
        let sequences: Vec<&[u32]> = batch.iter().map(Vec::as_slice).collect();
        let mut states = vec![Vec::new(); batch.len()];
        for pass in self.passes(&sequences)? {
            let (rows, shape) = self.forward(&sequences, &pass, None).await?;
            let rows = self.place.read(rows).await?;
            for (&index, &start) in pass.members.iter().zip(&shape.starts) {
                let first = start * self.config.dimension;
                states[index] =
                    rows[first..][..batch[index].len() * self.config.dimension].to_vec();
            }
        }
        Ok(states)
    }

    /// The mean of the hidden states over every span, `[spans, dimension]` a sequence.
    ///
    /// # Errors
    ///
    /// As [`Encoder::hidden_states`]; `Input` also where a span is empty or not in its sequence.
    pub async fn embed(&self, batch: &[Sequence]) -> Result<Vec<Vec<f32>>> {
        self.embed_with(batch, None).await
    }

    /// As [`Encoder::embed`], with a pause between layers: something else may be encoded meanwhile.
    ///
    /// # Errors
    ///
    /// As [`Encoder::embed`], and those of the pause.
    pub async fn embed_with(
        &self,
        batch: &[Sequence],
        pause: Option<Pause<'_>>,
    ) -> Result<Vec<Vec<f32>>> {
        batch.iter().try_for_each(check_spans)?;
        let sequences: Vec<&[u32]> = batch.iter().map(|sequence| &sequence.ids[..]).collect();
        let mut vectors = vec![Vec::new(); batch.len()];
        for pass in self.passes(&sequences)? {
            if pass.members.iter().all(|&index| batch[index].spans.is_empty()) {
                continue;
            }
            let (states, shape) = self.forward(&sequences, &pass, pause).await?;
            let means = kernels::means::means(&states, &spans_of(batch, &pass, &shape));
            let mut means = &self.place.read(means).await?[..];
            for &index in &pass.members {
                let (own, rest) = means.split_at(batch[index].spans.len() * self.config.dimension);
                vectors[index] = own.to_vec();
                means = rest;
            }
        }
        Ok(vectors)
    }

    /// Checks the sequences' lengths and groups them.
    fn passes(&self, sequences: &[&[u32]]) -> Result<Vec<batch::Pass>> {
        let lengths: Vec<usize> = sequences.iter().map(|ids| ids.len()).collect();
        if lengths.contains(&0) {
            return Err(Error::new(ErrorKind::Input, "a sequence to encode has no tokens"));
        }
        match lengths.iter().find(|&&length| length > self.config.positions) {
            Some(length) => {
                let message = format!(
                    "a sequence of {length} tokens is longer than the {} that {} can read: cut it \
                     into windows",
                    self.config.positions, self.fingerprint.model
                );
                Err(Error::new(ErrorKind::Limit, message))
            }
            None => Ok(batch::passes(&lengths)),
        }
    }

    /// The last hidden states of one pass, and which sequence's they are.
    async fn forward(
        &self,
        sequences: &[&[u32]],
        pass: &batch::Pass,
        pause: Option<Pause<'_>>,
    ) -> Result<(Rows, Shape)> {
        let members: Vec<&[u32]> = pass.members.iter().map(|&index| sequences[index]).collect();
        let (rows, shape) = self.embedded(&members)?;
        let _keeping = Keeping::begin();
        let all = |rows| self.network.forward(rows, &shape, self.store);
        let states = match (pause, self.kind) {
            (Some(pause), _) => self.with_pauses(rows, &shape, pause).await?,
            (None, DeviceKind::Cpu) => threads::among(|| all(rows)),
            // A GPU's work is queued by thread.
            (None, DeviceKind::WebGpu) => all(rows),
        };
        #[cfg(target_feature = "atomics")]
        threads::check()?;
        Ok((states, shape))
    }

    async fn with_pauses(&self, rows: Rows, shape: &Shape, pause: Pause<'_>) -> Result<Rows> {
        let mut pauses = Pauses::new(&self.place, pause);
        let steps = self.network.steps(&rows, shape, self.store);
        let mut states = rows;
        for step in steps {
            states = step(states);
            pauses.next().await?;
        }
        Ok(states)
    }

    /// What goes into the first layer, on the device.
    pub(super) fn embedded(&self, members: &[&[u32]]) -> Result<(Rows, Shape)> {
        let shape = Shape::new(members.iter().map(|ids| ids.len()).collect(), &self.place);
        let rows = self.table.rows(members, &shape)?;
        Ok((self.place.rows(rows, self.config.dimension), shape))
    }

    /// The rows that leave each layer, `[layers]` of `[tokens, dimension]`, before the last norm:
    /// to find the layer in which two implementations part. None for models whose layers are not
    /// looked into.
    ///
    /// # Errors
    ///
    /// As [`Encoder::hidden_states`].
    pub async fn trace(&self, ids: &[u32]) -> Result<Option<Vec<Vec<f32>>>> {
        let Network::Qwen3(qwen3) = &self.network else { return Ok(None) };
        self.passes(&[ids])?;
        let (rows, shape) = self.embedded(&[ids])?;
        let mut layers = Vec::new();
        for states in qwen3.trace(rows, &shape, self.store) {
            layers.push(self.place.read(states).await?);
        }
        Ok(Some(layers))
    }
}

/// The spans of a pass's members, one after the other, in rows of the pass.
fn spans_of(batch: &[Sequence], pass: &batch::Pass, shape: &Shape) -> Vec<Range<usize>> {
    let members = pass.members.iter().zip(&shape.starts);
    let moved = |(&index, &row): (&usize, &usize)| {
        batch[index].spans.iter().map(move |span| span.start + row..span.end + row)
    };
    members.flat_map(moved).collect()
}

fn check_spans(sequence: &Sequence) -> Result<()> {
    let tokens = sequence.ids.len();
    match sequence.spans.iter().find(|span| span.is_empty() || span.end > tokens) {
        Some(span) => {
            let message = format!("the span {span:?} is empty or not within the {tokens} tokens");
            Err(Error::new(ErrorKind::Input, message))
        }
        None => Ok(()),
    }
}
