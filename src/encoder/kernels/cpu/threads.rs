//! Work in parts: on all cores natively, one after the other in a browser's worker.

use std::marker::PhantomData;
use std::ops::Range;

/// Rows that are not worth a part of their own.
pub(super) const ROWS_ALONE: usize = 16;

/// Calls `work` for every number below `count`.
pub(super) fn each(count: usize, work: impl Fn(usize) + Send + Sync) {
    #[cfg(not(target_family = "wasm"))]
    if count > 1 {
        use rayon::prelude::*;
        (0..count).into_par_iter().for_each(work);
        return;
    }
    (0..count).for_each(work);
}

/// Calls `work` for every part.
pub(super) fn each_part<T: Send>(parts: Vec<T>, work: impl Fn(T) + Send + Sync) {
    #[cfg(not(target_family = "wasm"))]
    if parts.len() > 1 {
        use rayon::prelude::*;
        parts.into_par_iter().for_each(work);
        return;
    }
    parts.into_iter().for_each(work);
}

/// How many threads there are to share the work.
fn threads() -> usize {
    #[cfg(not(target_family = "wasm"))]
    return rayon::current_num_threads();
    #[cfg(target_family = "wasm")]
    1
}

/// A product in parts: blocks of rows by runs of panels.
pub(super) struct Jobs {
    rows: usize,
    block: usize,
    panels: usize,
    run: usize,
}

impl Jobs {
    pub(super) fn new(rows: usize, block: usize, panels: usize) -> Self {
        let blocks = rows.div_ceil(block);
        // As few parts as keep all threads busy to the end.
        let runs = match threads() {
            1 => 1,
            threads => (2 * threads).div_ceil(blocks.max(1)).clamp(1, panels.max(1)),
        };
        Jobs { rows, block, panels, run: panels.div_ceil(runs).max(1) }
    }

    pub(super) fn count(&self) -> usize {
        self.rows.div_ceil(self.block) * self.panels.div_ceil(self.run)
    }

    /// Rows and panels of a part.
    pub(super) fn at(&self, job: usize) -> (Range<usize>, Range<usize>) {
        let runs = self.panels.div_ceil(self.run);
        let (row, panel) = (job / runs * self.block, job % runs * self.run);
        let rows = row..(row + self.block).min(self.rows);
        (rows, panel..(panel + self.run).min(self.panels))
    }
}

/// Values that several threads write, each its own.
pub(super) struct Shared<'a> {
    first: *mut f32,
    length: usize,
    values: PhantomData<&'a mut [f32]>,
}

// SAFETY: whoever takes a part promises that no one else has it.
unsafe impl Send for Shared<'_> {}
// SAFETY: as above.
unsafe impl Sync for Shared<'_> {}

impl<'a> Shared<'a> {
    pub(super) fn new(values: &'a mut [f32]) -> Self {
        let (first, length) = (values.as_mut_ptr(), values.len());
        Shared { first, length, values: PhantomData }
    }

    /// # Safety
    ///
    /// No other part that is held has any of these values.
    #[inline(always)]
    #[allow(clippy::mut_from_ref, reason = "the caller promises that parts do not overlap")]
    pub(super) unsafe fn part(&self, start: usize, count: usize) -> &'a mut [f32] {
        assert!(start <= self.length && count <= self.length - start);
        // SAFETY: within the values, and no one else's.
        unsafe { std::slice::from_raw_parts_mut(self.first.add(start), count) }
    }
}
