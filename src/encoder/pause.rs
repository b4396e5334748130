//! Between layers a pass stops for a moment: a query need not wait for a whole window.

use super::device::Place;
#[cfg(feature = "gpu")]
use super::{gpu, kernels::pace};
#[cfg(feature = "gpu")]
use crate::begun::Begun;
use crate::begun::Boxed;
use crate::error::Result;

/// What is called between the layers of a pass. Where it gives something, the pass goes on when that
/// is done.
pub type Pause<'a> = &'a dyn Fn() -> Option<Boxed<'static, ()>>;

/// The pauses of one pass.
pub(super) struct Pauses<'a> {
    #[cfg(feature = "gpu")]
    place: &'a Place,
    pause: Pause<'a>,
    /// The GPU's end of what it was given up to the last pause.
    #[cfg(feature = "gpu")]
    given: Option<Begun<'a, ()>>,
}

impl<'a> Pauses<'a> {
    pub(super) fn new(place: &'a Place, pause: Pause<'a>) -> Self {
        #[cfg(not(feature = "gpu"))]
        let _ = place;
        Pauses {
            #[cfg(feature = "gpu")]
            place,
            pause,
            #[cfg(feature = "gpu")]
            given: None,
        }
    }

    /// Makes a pause, if it is time for one.
    ///
    /// # Errors
    ///
    /// `Device` where the device fails; those of the pause.
    pub(super) async fn next(&mut self) -> Result<()> {
        #[cfg(feature = "gpu")]
        if self.place.gpu.is_some() && !self.gpu_is_due().await? {
            return Ok(());
        }
        match (self.pause)() {
            Some(others) => others.await,
            None => Ok(()),
        }
    }

    /// A GPU takes a whole pass into its queue at once, and what comes later waits for all of it. So
    /// it is given a piece when it has done the piece before the last: it always has work, and a query
    /// waits for two pieces at most. Where a processor plays the GPU, nothing is gained by that, and a
    /// query waits for one.
    #[cfg(feature = "gpu")]
    async fn gpu_is_due(&mut self) -> Result<bool> {
        if !pace::is_piece_given() {
            return Ok(false);
        }
        let place = self.place;
        if gpu::facts().software {
            return place.settle().await.map(|()| true);
        }
        match self.given.replace(Begun::new(place.settle()).await) {
            Some(before) => before.end().await.map(|()| true),
            None => Ok(false),
        }
    }
}
