//! Several numbers at once, with the instructions that this processor has.
//!
//! A kernel is written once, as [`Work`] over any [`Simd`], and compiled for each set of
//! instructions. All that it calls must be `inline(always)`: only then is it compiled with them. In
//! wasm, where a module has one set, it need not be.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
mod portable;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod simd128;

/// A set of instructions. A value of it exists only where the processor has them.
pub(super) trait Simd: Copy {
    /// Floats of a vector; as many 32-bit integers, and twice as many of 16 bits.
    const LANES: usize;
    /// Rows of a tile of a product: as many as leave no sum without a register.
    const ROWS: usize;
    type Floats: Copy;
    type Ints: Copy;

    fn splat(self, value: f32) -> Self::Floats;
    /// # Safety
    ///
    /// As many values as there are lanes can be read.
    unsafe fn load(self, values: *const f32) -> Self::Floats;
    /// # Safety
    ///
    /// As many values as there are lanes can be written.
    unsafe fn store(self, floats: Self::Floats, values: *mut f32);
    fn add(self, a: Self::Floats, b: Self::Floats) -> Self::Floats;
    fn sub(self, a: Self::Floats, b: Self::Floats) -> Self::Floats;
    fn mul(self, a: Self::Floats, b: Self::Floats) -> Self::Floats;
    fn div(self, a: Self::Floats, b: Self::Floats) -> Self::Floats;
    /// The second where one is not a number; so is [`Simd::max`].
    fn min(self, a: Self::Floats, b: Self::Floats) -> Self::Floats;
    fn max(self, a: Self::Floats, b: Self::Floats) -> Self::Floats;
    /// `a · b + c`, rounded once or twice.
    fn mul_add(self, a: Self::Floats, b: Self::Floats, c: Self::Floats) -> Self::Floats;
    fn sum(self, floats: Self::Floats) -> f32;
    fn greatest(self, floats: Self::Floats) -> f32;
    /// `2^n` from the sum of [`ROUND`] and a whole number n from -126 to 127.
    fn power_of_two(self, shifted: Self::Floats) -> Self::Floats;

    /// Floats from f16 that are finite.
    ///
    /// # Safety
    ///
    /// As many values as there are lanes can be read.
    unsafe fn load_f16(self, values: *const u16) -> Self::Floats;
    /// Floats from bf16.
    ///
    /// # Safety
    ///
    /// As for [`Simd::load_f16`].
    unsafe fn load_bf16(self, values: *const u16) -> Self::Floats;

    fn no_sum(self) -> Self::Ints;
    fn to_floats(self, ints: Self::Ints) -> Self::Floats;
    /// Rounds values from -32767 to 32767 and writes them.
    ///
    /// # Safety
    ///
    /// As many values as there are lanes can be written.
    unsafe fn store_rounded(self, floats: Self::Floats, values: *mut i16);
    /// Bytes as pairs of 16-bit integers.
    ///
    /// # Safety
    ///
    /// Twice as many bytes as there are lanes can be read.
    unsafe fn load_pairs(self, codes: *const i8) -> Self::Ints;
    /// The same pair in every lane.
    fn splat_pair(self, pair: i32) -> Self::Ints;
    /// `sum + a0 · b0 + a1 · b1` in every lane.
    fn add_pairs(self, sum: Self::Ints, a: Self::Ints, b: Self::Ints) -> Self::Ints;
}

/// A float of this size has no place for a fraction: adding it rounds, and leaves the whole number
/// in the lowest bits.
pub(super) const ROUND: f32 = 12_582_912.0;

/// What is compiled for every set of instructions.
pub(super) trait Work {
    type Output;
    fn run<S: Simd>(self, simd: S) -> Self::Output;
}

/// Which set of instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    Simd128,
    #[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
    Portable,
}

impl Level {
    /// The fastest that this processor has. The features are looked up once by the standard library,
    /// and remembered.
    pub(crate) fn best() -> Level {
        #[cfg(target_arch = "x86_64")]
        if avx512::there() {
            return Level::Avx512;
        } else if avx2::there() {
            return Level::Avx2;
        }
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        return Level::Simd128;
        #[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
        Level::Portable
    }

    /// All that this processor has.
    #[cfg(test)]
    pub(crate) fn available() -> Vec<Level> {
        let mut levels = vec![Level::Portable];
        #[cfg(target_arch = "x86_64")]
        {
            levels.extend(avx2::there().then_some(Level::Avx2));
            levels.extend(avx512::there().then_some(Level::Avx512));
        }
        levels
    }

    /// The name to show.
    pub(crate) fn name(self) -> &'static str {
        match self {
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => "AVX-512",
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => "AVX2",
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Level::Simd128 => "SIMD",
            #[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
            Level::Portable => "portable code",
        }
    }

    /// [`Simd::LANES`] of the set.
    pub(super) fn lanes(self) -> usize {
        struct Lanes;
        impl Work for Lanes {
            type Output = usize;
            fn run<S: Simd>(self, _: S) -> usize {
                S::LANES
            }
        }
        self.run(Lanes)
    }

    /// Does work with these instructions.
    #[inline]
    pub(super) fn run<W: Work>(self, work: W) -> W::Output {
        match self {
            // SAFETY (both): a level is made only where the processor has its instructions.
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => unsafe { avx512::run(work) },
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => unsafe { avx2::run(work) },
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Level::Simd128 => work.run(simd128::Simd128),
            #[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
            Level::Portable => work.run(portable::Portable),
        }
    }
}
