//! Plain arrays, from which the compiler makes what the target has.

use half::{bf16, f16};

use super::{ROUND, Simd};

const LANES: usize = 8;

#[derive(Clone, Copy)]
pub(super) struct Portable;

/// Combines two arrays, value by value.
#[inline(always)]
fn zip(mut a: [f32; LANES], b: [f32; LANES], with: impl Fn(f32, f32) -> f32) -> [f32; LANES] {
    for lane in 0..LANES {
        a[lane] = with(a[lane], b[lane]);
    }
    a
}

impl Simd for Portable {
    const LANES: usize = LANES;
    const ROWS: usize = 4;
    type Floats = [f32; LANES];
    type Ints = [i32; LANES];

    #[inline(always)]
    fn splat(self, value: f32) -> [f32; LANES] {
        [value; LANES]
    }

    #[inline(always)]
    unsafe fn load(self, values: *const f32) -> [f32; LANES] {
        // SAFETY: the caller's.
        unsafe { values.cast::<[f32; LANES]>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn store(self, floats: [f32; LANES], values: *mut f32) {
        // SAFETY: the caller's.
        unsafe { values.cast::<[f32; LANES]>().write_unaligned(floats) }
    }

    #[inline(always)]
    fn add(self, a: [f32; LANES], b: [f32; LANES]) -> [f32; LANES] {
        zip(a, b, |a, b| a + b)
    }

    #[inline(always)]
    fn sub(self, a: [f32; LANES], b: [f32; LANES]) -> [f32; LANES] {
        zip(a, b, |a, b| a - b)
    }

    #[inline(always)]
    fn mul(self, a: [f32; LANES], b: [f32; LANES]) -> [f32; LANES] {
        zip(a, b, |a, b| a * b)
    }

    #[inline(always)]
    fn div(self, a: [f32; LANES], b: [f32; LANES]) -> [f32; LANES] {
        zip(a, b, |a, b| a / b)
    }

    #[inline(always)]
    fn min(self, a: [f32; LANES], b: [f32; LANES]) -> [f32; LANES] {
        zip(a, b, |a, b| if a < b { a } else { b })
    }

    #[inline(always)]
    fn max(self, a: [f32; LANES], b: [f32; LANES]) -> [f32; LANES] {
        zip(a, b, |a, b| if a > b { a } else { b })
    }

    #[inline(always)]
    fn mul_add(self, a: [f32; LANES], b: [f32; LANES], c: [f32; LANES]) -> [f32; LANES] {
        self.add(self.mul(a, b), c)
    }

    #[inline(always)]
    fn sum(self, floats: [f32; LANES]) -> f32 {
        floats.iter().sum()
    }

    #[inline(always)]
    fn greatest(self, floats: [f32; LANES]) -> f32 {
        floats.iter().fold(f32::MIN, |greatest, &value| greatest.max(value))
    }

    #[inline(always)]
    fn power_of_two(self, shifted: [f32; LANES]) -> [f32; LANES] {
        shifted.map(|value| f32::from_bits((value.to_bits() << 23).wrapping_add(127 << 23)))
    }

    #[inline(always)]
    unsafe fn load_f16(self, values: *const u16) -> [f32; LANES] {
        // SAFETY: the caller's.
        unsafe { values.cast::<[u16; LANES]>().read_unaligned() }
            .map(|value| f16::from_bits(value).to_f32())
    }

    #[inline(always)]
    unsafe fn load_bf16(self, values: *const u16) -> [f32; LANES] {
        // SAFETY: the caller's.
        unsafe { values.cast::<[u16; LANES]>().read_unaligned() }
            .map(|value| bf16::from_bits(value).to_f32())
    }

    #[inline(always)]
    fn no_sum(self) -> [i32; LANES] {
        [0; LANES]
    }

    #[inline(always)]
    fn to_floats(self, ints: [i32; LANES]) -> [f32; LANES] {
        ints.map(|value| value as f32)
    }

    #[inline(always)]
    unsafe fn store_rounded(self, floats: [f32; LANES], values: *mut i16) {
        let rounded = floats.map(|value| ((value + ROUND) - ROUND) as i16);
        // SAFETY: the caller's.
        unsafe { values.cast::<[i16; LANES]>().write_unaligned(rounded) }
    }

    #[inline(always)]
    unsafe fn load_pairs(self, codes: *const i8) -> [i32; LANES] {
        // SAFETY: the caller's.
        let codes = unsafe { codes.cast::<[[i8; 2]; LANES]>().read_unaligned() };
        codes.map(|[low, high]| (i32::from(high) << 16) | (i32::from(low) & 0xffff))
    }

    #[inline(always)]
    fn splat_pair(self, pair: i32) -> [i32; LANES] {
        [pair; LANES]
    }

    #[inline(always)]
    fn add_pairs(self, mut sum: [i32; LANES], a: [i32; LANES], b: [i32; LANES]) -> [i32; LANES] {
        for lane in 0..LANES {
            let low = i32::from(a[lane] as i16) * i32::from(b[lane] as i16);
            sum[lane] += low + (a[lane] >> 16) * (b[lane] >> 16);
        }
        sum
    }
}
