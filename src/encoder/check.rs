//! Does the device compute what it should? A model's golden vectors tell; a device that fails them
//! is not used for it.

use super::kernels::Store;
use super::manifest::Golden;
use super::matrix::Form;
use super::{Encoder, Sequence};
use crate::encoder::DeviceKind;
use crate::error::{Error, ErrorKind, Result};

/// Encoded to see that a device works at all, where a model has no golden vectors.
const WORD: &str = "Burrow";

impl Encoder {
    /// Takes the finest precision of the device in which the golden vectors come out right, and
    /// says why where it is not the first.
    ///
    /// # Errors
    ///
    /// `Device` where none is right, or values are not finite; `Model` where even the CPU, which is
    /// known to compute right, gives other vectors.
    pub(crate) async fn choose_precision(&mut self, goldens: &[Golden]) -> Result<()> {
        if goldens.is_empty() {
            return self.try_out().await;
        }
        check_shapes(goldens, self.config.dimension)?;
        // Without goldens f16 is not even tried: what overflows there need not show.
        let half = (self.place.half && self.network.knows_half()).then_some(Store::Half);
        let mut last = None;
        for store in half.into_iter().chain([Store::Full]) {
            self.store = store;
            match self.check_goldens(goldens).await {
                Ok(()) => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Device => {
                    let (device, precision) = (&self.place.name, self.precision());
                    self.reasons.push(format!("Not encoding in {precision} on {device}: {error}."));
                    last = Some(error);
                }
                Err(error) => return Err(error),
            }
        }
        match last {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    async fn check_goldens(&self, goldens: &[Golden]) -> Result<()> {
        let sequences: Vec<Sequence> =
            goldens.iter().map(|golden| self.whole(&golden.ids)).collect();
        let vectors = self.embed(&sequences).await?;
        let wanted = least_cosine(self.form);
        let cosines = vectors.iter().zip(goldens);
        let mut cosines = cosines.map(|(found, golden)| cosine(found, &golden.vector));
        // Asked in this way, what is not a number does not pass.
        let Some(least) = cosines.find(|cosine| cosine.is_nan() || *cosine < wanted) else {
            return Ok(());
        };
        let message = match self.kind {
            DeviceKind::WebGpu => format!(
                "the device {} computes wrong vectors for this model (cosine {least:.4} to its \
                 golden vectors, {wanted} expected): use another",
                self.place.name
            ),
            DeviceKind::Cpu => format!(
                "the model's weights do not give its own golden vectors (cosine {least:.4}, \
                 {wanted} expected): pack or fetch the model again, or choose finer weights"
            ),
        };
        let kind = match self.kind {
            DeviceKind::WebGpu => ErrorKind::Device,
            DeviceKind::Cpu => ErrorKind::Model,
        };
        Err(Error::new(kind, message))
    }

    /// Encodes a word: a device that cannot do that is not used.
    async fn try_out(&self) -> Result<()> {
        let tokens = self.tokenizer.tokens(WORD)?;
        let ids: Vec<u32> = tokens.iter().map(|token| token.id).collect();
        let vector = self.embed(&[self.whole(&self.closed(&ids))]).await?.concat();
        if vector.iter().all(|&value| value == 0.0) {
            let message = format!("the device {} gives zeros: use another", self.place.name);
            return Err(Error::new(ErrorKind::Device, message));
        }
        Ok(())
    }
}

/// Goldens that can be compared with at all.
fn check_shapes(goldens: &[Golden], dimension: usize) -> Result<()> {
    let fits = |golden: &Golden| golden.vector.len() == dimension && !golden.ids.is_empty();
    if goldens.iter().all(fits) {
        return Ok(());
    }
    let message = "burrow.json: its golden vectors are not this model's: pack or fetch it again";
    Err(Error::new(ErrorKind::Model, message))
}

/// How near a vector must come to its golden one, by what the weights' form loses.
pub(crate) fn least_cosine(form: Form) -> f64 {
    match form {
        Form::F32 | Form::F16 | Form::Bf16 => 0.999,
        Form::Q8 => 0.99,
        Form::Q4 => 0.97,
    }
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
    };
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}
