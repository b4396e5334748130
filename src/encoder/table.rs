//! Token ids → the rows that go into the first layer. The token table stays off the device: it is
//! by far the largest tensor and only a few rows of it are needed at a time.

use super::kernels::Shape;
use super::matrix::Matrix;
use crate::error::{Error, ErrorKind, Result};

/// The token table, `[vocabulary, dimension]`, in the pieces and the form in which it came.
pub(crate) struct Table {
    /// Ordered by their first row, and without gaps.
    pieces: Vec<(usize, Matrix)>,
    dimension: usize,
    /// Learned positions, `[positions, dimension]`, where the model has them.
    places: Option<Vec<f32>>,
}

impl Table {
    /// A table of pieces that together are whole.
    pub(crate) fn new(mut pieces: Vec<(usize, Matrix)>, dimension: usize) -> Self {
        pieces.sort_by_key(|(first, _)| *first);
        Table { pieces, dimension, places: None }
    }

    /// Adds to every row that of its position, and of the first segment.
    pub(crate) fn with_places(mut self, mut positions: Vec<f32>, segments: &[f32]) -> Self {
        for place in positions.chunks_exact_mut(self.dimension) {
            add(place, &segments[..self.dimension]);
        }
        self.places = Some(positions);
        self
    }

    /// What goes into the first layer, `[shape.rows(), dimension]`; padding is zeros.
    ///
    /// # Errors
    ///
    /// `Model` where an id is not in the table: then the tokenizer is another model's.
    pub(crate) fn rows(&self, sequences: &[&[u32]], shape: &Shape) -> Result<Vec<f32>> {
        let mut rows = vec![0.0; shape.rows() * self.dimension];
        for (ids, start) in sequences.iter().zip(&shape.starts) {
            let sequence = &mut rows[start * self.dimension..][..ids.len() * self.dimension];
            for (&id, row) in ids.iter().zip(sequence.chunks_exact_mut(self.dimension)) {
                self.row(id, row)?;
            }
            if let Some(places) = &self.places {
                let used = ids.len() * self.dimension;
                add(sequence, &places[..used]);
            }
        }
        Ok(rows)
    }

    fn row(&self, id: u32, row: &mut [f32]) -> Result<()> {
        let id = id as usize;
        let after = self.pieces.partition_point(|(first, _)| *first <= id);
        let piece = after.checked_sub(1).map(|at| &self.pieces[at]);
        match piece.filter(|(first, matrix)| id - first < matrix.rows) {
            Some((first, matrix)) => {
                matrix.decode_rows(id - first, row);
                Ok(())
            }
            None => {
                let rows: usize = self.pieces.iter().map(|(_, matrix)| matrix.rows).sum();
                let message = format!(
                    "token {id} is not among the model's {rows} tokens: tokenizer.json and \
                     model.safetensors are not of one model, fetch both again"
                );
                Err(Error::new(ErrorKind::Model, message))
            }
        }
    }
}

fn add(row: &mut [f32], other: &[f32]) {
    for (value, other) in row.iter_mut().zip(other) {
        *value += other;
    }
}
