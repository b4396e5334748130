//! Collects tensors into files of a bounded size.

use std::borrow::Cow;

use safetensors::{Dtype, View};

use super::Shard;
use super::encode::encode;
use crate::encoder::matrix::{Form, Matrix};
use crate::encoder::weights::{PART, Piece, SCALES};

/// Cuts what is put into shards.
pub(super) struct Builder {
    bytes_max: usize,
    bytes: usize,
    tensors: Vec<(String, Stored)>,
    full: Vec<Shard>,
    count: usize,
}

/// A tensor as it is written.
struct Stored {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl View for &Stored {
    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.bytes)
    }

    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}

impl Builder {
    pub(super) fn new(bytes_max: usize) -> Self {
        Builder { bytes_max, bytes: 0, tensors: Vec::new(), full: Vec::new(), count: 0 }
    }

    /// Puts a tensor in a form, over several shards where it is too large for one. The error is its
    /// name, where its values do not fit into the form.
    pub(super) fn put(
        &mut self,
        piece: &Piece<'_>,
        form: Form,
        columns: usize,
    ) -> Result<(), String> {
        let row_bytes = form.row_bytes(columns) + form.scale_bytes(columns);
        let whole = piece.rows * row_bytes;
        if self.bytes + whole > self.bytes_max {
            self.close();
        }
        let rows_max = (self.bytes_max / row_bytes).max(1);
        let parted = piece.rows > rows_max || piece.rows < piece.expected.shape[0];
        for first in (0..piece.rows).step_by(rows_max) {
            let rows = rows_max.min(piece.rows - first);
            let name = match parted {
                true => format!("{}{PART}{}", piece.name, piece.first_row + first),
                false => piece.name.to_owned(),
            };
            self.put_rows(piece, form, columns, (first, rows), name)?;
        }
        Ok(())
    }

    fn put_rows(
        &mut self,
        piece: &Piece<'_>,
        form: Form,
        columns: usize,
        (first, rows): (usize, usize),
        name: String,
    ) -> Result<(), String> {
        let (codes, scales) = coded(piece, form, columns, (first, rows)).ok_or(name.clone())?;
        let bytes = codes.len() + scales.len();
        if self.bytes + bytes > self.bytes_max {
            self.close();
        }
        self.bytes += bytes;
        let shape = match (piece.expected.shape.len(), form) {
            (1, _) => vec![rows],
            (_, Form::Q4) => vec![rows, columns / 2],
            _ => vec![rows, columns],
        };
        if !scales.is_empty() {
            let shape = vec![rows, form.scale_bytes(columns) / 2];
            let stored = Stored { dtype: Dtype::F16, shape, bytes: scales };
            self.tensors.push((format!("{name}{SCALES}"), stored));
        }
        self.tensors.push((name, Stored { dtype: dtype(form), shape, bytes: codes }));
        Ok(())
    }

    /// Ends the shard that is being filled.
    pub(super) fn close(&mut self) {
        if self.tensors.is_empty() {
            return;
        }
        self.count += 1;
        let tensors = std::mem::take(&mut self.tensors);
        let named = tensors.iter().map(|(name, stored)| (name, stored));
        // What it could refuse are shapes that do not fit their bytes.
        if let Ok(bytes) = safetensors::serialize(named, None) {
            self.full.push(Shard { name: format!("shard-{:05}.safetensors", self.count), bytes });
        }
        self.bytes = 0;
    }

    /// The shards that are full and have not been taken.
    pub(super) fn take_full(&mut self) -> Vec<Shard> {
        std::mem::take(&mut self.full)
    }
}

/// Some rows of a piece in a form: as they are where they are in it already.
fn coded(
    piece: &Piece<'_>,
    form: Form,
    columns: usize,
    (first, rows): (usize, usize),
) -> Option<(Vec<u8>, Vec<u8>)> {
    let cut = |bytes: &[u8], row: usize| bytes[first * row..(first + rows) * row].to_vec();
    let codes = cut(piece.codes, piece.form.row_bytes(columns));
    let scales = cut(piece.scales, piece.form.scale_bytes(columns));
    if piece.form == form {
        return Some((codes, scales));
    }
    encode(form, &Matrix { rows, columns, form: piece.form, codes, scales }.values())
}

fn dtype(form: Form) -> Dtype {
    match form {
        Form::F32 => Dtype::F32,
        Form::F16 => Dtype::F16,
        Form::Bf16 => Dtype::BF16,
        Form::Q8 => Dtype::I8,
        Form::Q4 => Dtype::U8,
    }
}
