//! AVX-512, with the product of pairs of integers (VNNI).

use core::arch::x86_64::*;

use super::{Simd, Work};

/// Whether this processor has what is used here.
pub(super) fn there() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512vnni")
        && is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("fma")
        && is_x86_feature_detected!("f16c")
}

/// # Safety
///
/// [`there`] is true.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,avx2,fma,f16c")]
pub(super) unsafe fn run<W: Work>(work: W) -> W::Output {
    work.run(Avx512(()))
}

/// Only [`run`] makes one, so that every method's instructions are there.
#[derive(Clone, Copy)]
pub(super) struct Avx512(());

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

impl Simd for Avx512 {
    const LANES: usize = 16;
    const ROWS: usize = 8;
    type Floats = __m512;
    type Ints = __m512i;

    instructions! {
        splat(value: f32) -> __m512 = _mm512_set1_ps(value);
        add(a: __m512, b: __m512) -> __m512 = _mm512_add_ps(a, b);
        sub(a: __m512, b: __m512) -> __m512 = _mm512_sub_ps(a, b);
        mul(a: __m512, b: __m512) -> __m512 = _mm512_mul_ps(a, b);
        div(a: __m512, b: __m512) -> __m512 = _mm512_div_ps(a, b);
        min(a: __m512, b: __m512) -> __m512 = _mm512_min_ps(a, b);
        max(a: __m512, b: __m512) -> __m512 = _mm512_max_ps(a, b);
        mul_add(a: __m512, b: __m512, c: __m512) -> __m512 = _mm512_fmadd_ps(a, b, c);
        power_of_two(shifted: __m512) -> __m512 = {
            let exponent = _mm512_slli_epi32::<23>(_mm512_castps_si512(shifted));
            _mm512_castsi512_ps(_mm512_add_epi32(exponent, _mm512_set1_epi32(127 << 23)))
        };
        no_sum() -> __m512i = _mm512_setzero_si512();
        to_floats(ints: __m512i) -> __m512 = _mm512_cvtepi32_ps(ints);
        splat_pair(pair: i32) -> __m512i = _mm512_set1_epi32(pair);
        sum(floats: __m512) -> f32 = _mm512_reduce_add_ps(floats);
        greatest(floats: __m512) -> f32 = _mm512_reduce_max_ps(floats);
        add_pairs(sum: __m512i, a: __m512i, b: __m512i) -> __m512i = _mm512_dpwssd_epi32(sum, a, b);
    }

    memory! {
        load(values: *const f32) -> __m512 = _mm512_loadu_ps(values);
        store(floats: __m512, values: *mut f32) = _mm512_storeu_ps(values, floats);
        load_f16(values: *const u16) -> __m512 = _mm512_cvtph_ps(_mm256_loadu_si256(values.cast()));
        load_bf16(values: *const u16) -> __m512 = {
            let bits = _mm512_cvtepu16_epi32(_mm256_loadu_si256(values.cast()));
            _mm512_castsi512_ps(_mm512_slli_epi32::<16>(bits))
        };
        store_rounded(floats: __m512, values: *mut i16) = {
            let rounded = _mm512_cvtepi32_epi16(_mm512_cvtps_epi32(floats));
            _mm256_storeu_si256(values.cast(), rounded)
        };
        load_pairs(codes: *const i8) -> __m512i = {
            _mm512_cvtepi8_epi16(_mm256_loadu_si256(codes.cast()))
        };
    }
}
