//! A weights file, `*.safetensors`: every tensor's shape, type and values are checked as it is read.

use safetensors::{Dtype, SafeTensors, tensor::TensorView};

use super::matrix::{Form, GROUP};
use super::plan::{Expected, PREFIXES, Plan, Role};
use crate::error::{Error, ErrorKind, Result};

/// What follows a matrix's name in the name of its groups' scales.
pub(crate) const SCALES: &str = ".scales";

/// What parts a matrix's name from the first of the rows that are in the tensor, where a matrix is
/// stored in several.
pub(crate) const PART: char = '@';

/// Consecutive rows of a tensor of the plan, or all of it.
pub(crate) struct Piece<'a> {
    /// The name in the plan.
    pub(crate) name: &'a str,
    /// What the plan says of it.
    pub(crate) expected: &'a Expected,
    pub(crate) first_row: usize,
    pub(crate) rows: usize,
    pub(crate) form: Form,
    pub(crate) codes: &'a [u8],
    pub(crate) scales: &'a [u8],
}

/// A weights file whose header has been checked against its length.
pub(crate) struct Weights<'a> {
    file: &'a str,
    tensors: SafeTensors<'a>,
}

impl<'a> Weights<'a> {
    /// Reads the header.
    ///
    /// # Errors
    ///
    /// `Model` where the file is cut off or altered.
    pub(crate) fn open(file: &'a str, bytes: &'a [u8]) -> Result<Self> {
        let tensors = SafeTensors::deserialize(bytes).map_err(|cause| {
            let reason = format!("its header does not fit its {} bytes", bytes.len());
            damaged(file, &reason).with_source(cause)
        })?;
        Ok(Weights { file, tensors })
    }

    /// Everything in the file that the plan asks for, by name: the order of the file is not kept by
    /// its reader, and what is made of it should be the same each time.
    ///
    /// # Errors
    ///
    /// `Model` where a tensor has another shape or type, or holds a value that is not finite.
    pub(crate) fn pieces(&'a self, plan: &'a Plan) -> impl Iterator<Item = Result<Piece<'a>>> {
        let mut names = self.tensors.names();
        names.sort_unstable();
        names.into_iter().filter_map(|full| {
            let tensor = self.tensors.tensor(full).ok()?;
            let (name, part) = match full.split_once(PART) {
                Some((name, part)) => (name, Some(part)),
                None => (full, None),
            };
            if part.is_some_and(|part| part.ends_with(SCALES)) {
                return None;
            }
            let stripped = PREFIXES.iter().filter_map(|prefix| name.strip_prefix(prefix));
            let (name, expected) = stripped.filter_map(|name| plan.get_key_value(name)).next()?;
            Some(self.piece(full, part, &tensor, name, expected))
        })
    }

    fn piece(
        &'a self,
        full: &str,
        part: Option<&str>,
        tensor: &TensorView<'a>,
        name: &'a str,
        expected: &'a Expected,
    ) -> Result<Piece<'a>> {
        let form = self.form(full, tensor, expected)?;
        let (first_row, rows) = self.rows(full, part, tensor, form, expected)?;
        let scales = match form {
            Form::Q8 | Form::Q4 => self.scales(full, rows, expected)?,
            Form::F32 | Form::F16 | Form::Bf16 => &[],
        };
        if !form.all_finite(tensor.data()) {
            return Err(self.damaged(&format!("\"{full}\" holds values that are not finite")));
        }
        Ok(Piece { name, expected, first_row, rows, form, codes: tensor.data(), scales })
    }

    fn form(&self, full: &str, tensor: &TensorView<'_>, expected: &Expected) -> Result<Form> {
        let quantized = expected.role != Role::Small;
        match tensor.dtype() {
            Dtype::F32 => Ok(Form::F32),
            Dtype::F16 => Ok(Form::F16),
            Dtype::BF16 => Ok(Form::Bf16),
            Dtype::I8 if quantized => Ok(Form::Q8),
            Dtype::U8 if quantized => Ok(Form::Q4),
            other => Err(self.damaged(&format!(
                "\"{full}\" is of type {other:?}; only F32, F16 and BF16, and what `burrow pack` \
                 makes of them, are supported"
            ))),
        }
    }

    /// The first row and the number of rows, after a check of the shape.
    fn rows(
        &self,
        full: &str,
        part: Option<&str>,
        tensor: &TensorView<'_>,
        form: Form,
        expected: &Expected,
    ) -> Result<(usize, usize)> {
        let found = tensor.shape();
        let columns = expected.shape.get(1).copied();
        let stored: Vec<usize> = match (form, columns) {
            (Form::Q8 | Form::Q4, Some(columns)) if !columns.is_multiple_of(GROUP) => {
                let message = format!("\"{full}\" is quantized, but has rows of {columns}");
                return Err(self.damaged(&message));
            }
            (Form::Q4, Some(columns)) => vec![expected.shape[0], columns / 2],
            _ => expected.shape.clone(),
        };
        let Some(part) = part else {
            return match found == stored {
                true => Ok((0, found.first().copied().unwrap_or(0))),
                false => Err(self.misshapen(full, found, &stored)),
            };
        };
        let first: usize =
            part.parse().map_err(|_| self.damaged(&format!("\"{full}\" does not name a row")))?;
        let end = found.first().and_then(|rows| rows.checked_add(first));
        let fits = end.is_some_and(|end| end <= stored[0]) && found[1..] == stored[1..];
        match fits && found[0] > 0 && expected.role != Role::Small {
            true => Ok((first, found[0])),
            false => Err(self.misshapen(full, found, &stored)),
        }
    }

    fn scales(&'a self, full: &str, rows: usize, expected: &Expected) -> Result<&'a [u8]> {
        let name = format!("{full}{SCALES}");
        let tensor = self.tensors.tensor(&name).map_err(|cause| {
            self.damaged(&format!("it has no tensor \"{name}\"")).with_source(cause)
        })?;
        let stored = [rows, expected.shape[1] / GROUP];
        if tensor.dtype() != Dtype::F16 || tensor.shape() != stored {
            return Err(self.misshapen(&name, tensor.shape(), &stored));
        }
        if !Form::F16.all_finite(tensor.data()) {
            return Err(self.damaged(&format!("\"{name}\" holds values that are not finite")));
        }
        Ok(tensor.data())
    }

    fn misshapen(&self, full: &str, found: &[usize], stored: &[usize]) -> Error {
        self.damaged(&format!(
            "\"{full}\" has shape {found:?}, but by config.json it must have {stored:?}"
        ))
    }

    fn damaged(&self, reason: &str) -> Error {
        damaged(self.file, reason)
    }
}

/// What is wrong with a weights file.
pub(crate) fn damaged(file: &str, reason: &str) -> Error {
    Error::new(ErrorKind::Model, format!("{file}: {reason}. Fetch the file again"))
}
