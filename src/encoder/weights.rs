//! `model.safetensors`: every tensor's presence, shape and values are checked as it is read.

use burn::tensor::{bf16, f16};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};

use crate::error::{Error, ErrorKind, Result};

/// The file's name, for messages.
const FILE: &str = "model.safetensors";

/// A weights file whose header has been checked against its length.
pub(crate) struct Weights<'a> {
    tensors: SafeTensors<'a>,
    prefix: &'static str,
}

impl<'a> Weights<'a> {
    /// Reads the header. `probe` is the name of a tensor that every model of the family has: it
    /// tells whether the names begin with `bert.`, as they do where a head was trained on top.
    ///
    /// # Errors
    ///
    /// `Model` where the file is cut off, altered, or not of this family.
    pub(crate) fn open(bytes: &'a [u8], probe: &str) -> Result<Self> {
        let tensors = SafeTensors::deserialize(bytes).map_err(|cause| {
            let reason = format!("its header does not fit its {} bytes", bytes.len());
            damaged(&reason).with_source(cause)
        })?;
        let names = tensors.names();
        let prefix = ["", "bert."]
            .into_iter()
            .find(|prefix| names.iter().any(|name| name.strip_prefix(prefix) == Some(probe)))
            .ok_or_else(|| damaged(&format!("it has no tensor \"{probe}\"")))?;
        Ok(Weights { tensors, prefix })
    }

    /// A tensor's values in the order of the file.
    ///
    /// # Errors
    ///
    /// `Model` where it is missing, has another shape or type, or holds a value that is not finite.
    pub(crate) fn values(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let (precision, bytes) = self.bytes(name, shape)?;
        Ok(precision.decode(bytes))
    }

    /// A tensor's bytes as they lie in the file, checked as [`Weights::values`] does.
    pub(crate) fn bytes(&self, name: &str, shape: &[usize]) -> Result<(Precision, &'a [u8])> {
        let full = format!("{}{name}", self.prefix);
        let tensor = self
            .tensors
            .tensor(&full)
            .map_err(|cause| damaged(&format!("it has no tensor \"{full}\"")).with_source(cause))?;
        if tensor.shape() != shape {
            let found = tensor.shape();
            return Err(damaged(&format!(
                "\"{full}\" has shape {found:?}, but by config.json it must have {shape:?}"
            )));
        }
        let precision = Precision::of(&full, &tensor)?;
        if !precision.all_finite(tensor.data()) {
            return Err(damaged(&format!("\"{full}\" holds values that are not finite")));
        }
        Ok((precision, tensor.data()))
    }
}

/// How a float is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Precision {
    F32,
    F16,
    Bf16,
}

impl Precision {
    fn of(name: &str, tensor: &TensorView<'_>) -> Result<Self> {
        match tensor.dtype() {
            Dtype::F32 => Ok(Precision::F32),
            Dtype::F16 => Ok(Precision::F16),
            Dtype::BF16 => Ok(Precision::Bf16),
            other => Err(damaged(&format!(
                "\"{name}\" is of type {other:?}; only F32, F16 and BF16 are supported"
            ))),
        }
    }

    /// Bytes of one value.
    pub(crate) fn width(self) -> usize {
        match self {
            Precision::F32 => 4,
            Precision::F16 | Precision::Bf16 => 2,
        }
    }

    /// The values of little-endian bytes; a rest shorter than a value is dropped.
    pub(crate) fn decode(self, bytes: &[u8]) -> Vec<f32> {
        match self {
            Precision::F32 => values(bytes, f32::from_le_bytes).collect(),
            Precision::F16 => values(bytes, f16::from_le_bytes).map(f16::to_f32).collect(),
            Precision::Bf16 => values(bytes, bf16::from_le_bytes).map(bf16::to_f32).collect(),
        }
    }

    fn all_finite(self, bytes: &[u8]) -> bool {
        match self {
            Precision::F32 => values(bytes, f32::from_le_bytes).all(f32::is_finite),
            Precision::F16 => values(bytes, f16::from_le_bytes).all(f16::is_finite),
            Precision::Bf16 => values(bytes, bf16::from_le_bytes).all(bf16::is_finite),
        }
    }
}

fn values<const WIDTH: usize, T>(
    bytes: &[u8],
    read: impl Fn([u8; WIDTH]) -> T,
) -> impl Iterator<Item = T> {
    bytes.as_chunks::<WIDTH>().0.iter().map(move |&value| read(value))
}

fn damaged(reason: &str) -> Error {
    Error::new(ErrorKind::Model, format!("{FILE}: {reason}. Fetch the file again"))
}
