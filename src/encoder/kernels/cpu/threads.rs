//! Work in parts: on all cores natively and in a browser whose page is cross-origin isolated, one after
//! the other in any other browser.

use std::marker::PhantomData;
use std::ops::Range;

#[cfg(target_feature = "atomics")]
use super::pool::Pool;
#[cfg(target_feature = "atomics")]
use crate::error::{Error, ErrorKind, Result};

/// Rows that are not worth a part of their own.
pub(super) const ROWS_ALONE: usize = 16;

/// Every tile has this many rows, or a part of it.
const ROWS_TOGETHER: usize = 8;

/// How often it is looked whether the threads get on before they are given up: 20 seconds, in which the
/// largest part of a product is done several times over.
#[cfg(target_feature = "atomics")]
const LOOKS_MAX: usize = 1000;

/// The workers that share this module's memory.
#[cfg(target_feature = "atomics")]
static POOL: Pool = Pool::new(LOOKS_MAX);

/// Calls `work` for every number below `count`.
pub(super) fn each(count: usize, work: impl Fn(usize) + Send + Sync) {
    #[cfg(not(target_family = "wasm"))]
    if count > 1 {
        use rayon::prelude::*;
        (0..count).into_par_iter().for_each(work);
        return;
    }
    #[cfg(target_feature = "atomics")]
    return POOL.each(count, &work);
    #[cfg(not(target_feature = "atomics"))]
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
    #[cfg(target_feature = "atomics")]
    if parts.len() > 1 {
        use std::sync::Mutex;
        let parts: Vec<Mutex<Option<T>>> =
            parts.into_iter().map(|part| Mutex::new(Some(part))).collect();
        return each(parts.len(), |number| {
            // Each number comes once, so that nobody else holds it.
            let part = parts[number].try_lock().ok().and_then(|mut part| part.take());
            part.into_iter().for_each(&work);
        });
    }
    parts.into_iter().for_each(work);
}

/// Does `work`, which calls [`each`] many times, on a thread of those that share it: one from outside
/// would fall asleep and be woken for every call.
#[cfg(not(target_family = "wasm"))]
pub(crate) fn among<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    rayon::scope(|_| work())
}

/// As natively; here the thread that calls shares the work.
#[cfg(target_family = "wasm")]
pub(crate) fn among<T>(work: impl FnOnce() -> T) -> T {
    work()
}

/// How many threads there are to share the work.
pub(crate) fn threads() -> usize {
    #[cfg(not(target_family = "wasm"))]
    return rayon::current_num_threads();
    #[cfg(target_feature = "atomics")]
    return POOL.threads();
    #[cfg(all(target_family = "wasm", not(target_feature = "atomics")))]
    1
}

/// The life of a thread beside the one that leads.
#[cfg(target_feature = "atomics")]
pub(crate) fn help() {
    POOL.help();
}

/// One of the threads has died.
#[cfg(target_feature = "atomics")]
pub(crate) fn died() {
    POOL.broken();
}

/// Whether all threads are alive, so that what was computed counts.
///
/// # Errors
///
/// `Device` where one has died.
#[cfg(target_feature = "atomics")]
pub(crate) fn check() -> Result<()> {
    if POOL.is_broken() {
        let message = "a thread of the encoder has died, and what it computed is lost: load the \
                       model again, with one thread if it happens again";
        return Err(Error::new(ErrorKind::Device, message));
    }
    Ok(())
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
        // Of one size, so that no thread is left with a part that another has long done the like of.
        let blocks = rows.div_ceil(block).max(1);
        let block = rows.div_ceil(blocks).next_multiple_of(ROWS_TOGETHER).clamp(1, block);
        // As few parts as keep all threads busy to the end.
        let runs = match threads() {
            1 => 1,
            threads => (4 * threads).div_ceil(blocks).clamp(1, panels.max(1)),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cover_a_product_once_and_are_of_like_size() {
        for (rows, block, panels) in
            [(0, 85, 48), (1, 85, 1), (16, 85, 48), (256, 85, 48), (300, 32, 7)]
        {
            let jobs = Jobs::new(rows, block, panels);
            let mut times = vec![0; rows * panels];
            let mut largest = 0;
            for job in 0..jobs.count() {
                let (rows, run) = jobs.at(job);
                assert!(rows.len() <= block);
                largest = largest.max(rows.len() * run.len());
                for row in rows {
                    run.clone().for_each(|panel| times[row * panels + panel] += 1);
                }
            }
            assert!(times.iter().all(|&times| times == 1), "{rows} rows by {panels}");
            // No thread has much more than its share to do at the end.
            let share = (rows * panels).div_ceil(jobs.count().max(1));
            assert!(largest <= 2 * share, "{largest} of {share}, {rows} rows by {panels}");
        }
    }
}
