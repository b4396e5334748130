//! How much the GPU is given at once: it also draws the page, and a query may come at any moment.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

use cubecl::client::Client;

use crate::encoder::gpu;

/// Operations of one submission to a GPU: a few milliseconds of one that does a TFLOP a second.
const OPERATIONS_MAX: u64 = 4_000_000_000;

/// The same where a processor plays the GPU.
const SOFTWARE_OPERATIONS_MAX: u64 = 50_000_000;

/// Submissions that make a piece of a pass, after which something else may come.
const SUBMISSIONS: u64 = 8;

/// Given since the last submission.
static GIVEN: AtomicU64 = AtomicU64::new(0);

/// Given since the last piece.
static OF_PIECE: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static HELD_BACK: Cell<bool> = const { Cell::new(false) };
}

/// Whether of every kernel only one workgroup runs, on this thread: enough to have it compiled.
pub(crate) fn hold_back(is_held_back: bool) {
    HELD_BACK.set(is_held_back);
}

pub(super) fn is_held_back() -> bool {
    HELD_BACK.get()
}

/// Counts operations that were given to the device, and submits what has come together.
pub(super) fn spent(client: &Client, operations: u64) {
    let most = operations_max();
    OF_PIECE.fetch_add(operations, Ordering::Relaxed);
    if GIVEN.fetch_add(operations, Ordering::Relaxed) + operations >= most {
        GIVEN.store(0, Ordering::Relaxed);
        // What fails shows when results are read.
        let _ = client.flush();
    }
}

/// Whether a piece of a pass has come together. It is asked once of each.
pub(crate) fn is_piece_given() -> bool {
    let is_given = OF_PIECE.load(Ordering::Relaxed) >= SUBMISSIONS * operations_max();
    if is_given {
        OF_PIECE.store(0, Ordering::Relaxed);
    }
    is_given
}

fn operations_max() -> u64 {
    if gpu::facts().software { SOFTWARE_OPERATIONS_MAX } else { OPERATIONS_MAX }
}
