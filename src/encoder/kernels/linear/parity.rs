//! The product in all its forms and shares of work against its twin.

use half::{bf16, f16};

use super::gpu::{GpuMatrix, LARGE, SMALL, Work, shared_out};
use super::{Finish, Shape, Store};
use crate::encoder::device::Place;
use crate::encoder::kernels::launch::GpuRows;
use crate::encoder::kernels::parity::{KernelCheck, alone, compare, rows, values};
use crate::encoder::kernels::{apart, cpu};
use crate::encoder::matrix::{Form, GROUP, Matrix};
use crate::encoder::rows::{CpuRows, Rows, Weight};
use crate::error::Result;

const WORKS: [Work; 8] = [
    Work::Direct { tile: 1 },
    Work::Direct { tile: 4 },
    Work::Direct { tile: 8 },
    Work::Split { tile: 1 },
    Work::Split { tile: 4 },
    Work::Split { tile: 8 },
    Work::Tile(SMALL),
    Work::Tile(LARGE),
];

const FORMS: [Form; 5] = [Form::F32, Form::F16, Form::Bf16, Form::Q8, Form::Q4];

/// Inputs and outputs, a bit more than whole tiles.
const UNEVEN: (usize, usize) = (160, 76);

/// Whole tiles, less than one, and, only for the float forms, no whole group: the text is the same
/// in all of these.
const OTHERS: [(usize, usize); 3] = [(128, 128), (32, 4), (100, 36)];

/// Forms of a gate and of what it lets through: also different ones.
const GATED: [[Form; 2]; 4] = [[Form::F32; 2], [Form::Q8; 2], [Form::Q4; 2], [Form::F16, Form::Q8]];

/// Fewer rows than a tile has, and a bit more.
const ROWS: [usize; 2] = [7, 67];

pub(in crate::encoder::kernels) async fn checks(place: &Place) -> Result<Vec<KernelCheck>> {
    let mut checks = Vec::new();
    let uneven = FORMS.map(|form| (form, UNEVEN));
    let others = OTHERS.map(|shape| (Form::F32, shape));
    for (form, (inputs, outputs)) in uneven.into_iter().chain(others) {
        let matrix = matrix(form, inputs, outputs);
        for work in WORKS {
            checks.extend(check(&matrix, work, place).await?);
        }
    }
    for forms in GATED {
        for work in WORKS.map(Work::halved) {
            checks.push(gated(ROWS[1], forms, work, place).await?);
        }
    }
    Ok(checks)
}

/// `silu(gate(x)) · up(x)`
async fn gated(count: usize, forms: [Form; 2], work: Work, place: &Place) -> Result<KernelCheck> {
    let (inputs, outputs) = UNEVEN;
    let x = rows(1, count, inputs);
    let [gate, up] = forms.map(|form| matrix(form, inputs, outputs));
    let expected = cpu::gated(&x, &plainly(&gate), &plainly(&up));
    let found = {
        let shape: Shape = alone(count, place);
        let (Rows::Gpu(x), Weight::Gpu(gate), Weight::Gpu(up)) =
            (place.put(&x), place.weight(&gate), place.weight(&up))
        else {
            apart()
        };
        let (x, finish) = (GpuRows::of(&x), Finish::default());
        shared_out(&x, (&up, Some(&gate)), &finish, shape.words(), Store::Full, work)
    };
    let name = format!("gated {forms:?} {count}×{inputs}→{outputs} {work:?}");
    compare(name, place, Rows::Gpu(found), &expected).await
}

async fn check(matrix: &Matrix, work: Work, place: &Place) -> Result<Vec<KernelCheck>> {
    let mut checks = Vec::new();
    for count in ROWS {
        let (name, found, expected) = {
            let x = rows(1, count, matrix.columns);
            let (found, expected) = if count == ROWS[0] {
                plain(&x, matrix, work, place)
            } else {
                finished(&x, matrix, work, place)
            };
            let (form, outputs) = (matrix.form, matrix.rows);
            (
                format!("linear {form:?} {count}×{}→{outputs} {work:?}", matrix.columns),
                found,
                expected,
            )
        };
        checks.push(compare(name, place, found, &expected).await?);
    }
    Ok(checks)
}

/// The same weights in f32: with quantized ones the CPU rounds what is multiplied with them, too.
fn plainly(matrix: &Matrix) -> cpu::Packed {
    let codes = matrix.values().iter().flat_map(|value| value.to_le_bytes()).collect();
    cpu::Packed::new(&Matrix { form: Form::F32, codes, scales: Vec::new(), ..*matrix })
}

/// The product alone.
fn plain(x: &CpuRows, matrix: &Matrix, work: Work, place: &Place) -> (Rows, CpuRows) {
    let expected = cpu::linear(x, &plainly(matrix), &[]);
    (run(x, matrix, work, &Finish::default(), place), expected)
}

/// With all that can follow it.
fn finished(x: &CpuRows, matrix: &Matrix, work: Work, place: &Place) -> (Rows, CpuRows) {
    let bias = values(3, matrix.rows);
    let residual = rows(5, x.count(), matrix.rows);
    let expected = cpu::gelu(cpu::linear(x, &plainly(matrix), &bias));
    let expected = cpu::add(expected, &residual);
    let (bias, residual) = (place.vector(bias), place.put(&residual));
    let finish = Finish { bias: Some(&bias), gelu: true, residual: Some(&residual) };
    (run(x, matrix, work, &finish, place), expected)
}

fn run(x: &CpuRows, matrix: &Matrix, work: Work, finish: &Finish<'_>, place: &Place) -> Rows {
    let shape: Shape = alone(x.count(), place);
    let (Rows::Gpu(x), Weight::Gpu(matrix)) = (place.put(x), place.weight(matrix)) else { apart() };
    let matrix: &GpuMatrix = &matrix;
    Rows::Gpu(shared_out(
        &GpuRows::of(&x),
        (matrix, None),
        finish,
        shape.words(),
        Store::Full,
        work,
    ))
}

/// A matrix of invented codes.
fn matrix(form: Form, columns: usize, rows: usize) -> Matrix {
    let values = values(7, rows * columns);
    let codes: Vec<u8> = match form {
        Form::F32 => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        Form::F16 => values.iter().flat_map(|&value| f16::from_f32(value).to_le_bytes()).collect(),
        Form::Bf16 => {
            values.iter().flat_map(|&value| bf16::from_f32(value).to_le_bytes()).collect()
        }
        Form::Q8 | Form::Q4 => {
            let bytes = values.iter().map(|value| (value * 127.0) as i8 as u8);
            bytes.take(form.row_bytes(columns) * rows).collect()
        }
    };
    let groups = form.scale_bytes(columns) / 2 * rows;
    let scale = |at: usize| f16::from_f32(0.01 + (at % GROUP) as f32 * 0.001).to_le_bytes();
    let scales = (0..groups).flat_map(scale).collect();
    Matrix { rows, columns, form, codes, scales }
}
