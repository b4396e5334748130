//! Codes equal those of Python's arithmetic and of the naive twin, bit for bit.

mod oracle;

use burrow::quantize::{Quantizer, bits, int8};
use proptest::prelude::*;
use serde::Deserialize;

/// Made by tests/reference/quantize.py.
#[derive(Deserialize)]
struct Case {
    vector: Vec<f32>,
    tanh: Vec<i8>,
    max_abs: Vec<i8>,
    bits: Vec<u8>,
}

#[test]
fn codes_equal_the_reference() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("data/quantize.json")).unwrap();
    assert_eq!(cases.len(), 6);
    for case in cases {
        assert_eq!(int8(Quantizer::Tanh, &case.vector), case.tanh);
        assert_eq!(int8(Quantizer::MaxAbs, &case.vector), case.max_abs);
        assert_eq!(bits(&case.vector), case.bits);
    }
}

#[test]
fn what_is_not_a_number_has_a_code_all_the_same() {
    let odd = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY];
    assert_eq!(int8(Quantizer::Tanh, &odd), [0, 127, -127]);
    assert_eq!(int8(Quantizer::MaxAbs, &[f32::NAN, 1.0, -0.5]), [0, 127, -64]);
    assert_eq!(bits(&odd), [0b0100_0000]);
}

#[test]
fn minus_zero_counts_as_at_least_zero() {
    assert_eq!(bits(&[-0.0, 0.0, -1e-45, 1e-45, -1.0, 1.0, -2.0, 2.0]), [0b1101_0101]);
}

proptest! {
    #[test]
    fn codes_equal_the_naive_twin(vector in prop::collection::vec(-6f32..6.0, 1..200)) {
        let tanh: Vec<i8> = vector.iter().map(|&x| oracle::tanh_code(x)).collect();
        prop_assert_eq!(int8(Quantizer::Tanh, &vector), tanh);
        let largest = vector.iter().fold(0f32, |largest, x| largest.max(x.abs()));
        let max_abs: Vec<i8> = vector.iter().map(|&x| oracle::max_abs_code(x, largest)).collect();
        prop_assert_eq!(int8(Quantizer::MaxAbs, &vector), max_abs);
        prop_assert_eq!(bits(&vector), oracle::bits(&vector));
    }

    #[test]
    fn codes_of_any_floats_keep_their_bounds(
        vector in prop::collection::vec(any::<u32>().prop_map(f32::from_bits), 1..40)
    ) {
        for quantizer in [Quantizer::Tanh, Quantizer::MaxAbs] {
            let codes = int8(quantizer, &vector);
            prop_assert_eq!(codes.len(), vector.len());
            prop_assert!(codes.iter().all(|&code| code >= -127));
        }
        prop_assert_eq!(bits(&vector).len(), vector.len().div_ceil(8));
    }
}
