//! Every set of instructions gives what plain arithmetic in f64 gives.

use super::attention::attention_at;
use super::linear::linear;
use super::math::{erf, exp};
use super::pack::Packed;
use super::simd::{Level, Simd, Work};
use super::values::{Gelu, Swiglu};
use crate::encoder::device::Place;
use crate::encoder::kernels::Shape;
use crate::encoder::kernels::attention::{Columns, Heads};
use crate::encoder::matrix::{Form, GROUP, Matrix};
use crate::encoder::rows::CpuRows;

/// Numbers between -1 and 1 that are the same every time.
fn numbers(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(12_345);
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

/// A matrix of invented codes.
fn matrix(form: Form, rows: usize, columns: usize) -> Matrix {
    let values = numbers(rows * columns, 7);
    let halves = |values: &[f32]| -> Vec<u8> {
        values.iter().flat_map(|&value| half::f16::from_f32(value).to_le_bytes()).collect()
    };
    let codes = match form {
        Form::F32 => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        Form::F16 => halves(&values),
        Form::Bf16 => values.iter().flat_map(|&v| half::bf16::from_f32(v).to_le_bytes()).collect(),
        Form::Q8 => values.iter().map(|value| (value * 127.0) as i8 as u8).collect(),
        Form::Q4 => values.as_chunks::<2>().0.iter().map(|[a, _]| (a * 1e6) as i32 as u8).collect(),
    };
    let scales = match form {
        Form::Q8 | Form::Q4 => halves(&numbers(rows * columns / GROUP, 9)),
        _ => Vec::new(),
    };
    Matrix { rows, columns, form, codes, scales }
}

/// The greatest difference, as a share of the greatest value.
fn apart(found: &[f32], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let greatest = expected.iter().fold(0f64, |greatest, value| greatest.max(value.abs()));
    let differences = found.iter().zip(expected).map(|(a, b)| (f64::from(*a) - b).abs());
    differences.fold(0.0, f64::max) / greatest
}

#[test]
fn a_product_is_that_of_plain_arithmetic_in_every_form_and_shape() {
    let forms = [Form::F32, Form::F16, Form::Bf16, Form::Q8, Form::Q4];
    // Rows and outputs that fill no tile, and more rows than a block has.
    for (rows, inputs, outputs) in [(1, 32, 4), (7, 96, 36), (9, 64, 68), (300, 384, 52)] {
        for form in forms {
            let x = CpuRows { values: numbers(rows * inputs, 3).into(), columns: inputs };
            let (matrix, bias) = (matrix(form, outputs, inputs), numbers(outputs, 5));
            let weights = matrix.values();
            let expected: Vec<f64> = (x.values.chunks_exact(inputs))
                .flat_map(|x| {
                    weights
                        .chunks_exact(inputs)
                        .zip(&bias)
                        .map(move |(w, b)| dot(x, w) + f64::from(*b))
                })
                .collect();
            for level in Level::available() {
                let found = linear(&x, &Packed::at(level, &matrix), &bias);
                let error = apart(&found.values, &expected);
                println!("{level:?} {form:?} {rows} × {inputs} × {outputs}: {error:.1e}");
                let allowed = if matrix.scales.is_empty() { 1e-6 } else { 5e-5 };
                assert!(error <= allowed, "{level:?} {form:?}: {error}");
            }
        }
    }
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
}

#[test]
fn a_row_has_the_same_product_in_any_company() {
    for form in [Form::F32, Form::F16, Form::Q8, Form::Q4] {
        let matrix = matrix(form, 40, 64);
        for level in Level::available() {
            let weight = Packed::at(level, &matrix);
            let x = CpuRows { values: numbers(13 * 64, 3).into(), columns: 64 };
            let all = linear(&x, &weight, &[]);
            for (row, expected) in x.values.chunks_exact(64).zip(all.values.chunks_exact(40)) {
                let alone =
                    linear(&CpuRows { values: row.to_vec().into(), columns: 64 }, &weight, &[]);
                assert_eq!(*alone.values, *expected);
            }
        }
    }
}

#[test]
fn what_is_not_finite_stays_so() {
    for form in [Form::F32, Form::F16, Form::Q8, Form::Q4] {
        for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut x = CpuRows { values: numbers(64, 3).into(), columns: 64 };
            x.values[40] = value;
            for level in Level::available() {
                let found = linear(&x, &Packed::at(level, &matrix(form, 8, 64)), &[]);
                assert!(found.values.iter().any(|value| !value.is_finite()), "{level:?} {form:?}");
            }
        }
    }
}

/// Applies a function of vectors to values.
struct Each<'a>(&'a mut [f32], bool);

impl Work for Each<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        for vector in self.0.chunks_exact_mut(S::LANES) {
            // SAFETY: a vector is as long as there are lanes.
            unsafe {
                let x = simd.load(vector.as_ptr());
                let y = if self.1 { exp(simd, x) } else { erf(simd, x) };
                simd.store(y, vector.as_mut_ptr());
            }
        }
    }
}

#[test]
fn exponential_and_error_function_are_those_of_the_library() {
    let x: Vec<f32> = (-87_000..88_000).step_by(3).map(|x| x as f32 / 1000.0).collect();
    let x = &x[..x.len() / 16 * 16];
    for level in Level::available() {
        let mut found = x.to_vec();
        level.run(Each(&mut found, true));
        let errors =
            x.iter().zip(&found).map(|(&x, &y)| (f64::from(y) / f64::from(x).exp() - 1.0).abs());
        let worst = errors.fold(0.0, f64::max);
        let small: Vec<f32> = x.iter().map(|x| x / 16.0).collect();
        let mut found = small.clone();
        level.run(Each(&mut found, false));
        let errors =
            small.iter().zip(&found).map(|(&x, &y)| (f64::from(y) - libm::erf(f64::from(x))).abs());
        let worst_erf = errors.fold(0.0, f64::max);
        println!("{level:?}: e^x {worst:.1e}, erf {worst_erf:.1e}");
        assert!(worst <= 2e-7 && worst_erf <= 5e-7, "{level:?}: {worst:e} {worst_erf:e}");
    }
}

#[test]
fn curves_are_those_of_the_library_at_every_length() {
    let gelu = |x: f64| x * (1.0 + libm::erf(x / 2f64.sqrt())) / 2.0;
    let gate = |x: f64| x / (1.0 + (-x).exp());
    for count in [1, 15, 16, 50] {
        let x: Vec<f32> = numbers(count, 3).iter().map(|x| x * 9.0).collect();
        let up = numbers(count, 4);
        for level in Level::available() {
            let (mut bent, mut gated) = (x.clone(), x.clone());
            level.run(Gelu(&mut bent));
            level.run(Swiglu(&mut gated, &up));
            for at in 0..count {
                let (x, up) = (f64::from(x[at]), f64::from(up[at]));
                assert!((f64::from(bent[at]) - gelu(x)).abs() <= 3e-6, "{level:?} {x}");
                assert!((f64::from(gated[at]) - gate(x) * up).abs() <= 3e-6, "{level:?} {x}");
            }
        }
    }
}

#[test]
fn attention_is_that_of_plain_arithmetic() {
    // Heads narrower and wider than a panel, grouped and not; sequences of different lengths.
    for (asking, asked, width) in [(2, 2, 4), (4, 2, 16), (3, 1, 68), (2, 1, 128)] {
        for causal in [false, true] {
            let heads = Heads { asking, asked, width, causal };
            let shape = Shape::new(vec![37, 1, 70], &Place::cpu());
            let rows = |heads: usize, seed| CpuRows {
                values: numbers(shape.rows() * heads * width, seed)
                    .iter()
                    .map(|x| 3.0 * x)
                    .collect::<Vec<f32>>()
                    .into(),
                columns: heads * width,
            };
            let (query, key, value) = (rows(asking, 1), rows(asked, 2), rows(asked, 3));
            let expected = plain_attention([&query, &key, &value], &heads, &shape);
            let (all, firsts) = side_by_side(&[&query, &key, &value]);
            let inputs = [0, 1, 2].map(|at| Columns::of(&all, firsts[at]));
            for level in Level::available() {
                let found = attention_at(level, inputs, &heads, &shape);
                let error = apart(&found.values, &expected);
                assert!(error <= 2e-6, "{level:?} {heads:?}: {error}");
            }
        }
    }
}

/// Rows side by side, as one product makes them, and the first column of each.
fn side_by_side(parts: &[&CpuRows]) -> (CpuRows, Vec<usize>) {
    let columns = parts.iter().map(|rows| rows.columns).sum();
    let row = |at: usize| {
        parts.iter().flat_map(move |rows| rows.values[at * rows.columns..][..rows.columns].to_vec())
    };
    let values: Vec<f32> = (0..parts[0].count()).flat_map(row).collect();
    let firsts = parts.iter().scan(0, |next, rows| {
        *next += rows.columns;
        Some(*next - rows.columns)
    });
    (CpuRows { values: values.into(), columns }, firsts.collect())
}

fn plain_attention([query, key, value]: [&CpuRows; 3], heads: &Heads, shape: &Shape) -> Vec<f64> {
    let mut mixed = vec![0.0; query.values.len()];
    for (&start, &length) in shape.starts.iter().zip(&shape.lengths) {
        for (at, head) in (0..length).flat_map(|at| (0..heads.asking).map(move |head| (at, head))) {
            let asked = head / (heads.asking / heads.asked) * heads.width;
            let part = |rows: &CpuRows, at: usize, column: usize| {
                rows.values[(start + at) * rows.columns + column..][..heads.width].to_vec()
            };
            let own = part(query, at, head * heads.width);
            let seen = 0..if heads.causal { at + 1 } else { length };
            let share = |at| (dot(&own, &part(key, at, asked)) / (heads.width as f64).sqrt()).exp();
            let shares: Vec<f64> = seen.map(share).collect();
            let total: f64 = shares.iter().sum();
            let out =
                &mut mixed[(start + at) * query.columns + head * heads.width..][..heads.width];
            for (at, share) in shares.iter().enumerate() {
                let value = part(value, at, asked);
                out.iter_mut().zip(value).for_each(|(out, v)| *out += share / total * f64::from(v));
            }
        }
    }
    mixed
}
