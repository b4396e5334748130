//! Memory that one kernel of a pass is done with is the next one's. Large memory that comes from the
//! system anew is cleared by it, page by page, which took a quarter of a pass over 1024 tokens.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Of so many values on, memory is kept here: less than that the allocator keeps itself.
const LEAST: usize = 256 * 1024;

static SHELF: Mutex<Shelf> = Mutex::new(Shelf { passes: 0, spare: Vec::new() });

/// What is kept while there are passes.
struct Shelf {
    passes: usize,
    spare: Vec<Vec<f32>>,
}

impl Shelf {
    /// So many values, of the smallest memory that has room for them.
    fn take(&mut self, count: usize) -> Option<Vec<f32>> {
        let fitting = self.spare.iter().enumerate().filter(|(_, one)| one.capacity() >= count);
        let (at, _) = fitting.min_by_key(|(_, one)| one.capacity())?;
        let mut values = self.spare.swap_remove(at);
        values.resize(count, 0.0);
        Some(values)
    }

    /// Keeps memory that is worth it.
    fn give(&mut self, values: Vec<f32>) {
        if self.passes > 0 && values.capacity() >= LEAST {
            self.spare.push(values);
        }
    }

    fn end(&mut self) {
        self.passes -= 1;
        if self.passes == 0 {
            self.spare = Vec::new();
        }
    }
}

fn shelf() -> MutexGuard<'static, Shelf> {
    SHELF.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A pass: while there is any, memory is kept.
pub(crate) struct Keeping(());

impl Keeping {
    pub(crate) fn begin() -> Self {
        shelf().passes += 1;
        Keeping(())
    }
}

impl Drop for Keeping {
    fn drop(&mut self) {
        shelf().end();
    }
}

/// Values whose memory is another's when they are dropped.
#[derive(Debug, PartialEq)]
pub(crate) struct Values(Vec<f32>);

impl Values {
    /// Whatever is in the memory: all of them must be written before any is read.
    pub(crate) fn unwritten(count: usize) -> Self {
        let spare = if count < LEAST { None } else { shelf().take(count) };
        let mut values = Values(spare.unwrap_or_else(|| vec![0.0; count]));
        if cfg!(debug_assertions) {
            // Whoever reads them all the same is found out.
            values.fill(f32::NAN);
        }
        values
    }

    /// As a list of its own.
    pub(crate) fn into_vec(mut self) -> Vec<f32> {
        std::mem::take(&mut self.0)
    }
}

impl From<Vec<f32>> for Values {
    fn from(values: Vec<f32>) -> Self {
        Values(values)
    }
}

impl Clone for Values {
    fn clone(&self) -> Self {
        let mut values = Values::unwritten(self.len());
        values.copy_from_slice(self);
        values
    }
}

impl Drop for Values {
    fn drop(&mut self) {
        if self.0.capacity() >= LEAST {
            shelf().give(std::mem::take(&mut self.0));
        }
    }
}

impl Deref for Values {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.0
    }
}

impl DerefMut for Values {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shelf(passes: usize) -> Shelf {
        Shelf { passes, spare: Vec::new() }
    }

    #[test]
    fn the_smallest_that_has_room_is_taken() {
        let mut shelf = shelf(1);
        for size in [3 * LEAST, LEAST, 2 * LEAST] {
            shelf.give(Vec::with_capacity(size));
        }
        let taken = shelf.take(LEAST + 1).unwrap();
        assert_eq!((taken.len(), taken.capacity()), (LEAST + 1, 2 * LEAST));
        assert_eq!(shelf.take(LEAST).unwrap().capacity(), LEAST);
        assert_eq!(shelf.take(4 * LEAST), None);
        assert_eq!(shelf.spare.len(), 1);
    }

    #[test]
    fn after_the_last_pass_nothing_is_kept() {
        let mut shelf = shelf(2);
        shelf.give(vec![0.0; LEAST]);
        shelf.give(vec![0.0; LEAST - 1]);
        assert_eq!(shelf.spare.len(), 1, "what is small is not kept");
        shelf.end();
        assert_eq!(shelf.spare.len(), 1, "another pass goes on");
        shelf.end();
        shelf.give(vec![0.0; LEAST]);
        assert!(shelf.spare.is_empty());
    }
}
