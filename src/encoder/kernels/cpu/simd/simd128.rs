//! WebAssembly's SIMD.

use core::arch::wasm32::{
    f32x4_add, f32x4_convert_i32x4, f32x4_div, f32x4_extract_lane, f32x4_mul, f32x4_pmax,
    f32x4_pmin, f32x4_splat, f32x4_sub, i16x8_load_extend_i8x8, i16x8_narrow_i32x4, i32x4_add,
    i32x4_dot_i16x8, i32x4_shl, i32x4_splat, i32x4_sub, u32x4_load_extend_u16x4, v128, v128_and,
    v128_load, v128_or, v128_store, v128_store64_lane,
};

use super::{ROUND, Simd};

#[derive(Clone, Copy)]
pub(super) struct Simd128;

impl Simd for Simd128 {
    const LANES: usize = 4;
    const ROWS: usize = 4;
    type Floats = v128;
    type Ints = v128;

    #[inline(always)]
    fn splat(self, value: f32) -> v128 {
        f32x4_splat(value)
    }

    #[inline(always)]
    unsafe fn load(self, values: *const f32) -> v128 {
        // SAFETY: the caller's.
        unsafe { v128_load(values.cast()) }
    }

    #[inline(always)]
    unsafe fn store(self, floats: v128, values: *mut f32) {
        // SAFETY: the caller's.
        unsafe { v128_store(values.cast(), floats) }
    }

    #[inline(always)]
    fn add(self, a: v128, b: v128) -> v128 {
        f32x4_add(a, b)
    }

    #[inline(always)]
    fn sub(self, a: v128, b: v128) -> v128 {
        f32x4_sub(a, b)
    }

    #[inline(always)]
    fn mul(self, a: v128, b: v128) -> v128 {
        f32x4_mul(a, b)
    }

    #[inline(always)]
    fn div(self, a: v128, b: v128) -> v128 {
        f32x4_div(a, b)
    }

    // What is asked for is one instruction of every processor; `f32x4_min` is several.
    #[inline(always)]
    fn min(self, a: v128, b: v128) -> v128 {
        f32x4_pmin(b, a)
    }

    #[inline(always)]
    fn max(self, a: v128, b: v128) -> v128 {
        f32x4_pmax(b, a)
    }

    #[inline(always)]
    fn mul_add(self, a: v128, b: v128, c: v128) -> v128 {
        f32x4_add(f32x4_mul(a, b), c)
    }

    #[inline(always)]
    fn sum(self, v: v128) -> f32 {
        (f32x4_extract_lane::<0>(v) + f32x4_extract_lane::<1>(v))
            + (f32x4_extract_lane::<2>(v) + f32x4_extract_lane::<3>(v))
    }

    #[inline(always)]
    fn greatest(self, v: v128) -> f32 {
        let low = f32x4_extract_lane::<0>(v).max(f32x4_extract_lane::<1>(v));
        low.max(f32x4_extract_lane::<2>(v).max(f32x4_extract_lane::<3>(v)))
    }

    #[inline(always)]
    fn power_of_two(self, shifted: v128) -> v128 {
        i32x4_add(i32x4_shl(shifted, 23), i32x4_splat(127 << 23))
    }

    #[inline(always)]
    unsafe fn load_f16(self, values: *const u16) -> v128 {
        // SAFETY: the caller's.
        let bits = unsafe { u32x4_load_extend_u16x4(values) };
        // The exponent is counted from 15 there and from 127 here; subnormal values come right too.
        let size = i32x4_shl(v128_and(bits, i32x4_splat(0x7fff)), 13);
        let size = f32x4_mul(size, f32x4_splat(f32::from_bits((127 + 112) << 23)));
        v128_or(size, i32x4_shl(v128_and(bits, i32x4_splat(0x8000)), 16))
    }

    #[inline(always)]
    unsafe fn load_bf16(self, values: *const u16) -> v128 {
        // SAFETY: the caller's.
        i32x4_shl(unsafe { u32x4_load_extend_u16x4(values) }, 16)
    }

    #[inline(always)]
    fn no_sum(self) -> v128 {
        i32x4_splat(0)
    }

    #[inline(always)]
    fn to_floats(self, ints: v128) -> v128 {
        f32x4_convert_i32x4(ints)
    }

    #[inline(always)]
    unsafe fn store_rounded(self, floats: v128, values: *mut i16) {
        let shifted = f32x4_add(floats, f32x4_splat(ROUND));
        let ints = i32x4_sub(shifted, f32x4_splat(ROUND));
        // SAFETY: the caller's.
        unsafe { v128_store64_lane::<0>(i16x8_narrow_i32x4(ints, ints), values.cast()) }
    }

    #[inline(always)]
    unsafe fn load_pairs(self, codes: *const i8) -> v128 {
        // SAFETY: the caller's.
        unsafe { i16x8_load_extend_i8x8(codes) }
    }

    #[inline(always)]
    fn splat_pair(self, pair: i32) -> v128 {
        i32x4_splat(pair)
    }

    #[inline(always)]
    fn add_pairs(self, sum: v128, a: v128, b: v128) -> v128 {
        i32x4_add(sum, i32x4_dot_i16x8(a, b))
    }
}
