//! Rows of f32 → a packed form.

use half::f16;

use crate::encoder::matrix::{Form, GROUP};

/// The codes and the scales of rows. None where a value does not fit into the form.
pub(super) fn encode(form: Form, values: &[f32]) -> Option<(Vec<u8>, Vec<u8>)> {
    match form {
        Form::F32 => Some((values.iter().flat_map(|value| value.to_le_bytes()).collect(), vec![])),
        Form::F16 | Form::Bf16 => {
            let halves: Vec<f16> = values.iter().map(|&value| f16::from_f32(value)).collect();
            let fits = form == Form::F16 && halves.iter().all(|half| half.is_finite());
            fits.then(|| (halves.iter().flat_map(|half| half.to_le_bytes()).collect(), vec![]))
        }
        Form::Q8 => groups(values, q8),
        Form::Q4 => groups(values, q4),
    }
}

fn groups(
    values: &[f32],
    encode: fn(&[f32; GROUP], &mut Vec<u8>) -> f16,
) -> Option<(Vec<u8>, Vec<u8>)> {
    let (mut codes, mut scales) = (Vec::with_capacity(values.len()), Vec::new());
    for group in values.as_chunks::<GROUP>().0 {
        let scale = encode(group, &mut codes);
        if !scale.is_finite() {
            return None;
        }
        scales.extend(scale.to_le_bytes());
    }
    Some((codes, scales))
}

/// A signed byte a value: the greatest becomes ±127.
fn q8(group: &[f32; GROUP], codes: &mut Vec<u8>) -> f16 {
    let greatest = group.iter().fold(0f32, |greatest, value| greatest.max(value.abs()));
    let scale = f16::from_f32(greatest / 127.0);
    let code = |&value: &f32| (steps(value, scale).clamp(-127.0, 127.0) as i8).cast_unsigned();
    codes.extend(group.iter().map(code));
    scale
}

/// Scales that are tried for a group of q4, as shares of the one that loses no value at the edge.
const SHARES: [f32; 9] = [1.0, 0.96, 0.92, 0.88, 0.84, 1.04, 0.8, 1.08, 0.76];

/// Half a byte a value, from -8 to 7. The greatest becomes -8, whatever its sign, since there is one
/// more code on that side; then the scale is moved a little to where the squares of the errors
/// are least: with so few codes it matters.
fn q4(group: &[f32; GROUP], codes: &mut Vec<u8>) -> f16 {
    let greatest = |a: f32, &b: &f32| if b.abs() > a.abs() { b } else { a };
    let edge = group.iter().fold(0.0, greatest) / -8.0;
    let loss = |scale: f16| -> f32 {
        let error = |&value: &f32| {
            let error = q4_steps(value, scale) * scale.to_f32() - value;
            error * error
        };
        group.iter().map(error).sum()
    };
    let scales = SHARES.map(|share| f16::from_f32(edge * share));
    let scale = scales.into_iter().min_by(|&a, &b| loss(a).total_cmp(&loss(b)));
    let scale = scale.unwrap_or(f16::ZERO);
    let code = |value: f32| (q4_steps(value, scale) + 8.0) as u8;
    let pairs = group.as_chunks::<2>().0.iter();
    codes.extend(pairs.map(|&[low, high]| code(low) | code(high) << 4));
    scale
}

fn q4_steps(value: f32, scale: f16) -> f32 {
    steps(value, scale).clamp(-8.0, 7.0)
}

/// How many scales make the value. The scale is that which was rounded to f16, so that rounding
/// it costs nothing more.
fn steps(value: f32, scale: f16) -> f32 {
    let scale = scale.to_f32();
    if scale == 0.0 { 0.0 } else { (value / scale).round_ties_even() }
}
