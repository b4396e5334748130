//! How much the GPU is given at once: it also draws the page, and a query may come at any moment.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

use cubecl::client::Client;

use crate::encoder::gpu;

/// Operations of one submission to a GPU: a few milliseconds of one that does a TFLOP a second.
const OPERATIONS_MAX: u64 = 4_000_000_000;

/// The same where a processor plays the GPU.
const SOFTWARE_OPERATIONS_MAX: u64 = 50_000_000;

/// Given since the last submission.
static GIVEN: AtomicU64 = AtomicU64::new(0);

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
    let most = if gpu::facts().software { SOFTWARE_OPERATIONS_MAX } else { OPERATIONS_MAX };
    if GIVEN.fetch_add(operations, Ordering::Relaxed) + operations >= most {
        GIVEN.store(0, Ordering::Relaxed);
        // What fails shows when results are read.
        let _ = client.flush();
    }
}
