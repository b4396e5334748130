//! AVX2, with fused multiplication and addition.

use core::arch::x86_64::*;

use super::{Simd, Work};

/// Whether this processor has what is used here.
pub(super) fn there() -> bool {
    is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("fma")
        && is_x86_feature_detected!("f16c")
}

/// # Safety
///
/// [`there`] is true.
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) unsafe fn run<W: Work>(work: W) -> W::Output {
    work.run(Avx2(()))
}

/// Only [`run`] makes one, so that every method's instructions are there.
#[derive(Clone, Copy)]
pub(super) struct Avx2(());

/// Instructions that need no more than to be there.
macro_rules! instructions {
    ($($name:ident($($argument:ident: $type:ty),*) -> $output:ty = $body:expr;)*) => {$(
        #[inline(always)]
        fn $name(self $(, $argument: $type)*) -> $output {
            // SAFETY: see the type.
            unsafe { $body }
        }
    )*};
}

/// Instructions that read or write memory, too.
macro_rules! memory {
    ($($name:ident($($argument:ident: $type:ty),*) $(-> $output:ty)? = $body:expr;)*) => {$(
        #[inline(always)]
        unsafe fn $name(self $(, $argument: $type)*) $(-> $output)? {
            // SAFETY: see the type; the memory is the caller's.
            unsafe { $body }
        }
    )*};
}

impl Simd for Avx2 {
    const LANES: usize = 8;
    const ROWS: usize = 4;
    type Floats = __m256;
    type Ints = __m256i;

    instructions! {
        splat(value: f32) -> __m256 = _mm256_set1_ps(value);
        add(a: __m256, b: __m256) -> __m256 = _mm256_add_ps(a, b);
        sub(a: __m256, b: __m256) -> __m256 = _mm256_sub_ps(a, b);
        mul(a: __m256, b: __m256) -> __m256 = _mm256_mul_ps(a, b);
        div(a: __m256, b: __m256) -> __m256 = _mm256_div_ps(a, b);
        min(a: __m256, b: __m256) -> __m256 = _mm256_min_ps(a, b);
        max(a: __m256, b: __m256) -> __m256 = _mm256_max_ps(a, b);
        mul_add(a: __m256, b: __m256, c: __m256) -> __m256 = _mm256_fmadd_ps(a, b, c);
        power_of_two(shifted: __m256) -> __m256 = {
            let exponent = _mm256_slli_epi32::<23>(_mm256_castps_si256(shifted));
            _mm256_castsi256_ps(_mm256_add_epi32(exponent, _mm256_set1_epi32(127 << 23)))
        };
        no_sum() -> __m256i = _mm256_setzero_si256();
        to_floats(ints: __m256i) -> __m256 = _mm256_cvtepi32_ps(ints);
        splat_pair(pair: i32) -> __m256i = _mm256_set1_epi32(pair);
        sum(floats: __m256) -> f32 = {
            let four = _mm_add_ps(_mm256_castps256_ps128(floats), _mm256_extractf128_ps::<1>(floats));
            let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps::<1>(two, two)))
        };
        greatest(floats: __m256) -> f32 = {
            let four = _mm_max_ps(_mm256_castps256_ps128(floats), _mm256_extractf128_ps::<1>(floats));
            let two = _mm_max_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_max_ss(two, _mm_shuffle_ps::<1>(two, two)))
        };
        add_pairs(sum: __m256i, a: __m256i, b: __m256i) -> __m256i = {
            _mm256_add_epi32(sum, _mm256_madd_epi16(a, b))
        };
    }

    memory! {
        load(values: *const f32) -> __m256 = _mm256_loadu_ps(values);
        store(floats: __m256, values: *mut f32) = _mm256_storeu_ps(values, floats);
        load_f16(values: *const u16) -> __m256 = _mm256_cvtph_ps(_mm_loadu_si128(values.cast()));
        load_bf16(values: *const u16) -> __m256 = {
            let bits = _mm256_cvtepu16_epi32(_mm_loadu_si128(values.cast()));
            _mm256_castsi256_ps(_mm256_slli_epi32::<16>(bits))
        };
        store_rounded(floats: __m256, values: *mut i16) = {
            let ints = _mm256_cvtps_epi32(floats);
            let (low, high) = (_mm256_castsi256_si128(ints), _mm256_extracti128_si256::<1>(ints));
            _mm_storeu_si128(values.cast(), _mm_packs_epi32(low, high))
        };
        load_pairs(codes: *const i8) -> __m256i = {
            _mm256_cvtepi8_epi16(_mm_loadu_si128(codes.cast()))
        };
    }
}
