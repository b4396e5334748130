//! Where does the time of a window go?

use super::kernels::{means, profile};
use super::spare::Keeping;
use super::{Encoder, KernelTime};
use crate::error::Result;

/// The time of one pass, in seconds.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// From token ids to vectors.
    pub whole: f64,
    /// Of that, finding the rows of the token table and putting them on the device.
    pub gather: f64,
    /// Of that, telling a GPU what to do; on the CPU, doing it.
    pub submit: f64,
    /// Bringing vectors back that are there.
    pub readback: f64,
    /// By kernel. A GPU's are taken from running all of one kind once more and waiting for them, less
    /// what waiting for nothing takes.
    pub kernels: Vec<KernelTime>,
    /// What the GPU's kernels took to be compiled anew.
    pub compile: Vec<KernelTime>,
}

impl Encoder {
    /// Encodes token ids as one window and tells where the time goes. `clock` gives seconds since
    /// whenever.
    ///
    /// # Errors
    ///
    /// As [`Encoder::embed`].
    pub async fn profile(&self, ids: &[u32], clock: fn() -> f64) -> Result<Profile> {
        // What is done once is done here.
        self.embed(&[self.whole(ids)]).await?;
        profile::keep(clock);
        let pass = self.profiled_pass(ids, clock).await;
        let record = profile::taken();
        let mut pass = pass?;
        let Some(record) = record else { return Ok(pass) };
        #[cfg(feature = "gpu")]
        if self.place.gpu.is_some() {
            let failed = |cause| self.place.failed(cause);
            pass.compile = profile::compiled(&record).await.map_err(failed)?;
            pass.kernels = profile::run_again(&record).await.map_err(failed)?;
            return Ok(pass);
        }
        pass.kernels = record.cpu;
        Ok(pass)
    }

    async fn profiled_pass(&self, ids: &[u32], clock: fn() -> f64) -> Result<Profile> {
        let start = clock();
        let (rows, shape) = self.embedded(&[ids])?;
        let gathered = clock();
        let keeping = Keeping::begin();
        let states = self.network.forward(rows, &shape, self.store);
        drop(keeping);
        let vectors = means::means(&states, &[0..ids.len()]);
        let submitted = clock();
        self.place.read(vectors.clone()).await?;
        let end = clock();
        self.place.read(vectors).await?;
        Ok(Profile {
            whole: end - start,
            gather: gathered - start,
            submit: submitted - gathered,
            readback: clock() - end,
            kernels: Vec::new(),
            compile: Vec::new(),
        })
    }
}
