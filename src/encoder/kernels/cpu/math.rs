//! The exponential and the error function, several at once.

use super::simd::{ROUND, Simd};

/// `e^x` to within 2e-7 of its size; x is taken for -87 where it is less, and for 88 where it is
/// more.
#[inline(always)]
pub(super) fn exp<S: Simd>(simd: S, x: S::Floats) -> S::Floats {
    // In this order, what is not a number stays so.
    let x = simd.max(simd.splat(-87.0), simd.min(simd.splat(88.0), x));
    // x = n · ln 2 + r. The logarithm is in two parts, the first with few bits, so that the product
    // with n is exact.
    let shifted = simd.mul_add(x, simd.splat(std::f32::consts::LOG2_E), simd.splat(ROUND));
    let n = simd.sub(shifted, simd.splat(ROUND));
    let r = simd.mul_add(n, simd.splat(-0.693_359_4), x);
    let r = simd.mul_add(n, simd.splat(2.121_944_4e-4), r);
    // Coefficients of the Cephes library's `expf`.
    let rest = polynomial(
        simd,
        r,
        [1.987_569_2e-4, 1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 0.166_666_65, 0.5],
    );
    let power = simd.mul_add(simd.mul(rest, r), r, simd.add(r, simd.splat(1.0)));
    simd.mul(power, simd.power_of_two(shifted))
}

/// The error function to within 5e-7.
#[inline(always)]
pub(super) fn erf<S: Simd>(simd: S, x: S::Floats) -> S::Floats {
    // A quotient of polynomials, as Eigen has it. Beyond 4 it is 1 in f32.
    let x = simd.max(simd.splat(-4.0), simd.min(simd.splat(4.0), x));
    let square = simd.mul(x, x);
    let above = polynomial(
        simd,
        square,
        [
            -2.726_142_4e-10,
            2.770_681_4e-8,
            -2.101_024e-6,
            -5.692_506_6e-5,
            -7.349_906_4e-4,
            -2.954_6e-3,
            -1.609_603_3e-2,
        ],
    );
    let below = polynomial(
        simd,
        square,
        [-1.456_607_2e-5, -2.133_740_6e-4, -1.682_827e-3, -7.373_329e-3, -1.426_473_9e-2],
    );
    simd.div(simd.mul(x, above), below)
}

/// The coefficient of the highest power first.
#[inline(always)]
fn polynomial<S: Simd, const TERMS: usize>(
    simd: S,
    x: S::Floats,
    coefficients: [f32; TERMS],
) -> S::Floats {
    let mut value = simd.splat(coefficients[0]);
    for coefficient in &coefficients[1..] {
        value = simd.mul_add(value, x, simd.splat(*coefficient));
    }
    value
}
