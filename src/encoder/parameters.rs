//! A model's parameters as they arrive, file by file: each goes where it is needed at once, and the
//! file can be dropped.

use std::collections::BTreeMap;
use std::ops::Range;

use super::config::Config;
use super::device::Place;
use super::matrix::{Form, Matrix};
use super::plan::{self, Expected, Plan, Role};
use super::rows::{Vector, Weight};
use super::table::Table;
use super::weights::{Piece, Weights, damaged};
use crate::error::{Error, ErrorKind, Result};

/// What has arrived of a model.
pub(crate) struct Parameters {
    plan: Plan,
    files: Vec<String>,
    /// Values of the small tensors.
    small: BTreeMap<String, Vec<f32>>,
    /// Matrices on the device.
    weights: BTreeMap<String, Weight>,
    /// Pieces of tables, and of matrices that are not whole yet, by their first row.
    pieces: BTreeMap<String, Vec<(usize, Matrix)>>,
    /// The coarsest form of any matrix: what the model as a whole is said to be in.
    form: Option<Form>,
}

impl Parameters {
    /// Nothing yet of a model of this shape.
    pub(crate) fn new(config: &Config) -> Self {
        Parameters {
            plan: plan::plan(config),
            files: Vec::new(),
            small: BTreeMap::new(),
            weights: BTreeMap::new(),
            pieces: BTreeMap::new(),
            form: None,
        }
    }

    /// All of a model of this shape, whatever values happen to lie on the device.
    #[cfg(feature = "gpu")]
    pub(crate) fn blank(config: &Config, form: Form, device: &burn::tensor::Device) -> Self {
        use super::kernels::linear::GpuMatrix;

        let mut parameters = Parameters::new(config);
        for (name, expected) in &parameters.plan {
            let values = expected.shape.iter().product();
            match (expected.role, &expected.shape[..]) {
                (Role::Matrix, &[_, columns]) => {
                    let whole = expected.place(name).0.to_owned();
                    let blank = || GpuMatrix::blank(expected.whole_rows(), columns, form, device);
                    let weight = parameters.weights.entry(whole);
                    weight.or_insert_with(|| Weight::Gpu(Box::new(blank())));
                }
                (Role::Table, _) => {}
                _ => _ = parameters.small.insert(name.clone(), vec![0.0; values]),
            }
        }
        parameters
    }

    /// The form of the matrices that have arrived; none before the first.
    #[cfg(feature = "gpu")]
    pub(crate) fn known_form(&self) -> Option<Form> {
        self.form
    }

    /// Takes all of a weights file that the model needs, and puts matrices on the device.
    ///
    /// # Errors
    ///
    /// `Model` where the file is cut off or altered, or repeats a tensor.
    pub(crate) fn add(&mut self, file: &str, bytes: &[u8], place: &Place) -> Result<()> {
        let plan = std::mem::take(&mut self.plan);
        let added = Weights::open(file, bytes).and_then(|weights| {
            weights.pieces(&plan).try_for_each(|piece| self.put(file, piece?, place))
        });
        self.plan = plan;
        self.files.push(file.to_owned());
        added
    }

    /// The form of the matrices, the coarsest where they differ.
    pub(crate) fn form(&self) -> Form {
        self.form.unwrap_or(Form::F32)
    }

    /// Whether every tensor of the model is there.
    ///
    /// # Errors
    ///
    /// `Model`, naming one that is missing.
    pub(crate) fn check(&self) -> Result<()> {
        match self.plan.iter().find(|(name, expected)| !self.has(name, expected)) {
            None => Ok(()),
            Some((name, _)) => Err(match &self.files[..] {
                [file] => damaged(file, &format!("it has no tensor \"{name}\"")),
                files => {
                    let message = format!(
                        "none of the {} weights files has the whole tensor \"{name}\". Fetch the \
                         model's files again",
                        files.len()
                    );
                    Error::new(ErrorKind::Model, message)
                }
            }),
        }
    }

    /// The matrix of a linear map.
    pub(crate) fn weight(&mut self, name: &str) -> Result<Weight> {
        self.weights.remove(name).ok_or_else(|| missing(name))
    }

    /// The values of a small tensor.
    pub(crate) fn values(&mut self, name: &str) -> Result<Vec<f32>> {
        self.small.remove(name).ok_or_else(|| missing(name))
    }

    /// A small tensor on the device, `[values]`.
    pub(crate) fn vector(&mut self, name: &str, place: &Place) -> Result<Vector> {
        Ok(place.vector(self.values(name)?))
    }

    /// The token table.
    pub(crate) fn table(&mut self, name: &str) -> Result<Table> {
        let pieces = self.pieces.remove(name).ok_or_else(|| missing(name))?;
        let dimension = self.plan.get(name).map_or(0, |expected| expected.shape[1]);
        Ok(Table::new(pieces, dimension))
    }

    fn put(&mut self, file: &str, piece: Piece<'_>, place: &Place) -> Result<()> {
        let (name, expected) = (piece.name.to_owned(), piece.expected);
        let (whole, own) = expected.place(piece.name);
        let repeated = self.small.contains_key(&name) || self.weights.contains_key(whole);
        if repeated || self.overlaps(&piece) {
            return Err(damaged(file, &format!("\"{name}\" is there twice")));
        }
        if expected.role == Role::Small {
            let matrix = Matrix {
                columns: piece.codes.len() / piece.form.row_bytes(1),
                rows: 1,
                ..matrix_of(&piece)
            };
            self.small.insert(name, matrix.values());
            return Ok(());
        }
        self.form = self.form.max(Some(piece.form));
        let pieces = self.pieces.entry(whole.to_owned()).or_default();
        pieces.push((own.start + piece.first_row, matrix_of(&piece)));
        if expected.role == Role::Matrix && rows_of(pieces) == expected.whole_rows() {
            let matrix = joined(self.pieces.remove(whole).unwrap_or_default(), file, whole)?;
            self.weights.insert(whole.to_owned(), place.weight(&matrix));
        }
        Ok(())
    }

    fn overlaps(&self, piece: &Piece<'_>) -> bool {
        let (whole, own) = piece.expected.place(piece.name);
        let start = own.start + piece.first_row;
        let end = start + piece.rows;
        let pieces = self.pieces.get(whole);
        pieces.is_some_and(|pieces| {
            pieces.iter().any(|(first, matrix)| start < first + matrix.rows && *first < end)
        })
    }

    fn has(&self, name: &str, expected: &Expected) -> bool {
        match expected.role {
            Role::Small => self.small.contains_key(name),
            Role::Matrix => {
                let (whole, own) = expected.place(name);
                self.weights.contains_key(whole) || self.holds(whole, own)
            }
            Role::Table => self.holds(name, 0..expected.shape[0]),
        }
    }

    /// Whether pieces of a tensor are all of these rows: they do not overlap, and each is of one tensor
    /// of the file.
    fn holds(&self, name: &str, rows: Range<usize>) -> bool {
        let pieces = self.pieces.get(name).into_iter().flatten();
        let own = pieces.filter(|(first, _)| rows.contains(first));
        own.map(|(_, matrix)| matrix.rows).sum::<usize>() == rows.len()
    }
}

fn rows_of(pieces: &[(usize, Matrix)]) -> usize {
    pieces.iter().map(|(_, matrix)| matrix.rows).sum()
}

fn matrix_of(piece: &Piece<'_>) -> Matrix {
    Matrix {
        rows: piece.rows,
        columns: piece.expected.shape.get(1).copied().unwrap_or(1),
        form: piece.form,
        codes: piece.codes.to_vec(),
        scales: piece.scales.to_vec(),
    }
}

/// One matrix of pieces that do not overlap and together are whole.
fn joined(mut pieces: Vec<(usize, Matrix)>, file: &str, name: &str) -> Result<Matrix> {
    pieces.sort_by_key(|(first, _)| *first);
    let mut pieces = pieces.into_iter().map(|(_, matrix)| matrix);
    let mut whole = pieces.next().ok_or_else(|| missing(name))?;
    for piece in pieces {
        if piece.form != whole.form {
            let message = format!(
                "{file}: what is computed as \"{name}\" is of different types. Make it one with \
                 `burrow pack`"
            );
            return Err(Error::new(ErrorKind::Model, message));
        }
        whole.rows += piece.rows;
        whole.codes.extend(piece.codes);
        whole.scales.extend(piece.scales);
    }
    Ok(whole)
}

/// Only after [`Parameters::check`] was left out.
fn missing(name: &str) -> Error {
    Error::new(ErrorKind::Model, format!("the model has no tensor \"{name}\": fetch it again"))
}

#[cfg(test)]
mod tests {
    use super::{Form, Matrix, joined};

    fn piece(first_row: usize, rows: usize, form: Form) -> (usize, Matrix) {
        let codes = (0..form.row_bytes(32) * rows).map(|byte| (first_row + byte) as u8).collect();
        (first_row, Matrix { rows, columns: 32, form, codes, scales: vec![] })
    }

    #[test]
    fn pieces_are_joined_in_the_order_of_their_rows() {
        let pieces = [piece(2, 1, Form::F32), piece(0, 2, Form::F32)];
        let codes = [&pieces[1].1.codes[..], &pieces[0].1.codes].concat();
        let whole = joined(pieces.into(), "model.safetensors", "all").unwrap();
        assert_eq!((whole.rows, whole.codes), (3, codes));
    }

    #[test]
    fn pieces_of_different_types_are_refused() {
        let pieces = vec![piece(0, 1, Form::F32), piece(1, 1, Form::F16)];
        let error = joined(pieces, "model.safetensors", "attention.all").unwrap_err();
        let message = error.to_string();
        for part in ["model.safetensors", "attention.all", "different types", "burrow pack"] {
            assert!(message.contains(part), "{part}: {message}");
        }
    }
}
